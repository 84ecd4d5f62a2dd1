"""Sphinx: tables of pandas as the book shows them.

A cell ends with a DataFrame, rounded; what pandas writes becomes a table with real minus signs,
"yes" and "no" for True and False, and a dash for what is missing. Numbers stand under each other
(``course.css``). A figure whose name begins with ``tab-`` becomes a numbered table, its caption
above it. Its classes name the winners: with ``lowest-2 highest-3`` the lowest number in the second
column and the highest in the third are bold; row names are not counted.
"""

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

WORDS = {"True": "yes", "False": "no", "NaN": "–", "nan": "–", "None": "–", "NaT": "–"}
NUMBER = r"[-−]?\d[\d,]*(\.\d+)?(e[-+]\d+)?"
BEST = {"lowest": min, "highest": max}


class TableFigure(nodes.figure):
    """A table that pandas made, with caption and number."""


class Dress(SphinxTransform):
    """Dress every table of pandas, and number those that have a name."""

    default_priority: ClassVar = 400

    def apply(self, **options: Any) -> None:
        """Go through the page."""
        for figure in [each for each in self.document.findall(nodes.figure) if named(each)]:
            for raw in tables_in(figure):
                raw.replace_self(dressed(raw, figure["classes"]))
            parts = sorted(figure.children, key=is_no_caption)
            table = TableFigure("", *parts, **figure.attributes)
            figure.replace_self(table)
            for name in table["ids"]:
                self.document.ids[name] = table
        for raw in tables_in(self.document):
            raw.replace_self(dressed(raw, []))


def named(figure: nodes.figure) -> bool:
    """Whether a figure is to be a table."""
    return any(name.startswith("tab-") for name in figure["ids"])


def is_no_caption(node: nodes.Node) -> bool:
    """Put a caption first."""
    return not isinstance(node, nodes.caption)


def tables_in(node: nodes.Element) -> list[nodes.raw]:
    """Return what pandas wrote as HTML, where it is not dressed yet."""
    return [raw for raw in node.findall(nodes.raw) if is_table(raw.astext())]


def is_table(text: str) -> bool:
    """Whether a text is a table as pandas writes it."""
    return "<style scoped>" in text and 'class="dataframe"' in text


def dressed(raw: nodes.raw, classes: Iterable[str]) -> nodes.raw:
    """Return the table with its texts for readers and its winners bold."""
    soup: Any = BeautifulSoup(raw.astext(), "html.parser")
    table = soup.table
    for cell in table("td") + table.tbody("th"):
        if cell.string is not None:
            cell.string = shown(cell.string.strip())
    for rule in classes:
        if found := re.fullmatch(r"(lowest|highest)-(\d+)", rule):
            column = [row("td")[int(found[2]) - 1] for row in table.tbody("tr")]
            for cell in winners(column, found[1]):
                cell.string.wrap(soup.new_tag("b"))
    return nodes.raw("", str(table), **raw.attributes)


def shown(text: str) -> str:
    """Return the text of a cell as a reader wants it."""
    return text.replace("-", "−") if re.fullmatch(NUMBER, text) else WORDS.get(text, text)


def winners(cells: list[Any], best: str) -> list[Any]:
    """Return the cells with the lowest, or the highest, number; equal ones win together."""
    numbers = {
        id(cell): float(cell.text.replace("−", "-").replace(",", ""))
        for cell in cells
        if re.fullmatch(NUMBER, cell.text)
    }
    record = BEST[best](numbers.values())
    return [cell for cell in cells if numbers.get(id(cell)) == record]


def visit(writer: Any, node: TableFigure) -> None:
    """Begin it as a figure."""
    writer.visit_figure(node)


def depart(writer: Any, node: TableFigure) -> None:
    """End it as a figure."""
    writer.depart_figure(node)


def visit_latex(writer: Any, _node: TableFigure) -> None:
    """Begin it as a table, which is counted apart from the figures."""
    writer.body.append("\n\\begin{table}[H]\n\\centering\\capstart\n")


def depart_latex(writer: Any, _node: TableFigure) -> None:
    """End it."""
    writer.body.append("\\end{table}\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform and the node."""
    latex = (visit_latex, depart_latex)
    app.add_enumerable_node(TableFigure, "table", html=(visit, depart), latex=latex)
    app.add_transform(Dress)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
