"""Live cells without a browser: where Python comes from, which cells can be live, and what runs them."""

import ast
import importlib.util
import inspect
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import live
import live_cells
import live_page
import live_plot
import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.lib.pretty import pretty
from matplotlib import pyplot
from nbformat.v4 import new_code_cell, new_notebook
from test_floors import LIGHT

ROOT = Path(__file__).parents[1]
NOTEBOOKS = [path for path in sorted((ROOT / "book").glob("*/*.ipynb")) if path.name != "assignment.ipynb"]
LIVE = [path for path in NOTEBOOKS if any("live" in cell.tags for cell in live.cells_of(path))]


# Where Python comes from.


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_pyodide", live.PYODIDE / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_is_the_one_that_npms_lock_names(check: ModuleType) -> None:
    ours = {"README.md", "SHA256SUMS", "check.py", "LICENSE-NUMPY", "LICENSE-PYODIDE", "LICENSE-PYTHON"}
    assert {path.name for path in live.PYODIDE.iterdir() if path.is_file()} == ours | set(check.sums())
    assert check.faults() == []


def test_a_changed_file_is_noticed(check: ModuleType, tmp_path: Path) -> None:
    folder = shutil.copytree(live.PYODIDE, tmp_path / "pyodide")
    with next(folder.glob("*.whl")).open("ab") as file:
        file.write(b"more")
    with (folder / "pyodide.js").open("ab") as file:
        file.write(b"more")
    wheel, other = sorted(name for name in check.sums() if name.endswith((".whl", "pyodide.js")))
    assert check.faults(folder) == [wheel, other, f"{wheel}: not in the lock"]
    (tmp_path / "package.tgz").write_bytes(b"another")
    assert check.faults_of_package(tmp_path / "package.tgz") == [
        f"{tmp_path / 'package.tgz'}: not the package that npm names"
    ]


def test_what_is_packed_is_all_that_is_needed_and_small() -> None:
    packed = live.bundle()
    assert packed == live.bundle(), "the same at each build"
    assert len(packed) + (ROOT / "book" / "_static" / "live-worker.js").stat().st_size < 9_000_000
    assert sorted(live.SHIPPED) == sorted(LIGHT)
    shipped = {name for name in live.files() if name.startswith("rnncourse/")}
    modules = {"__init__", "_checks", "_dates", *live.SHIPPED}
    assert shipped == {f"rnncourse/{name}.py" for name in modules}
    for name in shipped:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        top = [text for text, _ in live.imports_in(tree.body) if text.startswith("from rnncourse.")]
        assert {f"rnncourse/{text.split()[1].split('.')[1]}.py" for text in top} <= shipped


# Which cells can be live.


def reasons(tmp_path: Path, *cells: str | tuple[str, str]) -> list[str]:
    """Why the cells, each perhaps with its tags, cannot be live."""
    given = [cell if isinstance(cell, tuple) else (cell, "") for cell in cells]
    made = [new_code_cell(code, id=f"c{i}", metadata={"tags": tags.split()}) for i, (code, tags) in enumerate(given)]
    nbformat.write(new_notebook(cells=made), tmp_path / "page.ipynb")
    return [cell.why_not for cell in live.cells_of(tmp_path / "page.ipynb")]


SETUP = "import numpy as np\nimport torch\nfrom rnncourse import by_hand, training"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("import numpy as np", "x = np.zeros(3)\nx.sum()", "print(x)"), ["", "", ""]),
        ((SETUP, "np.zeros(3)\nby_hand.unroll"), ["the page has no import torch, from rnncourse import training", ""]),
        ((SETUP, "torch.zeros(3)"), [None, "no live cell sets torch"]),
        ((SETUP, "x = torch.ones(1)", "x"), [None, "no live cell sets torch", "no live cell sets x"]),
        (("x = 1", SETUP + "\nx = torch.ones(1)", "x", "x = 2", "x"), ["", None, "no live cell sets x", "", ""]),
        (("def f(a):\n    return a + b", "b = 1\ndef g():\n    return b"), ["no live cell sets b", ""]),
        (("x += 1",), ["no live cell sets x"]),
        (("[i for i in range(3)]\n{j: (k := j) for j in range(3)}\nk",), [""]),
        (("class A:\n    b = 1\n    c = b\n    def d(self):\n        return __class__, e",), ["no live cell sets e"]),
        (("def f():\n    import torch",), ["the page has no import torch"]),
        (("from math import pi\nimport os",), ["the page has no import os"]),
        (("from rnncourse.windows import make_windows", "from numpy import *"), ["", None]),
        (("%matplotlib inline",), ["it is no plain Python"]),
        (("import numpy as np\nnp.load('a.npy')", "open('b')"), ["the page has no load", "the page has no open"]),
        ((("a = 1", "remove-cell"), "a"), ["it is not shown", "no live cell sets a"]),
        ((("a = 1", "not-live"), "a"), ["", "no live cell sets a"]),
        ((("assert True", "check"), "# a comment"), ["it is run with the cell that it checks", "it is empty"]),
        (("import matplotlib.pyplot as plt", "plt.plot([1])\nplt.show()"), ["", ""]),
        (("import matplotlib.pyplot as plt", "fig, ax = plt.subplots()"), ["", "plt has no subplots in the page"]),
        (("import matplotlib.pyplot as plt", "print(plt)"), ["", "plt has no plt in the page"]),
    ],
)
def test_cells_that_can_be_live_are_found(cells: tuple[str, ...], expected: list[str | None], tmp_path: Path) -> None:
    found = reasons(tmp_path, *cells)
    assert len(found) == len(expected)
    assert [why for why, wanted in zip(found, expected, strict=True) if wanted is not None] == [
        wanted for wanted in expected if wanted is not None
    ]
    assert all(why for why, wanted in zip(found, expected, strict=True) if wanted is None)


def test_imports_of_cells_that_are_not_live_come_first(tmp_path: Path) -> None:
    reasons(tmp_path, SETUP, ("import numpy", "live"), "def f():\n    import json, torch")
    cells = live.cells_of(tmp_path / "page.ipynb")
    assert live.prelude(cells) == "import numpy as np\nfrom rnncourse import by_hand"
    assert [bool(cell.fault) for cell in cells] == [False] * 3


def test_tags_that_are_wrong_or_missing_are_faults(tmp_path: Path) -> None:
    reasons(tmp_path, ("import torch", "live"), "1 + 1", ("2", "not-live"), ("3", "live"))
    assert [cell.fault for cell in live.cells_of(tmp_path / "page.ipynb")] == [
        "the cell c0 cannot be live: the page has no import torch",
        "the cell c1 can be live, and has neither the tag live nor not-live",
        *("", ""),
    ]


def test_on_pages_with_live_cells_all_that_can_are_live() -> None:
    faults = {path.name: [cell.fault for cell in live.cells_of(path) if cell.fault] for path in LIVE}
    assert {name: found for name, found in faults.items() if found} == {}


# What Sphinx does.


@pytest.fixture(scope="module")
def small() -> nbformat.NotebookNode:
    return live_page.notebook()


@pytest.mark.slow
def test_only_pages_with_live_cells_load_anything(tmp_path: Path, small: nbformat.NotebookNode) -> None:
    other = live_page.notebook("%% other\n1 + 1", "Other")
    site = live_page.build(tmp_path, {"small": small, "other": other})
    pages = {name: (site / f"{name}.html").read_text(encoding="utf-8") for name in ("small", "other")}
    assert {name: text.count("live.js") + text.count("live.css") for name, text in pages.items()} == {
        "small": 2,
        "other": 0,
    }
    (prelude,) = re.findall(r'<script type="application/json" id="live-prelude">(.*)</script>', pages["small"])
    assert json.loads(prelude).splitlines() == [
        *("import matplotlib.pyplot as plt", "import numpy as np"),
        *("from rnncourse import by_hand", "from rnncourse import windows"),
    ]
    assert (site / "_static" / "live" / "python.bin").read_bytes() == live.bundle()
    assert {path.name for path in (site / "_static" / "pyodide").iterdir()} == {
        *("README.md", "LICENSE-NUMPY", "LICENSE-PYODIDE", "LICENSE-PYTHON")
    }


@pytest.mark.slow
def test_a_site_without_live_cells_has_no_python(tmp_path: Path) -> None:
    site = live_page.build(tmp_path, {"other": live_page.notebook("%% other\n1 + 1", "Other")})
    assert not (site / "_static" / "live").exists()


@pytest.mark.slow
def test_a_cell_that_cannot_be_live_stops_the_build(tmp_path: Path) -> None:
    page = live_page.notebook("%% wrong live\nimport pandas", "Wrong")
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        live_page.build(tmp_path, {"wrong": page})
    assert "the cell wrong cannot be live: the page has no import pandas" in stopped.value.stderr


# What runs a cell: the same file that runs in the page, here under this Python.

RUN = """
def main():
    import json, sys
    sys.path[:0] = sys.argv[1:]
    import live_cells, live_plot
    sys.modules["matplotlib.pyplot"] = live_plot
    sys.modules["matplotlib"] = type(sys)("matplotlib")
    sys.modules["matplotlib"].pyplot = live_plot
    for source in json.loads(sys.stdin.read()):
        said = {"out": "", "error": "", "plot": ""}
        def hear(kind, text, last):
            said[kind] += text
        said["last"] = live_cells.run(source, "cell 1", hear)
        print(json.dumps(said), file=sys.__stdout__)
main()
"""


def run(*sources: str) -> list[dict[str, str]]:
    """Run cells one after another; what each prints, draws, and says last."""
    command = [sys.executable, "-c", RUN, str(ROOT / "book" / "_ext"), str(ROOT)]
    done = subprocess.run(command, input=json.dumps(sources), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(notebook: nbformat.NotebookNode, path: Path) -> dict[str, str]:
    """What the runner prints for each live cell."""
    tagged = [cell for cell in notebook.cells if "live" in cell.metadata.get("tags", [])]
    _, *outputs = run(live.prelude(live.cells_of(path)), *(cell.source for cell in tagged))
    assert [said["error"] for said in outputs] == [""] * len(outputs)
    return {cell.id: said["out"] for cell, said in zip(tagged, outputs, strict=True)}


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


TRAINS_LONG = {"02-by-hand/3-backwards"}  # for a quarter of a minute


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.slow] if name_of(path) in TRAINS_LONG else []) for path in LIVE],
    ids=name_of,
)
def test_live_cells_of_the_book_print_what_the_notebook_holds(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    assert told(notebook, path) == live_page.committed(notebook)


def test_cells_print_what_jupyter_prints(tmp_path: Path, small: nbformat.NotebookNode) -> None:
    nbformat.write(small, tmp_path / "small.ipynb")
    assert told(small, tmp_path / "small.ipynb") == live_page.committed(small)


@pytest.mark.parametrize(
    "value",
    [
        *(1.5, "text", None, [], (1,), {3, 1, 2}, range(3), np.float64(0.5), [np.float64(0.5)]),
        *(list(range(40)), {f"key {i}": i / 7 for i in range(20)}, [(i, str(i)) for i in range(30)]),
        *({"a": list(range(30)), "b": (1, 2)}, {"list": [[1.0 / 3] * 5] * 5}, frozenset(range(50, 90))),
        *(list(range(1001)), dict.fromkeys(range(1001), 0), set(range(1002)), {"a", 1}, set(), [[np.arange(60)]]),
        *(np.arange(200) / 3, [np.arange(3)] * 2, tuple(range(100, 140))),
    ],
)
def test_values_are_written_as_ipython_writes_them(value: object) -> None:
    assert live_cells.shown(value) == pretty(value)


ATOMS = st.one_of(st.integers(), st.floats(), st.text(max_size=30), st.booleans(), st.none())
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(max_size=8), inner), st.tuples(inner)
    ),
)


@given(VALUES)
def test_any_value_is_written_as_ipython_writes_it(value: object) -> None:
    assert live_cells.shown(value) == pretty(value)


def test_errors_are_those_of_python() -> None:
    code = "def f(x):\n    return 1 / x\n"
    code += "try:\n    f(0)\nexcept ZeroDivisionError as error:\n    raise KeyError('a') from error"
    script = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=False)
    ours = run(code)[0]["error"]
    without_lines = re.sub(r"(?m)^    .*\n", "", ours).replace("<cell 1>", "<stdin>")
    assert without_lines == re.sub(r"(?m)^    .*\n", "", script.stderr)
    assert "    return 1 / x\n" in ours
    (wrong,) = run("x = = 1")
    assert wrong["error"].startswith('  File "<cell 1>", line 1\n')
    assert wrong["last"] == "SyntaxError: invalid syntax"


def test_a_check_says_what_is_wrong() -> None:
    said = [each["last"] for each in run("x = 1", "assert x == 2, 'make it 2'", "assert x == 2", "y", "x")]
    assert said == ["", "make it 2", "AssertionError", "NameError: name 'y' is not defined", ""]


def test_a_module_that_the_page_lacks_is_said_to_be_in_the_notebook() -> None:
    missing = run("import nowhere", "from rnncourse import nothing", "from math import nothing")
    assert [live_cells.ABSENT in said["error"] for said in missing] == [True, True, False]


def test_names_are_forgotten_and_all_is_as_at_first() -> None:
    forget = "import live_cells\nlive_cells.forget('a', 'never')"
    fresh = "import builtins, live_cells\na = print = 3\nbuiltins.len = None\nbuiltins.new = 1\nlive_cells.fresh()"
    said = run("a = b = 1", forget, "b", "a", fresh, "print(len('ab'))", "a", "new")
    assert [each["out"] + each["last"] for each in said] == [
        *("", "", "1\n", "NameError: name 'a' is not defined"),
        *("", "2\n", "NameError: name 'a' is not defined", "NameError: name 'new' is not defined"),
    ]


def test_a_list_that_holds_itself_is_written() -> None:
    (said,) = run("a = [1]\na.append(a)\na")
    assert said["out"] == "[1, [...]]\n"


def test_output_has_an_end() -> None:
    (said,) = run("for _ in range(10**6): print('x' * 98)")
    assert said["out"].endswith(live_cells.CUT)
    assert len(said["out"]) == live_cells.MOST + len(live_cells.CUT)


# The line plot.


def drawn() -> ET.Element:
    (text,) = live_plot._take()
    return ET.fromstring(text.partition("</style>")[2])


def points(path: str) -> np.ndarray:
    return np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path), dtype=float)


def test_points_of_a_line_are_its_numbers() -> None:
    x, y = np.array([0.0, 1, 2, 5]), np.array([3.0, -1, 4, 1])
    live_plot.plot(x, y, "--", label="a <b>")
    live_plot.ylabel("height & more")
    svg = drawn()
    line = next(
        e
        for e in svg.iter("path")
        if e.get("stroke-dasharray") == live_plot.DASHES["--"] and e.get("d", "").count("L") == 3
    )
    spots = points(line.get("d", ""))
    for wanted, found in ((x, spots[:, 0]), (y, -spots[:, 1])):
        np.testing.assert_allclose((found - found[0]) / np.ptp(found), (wanted - wanted[0]) / np.ptp(wanted), atol=1e-3)
    texts = [e.text for e in svg.iter("text")]
    assert {"a <b>", "height & more", "0", "5", "−1", "4"} <= set(texts)


def test_ticks_are_where_they_say() -> None:
    live_plot.plot([0.0, 10.0], [0.0, 10.0], "o")
    svg = drawn()
    (left, low), (right, high) = ((float(e.get("cx", 0)), float(e.get("cy", 0))) for e in svg.iter("circle"))
    for text in svg.iter("text"):
        if text.text and text.get("class") != "end" and re.fullmatch(r"[\d.]+", text.text):
            assert float(text.get("x", 0)) == pytest.approx(left + float(text.text) / 10 * (right - left), abs=0.1)
        elif text.text and text.get("class") == "end":
            assert float(text.get("y", 0)) - 4 == pytest.approx(low + float(text.text) / 10 * (high - low), abs=0.1)


def test_a_line_has_gaps_and_odd_input_is_drawn_or_refused() -> None:
    live_plot.plot([1, np.nan, 3, 4, np.inf])
    (line,) = [e for e in drawn().iter("path") if e.get("class") != "frame"]
    assert re.sub(r"[\d. ]", "", line.get("d", "")) == "MML"
    for odd in ([], [2], [5, 5, 5], np.zeros((4, 2)), [np.nan]):
        live_plot.plot(odd)
        drawn()
    live_plot.plot(np.arange(1_000_000))
    assert len(ET.tostring(drawn())) < 200_000
    for wrong in (([1, 2], [1, 2, 3]), ()):
        with pytest.raises(ValueError, match=r"plot takes|same first"):
            live_plot.plot(*wrong)
    with pytest.raises(AttributeError, match="in the page plt has plot"):
        live_plot.subplots  # noqa: B018
    assert live_plot._take() == []


def test_what_it_has_is_called_as_in_matplotlib() -> None:
    ours = {name for name, _ in inspect.getmembers(live_plot, inspect.isfunction) if not name.startswith("_")}
    ours -= {"escape"}
    assert ours == live.PLOTS
    assert all(callable(getattr(pyplot, name)) for name in ours)
