"""Sphinx: the role ``{measured}`` writes a figure of a chapter with a link to its cell.

The role ``{measured}`s1-all` `` looks the key up in the chapters. There a cell with the tag
``keys``, which is not shown, follows the one that shows the figure. Its output is a dictionary from
keys to texts, or to three texts: median, lowest and highest. The tests run it as all others.

The role ``{cell}`what is to be seen <drift-order-plot>` `` links to a cell by its identifier.
Each code cell of a chapter gets its identifier as an anchor, so that a link can lead to it.
"""

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import ReferenceRole, SphinxRole

BOOK = Path(__file__).parents[1]
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Figure(NamedTuple):
    """A figure as the page shows it, and the cell of a chapter that shows it."""

    text: str
    cell: str


@cache
def cells(book: Path = BOOK) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return all code cells of the book by identifier, each with its page: 01-sine/1-one-step."""
    found = {}
    for path in sorted(book.glob("*/*.ipynb")):
        page = path.relative_to(book).with_suffix("").as_posix()
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                found[cell["id"]] = page, cell
    return found


@cache
def figures(book: Path = BOOK) -> dict[str, Figure]:
    """Return the figures that the chapters set, by key; a key that is set twice is an error."""
    found: dict[str, Figure] = {}
    for name, (_, cell) in cells(book).items():
        if "keys" not in cell["metadata"].get("tags", []):
            shown = name
            continue
        (output,) = cell["outputs"]
        for key, value in ast.literal_eval("".join(output["data"]["text/plain"])).items():
            if key in found:
                raise LookupError(f"{key!r} is set after {found[key].cell!r} and after {shown!r}")
            found[key] = Figure(typeset(value), shown)
    return found


def typeset(value: str | list[str]) -> str:
    """Write a text, or median and range, with real minus signs and powers of ten.

    Examples
    --------
    >>> typeset(["-0.10", "-0.20", "0.00"]), typeset("9e-08")
    ('−0.10 (−0.20–0.00)', '9 × 10⁻⁸')
    """
    text = value if isinstance(value, str) else "{} ({}–{})".format(*value)
    text = re.sub(r"e([+-]\d+)", lambda power: " × 10" + str(int(power[1])).translate(RAISED), text)
    return text.replace("-", "−")


class Measured(SphinxRole):
    """A figure, read when the page is; one that is not found stops the build."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the link."""
        try:
            figure = figures()[self.text]
        except LookupError as error:
            raise ExtensionError(f"the figure {self.text!r} cannot be read: {error!r}") from error
        link = link_to(figure.cell, figure.text, ["measured", f"measured-{self.text}"])
        page = link["page"]
        where = f"Chapter {int(page[:2])}: the" if page[0].isdigit() else "The"
        link["reftitle"] = f"{where} cell that shows it"
        return [link], []


class Cell(ReferenceRole):
    """A link to a code cell; one that does not exist stops the build."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the link."""
        try:
            return [link_to(self.target, self.title, ["to-cell"])], []
        except LookupError as error:
            raise ExtensionError(f"there is no code cell {self.target!r}") from error


def link_to(cell: str, text: str, classes: list[str]) -> nodes.reference:
    """Make a link that gets its address when all pages are known."""
    page, _ = cells()[cell]
    return nodes.reference("", text, internal=True, page=page, cell=cell, classes=classes)


class Addresses(SphinxPostTransform):
    """Give the links to cells their addresses."""

    default_priority = 10

    def run(self, **options: Any) -> None:
        """Fill them in."""
        for link in self.document.findall(nodes.reference):
            if "cell" in link:
                page = self.app.builder.get_relative_uri(self.env.docname, f"book/{link['page']}")
                link["refuri"] = f"{page}#{link['cell']}"


def note_sources(app: Sphinx, doctree: nodes.document) -> None:
    """Read a page with figures again when a chapter has changed."""
    if any("measured" in link["classes"] for link in doctree.findall(nodes.reference)):
        for path in sorted(BOOK.glob("*/*.ipynb")):
            app.env.note_dependency(str(path))


def name_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give the code cells of a notebook their identifiers as anchors."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            node["ids"].append(cells[node["cell_index"]]["id"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles."""
    app.add_role("measured", Measured())
    app.add_role("cell", Cell())
    app.add_post_transform(Addresses)
    app.connect("doctree-read", note_sources)
    app.connect("doctree-read", name_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
