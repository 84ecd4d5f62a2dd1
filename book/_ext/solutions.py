"""Sphinx: the content of each exercise and solution gets an identifier of its own."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def name_solutions(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Name the content of each exercise and solution after it."""
    for section in doctree.findall(nodes.section):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["ids"] = [f"{name}-content" for name in section.parent["ids"]]


def setup(app: Sphinx) -> dict[str, Any]:
    """Rename when all references are resolved."""
    app.connect("doctree-resolved", name_solutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
