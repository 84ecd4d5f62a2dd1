"""Sphinx: the role ``{measured}`` writes a figure of ``evidence.py`` with a link to its cell.

Each code cell of a chapter gets its identifier as an anchor, so that a link can lead to it.
"""

import json
from pathlib import Path
from typing import Any

import evidence
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole


class Measured(SphinxRole):
    """A figure, read when the page is; one that is not found stops the build."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the link."""
        try:
            figure = evidence.FIGURES[self.text]
            chapter, text = evidence.chapter_of(figure.cell), figure.text()
        except LookupError as error:
            raise ExtensionError(f"the figure {self.text!r} cannot be read: {error!r}") from error
        address = self.env.app.builder.get_relative_uri(self.env.docname, f"book/{chapter}")
        classes = ["measured", f"measured-{self.text}"]
        link = nodes.reference(
            "", text, internal=True, refuri=f"{address}#{figure.cell}", classes=classes
        )
        link["reftitle"] = f"Chapter {int(chapter[:2])}: the cell that shows it"
        for folder, names in (
            ("data", "*.csv"),
            ("data/results", "*.csv"),
            ("book", "*.ipynb"),
            ("book/_ext", "*.py"),
        ):
            for path in sorted((evidence.ROOT / folder).glob(names)):
                self.env.note_dependency(str(path))
        return [link], []


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
    """Register the role."""
    app.add_role("measured", Measured())
    app.connect("doctree-read", name_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
