"""Sphinx: the directive ``{chapters}`` of the home page, a card for each chapter.

    ```{chapters}
    | chapter | its question | what may surprise |
    |---|---|---|
    | 1 [Predicting a sine wave](01-sine/1-one-step.ipynb) | Can it go on alone? | It cannot. |
    ```

A row that is no chapter has no number. A card's picture is ``card.svg`` in the chapter's folder,
which ``pictures.py`` makes; like the diagrams it stands in the page and follows the light or dark
theme. A chapter without one gets a card of words. On paper there is the list alone.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from diagram import for_page
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PARTS = ("title", "question", "surprise")


class Chapters(nodes.General, nodes.Element):
    """All cards."""


class Card(nodes.General, nodes.Element):
    """One of them: title, question, surprise; knows the number and the place of its picture."""


class ChaptersDirective(SphinxDirective):
    """Make cards of the rows of a table."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Read the table as Markdown, and take its rows apart."""
        read = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, read)
        folders = re.findall(r"(?m)^\| (?:\d+ )?\[.*?\]\((.+?)/", "\n".join(self.content))
        rows = [row for body in read.findall(nodes.tbody) for row in body.children]
        if not rows or [len(row) for row in rows] != [len(PARTS)] * len(folders):
            raise self.error(
                "{chapters} needs a table: | 1 [Title](folder/page) | question | surprise |"
            )
        here = Path(self.env.doc2path(self.env.docname)).parent
        cards = Chapters()
        for row, folder in zip(rows, folders, strict=True):
            card = Card(folder=folder, picture=str(here / folder / "card.svg"))
            for part, entry in zip(PARTS, row.children, strict=True):
                card += nodes.paragraph("", "", *entry.children[0].children, classes=[part])
            cards += card
            self.env.note_dependency(card["picture"])
        self.set_source_info(cards)
        return [cards]


def open_cards(writer: Any, _node: Chapters) -> None:
    """Open the list."""
    writer.body.append('<div class="chapters">\n')


def open_card(writer: Any, node: Card) -> None:
    """Open a card with its picture, which says nothing that the words do not."""
    writer.body.append('<div class="chapter">\n')
    if Path(node["picture"]).is_file():
        svg = ET.parse(node["picture"]).getroot()
        drawing = for_page(svg, label=f"card-{node['folder']}", alt="")
        writer.body.append(drawing.replace('role="img" aria-label=""', 'aria-hidden="true"'))


def close(writer: Any, _node: nodes.Element) -> None:
    """Close a card, or the list."""
    writer.body.append("</div>\n")


def write_latex(writer: Any, node: Card) -> None:
    """On paper the words are enough: a title, below it the question and what may surprise."""
    title, question, surprise = node.children
    for before, part in (
        ("\n\n\\noindent\\textbf{", title),
        ("}\\\\*\n", question),
        (" \\emph{", surprise),
    ):
        writer.body.append(before)
        for child in part.children:
            child.walkabout(writer)
    writer.body.append("}\n\n")
    raise nodes.SkipNode


def pass_by(_writer: Any, _node: nodes.Element) -> None:
    """Of the list there is nothing to be opened on paper."""


def add_style(app: Sphinx, *page: Any) -> None:
    """Let the page with the cards load what they need."""
    doctree: nodes.document | None = page[-1]
    if doctree and any(doctree.findall(Chapters)):
        app.add_css_file("home.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("chapters", ChaptersDirective)
    app.add_node(Chapters, html=(open_cards, close), latex=(pass_by, pass_by))
    app.add_node(Card, html=(open_card, close), latex=(write_latex, None))
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
