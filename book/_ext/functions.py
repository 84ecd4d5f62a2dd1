"""Sphinx: a page for every public function and class of the package, and the table of a module.

The pages are written before Sphinx looks for files, into ``book/reference/functions``; they are not
kept in the repository. What a page says comes from the docstring. Where the function is opened up
is looked for: in the chapter whose code has it first, under the heading above that cell.

The directive ``{functions} windows`` makes the table of a module.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "book" / "reference" / "functions"
PAGES = sorted((ROOT / "book").glob("*/[0-9]*.ipynb"))
HIDDEN = {"append", "extra_repr", "forward"}  # methods that a reader never calls


@dataclass(frozen=True)
class Place:
    """A code cell and the last heading above it."""

    page: str
    title: str
    heading: str
    cell: str

    @property
    def short(self) -> str:
        """Chapter 3, or the title of a page that is no chapter."""
        return f"chapter {int(self.page[:2])}" if self.page[:2].isdigit() else self.title


@dataclass(frozen=True)
class Public:
    """A function or class: its docstring's first line, its methods, the names in its code."""

    module: str
    name: str
    summary: str
    is_class: bool
    methods: tuple[str, ...]
    mentions: frozenset[str]
    returns: str

    @property
    def path(self) -> str:
        """The name by which it is imported."""
        return f"rnncourse.{self.module}.{self.name}"


def public_in(module: str) -> Iterator[Public]:
    """All public functions and classes of a module, in the order of the file."""
    tree = ast.parse((ROOT / "rnncourse" / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            is_class = isinstance(node, ast.ClassDef)
            methods = (
                [
                    m.name
                    for m in node.body
                    if isinstance(m, ast.FunctionDef) and not is_attribute(m)
                ]
                if is_class
                else []
            )
            methods = [name for name in methods if name not in HIDDEN and not name.startswith("_")]
            summary = (ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ")
            mentions = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            returns = ast.unparse(getattr(node, "returns", None) or ast.Tuple([]))
            yield Public(module, node.name, summary, is_class, tuple(methods), mentions, returns)


def is_attribute(method: ast.FunctionDef) -> bool:
    """Whether a method is called without brackets; the class tells of it under *Attributes*."""
    return any("property" in ast.unparse(decorator) for decorator in method.decorator_list)


def modules() -> list[str]:
    """All public modules that the chapters use."""
    return sorted(path.stem for path in (ROOT / "rnncourse").glob("[!_]*.py"))


@cache
def everything() -> list[Public]:
    """All public functions and classes of the package."""
    return [public for module in modules() for public in public_in(module)]


@cache
def places() -> dict[str, list[Place]]:
    """For each name in the code of the chapters, the first cell of each chapter that has it."""
    found: dict[str, list[Place]] = {}
    for path in [*PAGES, ROOT / "book" / "reference" / "sweeps.ipynb"]:
        page = path.relative_to(ROOT / "book").with_suffix("").as_posix()
        heading, title = "", ""
        imported: set[str] = set()
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^(```+).*?^\1", "", source))
                title = title or headings[0]
                heading = headings[-1] if headings else heading
                continue
            for name in names_in(source, imported):
                known = found.setdefault(name, [])
                if page not in [place.page for place in known]:
                    known.append(Place(page, title, heading, cell["id"]))
    return found


def names_in(source: str, imported: set[str]) -> set[str]:
    """Names that code writes out with ``def``, or uses as ``windows.make_windows`` or imported."""
    tree = ast.parse(re.sub(r"(?m)^(\s*)%.*$", r"\1pass", source))  # a magic line is no Python
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnncourse."):
            imported |= {alias.name for alias in node.names}
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules()
        ):
            names.add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and node.id in imported:
            names.add(node.id)
    return names


def used_in(name: str) -> list[Place]:
    """Where a function is opened up, and after that the other chapters that use it."""
    return places().get(through(name), [])


@cache
def through(name: str) -> str:
    """The name under which cells use it: its own, or that of what returns or calls it."""
    nearest = [name]
    for inner in nearest:
        if inner in places():
            return inner
        around = [public for public in everything() if inner in public.mentions]
        around.sort(key=lambda public: public.returns != inner)  # what returns it comes first
        nearest += [public.name for public in around if public.name not in nearest]
    return name


def text_of(public: Public) -> str:
    """The page of a function or class."""
    first, *others = used_in(public.name) or [None]
    about = json.dumps(f"{public.path}: {public.summary}".replace("`", ""))
    lines = [
        "---",
        "myst:",
        "  html_meta:",
        f"    description: {about}",
        "---",
        f"# {public.name}",
        "",
    ]
    if first:
        beside = f" with `{through(public.name)}`" if through(public.name) != public.name else ""
        lines.append(f"Opened up{beside} in {link(first, first.short)}, *{first.heading}*.")
    if others:
        lines[-1] += f" Also used in {', '.join(link(place, place.short) for place in others)}."
    kind = "class" if public.is_class else "function"
    # A tuple or a record that only comes with a function: nobody calls it.
    call = "()" if public.is_class and through(public.name) != public.name else ""
    lines += ["", "```{eval-rst}", f".. auto{kind}:: {public.path}{call}"]
    if public.is_class:
        lines += [f"   :members: {', '.join(public.methods)}"] if public.methods else []
        lines += ["   :exclude-members: __init__, __new__"]
    lines += [
        "```",
        "",
        f"All of `rnncourse.{public.module}`, and the other modules: [the package](../api.md).",
    ]
    return "\n".join(lines) + "\n"


def link(place: Place, text: str, up: str = "../..") -> str:
    """Link to a cell, from a page of a function; `measured.py` gives cells their anchors."""
    return f'<a href="{up}/{place.page}.html#{place.cell}">{text}</a>'


def write_pages() -> None:
    """Write the pages that have changed, and remove those whose function is gone."""
    FOLDER.mkdir(exist_ok=True)
    texts = {FOLDER / f"{public.name}.md": text_of(public) for public in everything()}
    for path in set(FOLDER.glob("*.md")) - set(texts):
        path.unlink()
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


class Functions(SphinxDirective):
    """The table of a module: name, what it does, where it is opened up."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        lines = ["| name | what it does | opened up in |", "|---|---|---|"]
        for public in public_in(self.arguments[0]):
            role = "class" if public.is_class else "func"
            where = [link(place, place.short, "..") for place in used_in(public.name)[:1]]
            lines.append(f"| {{py:{role}}}`~{public.path}` | {public.summary} | {''.join(where)} |")
        box = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, box)
        return box.children


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages, and register the directive."""
    write_pages()
    app.add_directive("functions", Functions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
