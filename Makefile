# Everything runs in .venv, which `make` fills by itself; no environment has to be active.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.SILENT:

VENV := .venv
BENCH := .venv-bench
OTTER := $(VENV)/.otter
PY := $(VENV)/bin/python
READY := $(VENV)/.installed
TESTS := $(VENV)/.tests
UNFINISHED := $(VENV)/.unfinished
UV := $(VENV)/bin/uv
LOWEST := .venv-lowest
PINS := requirements.txt tests/requirements.txt book/_ext/requirements.txt
SITE := _build/html/index.html
PAPER := dist/recurrent-networks.pdf
PAGES := $(shell find book -type f -not -path '*/.*' -not -path '*/__pycache__/*') _config.yml _toc.yml CHANGELOG.md CITATION.cff
RECORD := $(wildcard data/*.csv data/results/*.csv)
ASSIGNMENTS := $(wildcard book/*/assignment.ipynb)
MADE := dist/assignments/.made
OUT ?= $(patsubst %/,%,$(SUBMISSIONS))-graded
NB ?= $(sort $(filter-out $(ASSIGNMENTS),$(wildcard book/*/*.ipynb)))
PORT ?= 8000

# Where Linux gets a PyTorch without gigabytes of software for graphics cards; empty: pip's usual build.
export TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# One thread a process: the printed digits do not depend on the machine's cores, and two processes run side by side.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# A reader's own IPython and Matplotlib settings stay out of the results.
export IPYTHONDIR := $(CURDIR)/$(VENV)/ipython
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/matplotlib
export JUPYTER_PLATFORM_DIRS := 1
unexport MPLBACKEND

# lenient: a number in a notebook may differ by one in its last place, and is then listed; strict in CI.
DIGITS ?= lenient
NOTEBOOKS ?= --ignore-glob='*/assignment.ipynb' --ignore-glob='*/student/*' book
SECOND := set -a; . tests/second_kernels.env; KERNELS=second; set +a;
PYTEST := $(PY) -m pytest -q -n 2
NBVAL := $(PYTEST) --dist loadfile --nbval-current-env --nbval-cell-timeout 180 --nbval-sanitize-with tests/nbval_sanitize.cfg
COMMA := ,
# The tests of modules, which need nothing but the package; and those of files, which run nothing.
OF_PACKAGE := $(wildcard $(patsubst %,tests/test_%,$(patsubst _%,%,$(notdir $(wildcard rnncourse/*.py rnncourse/*/*.py)))))
OF_FILES := $(patsubst %,tests/test_%.py,notebooks solutions errata diagrams requirements)
# A part of the tests: what it is, its command; at its end the seconds it took.
stage = echo "$(1)"; start=$$(date +%s); $(2) && echo "$(1): $$(($$(date +%s) - start)) s"

.PHONY: again help book pdf slides test package notebooks test-all second-kernels plain machines run check new-chapter fmt lint lock lowest assignments grade results bench serve address wheel clean

help:  ## list these commands
	grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

book: $(SITE)  ## build the site into _build/html
	echo "The book is built: open $(CURDIR)/$(SITE)"

pdf: $(PAPER)  ## the book on paper: needs LaTeX, see system-packages.txt
	echo "The book on paper: open $(CURDIR)/$(PAPER)"

slides: $(SITE)  ## the slides, a deck for each chapter
	echo "The slides: open one of $(CURDIR)/_build/html/slides"

test: package notebooks $(SITE)  ## check the package, every number in the notebooks, and the built site
	$(call stage,Checking the built site,$(PYTEST) -m site tests)
	echo "All tests passed; make test-all runs the rest"

package: $(TESTS)
	$(call stage,Testing the package,$(PYTEST) -m "not site and not browser and not sandbox and not slow")

notebooks: $(TESTS)
	$(call stage,Running every notebook and comparing every output,$(NBVAL) --nbval --digits=$(DIGITS) $(NOTEBOOKS))

machines: $(TESTS)  ## run the tests on other systems, kernels, versions: make machines, or NAMES="second sid"
	$(PY) tests/machines.py $(NAMES)

test-all: test  ## and the rest: installing, the classroom, a browser, other kernels
	$(call stage,Installing$(COMMA) and other programs,$(PYTEST) -m slow tests)
	$(MAKE) --no-print-directory $(MADE)
	$(call stage,Trying the assignments,$(NBVAL) --nbval-lax $(ASSIGNMENTS))
	$(call stage,Grading: right$(COMMA) untouched$(COMMA) wrong and hostile answers,$(PYTEST) -m sandbox)
	$(call stage,Using the site in a browser,$(PYTEST) --dist loadfile -m browser tests)
	$(MAKE) --no-print-directory second-kernels plain
	echo "All tests passed"

plain: $(TESTS) $(SITE)  ## run the notebooks that readers get, with solutions put into the cells to complete
	rm -rf _build/solved
	$(PY) tests/solved.py _build/html _build/solved
	$(call stage,Running the notebooks that readers get,$(NBVAL) --nbval --digits=$(DIGITS) _build/solved)

second-kernels: $(TESTS)  ## compare every output under the kernels of an old processor, digit by digit
	$(call stage,Which kernels compute,$(SECOND) $(PYTEST) tests/test_kernels.py)
	$(call stage,Running every notebook under them,$(SECOND) $(NBVAL) --nbval --digits=strict $(NOTEBOOKS))

run: $(READY)  ## execute all notebooks in place, or one: make run NB=book/01-sine/1-one-step.ipynb
	$(PY) tests/normalise.py --execute $(NB)

check: $(TESTS)  ## what a mended sentence needs, in a minute: form, lint and spelling; nothing is run
	$(PY) -m ruff format --check --quiet .
	$(PY) -m ruff check --quiet .
	$(PY) -m codespell_lib
	$(PYTEST) $(OF_FILES)

new-chapter: $(TESTS)  ## make the folder of a new chapter, which passes all checks: make new-chapter NAME=wind-power
	$(PY) tests/new_chapter.py "$(NAME)"

fmt: $(TESTS)  ## bring code and notebooks into their form, without running them
	$(PY) -m ruff format .
	$(PY) tests/normalise.py $(NB)

lint: $(TESTS)  ## formatting, lint, types and spelling
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m codespell_lib

lock: $(if $(wildcard $(UV)),,$(TESTS))  ## resolve constraints.txt, for all systems; with newer versions: make lock NEW=--upgrade
	sed '/^-c/d' $(PINS) | $(UV) pip compile - --universal --python-version 3.11.0 $(NEW) --no-build --no-annotate \
		--no-config --no-python-downloads --quiet --custom-compile-command "make lock" --output-file constraints.txt
	echo "Looking for a wheel of each package for each system"
	for python in 3.11.0 3.12 3.13 3.14; do \
		for system in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-pc-windows-msvc; do \
			MACOSX_DEPLOYMENT_TARGET=14.0 $(UV) pip compile $(PINS) --python-version $$python --python-platform $$system \
				--only-binary :all: --no-config --no-python-downloads --quiet > /dev/null || \
				{ echo "Not for Python $$python on $$system: see above." >&2; exit 1; }; \
		done; \
	done

lowest: $(TESTS)  ## test the package with the lowest versions that pyproject.toml allows: needs Python 3.11 and 6 GB
	echo "Installing the lowest versions into $(LOWEST)"
	$(UV) venv --quiet --clear --seed --python 3.11 --no-python-downloads $(LOWEST)
	$(UV) pip install --quiet --no-config --python $(LOWEST)/bin/python --resolution lowest-direct \
		--requirement pyproject.toml --extra grading
	$(UV) pip install --quiet --no-config --python $(LOWEST)/bin/python --constraint tests/requirements.txt \
		pytest pytest-xdist hypothesis mapie nbformat
	$(LOWEST)/bin/python -m pip list --format freeze --disable-pip-version-check
	$(call stage,Testing the package,$(LOWEST)/bin/python -m pytest -q -n 2 -W default -m "not sandbox" rnncourse $(OF_PACKAGE))

assignments: $(MADE)  ## make the students' notebooks and the autograders from book/*/assignment.ipynb
	echo "For students: book/*/student; for grading: dist/assignments"

grade: $(MADE)  ## grade a folder: make grade SUBMISSIONS=folder
	test -n "$(SUBMISSIONS)" || { echo "Say which folder: make grade SUBMISSIONS=folder" >&2; exit 1; }
	$(PY) -P -m rnncourse.classroom $(or $(ASSIGNMENT:%=dist/assignments/%.zip),dist/assignments) "$(SUBMISSIONS)" --out "$(OUT)" \
		$(if $(ROSTER),--roster "$(ROSTER)") $(if $(LATE),--late-penalty "$(LATE)")

results: $(READY)  ## repeat the recorded long runs: data/results/*.csv
	$(PY) data/record.py

bench: $(READY)  ## compare with Keras, in an environment of its own: benchmarks/README.md
	test -x $(BENCH)/bin/python || $(PY) -m venv $(BENCH)
	$(BENCH)/bin/python install.py requirements.txt benchmarks/requirements.txt --editable
	$(BENCH)/bin/python -m pytest -q benchmarks
	env -u OMP_NUM_THREADS -u MKL_NUM_THREADS -u OPENBLAS_NUM_THREADS $(BENCH)/bin/python benchmarks/run.py

serve: $(SITE)  ## show the site at http://localhost:8000
	echo "Serving the book at http://localhost:$(PORT), until Ctrl-C"
	$(PY) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

address: $(READY)  ## set the repository's address everywhere: make address URL=https://…, or URL= for none
	test "$(origin URL)" = "command line" || { echo "Say which: make address URL=https://github.com/you/course, or URL= for none" >&2; exit 1; }
	$(PY) tests/address.py "$$URL"

wheel: $(READY)  ## build the package's wheel into dist/
	$(PY) -m hatchling build -t wheel

clean:  ## remove what was built; .venv stays
	rm -rf _build dist book/reference/functions .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find book rnncourse tests data -name __pycache__ -prune -exec rm -rf {} +

$(OTTER): $(READY) book/_ext/requirements.txt
	echo "Installing Otter-Grader into $(VENV)"
	$(PY) install.py book/_ext/requirements.txt
	touch $@

$(MADE): $(OTTER) $(ASSIGNMENTS) book/_ext/assignments.py
	echo "Making the assignments"
	$(PY) book/_ext/assignments.py
	touch $(MADE)

# Always from scratch: Sphinx repeats no warning about a page that it has read before.
$(SITE): $(READY) $(PAGES) $(RECORD) $(wildcard rnncourse/*.py rnncourse/*/*.py)
	echo "Building the book"
	rm -rf _build
	mkdir _build
	$(VENV)/bin/jupyter-book build . -W -n --keep-going --quiet > _build/log 2>&1 || { cat _build/log >&2; exit 1; }

$(PAPER): $(READY) $(PAGES) $(RECORD) $(wildcard rnncourse/*.py rnncourse/*/*.py)
	command -v xelatex > /dev/null && command -v latexmk > /dev/null && command -v rsvg-convert > /dev/null && \
		kpsewhich fncychap.sty texgyrepagella-regular.otf texgyrepagella-math.otf > /dev/null || { \
		echo "make pdf needs LaTeX, fonts and rsvg-convert. On Debian or Ubuntu: sudo apt-get install" \
			$$(sed -n 's/ pdf$$//p' system-packages.txt) >&2; exit 1; }
	echo "Building the book on paper: a few minutes"
	rm -rf _build/pdf
	mkdir -p _build/pdf
	$(VENV)/bin/jupyter-book build . --path-output _build/pdf --builder latex -W -n --keep-going --quiet \
		> _build/pdf/log 2>&1 || { cat _build/pdf/log >&2; exit 1; }
	cd _build/pdf/_build/latex && latexmk -xelatex -interaction=nonstopmode -halt-on-error \
		recurrent-networks.tex > ../../log 2>&1 || { tail -n 40 ../../log >&2; exit 1; }
	! grep -E '^Missing character|^LaTeX Warning: (Hyper r|R)eference' _build/pdf/_build/latex/recurrent-networks.log >&2
	mkdir -p dist
	mv _build/pdf/_build/latex/recurrent-networks.pdf $@

# An environment without pip, or in which an installation was broken off, is made anew.
$(READY): requirements.txt constraints.txt pyproject.toml $(if $(wildcard $(UNFINISHED)),again)
	test ! -e $(UNFINISHED) && $(PY) -m pip --version > /dev/null 2>&1 || { \
		for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
			$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2> /dev/null || continue; \
			found=$$python; \
			$$python -c 'import ensurepip, venv' 2> /dev/null && ready=$$python && break; \
		done; \
		if [ -z "$$found" ]; then \
			echo "No Python from 3.11 to 3.14 was found: install one from your system's packages or from https://www.python.org/downloads/ and run make again." >&2; exit 1; \
		elif [ -z "$$ready" ]; then \
			echo "$$found has no venv module: install it (on Debian or Ubuntu: apt install python3-venv) and run make again." >&2; exit 1; \
		fi; \
		echo "Creating $(VENV) with $$($$ready --version)"; \
		$$ready -m venv --clear $(VENV); \
	}
	echo "Installing the pinned packages into $(VENV): a few minutes the first time"
	$(PY) install.py requirements.txt --editable
	touch $@

$(TESTS): $(READY) tests/requirements.txt
	echo "Installing what the checks need into $(VENV)"
	$(PY) install.py tests/requirements.txt
	touch $@
