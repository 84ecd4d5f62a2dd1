"""Sphinx: live cells, which a reader runs in the page: code cells tagged ``live``.

``_static/live.js`` gives them a button, on pages that have such cells and on no others. Python
comes with the first click: at the end of the build the files of ``_static/pyodide``, the modules of
the package that need NumPy alone, ``live_cells.py`` and ``live_plot.py`` are packed into
``_static/live/python.bin``, and for pages that are opened from a folder, where scripts may not read
files, into ``python.js``.

A cell can be live if what it imports is there and if it uses no name that a cell which is not live
has set. ``python book/_ext/live.py NOTEBOOK`` tells of each cell whether it can. On a page with
live cells all that can are live, or have the tag ``not-live``: the build checks both.
"""

import ast
import base64
import builtins
import dis
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rnncourse"
PYODIDE = ROOT / "book" / "_static" / "pyodide"
# What a live cell may import: NumPy, the modules that work with it alone, and this.
SHIPPED = tuple(
    name
    for name in ("windows", "by_hand", "baselines", "scores")
    if (PACKAGE / f"{name}.py").is_file()
)
STANDARD = {
    *("collections", "dataclasses", "fractions", "functools", "itertools", "json", "math"),
    *("operator", "random", "re", "statistics", "string", "textwrap", "time", "typing"),
}
# What live_plot.py has of Matplotlib's pyplot.
PYPLOT = "matplotlib.pyplot"
PLOTS = {"plot", "xlabel", "ylabel", "title", "legend", "show"}
# Files that are not in the page, and a keyboard that is not there.
ABSENT = {"open", "input", "load", "loadtxt", "genfromtxt", "fromfile", "memmap", "get_ipython"}
HIDDEN = {"remove-cell", "remove-input", "remove_cell", "remove_input"}


# Which cells can be live.


@dataclass(frozen=True)
class Found:
    """A code cell: its tags, why it cannot be live, if so, and those of its imports that can."""

    cell: str
    tags: frozenset[str]
    why_not: str
    imports: tuple[str, ...]

    @property
    def fault(self) -> str:
        """What is wrong with its tag."""
        if "live" in self.tags and self.why_not:
            return f"the cell {self.cell} cannot be live: {self.why_not}"
        if not {"live", "not-live"} & self.tags and not self.why_not:
            return f"the cell {self.cell} can be live, and has neither the tag live nor not-live"
        return ""


def cells_of(notebook: Path) -> list[Found]:
    """Look at each code cell of a notebook, in order.

    What a cell that is not live imports and a page can have is there, too: see `prelude`.
    """
    found = []
    plots: set[str] = set()  # names of pyplot
    there: dict[str, bool] = {}  # names: whether a live cell finds them as the notebook does
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        tags = frozenset(cell["metadata"].get("tags", []))
        source = "".join(cell["source"])
        try:
            tree = ast.parse(source)
        except SyntaxError:
            found.append(Found(cell["id"], tags, "it is no plain Python", ()))
            continue
        uses, sets = names_in(compile(tree, "<cell>", "exec"))
        imports = tuple(text for text, able in imports_in(tree.body) if able)
        foreign = [text for text, able in imports_in(ast.walk(tree)) if not able]
        missing = sorted(name for name in uses if not there.get(name, hasattr(builtins, name)))
        plots |= {bound(text).pop() for text in imports if text.startswith(f"import {PYPLOT} as ")}
        why_not = next(_reasons(tags, tree, foreign, missing, plots), "")
        live = not why_not and "not-live" not in tags
        there |= dict.fromkeys(sets, live)
        there |= dict.fromkeys((name for text in imports for name in bound(text)), True)
        found.append(Found(cell["id"], tags, why_not, () if live else imports))
    return found


def _reasons(
    tags: frozenset[str],
    tree: ast.Module,
    foreign: list[str],
    missing: list[str],
    plots: set[str],
) -> Iterator[str]:
    mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    mentioned |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if HIDDEN & tags:
        yield "it is not shown"
    if not tree.body:
        yield "it is empty"
    if foreign:
        yield f"the page has no {', '.join(foreign)}"
    if mentioned & ABSENT:
        yield f"the page has no {', '.join(sorted(mentioned & ABSENT))}"
    if others := calls_of(plots, tree) - PLOTS:
        yield f"plt has no {', '.join(sorted(others))} in the page"
    if missing:
        yield f"no live cell sets {', '.join(missing)}"
    if "check" in tags:
        yield "it is run with the cell that it checks"


def calls_of(names: set[str], tree: ast.Module) -> set[str]:
    """What code takes out of modules with these names; a module that is handed on counts itself."""
    inside = {
        id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    return {
        inside.get(id(node), node.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in names
    }


def names_in(code: CodeType) -> tuple[set[str], set[str]]:
    """Names that a cell takes from elsewhere, and names that it sets."""
    uses: set[str] = set()
    sets: set[str] = set()
    later: set[str] = set()  # in functions, which are called when the whole cell has run
    for step in dis.get_instructions(code):
        if step.opname in {"LOAD_NAME", "LOAD_GLOBAL"} and step.argval not in sets:
            uses.add(step.argval)
        elif step.opname in {"STORE_NAME", "STORE_GLOBAL"}:
            sets.add(step.argval)
        elif isinstance(step.argval, CodeType):
            found, made = _globals_of(step.argval)
            later |= found
            sets |= made
    return uses | (later - sets), sets


def _globals_of(code: CodeType) -> tuple[set[str], set[str]]:
    """Global names that a function or class within a cell reads, and those that it sets."""
    found: set[str] = set()
    made: set[str] = set()
    own = {"__name__", "__qualname__", "__module__"}
    for step in dis.get_instructions(code):
        if step.opname == "STORE_NAME":
            own.add(step.argval)
        elif step.opname == "STORE_GLOBAL":
            made.add(step.argval)
        elif step.opname in {"LOAD_GLOBAL", "LOAD_NAME"} and step.argval not in own:
            found.add(step.argval)
        elif isinstance(step.argval, CodeType):
            within = _globals_of(step.argval)
            found |= within[0]
            made |= within[1]
    return found, made


def imports_in(statements: Iterable[ast.AST]) -> Iterator[tuple[str, bool]]:
    """Each import of one name, as a line of its own, and whether a page can have it."""
    for node in statements:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield f"import {ast.unparse(alias)}", _is_shipped(alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = node.module or ""
                whole = f"{module}.{alias.name}" if module == "rnncourse" else module
                text = f"from {'.' * node.level}{module} import {ast.unparse(alias)}"
                yield text, not node.level and alias.name != "*" and _is_shipped(whole)


def _is_shipped(module: str) -> bool:
    top, _, rest = module.partition(".")
    return (
        top in {"numpy", *STANDARD}
        or module == PYPLOT
        or (top == "rnncourse" and rest.partition(".")[0] in {"", *SHIPPED})
    )


def bound(statement: str) -> set[str]:
    """Names that an import sets."""
    return names_in(compile(statement, "<import>", "exec"))[1]


def prelude(cells: list[Found]) -> str:
    """Imports from cells that are not live, for those that are."""
    return "\n".join(dict.fromkeys(line for cell in cells for line in cell.imports))


# What is packed.


def modules() -> dict[str, Path]:
    """The package's modules that a page gets, with those that they import."""
    found = {"__init__": PACKAGE / "__init__.py"}
    waiting = list(SHIPPED)
    for name in waiting:
        found[name] = PACKAGE / f"{name}.py"
        waiting += re.findall(
            r"(?m)^from rnncourse\.(\w+) import", found[name].read_text(encoding="utf-8")
        )
    return found


def originals() -> list[str]:
    """Names of the files that make Python."""
    lines = (PYODIDE / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    return [line.split()[1] for line in lines]


def files() -> dict[str, bytes]:
    """Everything that a live cell needs, by the name that the worker knows."""
    packed = {name: (PYODIDE / name).read_bytes() for name in originals()}
    packed |= {f"rnncourse/{name}.py": path.read_bytes() for name, path in modules().items()}
    here = Path(__file__).parent
    packed["live_cells.py"] = (here / "live_cells.py").read_bytes()
    packed |= {
        "matplotlib/__init__.py": b"",
        "matplotlib/pyplot.py": (here / "live_plot.py").read_bytes(),
    }
    return packed


def bundle() -> bytes:
    """Pack all files into one: a table of names and sizes behind its length, then the files."""
    packed = files()
    table = json.dumps({name: len(content) for name, content in packed.items()}).encode()
    return gzip.compress(
        b"".join([len(table).to_bytes(4, "big"), table, *packed.values()]), mtime=0
    )


# What Sphinx does.


def leave_out(app: Sphinx, config: Config) -> None:
    """Keep the files that are packed out of the site, where they would lie twice."""
    names = (*originals(), "SHA256SUMS", "*.py", "__pycache__")
    config.exclude_patterns += [f"pyodide/{name}" for name in names]


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Stop, on a page with live cells, at a tag that is wrong or missing."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb" and live_cells(doctree):
        for cell in cells_of(path):
            if cell.fault:
                logging.getLogger(__name__).warning(cell.fault, location=app.env.docname)


def live_cells(doctree: nodes.document | None) -> list[nodes.container]:
    """Cells that have the tag."""
    containers = doctree.findall(nodes.container) if doctree else ()
    return [node for node in containers if "tag_live" in node["classes"]]


def add_scripts(
    app: Sphinx, name: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let the pages with live cells, and no others, load what they need."""
    if not live_cells(doctree):
        return
    app.add_css_file("live.css")
    app.add_js_file("live.js", loading_method="defer")
    lines = json.dumps(prelude(cells_of(Path(app.env.doc2path(name))))).replace("<", "\\u003c")
    context["metatags"] = (
        context.get("metatags", "")
        + f'\n<script type="application/json" id="live-prelude">{lines}</script>'
    )


def pack(app: Sphinx, exception: Exception | None) -> None:
    """Write the bundle, in both forms, if a page may ask for it."""
    pages = Path(app.outdir).rglob("*.html")
    loads = "_static/live.js?v="
    if (
        exception
        or app.builder.format != "html"
        or not any(loads in p.read_text(encoding="utf-8") for p in pages)
    ):
        return
    folder = Path(app.outdir) / "_static" / "live"
    folder.mkdir(exist_ok=True)
    content = bundle()
    (folder / "python.bin").write_bytes(content)
    text = base64.b64encode(content).decode()
    (folder / "python.js").write_text(f'livePython = "{text}";\n', encoding="ascii")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what happens to each page and at the end."""
    app.connect("config-inited", leave_out)
    app.connect("doctree-read", check)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", pack)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        for cell in cells_of(Path(argument)):
            tag = " ".join({"live", "not-live"} & cell.tags)
            print(f"{argument}: {cell.cell}: {tag:8} {cell.why_not or 'can be live'}")  # noqa: T201
