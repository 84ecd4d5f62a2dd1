"""The built site: ``make book``, then ``pytest tests/test_site.py``; a part of ``make test``.

The build runs with ``-W -n``, so Sphinx stops at what it knows to be wrong: a reference to a missing
label, a citation without an entry, a directive that does not exist. It does not see the pages that come
out. A link in raw HTML or to an anchor that is nobody's label, a formula that was not recognised and
stands there as dollars and backslashes, a picture without a file or an alternative text, a notebook
stored without outputs, a script fetched from another host: all of them build without a warning.
"""

import inspect
import json
import pkgutil
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import functions
import measured
import metadata
import pytest
import repository
import yaml

pytestmark = pytest.mark.site
ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
GLOSSARY = "book/reference/glossary"
SOURCES = "book/reference/sources"
VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img"),
    *("input", "link", "meta", "param", "source", "track", "wbr"),
}


def pages_in(entry: object) -> list[str]:
    """All pages in (a part of) a table of contents, in order."""
    if isinstance(entry, list):
        return [page for item in entry for page in pages_in(item)]
    if isinstance(entry, dict):
        own = [entry[key] for key in ("root", "file") if key in entry]
        # In alphabetical order, as Sphinx takes them.
        found = (p for end in (".md", ".ipynb") for p in ROOT.glob(f"{entry.get('glob', 'none')}{end}"))
        own += sorted(str(p.relative_to(ROOT).with_suffix("")) for p in found)
        return own + [page for key in ("parts", "chapters", "sections") for page in pages_in(entry.get(key))]
    return []


PAGES = pages_in(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
REPOSITORY = CONFIG["repository"]["url"]
OLD = CONFIG["sphinx"]["config"]["redirects"]  # addresses that pages had before
HOME = CONFIG["html"].get("baseurl") or repository.site_address(REPOSITORY)
FUNCTIONS = {f"book/reference/functions/{public.name}": public for public in functions.everything()}
NOTEBOOKS = [page for page in PAGES if (ROOT / f"{page}.ipynb").exists()]


# What a browser finds in a page.


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    article: bool
    text: list[str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def is_math(self) -> bool:
        return {"math", "notranslate"} <= self.classes

    @property
    def content(self) -> str:
        return "".join(self.text)


class Page(HTMLParser):
    """Elements with their own and their children's text, and the prose: no code, no formulas."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.prose: list[str] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = tag == "article" or any(element.tag == "article" for element in self._open)
        element = Element(tag, {key: value or "" for key, value in attrs}, inside)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text.append(data)
        hidden = any(e.is_math or e.tag in {"pre", "code", "script", "style"} or "sig" in e.classes for e in self._open)
        if not hidden and self._open and self._open[-1].article:
            self.prose.append(data)

    @property
    def ids(self) -> set[str]:
        return {e.attributes[key] for e in self.elements for key in ("id", "name") if e.attributes.get(key)}

    def having(self, name: str) -> list[Element]:
        """Elements of the article with a class, or a tag, of this name."""
        return [e for e in self.elements if e.article and (name in e.classes or name == e.tag)]

    @property
    def formulas(self) -> list[str]:
        return [e.content for e in self.elements if e.article and e.is_math]


@cache
def parsed(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def built(page: str) -> Path:
    return SITE / f"{page}.html"


def broken_links(path: Path) -> list[str]:
    """Addresses in a page, on this site, that lead nowhere."""
    broken = []
    for element in parsed(path).elements:
        for key in ("href", "src"):
            address = urlsplit(element.attributes.get(key, ""))
            if address.scheme or address.netloc or not (address.path or address.fragment):
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            if target.is_dir():
                target /= "index.html"
            no_file = not target.is_relative_to(SITE) or not target.is_file() or target.stat().st_size == 0
            html = target.suffix == ".html"
            if no_file or (html and address.fragment and unquote(address.fragment) not in parsed(target).ids):
                broken.append(element.attributes[key])
    return broken


def fetched_from_elsewhere(page: Page) -> list[str]:
    """Scripts, styles, fonts, pictures and frames that another host would have to send."""
    addresses = [e.attributes.get("src", "") for e in page.elements]
    wanted = {"stylesheet", "preload", "icon", "shortcut", "preconnect", "modulepreload"}
    addresses += [
        e.attributes.get("href", "")
        for e in page.elements
        if e.tag == "link" and wanted & set(e.attributes.get("rel", "").split())
    ]
    return [address for address in addresses if urlsplit(address).netloc]


# What the author wrote.


def source_of(page: str) -> str:
    """A page's Markdown; of a notebook, its Markdown cells and its captions."""
    path = ROOT / f"{page}.ipynb"
    if not path.exists():
        return path.with_suffix(".md").read_text(encoding="utf-8")
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append("".join(cell["source"]))
        parts.append(cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", ""))
    return "\n\n".join(parts)


def without_code(markdown: str) -> tuple[str, int]:
    """Markdown without its code blocks, and the number of math directives in it."""
    kept: list[str] = []
    directives: list[str] = []
    code, formulas = "", 0
    for line in markdown.splitlines():
        fence = re.match(r"\s*(`{3,}|~{3,}|:{3,})\s*(\{[^}]*\})?(.*)", line)
        if code:
            code = "" if fence and fence[1].startswith(code) and not fence[2] and not fence[3] else code
        elif not fence:
            kept.append(line)
        elif fence[2] in {"{math}", "{eval-rst}", "{code-block}", "{code}", "{literalinclude}"}:
            code = fence[1]
            formulas += fence[2] == "{math}"
        elif fence[2]:
            directives.append(fence[1])
            kept.append(fence[3])
        elif directives and fence[1].startswith(directives[-1]) and not fence[3]:
            directives.pop()
        else:
            code = fence[1]
    return "\n".join(kept), formulas


def count_formulas(markdown: str) -> int:
    """Count formulas by their marks, independently of the parser that the build uses."""
    text, count = without_code(markdown)
    text, found = re.subn(r"\{math\}`[^`]+`", "", text)
    count += found
    text = re.sub(r"(?s)(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    for pattern in (
        r"(?s)(?<!\\)\$\$.+?\$\$",
        r"(?s)\\begin\{(equation|align|gather|multline|alignat)(\*?)\}.*?\\end\{\1\2\}",
        r"(?<![\\$])\$(?!\$)(?:[^$\n]|\\\$|\n(?!\s*\n))+?(?<!\\)\$",
    ):
        text, found = re.subn(pattern, "", text)
        count += found
    return count


def formulas_in_docstrings(page: Page) -> int:
    """Formulas in the docstrings of everything that a page describes."""
    formulas = 0
    for element in page.having("sig-object"):
        module, _, name = element.attributes.get("id", "").rpartition(".")
        # An attribute has no docstring of its own: its class describes it.
        described = getattr(pkgutil.resolve_name(module), name, None) if module else None
        formulas += len(re.findall(r":math:`|\.\. math::", inspect.getdoc(described) or ""))
    return formulas


def unrendered(text: str) -> list[str]:
    """Marks of formulas and roles that should have been turned into something else."""
    return re.findall(r"\$(?:[^$\n]+\$)?|\\[(\[]|\\[a-z]{3,}|\{[a-z:]+\}`|:[a-z]+:`", text)


def tex_faults(formula: str) -> list[str]:
    """What MathJax would show in red: braces, environments and delimiters that do not match."""
    bare = formula.replace("\\\\", "").replace(r"\{", "").replace(r"\}", "")
    pairs = [
        ("{", "}", bare.count("{"), bare.count("}")),
        (r"\begin", r"\end", bare.count(r"\begin"), bare.count(r"\end")),
        (
            r"\left",
            r"\right",
            len(re.findall(r"\\left(?![a-z])", bare)),
            len(re.findall(r"\\right(?![a-z])", bare)),
        ),
    ]
    return [f"{n} {left} and {m} {right}" for left, right, n, m in pairs if n != m]


# The checks.


@pytest.mark.parametrize("page", PAGES)
def test_page_is_there(page: str) -> None:
    assert built(page).is_file()
    assert parsed(built(page)).having("h1")


@pytest.mark.parametrize(
    "path", sorted(SITE.rglob("*.html")) or [SITE / "index.html"], ids=lambda p: str(p.relative_to(SITE))
)
def test_links_lead_somewhere(path: Path) -> None:
    if "_static" not in path.relative_to(SITE).parts:
        assert broken_links(path) == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_comes_from_another_host(page: str) -> None:
    assert fetched_from_elsewhere(parsed(built(page))) == []


def test_no_style_sheet_loads_from_another_host() -> None:
    remote = re.compile(r"""@import\s+["'(]*\s*(https?:)?//|url\(\s*["']?(https?:)?//""")
    found = [path.name for path in SITE.rglob("*.css") if remote.search(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("page", PAGES)
def test_formulas_are_rendered(page: str) -> None:
    html = parsed(built(page))
    expected = count_formulas(source_of(page))
    expected += formulas_in_docstrings(html)
    assert len(html.formulas) == expected
    assert {f: tex_faults(f) for f in html.formulas if tex_faults(f)} == {}


@pytest.mark.parametrize("page", PAGES)
def test_no_markup_is_left_in_the_prose(page: str) -> None:
    html = parsed(built(page))
    assert unrendered("\n".join(html.prose)) == []
    assert [e.content for name in ("system-message", "problematic") for e in html.having(name)] == []
    assert re.findall(r"<<[^<>\n]+>>", source_of(page)) == [], "placeholders"


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_a_file_and_an_alternative_text(page: str) -> None:
    for image in parsed(built(page)).having("img"):
        assert image.attributes.get("alt", "").strip(), image.attributes.get("src")
        # Sphinx puts the file's name where an author gave no text.
        assert not image.attributes["alt"].endswith((".png", ".svg", ".jpg")), image.attributes["alt"]


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_cells_and_outputs_are_all_on_the_page(page: str) -> None:
    cells = json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    tags = [set(c["metadata"].get("tags", [])) for c in code]
    shown = [c for c, t in zip(code, tags, strict=True) if not t & {"remove-cell", "remove-input"}]
    with_output = [
        c for c, t in zip(code, tags, strict=True) if c["outputs"] and not t & {"remove-cell", "remove-output"}
    ]
    assert all(c["execution_count"] for c in code), "a cell was never run"
    html = parsed(built(page))
    assert len(html.having("cell_input")) == len(shown)
    visible = [c for c in with_output if any(is_visible(output) for output in c["outputs"])]
    assert len(html.having("cell_output")) >= len(visible)
    figures = sum(any(k.startswith("image/") for k in o.get("data", {})) for c in visible for o in c["outputs"])
    assert len([e for e in html.having("img") if "_images" in e.attributes["src"]]) >= figures


@pytest.mark.parametrize("key", measured.figures())
def test_figure_on_the_page_is_the_one_in_the_chapter(key: str) -> None:
    shown = parsed(built(SOURCES)).having(f"measured-{key}")
    assert shown
    for link in shown:
        assert link.content == measured.figures()[key].text
        address, _, anchor = link.attributes["href"].partition("#")
        (cell,) = [
            e for e in parsed((built(SOURCES).parent / address).resolve()).elements if e.attributes.get("id") == anchor
        ]
        assert "cell" in cell.classes


# Figures.


@pytest.mark.parametrize("page", PAGES)
def test_each_figure_has_an_alternative_text_a_caption_and_a_number(page: str) -> None:
    html = built(page).read_text(encoding="utf-8")
    for figure in re.findall(r"(?s)<figure\b.*?</figure>", html):
        shown = Page(f"<article>{figure}</article>")
        if 'id="tab-' in figure:
            assert figure.count('class="dataframe"') == 1
            assert shown.having("caption-number")[0].content.startswith("Table ")
            continue
        pictures = [e.attributes.get("alt") or e.attributes.get("aria-label", "") for e in shown.having("img")]
        pictures += [e.attributes.get("aria-label", "") for e in shown.having("diagram")]
        assert len(pictures) == 1, figure[:300]
        assert pictures[0].strip(), figure[:300]
        (number,) = shown.having("caption-number")
        (caption,) = shown.having("caption-text")
        assert number.content.strip()
        assert caption.content.strip(), figure[:300]


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_each_picture_and_diagram_stands_in_a_figure(page: str) -> None:
    html = re.sub(r"(?s)<figure\b.*?</figure>", "", built(page).read_text(encoding="utf-8"))
    shown = Page(html)
    assert [e.attributes["src"] for e in shown.having("img")] == []
    assert [e.attributes["aria-label"] for e in shown.having("diagram")] == []


@pytest.mark.parametrize("page", PAGES)
def test_identifiers_occur_once(page: str) -> None:
    ids = Counter(e.attributes["id"] for e in parsed(built(page)).elements if e.article and e.attributes.get("id"))
    assert [name for name, count in ids.items() if count > 1] == []


# Finding things.


def test_no_page_of_the_book_is_left_out() -> None:
    written = {p.relative_to(ROOT).with_suffix("").as_posix() for p in (ROOT / "book").rglob("*") if is_page(p)}
    assert written == set(PAGES)
    made = {p.relative_to(SITE).with_suffix("").as_posix() for p in (SITE / "book").rglob("*.html")}
    assert made - set(OLD) == set(PAGES)


def test_old_addresses_lead_to_the_pages_that_took_their_places() -> None:
    assert [page for page in OLD if page in PAGES] == []
    for page, target in OLD.items():
        assert normpath(f"{page}/../{target}").removesuffix(".html") in PAGES
        assert f'var target = "{target}"' in built(page).read_text(encoding="utf-8")


def is_page(path: Path) -> bool:
    inside = path.relative_to(ROOT)
    if path.name == "assignment.ipynb" or "student" in inside.parts:  # notebooks to download
        return False
    return path.suffix in {".md", ".ipynb"} and not any(part.startswith((".", "_")) for part in inside.parts)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_is_in_the_table_of_contents(page: str) -> None:
    listed = [e.attributes.get("href") for e in parsed(SITE / "book/index.html").elements if "internal" in e.classes]
    address = Path(page).relative_to("book").as_posix() + ".html"
    if page not in FUNCTIONS:  # these are listed on the package's page
        assert address in listed or page == "book/index"


# No page has these yet; chapters 4 to 7, once they are rewritten, may. This list only gets shorter.
UNOPENED = {
    "rnncourse.baselines.drift",
    "rnncourse.baselines.seasonal_naive",
    "rnncourse.drought.climatological_ensemble",
    "rnncourse.drought.drought_score",
    "rnncourse.forecasting.sampled_paths",
    "rnncourse.plotting.plot_history",
}


@pytest.mark.parametrize("page", FUNCTIONS)
def test_each_function_has_a_page_an_example_and_a_chapter(page: str) -> None:
    html = parsed(built(page))
    assert FUNCTIONS[page].path in {e.attributes.get("id") for e in html.having("sig-object")}
    name = FUNCTIONS[page].name
    assert html.having("doctest") or functions.through(name) != name, "no example"
    links = [e.attributes.get("href", "") for e in html.having("a")]
    opened = any(re.match(r"\.\./\.\./.+\.html#", link) for link in links)
    assert opened == (FUNCTIONS[page].path not in UNOPENED), "no chapter opens it up, or one does and UNOPENED names it"
    overview = [e.attributes.get("href", "") for e in parsed(built("book/reference/api")).having("a")]
    assert f"functions/{FUNCTIONS[page].name}.html#{FUNCTIONS[page].path}" in overview


def terms() -> list[str]:
    return [e.content.strip("# \n") for e in parsed(built(GLOSSARY)).having("dt")]


def test_each_term_of_the_glossary_is_used() -> None:
    used = {
        unquote(e.attributes.get("href", "")).partition("#")[2]
        for page in PAGES
        if page != GLOSSARY
        for e in parsed(built(page)).having("a")
    }
    unused, names = [], []
    for element in parsed(built(GLOSSARY)).elements:
        if element.tag == "dt":
            names.append(element)
        elif element.tag == "dd":  # the definition of all names before it
            if not used & {name.attributes["id"] for name in names}:
                unused.append(names[0].content.strip("# \n"))
            names = []
    assert unused == []


def test_index_has_terms_and_functions() -> None:
    listed = {e.content for e in parsed(SITE / "genindex.html").elements if e.tag == "a"}
    assert set(terms()) <= listed
    assert [f.name for f in FUNCTIONS.values() if not any(text.startswith(f.name) for text in listed)] == []
    assert any(e.attributes.get("href", "").endswith("genindex.html") for e in parsed(built(GLOSSARY)).having("a"))


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ({"persist"}, "book/03-sunspots/1-a-recipe"),  # words lose their endings in the search's index
        ({"persist"}, "book/reference/functions/persistence"),
        ({"close", "loop"}, "book/01-sine/1-one-step"),
        ({"backpropag", "detach"}, "book/02-by-hand/3-backwards"),
        ({"bptt"}, GLOSSARY),
    ],
)
def test_search_finds_the_page(words: set[str], page: str) -> None:
    text = (SITE / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    for word in words:
        found = [index[key].get(word, []) for key in ("terms", "titleterms")]
        numbers = [n for pages in found for n in (pages if isinstance(pages, list) else [pages])]
        assert page in [index["docnames"][n] for n in numbers]


@pytest.mark.parametrize("page", PAGES)
def test_each_numbered_equation_is_referred_to(page: str) -> None:
    labels = re.findall(r"(?m)\$\$ \(([^)\s]+)\)$|^:label: (eq-\S+)", source_of(page))
    sources = "\n".join(source_of(other) for other in PAGES if other not in FUNCTIONS)
    assert [a or b for a, b in labels if f"{{eq}}`{a or b}`" not in sources] == []


# Running it.


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_buttons_lead_to_this_notebook(page: str) -> None:
    links = {e.attributes.get("href", "") for e in parsed(built(page)).elements}
    if on_github := repository.on_github(REPOSITORY):
        name = "/".join(on_github)
        assert f"https://mybinder.org/v2/gh/{name}/notebooks?urlpath=lab/tree/{page}.ipynb" in links
        assert f"https://colab.research.google.com/github/{name}/blob/notebooks/{page}.ipynb" in links
    (download,) = [link for link in links if link.endswith(".ipynb") and "notebooks/" in link and ":" not in link]
    assert (built(page).parent / download).resolve() == SITE / "notebooks" / f"{page.removeprefix('book/')}.ipynb"


@pytest.mark.parametrize("page", PAGES)
def test_page_leads_only_to_the_address_that_is_set(page: str) -> None:
    links = {e.attributes.get("href", "") for e in parsed(built(page)).elements}
    own = [link for link in links if re.match(r"https://(mybinder|colab|[\w-]+\.github\.io)|.*/blob/", link)]
    assignments = {link for link in links if link.endswith("-assignment.ipynb") and "_downloads" in link}
    if not REPOSITORY:
        assert own == []
    else:
        wanted = (*filter(None, [HOME]), REPOSITORY, urlsplit(REPOSITORY).path.strip("/"))
        assert [link for link in own if not any(name in link for name in wanted)] == []
        in_colab = [link for link in own if "colab" in link and link.endswith("-assignment.ipynb")]
        assert len(in_colab) == len(assignments) * bool(repository.on_github(REPOSITORY))


# What machines read.


def meta(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for e in parsed(built(page)).elements:
        if e.tag == "meta":
            key = e.attributes.get("name") or e.attributes.get("property", "")
            found.setdefault(key, []).append(e.attributes.get("content", ""))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_it_is(page: str) -> None:
    elements = parsed(built(page)).elements
    address = [f"{HOME}{page}.html"] if HOME else []
    assert [e.attributes["lang"] for e in elements if e.tag == "html"] == ["en-GB"]
    assert [e.attributes["href"] for e in elements if e.attributes.get("rel") == "canonical"] == address
    tags = meta(page)
    assert tags.get("og:url", []) == tags.get("citation_public_url", []) == address
    assert tags.get("og:image", []) == [f"{HOME}_static/social-card.png"] * len(address)
    assert (SITE / "_static" / "social-card.png").is_file()
    (description,) = tags["description"]
    assert 30 <= len(description) <= 320
    assert tags["og:description"] == [description]
    assert tags["citation_title"] == [title_of(page)]


def title_of(page: str) -> str:
    heading = parsed(built(page)).having("h1")[0].content.strip("# \n")
    return re.sub(r"^[\d.]+ ", "", heading)


def test_pages_differ_in_title_and_description() -> None:
    for values in ([title_of(page) for page in PAGES], [meta(page)["description"][0] for page in PAGES]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_citation_is_the_one_of_the_file() -> None:
    cited = metadata.citation()
    (data,) = [e.content for e in parsed(built("book/index")).elements if "ld+json" in e.attributes.get("type", "")]
    book = json.loads(data)
    assert (book["name"], book["version"]) == (cited["title"], cited["version"])
    assert book.get("url", "") == HOME
    assert cited.get("repository-code", "") == book.get("codeRepository", "") == REPOSITORY
    assert meta("book/01-sine/1-one-step")["citation_author"] == [author["name"] for author in cited["authors"]]


def test_site_map_lists_every_page() -> None:
    if not HOME:
        assert not (SITE / "sitemap.xml").exists()
        return
    listed = re.findall("<loc>(.+?)</loc>", (SITE / "sitemap.xml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(f"{HOME}{page}.html" for page in PAGES)
    assert f"Sitemap: {HOME}sitemap.xml" in (SITE / "robots.txt").read_text(encoding="utf-8")


def is_visible(output: dict[str, object]) -> bool:
    """Glued values are stored as outputs, but shown elsewhere."""
    metadata = output.get("metadata")
    return not (isinstance(metadata, dict) and "scrapbook" in metadata)


CHAPTERS = [page for page in NOTEBOOKS if re.match(r"book/[^/]*/\d", page)]


@pytest.mark.parametrize("chapter", sorted({Path(page).parent.name for page in CHAPTERS}))
def test_deck_shows_every_figure(chapter: str) -> None:
    deck = parsed(SITE / "slides" / f"{chapter}.html")
    figures = [e for e in deck.elements if e.tag == "figure"]
    pages = [parsed(built(page)) for page in CHAPTERS if Path(page).parent.name == chapter]
    assert len(figures) == sum(len(page.having("figure")) for page in pages) > 0
    assert fetched_from_elsewhere(deck) == []


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_no_error_in_an_output(page: str) -> None:
    cells = json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    wanted = sum("raises-exception" in c["metadata"].get("tags", []) for c in cells)
    shown = [e for e in parsed(built(page)).having("cell_output") if "Traceback (most recent" in e.content]
    assert len(shown) <= wanted


# The checks' own tools, on small texts.


@pytest.mark.parametrize(
    ("markdown", "count"),
    [
        ("no formula", 0),
        ("costs \\$5 or \\$6", 0),
        ("`$x$` and ``$y$`` are code", 0),
        ("$x$ and $y$,\n$$\nz\n$$\n$a\n+b$", 4),
        ("{math}`x` and `y`", 1),
        ("```python\n$x$\n```\n$y$", 1),
        ("```{math}\n:label: eq\nx = $\n```", 1),
        ("````{exercise} A title\n$x$\n```python\n$y$\n```\n$z$\n````\n$w$", 3),
        (":::{note}\n$x$\n:::\n```\n$y$\n```\n$z$", 2),
        ("\\begin{align}\nx &= y\n\\end{align}\n| $a$ | $b$ |", 3),
    ],
)
def test_formulas_are_counted(markdown: str, count: int) -> None:
    assert count_formulas(markdown) == count


def test_marks_left_in_the_prose_are_noticed() -> None:
    assert unrendered("the state $h_t$ and \\alpha, see {eq}`loss`") == ["$h_t$", "\\alpha", "{eq}`"]
    assert unrendered("half a $ formula") == ["$"]
    assert unrendered("half a formula, 2 * 3, a_b") == []


def test_unbalanced_formulas_are_noticed() -> None:
    assert tex_faults(r"\(\frac{a}{b\)") == ["2 { and 1 }"]
    assert tex_faults(r"\[\left( a \\ \{ b \right)\]") == []
