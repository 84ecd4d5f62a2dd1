"""The built site in Chromium: ``make book``, then ``pytest tests/test_browser.py``; a part of ``make test-all``.

Each page is opened once, with no other host in reach, and looked at on a phone and on a wide screen,
in light and dark, with all that is folded unfolded.
"""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page
from test_diagrams import DRAWN, too_small
from test_diagrams import PHONE as PLACE
from test_site import NOTEBOOKS, OLD, PAGES, SITE, built, parsed

pytestmark = pytest.mark.browser
APART = {"_static", "slides"}  # parts of the theme; decks, which have no place in the book's navigation
ALL = sorted(
    str(path.relative_to(SITE).with_suffix(""))
    for path in SITE.rglob("*.html")
    if path != SITE / "index.html" and path.relative_to(SITE).parts[0] not in APART
) or ["book/index"]
ALL = [page for page in ALL if page not in OLD]
CHAPTERS = [name for name in NOTEBOOKS if re.match("[0-9]", Path(name).name)]
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1300, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
RULES_ON_COLOUR = ["color-contrast", "link-in-text-block"]
MOST_BYTES = 1_500_000
TIMEOUT = 120_000  # milliseconds: a machine may be busy with other things
TIMES = "() => [performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd, performance.now()]"
TEXT = {".html", ".css", ".js", ".svg", ".json"}

# Blocks that may be wider than a phone, because they scroll by themselves.
SCROLLING = "pre, .math, .pst-scrollable-table-container, .output.text_html, .live-editor .highlight"

READY = "() => window.MathJax?.startup?.promise.then(() => true)"

# What MathJax could not read it shows as an error, or in red.
FORMULAS = """() => ({
  shown: document.querySelectorAll('mjx-container').length,
  wrong: [...document.querySelectorAll('mjx-merror, mjx-container [style*="color: red"]')].map(e => e.textContent),
})"""

# At once: in the middle of fading in, text is pale.
UNFOLD = """() => {
  document.head.append(Object.assign(document.createElement('style'), {
    textContent: '*, *::before, *::after { transition: none !important; animation: none !important; }' }));
  for (const e of document.querySelectorAll('details')) e.open = true;
  for (const e of document.querySelectorAll('button.toggle-button-hidden')) e.click();
  for (const e of document.querySelectorAll('.selfcheck [hidden]')) e.hidden = false;
}"""

# Whatever reaches past the right edge must lie in a block that scrolls, and that block within the screen.
SIDEWAYS = """scrolling => {
  const name = e => e.tagName.toLowerCase() + [...e.classList].map(c => '.' + c).join('');
  const found = new Set();
  if (document.documentElement.scrollWidth > innerWidth) found.add('the whole page');
  for (const e of document.querySelectorAll('.bd-article-container *:not(mjx-container *)')) {
    const box = e.getBoundingClientRect();
    if (!box.width || box.right <= innerWidth + 1) continue;
    let block = e.parentElement.closest(scrolling);
    while (block && getComputedStyle(block).overflowX !== 'auto') block = block.parentElement.closest(scrolling);
    if (!block || block.getBoundingClientRect().right > innerWidth + 1) found.add(name(e));
  }
  return [...found];
}"""

# Of words in code and formulas in a line, which repeat by the thousand, axe-core reads some of each kind.
THIN = """() => {
  const kinds = new Set();
  for (const e of document.querySelectorAll('pre span[class]:not(:has(*))')) {
    if (kinds.has(e.className)) e.replaceWith(...e.childNodes); else kinds.add(e.className);
  }
  for (const e of [...document.querySelectorAll('mjx-container:not([display])')].slice(3)) e.replaceChildren();
}"""


@dataclass
class Visit:
    """What a visit to a page showed."""

    requests: list[str]
    errors: list[str]
    formulas: int
    wrong_formulas: list[str]
    sideways: list[str]
    violations: dict[str, list[str]]


def visit(page: Page, url: str) -> Visit:
    """Open a page, and look at all that the checks below ask for."""
    requests, errors = watched(page)
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="light")
    page.goto(url)
    page.evaluate(READY)
    formulas = page.evaluate(FORMULAS)
    page.evaluate(UNFOLD)
    sideways = page.evaluate(SIDEWAYS, SCROLLING)
    page.evaluate(THIN)
    page.evaluate(AXE_SCRIPT)
    violations = {}
    for width in (PHONE, WIDE):
        page.set_viewport_size(width)
        # What a rule says that does not look at colours is the same in the dark.
        for scheme, rules in (("light", RULES), ("dark", RULES_ON_COLOUR)):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
            violations[f"{scheme}, {width['width']} pixels"] = violations_on(page, rules)
    return Visit(requests, errors, formulas["shown"], formulas["wrong"], sideways, violations)


def watched(page: Page) -> tuple[list[str], list[str]]:
    """Two lists that go on growing: what the page asks for, and what fails in it."""
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("requestfailed", lambda request: errors.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda r: errors.append(f"{r.url}: {r.status}") if r.status >= 400 else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return requests, errors


def violations_on(page: Page, rules: list[str]) -> list[str]:
    """What axe-core finds wrong, one line for each element."""
    options = {"runOnly": rules, "reporter": "no-passes", "preload": False}
    return [
        f"{rule['id']} at {' '.join(map(str, node['target']))}: {node['html'][:100]}: "
        + "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])
        for rule in page.evaluate("options => axe.run(document, options)", options)["violations"]
        for node in rule["nodes"]
    ]


class Visits(dict[str, Visit]):
    """Visits to the site's pages, each made when it is first asked for."""

    def __init__(self, browser: Browser, site_url: str) -> None:
        super().__init__()
        self.site_url = site_url
        self.context = browser.new_context(reduced_motion="reduce")
        self.context.set_default_timeout(TIMEOUT)

    def __missing__(self, name: str) -> Visit:
        with self.context.new_page() as page:
            self[name] = visit(page, f"{self.site_url}/{name}.html")
        return self[name]


@pytest.fixture(scope="module")
def visits(browser: Browser, site_url: str) -> Iterator[Visits]:
    made = Visits(browser, site_url)
    yield made
    made.context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=WIDE, reduced_motion="reduce") as context:
        context.set_default_timeout(TIMEOUT)
        yield context.new_page()


# What every page must be.


@pytest.mark.parametrize("name", ALL)
def test_nothing_bars_the_way(name: str, visits: Visits) -> None:
    """WCAG 2.1 A and AA and best practice, as far as axe-core can tell."""
    assert {key: found for key, found in visits[name].violations.items() if found} == {}


@pytest.mark.parametrize("name", ALL)
def test_no_request_leaves(name: str, visits: Visits, site_url: str) -> None:
    assert elsewhere(visits[name].requests, site_url) == []
    assert visits[name].errors == []


def elsewhere(requests: list[str], site_url: str) -> list[str]:
    return [url for url in requests if not url.startswith((f"{site_url}/", "data:"))]


@pytest.mark.parametrize("name", ALL)
def test_every_formula_is_shown(name: str, visits: Visits) -> None:
    assert visits[name].formulas == sum(element.is_math for element in parsed(built(name)).elements)
    assert visits[name].wrong_formulas == []


@pytest.mark.parametrize("name", ALL)
def test_nothing_reaches_past_the_edge_of_a_phone(name: str, visits: Visits) -> None:
    assert visits[name].sideways == []


# At the width of a small laptop: code that is cut, and tables wider than their place.
CUT = """() => {
  const found = [];
  for (const e of document.querySelectorAll('.bd-article pre'))
    if (e.scrollWidth > e.clientWidth) found.push('code: ' + e.textContent.trim().slice(0, 60));
  for (const e of document.querySelectorAll('.bd-article table')) {
    const place = e.closest('.pst-scrollable-table-container, .output, .bd-article');
    if (e.scrollWidth > place.clientWidth) found.push('table: ' + e.textContent.trim().slice(0, 60));
  }
  return found;
}"""
# On a phone: where the first cell of a table's row is after its table was moved by 100 pixels.
MOVED = """() => [...document.querySelectorAll('.pst-scrollable-table-container, .output.text_html')].map(e => {
  const cell = e.querySelector('tbody tr > :first-child');
  if (!cell || e.scrollWidth < e.clientWidth + 100) return 0;
  const before = cell.getBoundingClientRect().left;
  e.scrollLeft = 100;
  return before - cell.getBoundingClientRect().left;
})"""


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut(name: str, page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/{name}.html")
    page.evaluate(UNFOLD)
    assert page.evaluate(CUT) == []
    page.set_viewport_size(PHONE)
    assert max(page.evaluate(MOVED), default=0) < 2


def test_chapters_are_light(visits: Visits, page: Page, site_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All that a first visit fetches, theme and MathJax too, compressed as web servers do: under 1.5 MB."""
    sizes = {name: sum(transferred(path) for path in paths(visits[name].requests)) for name in NOTEBOOKS}
    heaviest = max(NOTEBOOKS, key=sizes.__getitem__)
    page.goto(f"{site_url}/{heaviest}.html")
    page.evaluate(READY)
    readable, finished = page.evaluate(TIMES)
    with capsys.disabled():
        print(  # noqa: T201
            f"\nHeaviest chapter: {heaviest}, {sizes[heaviest] / 1e6:.2f} MB on a first visit."
            f" It can be read after {readable / 1e3:.1f} s, and all its formulas stand after {finished / 1e3:.1f} s."
        )
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def paths(requests: list[str]) -> set[str]:
    return {unquote(urlsplit(url).path) for url in requests if not url.startswith("data:")}


@cache
def transferred(path: str) -> int:
    content = (SITE / path.lstrip("/")).read_bytes()
    return len(gzip.compress(content) if Path(path).suffix in TEXT else content)


# Of each diagram: its width; each piece of text and its size, both in pixels of the screen; what text
# lies on other text, on a line, or beyond the edge. A font leaves a fifth above its letters empty.
DIAGRAMS = """() => [...document.querySelectorAll('svg.diagram')].map(svg => {
  const edge = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text')].map(e => {
    const box = e.getBoundingClientRect(), cut = box.height / 5;
    return { words: e.textContent, left: box.left, right: box.right, top: box.top + cut, bottom: box.bottom - cut };
  });
  const faults = new Set();
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  texts.forEach((a, i) => {
    for (const b of texts.slice(i + 1)) if (meet(a, b)) faults.add(`${a.words} on ${b.words}`);
    if (a.left < edge.left || a.right > edge.right || a.top < edge.top || a.bottom > edge.bottom)
      faults.add(`${a.words} beyond the edge`);
  });
  for (const e of svg.querySelectorAll(':is(rect, circle, path, line):not([stroke=none], marker *)')) {
    const length = e.getTotalLength();
    for (let at = 0; at <= length; at += 2) {
      const { x, y } = e.getPointAtLength(at).matrixTransform(e.getScreenCTM());
      for (const a of texts) if (a.left < x && x < a.right && a.top < y && y < a.bottom)
        faults.add(`${a.words} on a ${e.tagName}`);
    }
  }
  const own = e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent).join('');
  const sizes = [...svg.querySelectorAll('text, tspan')]
    .map(e => [own(e), parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a]);
  return { width: edge.width, most: svg.viewBox.baseVal.width, sizes, faults: [...faults] };
})"""


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_diagrams_can_be_read_on_a_phone(name: str, page: Page, site_url: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{site_url}/book/{name}.html")
    found = page.evaluate(DIAGRAMS)
    assert len(found) == len(DRAWN[name])
    for drawing in found:
        assert drawing["width"] == pytest.approx(min(PLACE, drawing["most"]), abs=0.5)
        assert too_small(drawing["sizes"]) == []
        assert drawing["faults"] == []


# What a reader does.


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("persistence", "book/03-sunspots/1-a-recipe"),
        ("closed loop", "book/01-sine/1-one-step"),
        ("BPTT", "book/reference/glossary"),
    ],
)
@pytest.mark.parametrize("begin", ["{site_url}/book/index.html", "file://{SITE}/book/index.html"], ids=["web", "file"])
def test_search_finds(words: str, expected: str, begin: str, page: Page, site_url: str) -> None:
    requests, _ = watched(page)
    page.goto(begin.format(site_url=site_url, SITE=SITE))
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_function("() => /Search finished/.test(document.querySelector('#search-results')?.textContent)")
    first = page.locator("#search-results li a").evaluate_all("links => links.slice(0, 8).map(a => a.href)")
    assert any(f"/{expected}.html" in link for link in first), first
    assert elsewhere(requests, "file://" if begin.startswith("file:") else site_url) == []


def test_page_shows_from_a_folder(page: Page) -> None:
    """A downloaded copy, opened without a server."""
    requests, errors = watched(page)
    page.goto(f"file://{SITE}/book/01-sine/1-one-step.html")
    page.evaluate(READY)
    assert page.evaluate(FORMULAS)["shown"] > 0
    assert elsewhere(requests, "file://") == []
    assert errors == []


@pytest.mark.parametrize("old", OLD)
def test_old_address_leads_on_with_its_anchor(page: Page, site_url: str, old: str) -> None:
    for start in (site_url, f"file://{SITE}"):
        page.goto(f"{start}/{old}.html#main-content")
        new = f"{start}/{normpath(f'{old}/../{OLD[old]}')}#main-content"
        page.wait_for_url(new, wait_until="domcontentloaded")


def test_icons_are_drawn(page: Page, site_url: str) -> None:
    """By the font alone, without the theme's script: see book/_static/scripts."""
    page.goto(f"{site_url}/book/01-sine/1-one-step.html")
    drawn = "icons => icons.map(e => getComputedStyle(e, '::before').content)"
    shown = page.locator("i[class*=fa-]:visible").evaluate_all(drawn)
    assert shown
    assert not {"none", "normal"} & set(shown)
    assert page.evaluate("() => document.fonts.ready.then(f => f.check('900 1em \"Font Awesome 6 Free\"'))")


def test_note_stands_in_the_margin_or_unfolds(page: Page, site_url: str) -> None:
    """On a wide screen beside its line; on a phone the first Enter or tap unfolds it, and the next one leads on."""
    page.goto(f"{site_url}/book/01-sine/1-one-step.html")
    link = page.locator("a.sidenote", has_text="window").first
    shown = "e => { const s = getComputedStyle(e, '::after'); return [s.display, s.float, s.content.slice(0, 8)]; }"
    assert link.evaluate(shown) == ["block", "right", '"window:']
    page.set_viewport_size(PHONE)
    assert link.evaluate(shown)[0] == "none"
    link.press("Enter")
    assert link.evaluate(shown) == ["block", "left", '"window:']
    assert page.url.endswith("1-one-step.html")
    link.press("Enter")
    page.wait_for_url(f"{site_url}/book/reference/glossary.html#term-window")


def test_theme_is_chosen_by_keyboard_and_kept(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/book/index.html")
    mode = "() => document.documentElement.dataset.mode"
    before = page.evaluate(mode)
    button = page.locator("button.theme-switch-button:visible")
    seen = []
    for _ in range(3):
        button.press("Enter")
        seen.append(page.evaluate(mode))
    assert sorted(seen) == ["auto", "dark", "light"]
    assert seen[-1] == before
    while page.evaluate(mode) != "dark":
        button.press("Enter")
    page.reload()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"


def test_next_and_previous_lead_through_the_book(page: Page, site_url: str) -> None:
    for left, right in pairwise(PAGES):
        (onwards,) = [e for e in parsed(built(left)).elements if "right-next" in e.classes]
        (back,) = [e for e in parsed(built(right)).elements if "left-prev" in e.classes]
        assert (built(left).parent / onwards.attributes["href"]).resolve() == built(right)
        assert (built(right).parent / back.attributes["href"]).resolve() == built(left)
    page.goto(f"{site_url}/{PAGES[0]}.html")
    page.locator("a.right-next").click()
    page.wait_for_url(f"{site_url}/{PAGES[1]}.html")


@pytest.mark.parametrize("name", CHAPTERS)
def test_self_checks_answer_by_keyboard(name: str, page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/{name}.html")
    assert page.locator(".selfcheck").count() >= 2  # bets count
    checks = page.locator(".selfcheck:not(.bet)")
    for check in checks.all():
        reasons = check.locator(".reasons > div:visible")
        answers = check.locator("input").all()
        assert reasons.count() == 0
        answers[0].press("Space")
        told = [reasons.inner_text()]
        for before in answers[:-1]:
            before.press("ArrowDown")
            told.append(reasons.inner_text())
        assert [text[:4] for text in told] == [f"({letter}) " for letter in "abcdefgh"[: len(told)]]
        assert sum(text[4:].startswith("Right.") for text in told) == 1


# The checks' own tools, on a small page with one fault of each kind.

FAULTY = """<!doctype html><html lang="en"><head><title>Faults</title></head><body>
<main class="bd-article-container"><h1>Faults</h1>
<p style="color: #aaa">pale</p><p><img src="http://elsewhere.invalid/a.png" alt="A picture."></p>
<p class="wide" style="width: 900px">wide</p><pre style="overflow-x: auto" tabindex="0"><b style="padding-left: 900px">
</b></pre><mjx-container><mjx-merror>a</mjx-merror></mjx-container></main></body></html>"""


def test_faults_are_noticed(page: Page) -> None:
    requests, errors = watched(page)
    page.set_viewport_size(PHONE)
    page.set_content(FAULTY)
    page.evaluate(AXE_SCRIPT)
    (pale,) = violations_on(page, RULES)
    assert pale.startswith("color-contrast at p")
    assert page.evaluate(SIDEWAYS, SCROLLING) == ["the whole page", "p.wide"]
    assert elsewhere(requests, "http://127.0.0.1:80") == ["http://elsewhere.invalid/a.png"]
    assert errors == ["http://elsewhere.invalid/a.png: net::ERR_NAME_NOT_RESOLVED"]
    assert page.evaluate(FORMULAS) == {"shown": 1, "wrong": ["a"]}


DRAWING = """<svg class="diagram" viewBox="0 0 200 100" width="100" font-family="monospace" font-size="20">
<text x="9" y="40">ab<tspan font-size="30">c</tspan></text><text x="20" y="42">d</text><line x1="100" x2="160" y1="44"
y2="44" stroke="red"/><text x="120" y="50">ef</text><text x="190" y="90">gh</text><rect stroke="red" x="50" y="60"
width="90" height="40"/><text x="90" y="90">i</text></svg>"""


def test_faults_of_a_diagram_are_noticed(page: Page) -> None:
    page.set_content(DRAWING)
    (found,) = page.evaluate(DIAGRAMS)
    assert found["faults"] == ["abc on d", "gh beyond the edge", "ef on a line"]
    assert found["sizes"] == [["ab", 10], ["c", 15], ["d", 10], ["ef", 10], ["gh", 10], ["i", 10]]
    assert too_small(found["sizes"]) == [(text, 10) for text in ("ab", "d", "ef", "gh", "i")]
