"""Sphinx: above a chapter's page, the pages that the chapter has, and which of them this is.

A page whose title ends with "(optional)" can be left out, and says so.
"""

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

OPTIONAL = '<span class="optional">Optional: nothing later needs this page.</span>'


def chapter_of(env: BuildEnvironment, page: str) -> tuple[int, list[str]]:
    """Return a page's chapter and all pages of it, in order; chapter 0 where it has none."""
    for first in env.toctree_includes.get(env.config.root_doc, []):
        pages = [first, *env.toctree_includes.get(first, [])]
        number = env.toc_secnumbers.get(first, {}).get("")
        if page in pages and number:
            return number[0], pages
    return 0, []


def add_place(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Put the line above the page."""
    number, pages = chapter_of(app.env, pagename)
    if not number:
        return
    titles = {page: escape(app.env.titles[page].astext()) for page in pages}
    steps = [
        f'<li aria-current="page">{titles[page]}</li>'
        if page == pagename
        else f'<li><a href="{app.builder.get_relative_uri(pagename, page)}">{titles[page]}</a></li>'
        for page in pages
    ]
    steps = steps if len(pages) > 1 else []
    optional = OPTIONAL if titles[pagename].endswith("(optional)") else ""
    context["body"] = (
        f'<nav class="place" aria-label="Pages of this chapter"><span>Chapter {number}</span>'
        f"<ol>{''.join(steps)}</ol>{optional}</nav>\n{context['body']}"
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what happens at each page."""
    app.connect("html-page-context", add_place)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
