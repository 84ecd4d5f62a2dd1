"""Sphinx: what ``make pdf`` needs beside what the pages need.

The parts of ``_toc.yml`` become parts of the book, and those without numbers its appendix. Tables
of pandas are set as tables. SVG drawings become PDF, by rsvg-convert. Code of cells that only check
is left out, and so are buttons. Cells can be linked to. Where the answers go: ``answers.py``.
"""

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.transforms.post_transforms.images import ImageConverter

LINE = 95  # characters that fit beside each other in a small table
NARROW = 330  # points of a page's 455; the rest is between the columns


class Drawings(ImageConverter):
    """Convert SVG to PDF, so that lines stay lines."""

    default_priority = 90
    conversion_rules: ClassVar = [("image/svg+xml", "application/pdf")]

    def is_available(self) -> bool:
        """Say yes: `make pdf` has looked for rsvg-convert."""
        return True

    def convert(self, _from: str | Path, _to: str | Path) -> bool:
        """Convert one file."""
        subprocess.run(["rsvg-convert", "--format=pdf", f"--output={_to}", str(_from)], check=True)
        return True


class Tables(SphinxPostTransform):
    """Set a table of pandas as a table: left alone, paper would show it as typed text."""

    default_priority = 3  # before MyST-NB chooses one form of an output
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Replace the outputs that are tables."""
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            for form in bundle.children:
                if form.get("mime_type") == "text/html" and 'class="dataframe"' in form.astext():
                    bundle.replace_self(table_of(form.astext()))


def table_of(text: str) -> list[nodes.Node]:
    """Make a table of the HTML that pandas writes."""
    text = text[text.index("<table") : text.rindex("</table>") + len("</table>")]
    root = ET.fromstring(text)
    rows = {part: [list(row) for row in root.findall(f"{part}/tr")] for part in ("thead", "tbody")}
    width = max(sum(int(cell.get("colspan", 1)) for cell in row) for row in rows["thead"])
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in range(width)), cols=width)
    open_rows = [0] * width  # rows for which a cell above still stands
    widest = [0] * width
    for part, kind in (("thead", nodes.thead), ("tbody", nodes.tbody)):
        body = kind()
        for row in rows[part]:
            line, column, cells = nodes.row(), 0, iter(row)
            while column < width:
                if open_rows[column]:
                    open_rows[column] -= 1
                    line += nodes.entry()
                    column += 1
                    continue
                cell = next(cells)
                words, span = "".join(cell.itertext()).strip(), int(cell.get("colspan", 1))
                shown: Any = nodes.strong if cell.find("b") is not None else nodes.inline
                entry = nodes.entry("", nodes.paragraph("", "", shown("", words)))
                if span > 1:
                    entry["morecols"] = span - 1
                open_rows[column] = int(cell.get("rowspan", 1)) - 1
                if span == 1:
                    widest[column] = max(widest[column], *map(len, words.split("\n")), 0)
                line += entry
                column += span
            body += line
        group += body
    index = len(rows["tbody"][0]) - sum(cell.tag == "td" for cell in rows["tbody"][0])
    size = "footnotesize" if sum(widest) + 2 * width <= LINE else "scriptsize"
    columns = "".join("l" if number < index else "r" for number in range(width))
    spec = addnodes.tabular_col_spec(spec=columns)
    begin = latex(rf"\begingroup\spanningcells\{size}")
    return [begin, spec, nodes.table("", group), latex(r"\endgroup")]


class Columns(SphinxPostTransform):
    """Let the narrow columns of a table keep their words whole."""

    default_priority = 6
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Give LaTeX the width up to which a column is narrow; all of them together still fit."""
        for table in list(self.document.findall(nodes.table)):
            count = len(list(table.findall(nodes.colspec)))
            row, place = table.parent, table.parent.index(table)
            row.insert(place, latex(rf"\setlength{{\tymin}}{{{NARROW // count}pt}}"))


class Cells(SphinxPostTransform):
    """Make the cells' identifiers targets, and leave out code that only checks."""

    default_priority = 5
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Go through the cells."""
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code":
                continue
            cell.insert(0, nodes.target("", "", ids=cell["ids"]))
            if "tag_hide-input" in cell["classes"]:
                for part in [
                    part for part in cell.children if "cell_input" in part.get("classes", [])
                ]:
                    cell.remove(part)


class Folded(SphinxPostTransform):
    """Show what a click would show, such as a hint; leave out what only leads elsewhere."""

    default_priority = 5
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Put a fold's title at the beginning of its text; remove buttons."""
        for box in list(self.document.findall(nodes.container)):
            if "buttons" in box["classes"]:
                box.parent.remove(box)
            elif box.get("design_component") == "dropdown":
                title = box.next_node(nodes.rubric)
                text = box.next_node(nodes.paragraph)
                if title and text:
                    text[:0] = [nodes.strong("", f"{title.astext()}."), nodes.Text(" ")]
                    title.parent.remove(title)


class Exercises(SphinxPostTransform):
    """Make exercises targets, and name them by the numbers that they have on the pages."""

    default_priority = 20  # after references are resolved
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Go through the exercises, and the links to them."""
        for page, node in by_page(self.document, self.env.docname):
            if type(node).__name__ in {"exercise_node", "exercise_enumerable_node"}:
                place = "\n".join(anchor(page, name) for name in node["ids"])
                node.parent.insert(node.parent.index(node), latex(place))
            elif isinstance(node, addnodes.number_reference):
                target, _, name = node.get("refuri", "").removeprefix("%").partition("#")
                number = self.env.toc_fignumbers.get(target, {}).get("exercise", {}).get(name)
                if number:
                    text = "Exercise " + ".".join(map(str, number))
                    node.replace_self(
                        nodes.reference("", text, internal=True, refuri=node["refuri"])
                    )


class Solutions(SphinxPostTransform):
    """Take solutions out of their boxes, which break badly from one page to the next."""

    default_priority = 30  # after their titles are resolved
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Go through the solutions."""
        for page, node in by_page(self.document, self.env.docname):
            if type(node).__name__ == "solution_node":
                title, *content = node.children
                name = nodes.strong("", title.astext())
                place = latex(anchor(page, node["label"]))
                node.replace_self([nodes.paragraph("", "", place, name), *content])


class Parts(SphinxPostTransform):
    """Order the book: its subject, its parts, and as an appendix what has no number on a site."""

    default_priority = 700
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Put the first page's own text into a chapter, and a title before each part."""
        root = next(self.document.findall(nodes.section))
        contents = [node for node in root.children if "toctree-wrapper" in node.get("classes", [])]
        own = [node for node in root.children[1:] if node not in contents]
        about = nodes.section("", nodes.title("", "About this book"), *own, ids=["about-this-book"])
        root.children[1:] = []
        root += [
            latex(r"\setcounter{secnumdepth}{-1}"),
            about,
            latex(r"\setcounter{secnumdepth}{0}"),
        ]
        appendix = False
        for part, pages in zip(self.config.external_site_map.root.subtrees, contents, strict=True):
            root += latex(rf"\part{{{part.caption}}}")
            if not part.numbered and not appendix:
                root += latex(r"\appendix\addtocontents{toc}{\protect\setcounter{tocdepth}{0}}")
                for counter in ("figure", "table", "equation"):
                    number = rf"\thechapter.\arabic{{{counter}}}"
                    root += latex(rf"\renewcommand{{\the{counter}}}{{{number}}}")
                appendix = True
            root += pages


def by_page(document: nodes.document, page: str) -> Iterator[tuple[str, nodes.Element]]:
    """Go through a book's nodes, each with its page: the book's first, until another begins."""
    for node in list(document.findall(nodes.Element)):
        if isinstance(node, addnodes.start_of_file):
            page = node["docname"]
        yield page, node


def anchor(page: str, name: str) -> str:
    """Write what links lead to; Sphinx leaves it out before a node with a number."""
    return rf"\phantomsection\label{{\detokenize{{{page}:{name}}}}}"


def name_figures(app: Sphinx) -> None:
    """Write the word in full: on paper there is room."""
    if app.builder.name == "latex":
        app.config.numfig_format["figure"] = "Figure %s"


def latex(text: str) -> nodes.raw:
    """Write something for LaTeX alone."""
    return nodes.raw("", text, format="latex")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register all of it."""
    for transform in (Drawings, Tables, Cells, Columns, Folded, Exercises, Solutions, Parts):
        app.add_post_transform(transform)
    app.connect("builder-inited", name_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
