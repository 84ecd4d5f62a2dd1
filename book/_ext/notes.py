"""Sphinx: notes in the margin.

Beside a term's first use on a page stands the first sentence of its entry in the glossary, beside
the first citation of a source its title. A note is the title of its link: ``course.css`` shows it
in the margin; where there is none ``accessible.js`` unfolds it below its line. Paper and downloaded
notebooks have none.
"""

import posixpath
import re
from functools import cache
from typing import Any, ClassVar

from docutils import nodes
from pybtex.richtext import Text
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

SENTENCE = re.compile(r".+?[.?!](?=\s|$)")


class Notes(SphinxPostTransform):
    """Give links to terms their titles, and mark the first one to each term or source."""

    default_priority: ClassVar = 20  # when references are resolved
    builders: ClassVar = ("html",)

    def run(self, **options: Any) -> None:
        """Go through the page, if it has contents, beside which there is a margin."""
        sections = list(self.document.findall(nodes.section))
        page = self.env.metadata[self.env.docname]
        if len(sections) < 2 or "html_theme.sidebar_secondary.remove" in page:
            return
        texts, noted = meanings(self.env) | sources(self.env), set()
        for link in self.document.findall(nodes.reference):
            address = link.get("refuri", "")
            file, _, anchor = address.partition("#")
            text = texts.get((posixpath.basename(file).partition(".")[0], anchor))
            if text is None:
                continue
            link["reftitle"] = text
            block = link.parent if isinstance(link.parent, nodes.paragraph) else link.parent.parent
            if isinstance(block.parent, nodes.section) and address not in noted:
                noted.add(address)
                link["classes"].append("sidenote")  # the theme folds its contents beside this class


@cache  # for all pages of a build
def meanings(env: BuildEnvironment) -> dict[tuple[str, str], str]:
    """Return a sentence for each term, by the glossary's name and the anchor."""
    terms: Any = env.get_domain("std").objects  # type: ignore[attr-defined]
    return {
        (posixpath.basename(page), anchor): f"{term.astext()}: {sentence}"
        for page in {page for (kind, _), (page, _) in terms.items() if kind == "term"}
        for item in env.get_doctree(page).findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        for anchor in term["ids"]
        if (sentence := first_sentence(item))
    }


@cache
def sources(env: BuildEnvironment) -> dict[tuple[str, str], str]:
    """Return each source's title and place, by the bibliography's name and the anchor."""
    found = {}
    for source in env.get_domain("cite").citations:  # type: ignore[attr-defined]
        fields = source.entry.fields
        parts = [
            str(Text.from_latex(fields[part]))
            for part in ("title", "journal", "booktitle", "note")
            if part in fields
        ]
        text = " ".join(part if part[-1] in ".?!" else f"{part}." for part in parts)
        found[posixpath.basename(source.bibliography_key.docname), source.citation_id] = text
    return found


def first_sentence(item: nodes.definition_list_item) -> str:
    """Return what a term means, in a sentence, without its sources; nothing if it has a formula."""
    paragraph = next(item.findall(nodes.paragraph))
    parts = [
        part
        for part in paragraph.children
        if not (isinstance(part, pending_xref) and part["refdomain"] == "cite")
    ]
    text = re.sub(r"\s+([.,;:)])", r"\1", "".join(part.astext() for part in parts))
    found = SENTENCE.match(text)
    formulas = any(isinstance(part, nodes.math) for part in parts)
    return "" if formulas or found is None else found[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_post_transform(Notes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
