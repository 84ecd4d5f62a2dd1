"""Set the repository's address wherever it is named: ``make address URL=https://github.com/you/course``.

The one setting is ``repository.url`` in ``_config.yml``; the site takes its links and buttons from there.
This script copies it to the places that cannot look it up: the first cell of each notebook,
``CITATION.cff``, ``pyproject.toml``, and the citation in the README. ``make address URL=`` takes it out of
all of them: no address is named then, and nothing is installed from one.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]

WITHOUT_ADDRESS = """\
# The package comes with the course's folder: say so where it is missing.
import importlib.util

if importlib.util.find_spec("rnncourse") is None:
    raise ModuleNotFoundError(
        "The package rnncourse is missing: get the course's folder from where this"
        " notebook came from, type `make book` in it (on Windows see its README),"
        " and run this notebook with the Python in its .venv."
    )"""
# pip is held to the versions that are there: it adds what is missing, or stops and says what does not fit.
WITH_ADDRESS = """\
# In Colab: install the course where it is missing, and replace nothing that is there.
import importlib.util
import pathlib
import tempfile

if importlib.util.find_spec("rnncourse") is None:
    held = pathlib.Path(tempfile.mkdtemp(), "held.txt")
    %pip list --format=freeze > "{held}"
    %pip install -c "{held}" git+URL"""


def normalised(url: str) -> str:
    """Return the address without a slash or ``.git`` at its end; an empty one stands for none.

    Raises
    ------
    ValueError
        If it is not the address of a repository on the web.
    """
    short = url.strip().removesuffix("/").removesuffix(".git")
    if short and not re.fullmatch(r"https://[\w-]+(\.[\w-]+)+(/[\w.-]*\w){2,}", short, re.ASCII):
        raise ValueError(f"URL must look like https://github.com/you/course, or be empty; got {url!r}")
    return short


def setting(root: Path = ROOT) -> str:
    """Return what ``_config.yml`` gives as the repository's address; empty if there is none."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return str(config["repository"]["url"] or "")


def first_cell(url: str) -> str:
    """Return the first code cell of each notebook."""
    return WITH_ADDRESS.replace("URL", url) if url else WITHOUT_ADDRESS


def in_config(text: str, url: str) -> str:
    value = url or '""'
    return once(r"(?m)^(repository:\n  url: ).*$", rf"\g<1>{value}", text)


def in_citation(text: str, url: str) -> str:
    line = f"repository-code: {url}\n" if url else ""
    return once(r"(?m)^(repository-code: .*\n)?keywords:", f"{line}keywords:", text)


def in_project(text: str, url: str) -> str:
    line = f'urls.Homepage = "{url}"\n' if url else ""
    return once(r"(?m)^(dynamic = .*\n)(urls\.Homepage = .*\n)?", rf"\g<1>{line}", text)


def in_readme(text: str, url: str) -> str:
    return once(r"(?m)^(> .*, version [\d.]*\d\.)( https://.*)?$", rf"\g<1>{' ' * bool(url)}{url}", text)


def in_notebook(text: str, url: str) -> str:
    notebook = json.loads(text)
    (cell,) = [cell for cell in notebook["cells"] if cell["id"].endswith("-install")]
    cell["source"] = first_cell(url).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def once(pattern: str, replacement: str, text: str) -> str:
    """Replace the one place that matches."""
    changed, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise ValueError(f"{count} places match {pattern}, wanted one")
    return changed


def places(root: Path) -> Iterator[tuple[Path, Callable[[str, str], str]]]:
    """Yield the files that name the address, each with the function that sets it there."""
    yield root / "_config.yml", in_config
    yield root / "CITATION.cff", in_citation
    yield root / "pyproject.toml", in_project
    yield root / "README.md", in_readme
    for path in sorted((root / "book").rglob("*.ipynb")):
        if path.name != "assignment.ipynb" and ".ipynb_checkpoints" not in path.parts:
            yield path, in_notebook


def set_address(url: str, root: Path = ROOT) -> list[Path]:
    """Write the address into all places, or into none if one of them cannot be found; return the changed files."""
    texts = {}
    for path, change in places(root):
        old = path.read_text(encoding="utf-8")
        new = change(old, url)
        if new != old:
            texts[path] = new
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(texts)


def main() -> int:
    try:
        url = normalised(sys.argv[1])
        changed = set_address(url)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(changed)} files changed: the address is {url or 'not set'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
