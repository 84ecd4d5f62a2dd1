"""Docutils nodes of a finished page, written as Markdown that every notebook program shows.

References are links to the site, where it has an address, or else to the other notebooks; citations
are authors and year; diagrams are pictures in the text; answers and hints are folded.
"""

import base64
import mimetypes
import posixpath
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from html import escape
from pathlib import Path
from textwrap import indent
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from pybtex.plugin import find_plugin
from selfcheck import LETTERS, VERDICT, Answer, Reason
from sphinx.application import Sphinx
from sphinx.locale import admonitionlabels

LEFT_OUT = {"Invisible", "AtTheEnd", "raw", "system_message"}
AROUND = dict.fromkeys(("strong", "title", "term"), ("**", "**")) | {
    "emphasis": ("*", "*"),
    "math": ("$", "$"),
    "subscript": ("<sub>", "</sub>"),
    "superscript": ("<sup>", "</sup>"),
}
# What Markdown would take for more than a character.
MARKS = re.compile(r"[\\`*$]|<(?=[\w!/])|(?<!\w)_|_(?!\w)|\](?=[(\[:])")
MARKDOWN = find_plugin("pybtex.backends", "markdown")()


class Markdown:
    """Writes the nodes of one page."""

    def __init__(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        self.app, self.docname = app, docname
        self.site = app.config.html_baseurl
        self.here = urljoin(self.site, app.builder.get_target_uri(docname))
        self.reasons = list(doctree.findall(Reason))
        self.cited: dict[str, Any] = {}

    def write(self, node: nodes.Node) -> str:
        """Write a node as its class is written, or else the first base of it that is known."""
        for kind in (kind.__name__ for kind in type(node).__mro__):
            if kind in LEFT_OUT:
                return ""
            if kind in AROUND:
                text = node.astext() if kind == "math" else self.inline(node.children)
                return text.join(AROUND[kind])
            if method := getattr(self, f"_{kind.lower()}", None):
                return str(method(node))
        if isinstance(node, nodes.TextElement):
            return self.inline(node.children)
        return self.blocks(node.children)

    def inline(self, parts: Iterable[nodes.Node]) -> str:
        """Write parts of a line."""
        return "".join(map(self.write, parts))

    def blocks(self, parts: Iterable[nodes.Node], between: str = "\n\n") -> str:
        """Write paragraphs, and what else stands by itself."""
        return between.join(filter(None, map(self.write, parts)))

    def number(self, node: nodes.Element, kind: str) -> str:
        """Return the number that the page gives a figure, an exercise or a formula."""
        numbers = self.app.env.toc_fignumbers.get(self.docname, {}).get(kind, {})
        found = [numbers[name] for name in node["ids"] if name in numbers]
        return ".".join(map(str, found[0])) if found else ""

    def name(self, node: nodes.Element) -> str:
        """Return the name and number that the page gives a figure or a table."""
        formats = self.app.config.numfig_format
        numbers = {kind: self.number(node, kind) for kind in ("figure", "table")}
        return "".join(f"**{formats[kind] % n}.** " for kind, n in numbers.items() if n)

    def caption(self, figure: nodes.Element) -> str:
        """Write a figure's name and caption."""
        captions = (part for part in figure if isinstance(part, nodes.caption))
        return self.name(figure) + self.inline(captions)

    def references(self) -> str:
        """List what has been cited."""
        texts = [one.formatted_entry.text.render(MARKDOWN) for one in self.cited.values()]
        return "\n".join(f"- {' '.join(text.split())}" for text in sorted(texts))

    # A method for each class of nodes, by its name.

    def _text(self, node: nodes.Text) -> str:
        return MARKS.sub(r"\\\g<0>", node.astext())

    def _literal(self, node: nodes.Element) -> str:
        text = node.astext()
        return f"`` {text} ``" if "`" in text else f"`{text}`"

    def _literal_block(self, node: nodes.Element) -> str:
        language = node.get("language", "none")
        return f"```{language if language != 'none' else ''}\n{node.astext()}\n```"

    def _math_block(self, node: nodes.Element) -> str:
        tex, number = node.astext().strip(), self.number(node, "displaymath")
        if node.get("nowrap") or node.get("no-wrap"):
            return tex
        if r"\\" in tex and r"\begin" not in tex:
            tex = f"\\begin{{split}}\n{tex}\n\\end{{split}}"
        tag = rf" \tag{{{number}}}" if number else ""
        return f"$$\n{tex}{tag}\n$$"

    def _reference(self, node: nodes.Element) -> str:
        text, address = self.inline(node.children), node.get("refuri", "")
        if "://" not in address:
            term = any("std-term" in part["classes"] for part in node.findall(nodes.inline))
            if not address or address.startswith("#") or term:
                return text
            address = urljoin(self.here, address) if self.site else self.notebook(address)
        if address in ("", text):
            return text
        words = text.lstrip()
        return f"{text.removesuffix(words)}[{words}]({address})"

    def notebook(self, address: str) -> str:
        """Return where another page's notebook lies, seen from this one; nothing if it has none."""
        there = posixpath.join(posixpath.dirname(self.docname), address.partition("#")[0])
        docname = posixpath.normpath(there).removesuffix(".html")
        if docname not in self.app.env.all_docs or not is_notebook(self.app, docname):
            return ""
        return posixpath.relpath(f"{docname}.ipynb", posixpath.dirname(self.docname))

    def _download_reference(self, node: nodes.Element) -> str:
        text, name = node.astext(), node.get("filename")
        return f"[{text}]({urljoin(self.site, f'_downloads/{name}')})" if self.site else text

    def _inline(self, node: nodes.Element) -> str:
        if "bibtex-citation" not in node["classes"]:
            return self.inline(node.children)
        known = {each.citation_id: each for each in self.app.env.get_domain("cite").citations}
        places = [ref.get("refuri") or ref["refid"] for ref in node.findall(nodes.reference)]
        cited = [known[place.rpartition("#")[2]] for place in places]
        self.cited |= {each.key: each for each in cited}
        return f"({'; '.join(author_year(each.entry) for each in cited)})"

    def _bullet_list(self, node: nodes.Element) -> str:
        return "\n".join(hang("- ", self.blocks(item)) for item in node)

    def _enumerated_list(self, node: nodes.Element) -> str:
        numbered = enumerate(node, node.get("start", 1))
        return "\n".join(hang(f"{number}. ", self.blocks(item)) for number, item in numbered)

    def _block_quote(self, node: nodes.Element) -> str:
        return "\n".join(f"> {line}".rstrip() for line in self.blocks(node).splitlines())

    def _admonition(self, node: nodes.Element) -> str:
        parts, number = list(node), self.number(node, "exercise")
        title = self.inline(parts.pop(0)) if isinstance(parts[0], nodes.title) else ""
        title = f"Exercise {number}{title}" if number else title
        text = f"**{title or admonitionlabels.get(node.tagname, '')}**\n\n{self.blocks(parts)}"
        return "\n".join(f"> {line}".rstrip() for line in text.splitlines())

    def _dropdown_main(self, node: nodes.Element) -> str:
        return folded(self.inline(node[0]), self.blocks(node[1:]))

    def _question(self, node: nodes.Element) -> str:
        answers = [part for part in node if isinstance(part, Answer)]
        given = "\n".join(f"- ({LETTERS[one['number']]}) {self.inline(one)}" for one in answers)
        why = "\n\n".join(
            f"({LETTERS[one['number']]}) *{VERDICT[one['right']]}* {self.blocks(one)}".strip()
            for one in self.reasons
            if one["group"] == node["group"]
        )
        asked = f"**{node['title']}.** {self.write(node[0])}"
        return f"{asked}\n\n{given}\n\n{folded('The answer', why)}"

    def _play(self, _node: nodes.Element) -> str:
        place = f"[the book's page]({self.here})" if self.site else "the book's page"
        return f"*On {place} stands a figure to play with.*"

    def _image(self, node: nodes.Element) -> str:
        path, width = Path(self.app.srcdir, node["uri"]), ""
        if (
            path.suffix == ".svg" and path.with_suffix(".png").exists()
        ):  # Colab shows no SVG in text
            width = f' width="{ET.parse(path).getroot().get("width")}"'
            path = path.with_suffix(".png")
        kind, alt = mimetypes.guess_type(path.name)[0], escape(node.get("alt", ""))
        data = base64.b64encode(path.read_bytes()).decode()
        return f'<img alt="{alt}"{width} src="data:{kind};base64,{data}">'

    def _figure(self, node: nodes.Element) -> str:
        pictures = [part for part in node if not isinstance(part, nodes.caption)]
        return f"{self.blocks(pictures)}\n\n{self.caption(node)}"

    def _table(self, node: nodes.Element) -> str:
        rows = [
            " | ".join(self.blocks(entry, "<br>").replace("\n", " ") for entry in row)
            for row in node.findall(nodes.row)
        ]
        rows.insert(1, " | ".join(["---"] * len(node.next_node(nodes.row))))
        titles = (part.children for part in node if isinstance(part, nodes.title))
        title = [f"{self.name(node)}{self.inline(parts)}\n" for parts in titles]
        return "\n".join([*title, *(f"| {row} |" for row in rows)])


def is_notebook(app: Sphinx, docname: str) -> bool:
    """Say whether a page is made of a notebook."""
    return str(app.env.doc2path(docname)).endswith(".ipynb")


def author_year(entry: Any) -> str:
    """Name who wrote it, and when."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    parts = [person.rich_prelast_names + person.rich_last_names for person in people]
    names = [" ".join(map(str, part)) for part in parts] or [entry.fields.get("title", entry.key)]
    who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return f"{who} {entry.fields.get('year', '')}".strip()


def hang(mark: str, text: str) -> str:
    """Indent all lines but the first."""
    return mark + indent(text, " " * len(mark))[len(mark) :]


def folded(summary: str, text: str) -> str:
    """Fold it."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
