"""Sphinx: each notebook as its readers get it: ``notebooks/01-sine/1-one-step.ipynb`` and so on.

The book's own notebooks hold directives and roles that only Sphinx understands, and the answers.
Here each finished page is taken apart again: ``to_markdown.py`` writes its text, with a list of
what is cited at the end; a cell to complete holds its starting code, and its solution is folded
below the check; cells that only the build needs are left out. Other code and all outputs stay as
they are. What is folded ends a cell, so that there is room below it. Solutions of exercises are
folded under their headings, in JupyterLab.
"""

import re
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from nbformat.v4 import new_markdown_cell, new_notebook
from sphinx.application import Sphinx
from to_markdown import Markdown, folded, is_notebook
from turn import has_tag, is_cell, starting_code

FOLDED = {"hide-input", "hide-cell", "check"}
TO_DO = {"your-turn", "check"}


class Page:
    """A page as a notebook."""

    def __init__(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        self.source = nbformat.read(app.env.doc2path(docname), as_version=4)
        self.markdown = Markdown(app, doctree, docname)
        self.exercises = {each.get("label") for each in doctree.findall(nodes.Admonition)} - {None}
        self.cells: list[nbformat.NotebookNode] = []
        self.said: list[str] = []  # Markdown of the next cell
        self.solution = ""  # of the cell to complete that came last
        self.folds: dict[str, bool] = {}  # metadata of the next cell
        self.flow(doctree, depth=0)
        self.settle()
        if references := self.markdown.references():
            self.said += ["## References", references]
            self.settle()
        self.cells[1:1] = [code_cell(c) for c in self.source.cells if c.id.endswith("-install")]

    def flow(self, node: nodes.Element, depth: int) -> None:
        """Take what a section holds, or whatever else has code in it."""
        for child in node.children:
            if isinstance(child, nodes.section):
                self.settle()
                self.flow(child, depth + 1)
            elif isinstance(child, nodes.title) and isinstance(node, nodes.section):
                self.said.append(f"{'#' * depth} {self.markdown.inline(child.children)}")
            elif child.get("target_label") in self.exercises:
                continue  # a solution, below its exercise
            elif is_cell(child):
                self.settle()
                self.cells.append(code_cell(self.source.cells[child["cell_index"]]))
                self.said += [
                    self.markdown.caption(figure) for figure in child.findall(nodes.figure)
                ]
                if has_tag(child, "check") and self.solution:
                    self.said.append(folded("A solution", f"```python\n{self.solution}\n```"))
                    self.settle()
                self.solution = child.get("solution", "")
            elif "target_label" in child.attributes:
                self.folds = {"jp-MarkdownHeadingCollapsed": True}
                self.flow(child, depth)
            elif any(map(is_cell, child.findall(nodes.container))):
                self.flow(child, depth)
            else:
                self.said.append(self.markdown.write(child))
                if self.said[-1].endswith("</details>"):
                    self.settle()

    def settle(self) -> None:
        """Put what has been said into a cell."""
        if text := "\n\n".join(filter(None, self.said)):
            identity = f"text-{len(self.cells)}"
            self.cells.append(new_markdown_cell(text, id=identity, metadata=self.folds))
            self.folds = {}
        self.said = []


def code_cell(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a code cell: what a page folds is folded, and what is to do has not been done."""
    tags = set(cell.metadata.get("tags", []))
    folds = {"jupyter": {"source_hidden": True}} if tags & FOLDED else {}
    kept = cell | {"metadata": nbformat.from_dict(folds)}
    if tags & TO_DO:
        kept |= {"outputs": [], "execution_count": None}
    if "your-turn" in tags:
        kept |= {"source": starting_code(cell.source)}
    return nbformat.from_dict(kept)


def path_of(docname: str) -> str:
    """Return where a page's notebook lies in the site."""
    return f"notebooks/{docname.removeprefix('book/')}.ipynb"


def write_notebook(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write a page's notebook."""
    if app.builder.name == "html" and is_notebook(app, docname):
        page = Page(app, doctree, docname)
        path = Path(app.outdir, path_of(docname))
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=page.cells, metadata=page.source.metadata), path)


def lead_there(app: Sphinx, docname: str, _: str, context: dict[str, Any], _tree: Any) -> None:
    """Let a page's buttons lead to its notebook; Colab and Binder find it on a branch."""
    if docname not in app.env.all_docs or not is_notebook(app, docname):
        return
    branch = re.escape(app.config.html_theme_options.get("repository_branch", "main"))
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "download-source-button":
                button["url"] = context["pathto"](path_of(docname), 1)
            elif group["label"] == "launch-buttons":
                button["url"] = re.sub(rf"/{branch}(?=[/?])", "/notebooks", button["url"], count=1)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write when all references are resolved; change the buttons when they are there."""
    app.setup_extension("turn")
    app.connect("doctree-resolved", write_notebook, priority=900)
    app.connect("html-page-context", lead_there, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
