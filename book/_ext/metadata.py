"""Sphinx: what machines read: descriptions, citation tags, the book as data, a site map.

Titles and descriptions for other sites come from sphinxext-opengraph. Why not the rest:
CONTRIBUTING.md.

Everything comes from ``CITATION.cff``, from the site's address, and from the table of chapters on
the first page. What needs an address is left out as long as there is none.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape as escape_xml

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).parents[2]
CITATION = ROOT / "CITATION.cff"
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def citation() -> dict[str, Any]:
    """Read CITATION.cff."""
    record: dict[str, Any] = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    return record


def book_as_data(address: str, language: str) -> dict[str, Any]:
    """Describe the book in the terms of schema.org."""
    cited = citation()
    addresses = {"url": address, "codeRepository": cited.get("repository-code")}
    return {
        "@context": "https://schema.org",
        "@type": ["Book", "LearningResource"],
        "name": cited["title"],
        "description": cited["abstract"],
        "author": [
            {"@type": "Organization", "name": author["name"]} for author in cited["authors"]
        ],
        "datePublished": str(cited["date-released"]),
        "version": cited["version"],
        "keywords": cited["keywords"],
        "license": LICENCE,
        "inLanguage": language,
        "isAccessibleForFree": True,
    } | {key: value for key, value in addresses.items() if value}


def chapters() -> dict[str, str]:
    """What each chapter is about, from the first page's table: question and surprise."""
    table = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    return {
        f"book/{name}": f"{question} {surprise}"
        for name, question, surprise in re.findall(
            r"(?m)^\| (?:\d+ )?\[.*\]\((.+)\.ipynb\) \| (.+?) \| (.+?) \|", table
        )
    }


def describe(app: Sphinx, doctree: nodes.document) -> None:
    """Give a chapter its description; other pages have theirs at their head."""
    about = chapters().get(app.env.docname)
    if about:
        doctree.insert(0, nodes.meta("", name="description", content=about))
        app.env.note_dependency(str(ROOT / "book" / "index.md"))
    for node in doctree.findall(nodes.meta):
        if node.get("name") == "description":
            app.env.metadata[app.env.docname]["og:description"] = node["content"]


def pass_on(app: Sphinx, config: Config) -> None:
    """Give sphinxext-opengraph the address and the title that the book has."""
    config.ogp_site_url = config.html_baseurl
    if not config.html_baseurl:
        config.ogp_image = None
    config.ogp_site_name = config.html_title


def add_tags(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Add the tags that reference managers read, and on the first page the book as data."""
    if doctree is None:
        return
    cited = citation()
    tags = {
        "citation_title": nodes.document.astext(app.env.titles[pagename]),
        "citation_inbook_title": cited["title"],
        "citation_author": [author["name"] for author in cited["authors"]],
        "citation_publication_date": str(cited["date-released"]).replace("-", "/"),
        "citation_public_url": context["pageurl"] or [],
        "citation_language": context["language"],
    }
    lines = [
        f'<meta name="{name}" content="{escape(one)}">'
        for name, value in tags.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    if pagename == app.config.root_doc:
        data = json.dumps(
            book_as_data(app.config.html_baseurl, context["language"]), ensure_ascii=False
        )
        lines.append(
            '<script type="application/ld+json">' + data.replace("</", "<\\/") + "</script>"
        )
    tags_so_far = context.get("metatags", "")
    if not app.config.html_baseurl:
        tags_so_far = re.sub(r'<meta property="og:url"[^>]*>\n?', "", tags_so_far)
    context["metatags"] = tags_so_far + "\n" + "\n".join(lines)


def write_site_map(app: Sphinx, exception: Exception | None) -> None:
    """List all pages for search engines, which want whole addresses."""
    if exception or app.builder.name != "html" or not app.config.html_baseurl:
        return
    base = app.config.html_baseurl
    pages = sorted(app.env.found_docs)
    lines = [
        f"  <url><loc>{escape_xml(base + app.builder.get_target_uri(page))}</loc></url>"
        for page in pages
    ]
    (Path(app.outdir) / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(lines)
        + "\n</urlset>\n",
        encoding="utf-8",
    )
    (Path(app.outdir) / "robots.txt").write_text(
        f"User-agent: *\nAllow: /\n\nSitemap: {base}sitemap.xml\n"
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what happens at each page and at the end."""
    app.connect("config-inited", pass_on)
    app.connect("doctree-read", describe)
    app.connect("html-page-context", add_tags)
    app.connect("build-finished", write_site_map)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
