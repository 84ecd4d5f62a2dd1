"""Sphinx: the role ``{measured}`` writes a figure of ``evidence.py`` with a link to its cell.

The role ``{cell}`what is to be seen <sine-loss-plot>``` links to a cell by its identifier.
Each code cell of a chapter gets its identifier as an anchor, so that a link can lead to it.
"""

import json
from pathlib import Path
from typing import Any

import evidence
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import ReferenceRole, SphinxRole


class Measured(SphinxRole):
    """A figure, read when the page is; one that is not found stops the build."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the link."""
        try:
            figure = evidence.FIGURES[self.text]
            page, text = evidence.chapter_of(figure.cell), figure.text()
        except LookupError as error:
            raise ExtensionError(f"the figure {self.text!r} cannot be read: {error!r}") from error
        link = link_to(page, figure.cell, text, ["measured", f"measured-{self.text}"])
        where = f"Chapter {int(page[:2])}: the" if page[0].isdigit() else "The"
        link["reftitle"] = f"{where} cell that shows it"
        return [link], []


class Cell(ReferenceRole):
    """A link to a code cell; one that does not exist stops the build."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the link."""
        try:
            chapter = evidence.chapter_of(self.target)
        except LookupError as error:
            raise ExtensionError(f"there is no code cell {self.target!r}") from error
        return [link_to(chapter, self.target, self.title, ["to-cell"])], []


def link_to(page: str, cell: str, text: str, classes: list[str]) -> nodes.reference:
    """Make a link that gets its address when all pages are known."""
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
    """Read a page with figures again when one of the files has changed that they come from."""
    if not any("measured" in link["classes"] for link in doctree.findall(nodes.reference)):
        return
    for names in ("data/*.csv", "data/results/*.csv", "book/**/*.ipynb", "book/_ext/*.py"):
        for path in sorted(evidence.ROOT.glob(names)):
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
