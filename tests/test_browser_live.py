"""Live cells in Chromium: every one of the book's and of a small page prints what Jupyter printed.

From a server and from a folder, with no other host in reach.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import live_page
import nbformat
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from live_page import Site
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from playwright.sync_api import TimeoutError as Timeout
from test_browser import PHONE, READY, RULES, THIN, WIDE, elsewhere, violations_on, watched
from test_site import NOTEBOOKS, SITE, built

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[1]
TIMEOUT = 120_000  # milliseconds: a machine may be busy with other things
ENDED = "cell => ['done', 'error'].includes(cell.dataset.liveState)"
HTML = [name for name in NOTEBOOKS if built(name).is_file()]
BOOK = [name for name in HTML if "_static/live.js?v=" in built(name).read_text(encoding="utf-8")]
PAGES = ["small", *BOOK]


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport=WIDE, reduced_motion="reduce") as made:
        made.set_default_timeout(TIMEOUT)
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with context.new_page() as made:
        yield made


@pytest.fixture(scope="module")
def opened(context: BrowserContext, small: Site) -> Iterator[Page]:
    with context.new_page() as made:
        made.goto(f"{small.url}/small.html")
        yield made


@pytest.fixture
def warm(opened: Page) -> Iterator[Page]:
    """The small page, with Python at work; each test leaves the code as it was, and nothing running."""
    yield opened
    for name in ("Stop", "Reset"):
        shown = opened.get_by_role("button", name=re.compile(f"^{name}"))
        while shown.count():  # each one that is clicked is hidden, and counts no more
            shown.first.click()


def cells(page: Page) -> list[Locator]:
    return page.locator(".cell.tag_live").all()


def cell(page: Page, name: str) -> Locator:
    """The live cell of the small page with this name."""
    return cells(page)[[*re.findall(r"(?m)^%% (\w+) live", live_page.PAGE)].index(name)]


def press(place: Locator, button: str = "Run") -> None:
    place.get_by_role("button", name=re.compile(f"^{button}")).click()


def ended(place: Locator) -> str:
    """Wait for the end of a run; how it ended."""
    try:
        place.page.wait_for_function(ENDED, arg=place.element_handle())
    except Timeout as why:
        states = [(each.get_attribute("data-live-state"), said(each)) for each in cells(place.page)]
        raise AssertionError(f"{said(place)!r} is said, and of all cells: {states}") from why
    return str(place.get_attribute("data-live-state"))


def printed(place: Locator) -> str:
    return place.locator("[data-live-output] pre").evaluate_all("all => all.map(e => e.textContent).join('')")


def said(place: Locator) -> str:
    return place.locator(".live-status").inner_text()


def write(place: Locator, code: str) -> None:
    edit = place.get_by_role("button", name=re.compile("^Edit"))
    if edit.is_visible():
        edit.click()
    place.locator("textarea").fill(code)


def run(place: Locator, code: str | None = None) -> str:
    """Run a cell, perhaps with other code; how it ended."""
    if code is not None:
        write(place, code)
    press(place)
    return ended(place)


# What each page prints.


def printed_by(name: str, small: Site) -> dict[str, str]:
    if name in small.printed:
        return small.printed[name]
    return live_page.committed(nbformat.read(ROOT / f"{name}.ipynb", 4))


@pytest.mark.parametrize("begin", ["http", "file"])
@pytest.mark.parametrize("name", PAGES)
def test_every_cell_prints_what_jupyter_printed(name: str, begin: str, page: Page, small: Site, site_url: str) -> None:
    folder, url = (small.folder, small.url) if name == "small" else (SITE, site_url)
    start = url if begin == "http" else f"file://{folder}"
    requests, errors = watched(page)
    page.goto(f"{start}/{name}.html")
    assert not [request for request in requests if "/live/" in request or "worker" in request], "before the click"
    expected = printed_by(name, small)
    assert len(cells(page)) == len(expected)
    for place, (identity, text) in zip(cells(page), expected.items(), strict=True):
        solution = place.get_attribute("data-solution")
        assert run(place, solution) == "done", (identity, printed(place), said(place))
        assert printed(place) == text, identity
    assert elsewhere([r for r in requests if not r.startswith("blob:")], start) == []
    assert [error for error in errors if not error.endswith("/favicon.ico: 404")] == []


def test_less_than_9_mb_come_and_only_once(page: Page, small: Site) -> None:
    requests, _ = watched(page)
    page.goto(f"{small.url}/small.html")
    before = len(requests)
    assert run(cell(page, "series")) == "done"
    press(cell(page, "counted"))
    assert ended(cell(page, "counted")) == "done"
    came = sorted(request.removeprefix(f"{small.url}/") for request in requests[before:])
    came = [request for request in came if not request.startswith("blob:")]
    assert came == ["_static/live-worker.js", "_static/live/python.bin"]
    assert sum((small.folder / request).stat().st_size for request in came) < 9_000_000


# What a reader does.

FAILED = """so far
Traceback (most recent call last):
  File "<cell 3>", line 4, in <module>
    f(0)
  File "<cell 3>", line 2, in f
    return 1 / x
           ~~^~~
ZeroDivisionError: division by zero
"""


def test_earlier_cells_run_first_and_share_their_names(warm: Page, small: Site) -> None:
    for name in ("package", "series"):
        assert run(cell(warm, name)) == "done"
    assert printed(cell(warm, "functions")) == small.printed["small"]["functions"]
    assert run(cell(warm, "counted")) == "done"
    assert run(cell(warm, "counted")) == "done"
    assert printed(cell(warm, "counted")) == "2\n", "again, as in a notebook"
    assert run(cell(warm, "silent")) == "done"
    assert run(cell(warm, "counted")) == "done"
    assert printed(cell(warm, "counted")) == "1\n"


def test_edited_cell_changes_those_after_it_until_it_is_reset(warm: Page, small: Site) -> None:
    first, later, after = (cell(warm, name) for name in ("series", "functions", "after"))
    assert run(after) == "done"
    assert run(first, "series = np.full(40, 3.0)\nprint('other')") == "done"
    assert printed(first) == "other\n"
    assert run(later) == "done"
    assert printed(later).startswith("360.000000 and [9. 9.")
    assert run(after) == "done"
    assert printed(after) == "6.000000\n", "what lies between has run again"
    press(first, "Reset")
    assert first.locator("textarea").input_value().startswith("series = np.sin")
    assert first.locator(".cell_output").is_visible()
    assert not first.locator("[data-live-output]").is_visible()
    assert run(later) == "done"
    assert printed(later) == small.printed["small"]["functions"]


def test_reset_of_a_cell_that_ran_for_another_hides_what_it_said(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    first = cell(page, "series")
    assert run(cell(page, "functions")) == "done"
    assert printed(first) == small.printed["small"]["series"]
    press(first, "Reset")
    assert first.locator(".cell_output").is_visible()
    assert not first.locator("[data-live-output]").is_visible()
    assert page.evaluate("document.activeElement.className") == "live-run"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = = 1", '  File "<cell 3>", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n'),
        ("def f():\nreturn 1", "IndentationError: expected an indented block after function definition on line 1\n"),
        (
            "def f(x):\n    return 1 / x\nprint('so far')\nf(0)",
            FAILED,
        ),
        ("def f(): return f()\nf()", "RecursionError: maximum recursion depth exceeded\n"),
        ("np.ones((100_000, 100_000))", "ValueError: array is too big"),
        ("input()", "EOFError"),
        ("raise SystemExit(3)", "SystemExit: 3\n"),
        ("plt.subplots()", "AttributeError: in the page plt has plot, xlabel"),
    ],
)
def test_errors_are_told_as_python_tells_them(warm: Page, code: str, expected: str) -> None:
    place = cell(warm, "long")
    assert run(place, code) == "error"
    assert printed(place) == expected if expected.startswith("so far") else expected in printed(place)
    after = cell(warm, "silent")
    assert run(after) == "error"
    assert said(after) == "Not run: cell 3 above stopped with an error."
    press(place, "Reset")
    assert run(after) == "done"


def test_endless_loop_is_stopped_and_the_page_stays_alive(warm: Page, small: Site) -> None:
    place = cell(warm, "functions")
    write(place, "print('begun')\nwhile True:\n    pass")
    press(place)
    place.locator("[data-live-output] pre", has_text="begun").wait_for()
    assert place.get_attribute("data-live-state") == "running"
    cell(warm, "series").locator(".live-run").dispatch_event("click")  # one at a time: nothing happens
    assert cell(warm, "series").get_attribute("data-live-state") != "running"
    press(place, "Stop")
    assert place.get_attribute("data-live-state") == "idle"
    assert said(place) == "Stopped. The next run starts anew, with the cells above."
    assert warm.evaluate("document.activeElement.className") == "live-run"
    press(place, "Reset")
    assert run(cell(warm, "package")) == "done"
    assert printed(place) == small.printed["small"]["functions"]


def test_endless_printing_and_much_text_do_not_freeze_the_page(warm: Page) -> None:
    place = cell(warm, "functions")
    write(place, "while True:\n    print('x' * 50)")
    press(place)
    place.locator("[data-live-output] pre", has_text="cut after 100,000 characters").wait_for()
    assert len(printed(place)) < 101_000
    press(place, "Stop")


@pytest.mark.parametrize("code", ["np.ones(200_000_000)", "[np.empty(60_000_000) for _ in range(20)]"])
def test_huge_array_is_an_error_and_ends_neither_python_nor_the_page(warm: Page, code: str) -> None:
    """At once or piece by piece: what has no room is told by Python itself, which goes on."""
    place = cell(warm, "long")
    assert run(place, f"kept = 1\nkept = {code}") == "error"
    assert "MemoryError: Unable to allocate " in printed(place)
    assert run(place, "print(kept, len(np.empty(40_000_000)))") == "done"
    assert printed(place) == "1 40000000\n"
    press(place, "Reset")
    assert run(cell(warm, "package")) == "done"


def test_two_pages_at_once_share_nothing(context: BrowserContext, small: Site) -> None:
    with context.new_page() as one, context.new_page() as other:
        for each in (one, other):
            each.goto(f"{small.url}/small.html")
        write(cell(one, "silent"), "count = 10")
        for each in (one, other):
            press(cell(each, "counted"))
        assert [ended(cell(each, "counted")) for each in (one, other)] == ["done", "done"]
        assert [printed(cell(each, "counted")) for each in (one, other)] == ["11\n", "1\n"]


def test_turn_of_the_reader(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    turn, after = cell(page, "turn"), cell(page, "after")
    start = turn.locator("textarea").input_value()
    assert start == "doubled = ...\nprint(doubled.sum().round(6))"
    assert run(after) == "done"
    assert printed(after) == small.printed["small"]["after"], "the solution was run for it"
    assert turn.get_attribute("data-live-state") == "idle"
    assert not turn.locator("[data-live-output]").is_visible()
    assert run(turn, "doubled = list(series)") == "error"
    assert printed(turn) == "doubled is to be an array, and is list"
    assert said(turn).startswith("Not yet.")
    assert run(after) == "done"
    assert printed(after) == small.printed["small"]["after"], "not what is not right"
    assert run(turn, "doubled = series + series  # mine\nprint('mine')") == "done"
    assert printed(turn) == "mine\n"
    assert said(turn).startswith("Right: twice as large.")
    assert run(after, "print(doubled.shape)") == "done"
    assert printed(turn) == "mine\n", "the reader's own is kept"
    assert run(turn, "x = 1 / 0") == "error"
    assert "ZeroDivisionError" in printed(turn)


def test_a_check_finds_no_name_of_an_earlier_run(warm: Page) -> None:
    """Neither what the solution made, which ran for a later cell, nor what the reader's own did."""
    turn = cell(warm, "turn")
    assert run(cell(warm, "after")) == "done"
    assert run(turn, "# nothing yet") == "error"
    assert printed(turn) == "NameError: name 'doubled' is not defined"
    assert run(turn, "doubled = series + series") == "done"
    assert run(turn, "doubeld = 2 * series") == "error"
    assert "'doubled'" in printed(turn)
    assert run(cell(warm, "after")) == "done"


def test_a_check_that_fails_is_read_on_a_phone(page: Page, small: Site) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a width and a height
    page.goto(f"{small.url}/small.html")
    turn = cell(page, "turn")
    name = "what_is_no_array" * 8
    assert run(turn, f"class {name}: pass\ndoubled = {name}()") == "error"
    assert printed(turn) == f"doubled is to be an array, and is {name}"
    message = turn.locator(".live-error")
    assert message.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_reset_mends_what_a_cell_has_spoilt(warm: Page, small: Site) -> None:
    first, later = cell(warm, "series"), cell(warm, "functions")
    assert run(first, "import builtins\nprint = 3\nbuiltins.sum = None\nseries = np.ones(40)") == "done"
    assert run(later) == "error"
    press(first, "Reset")
    assert run(later) == "done"
    assert printed(later) == small.printed["small"]["functions"]


def test_old_output_goes_where_a_cell_is_not_run(warm: Page, small: Site) -> None:
    first, later = cell(warm, "series"), cell(warm, "functions")
    assert run(later) == "done"
    assert run(first, "1 / 0") == "error"
    assert run(later) == "error"
    assert said(later) == "Not run: cell 1 above stopped with an error."
    assert printed(later) == ""
    assert not later.locator(".cell_output").is_visible()
    press(first, "Reset")
    assert run(later) == "done"


def test_what_a_reader_wrote_is_there_after_a_reload(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    mine = {"silent": "count = 41  # mine", "turn": "doubled = series + series  # mine"}
    for name, code in mine.items():
        write(cell(page, name), code)
    page.reload()
    for name, code in mine.items():
        assert cell(page, name).locator("textarea").input_value() == code
        assert cell(page, name).get_by_role("button", name=re.compile("^Reset")).is_visible()
    assert cell(page, "series").locator("textarea").count() == 0
    assert run(cell(page, "counted")) == "done"
    assert printed(cell(page, "counted")) == "42\n"
    press(cell(page, "silent"), "Reset")
    page.reload()
    assert cell(page, "silent").locator("textarea").count() == 0


def test_a_cell_waits_for_another(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    first, other = cell(page, "series"), cell(page, "counted")
    press(first)
    press(other)
    assert said(other) == "Waiting for cell 1 …"
    assert [ended(first), ended(other)] == ["done", "done"]
    assert printed(other) == "1\n"


def test_loading_is_stopped(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    page.route("**/python.bin", lambda route: None)  # no answer
    place, other = cell(page, "series"), cell(page, "counted")
    press(place)
    press(other)
    press(place, "Stop")
    page.wait_for_function("document.querySelectorAll('.live-run[aria-disabled]').length === 0")
    assert [each.get_attribute("data-live-state") for each in (place, other)] == ["idle", "idle"]
    assert said(place) == "Stopped. The next run starts anew, with the cells above."
    assert said(other) == ""
    page.unroute_all(behavior="ignoreErrors")
    assert run(place) == "done"


def test_lines_are_drawn(warm: Page) -> None:
    place = cell(warm, "line")
    assert run(place) == "done"
    drawing = place.locator("[data-live-output] svg")
    assert drawing.get_attribute("aria-label") == "Line plot: a sine. x from -1.56 to 40.6, y from -0.04 to 1.04."
    assert drawing.locator("text", has_text="step").count() == 1
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] > 400


# The editor.


def test_everything_by_keyboard_alone(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    place = cell(page, "silent")
    place.get_by_role("button", name=re.compile("^Edit")).focus()
    page.keyboard.press("Enter")
    area = place.locator("textarea")
    page.keyboard.press("Control+a")
    page.keyboard.type("for i in range(3):  # three\ncount = i\nprint(count)")
    assert area.input_value() == "for i in range(3):  # three\n    count = i\n    print(count)"
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("if count:\nreturn_ = 1\nx = [\n")
    assert area.input_value().splitlines()[3:] == ["if count:", "    return_ = 1", "    x = [", "        "]
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+a")
    page.keyboard.type("count = 5\ncount")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert area.input_value() == "count = 5\n    count"
    page.keyboard.press("Shift+Tab")
    assert area.input_value() == "count = 5\ncount"
    page.keyboard.press("Control+a")
    page.keyboard.press("Tab")
    assert area.input_value() == "    count = 5\n    count"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+Enter")
    assert ended(place) == "done"
    assert printed(place) == "5\n"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Run here, cell 5"
    page.keyboard.press("Enter")
    assert ended(place) == "done"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Reset cell 5"
    page.keyboard.press("Enter")
    assert area.input_value() == "count = 0"
    area.fill("while True:\n    pass")
    page.keyboard.press("Control+Enter")
    place.page.wait_for_function("cell => cell.dataset.liveState === 'running'", arg=place.element_handle())
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Stop cell 5"
    page.keyboard.press("Space")
    assert place.get_attribute("data-live-state") == "idle"


def test_code_keeps_its_place_and_colours_in_the_editor(warm: Page) -> None:
    """The letters of the text area lie on those that are seen, and are coloured as the page's other code."""
    place = cell(warm, "functions")
    classes = "pre => [...pre.querySelectorAll('span[class]')].map(e => [e.className, e.textContent])"
    page_colours = {text: kind for kind, text in place.locator("pre").first.evaluate(classes)}
    write(place, place.locator("pre").first.text_content() or "")
    editor = place.locator(".live-editor")
    ours = {text: kind for kind, text in editor.locator("pre").evaluate(classes)}
    for text in ("def", "return", "print", "3", "# a comment"):
        if text in page_colours:
            assert ours[text] == page_colours[text], text
    measures = """e => ["fontSize", "fontFamily", "lineHeight", "padding", "width", "height"].map(
        key => getComputedStyle(e)[key])"""
    assert editor.locator("pre").evaluate(measures) == editor.locator("textarea").evaluate(measures)


@pytest.mark.parametrize("width", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_bars_the_way_with_editors_open(
    name: str, scheme: str, width: dict[str, int], page: Page, small: Site, site_url: str
) -> None:
    page.set_viewport_size(width)  # type: ignore[arg-type]  # a width and a height
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
    page.goto(f"{small.url if name == 'small' else site_url}/{name}.html")
    for place in cells(page):
        edit = place.get_by_role("button", name=re.compile("^Edit"))
        if edit.is_visible():
            edit.click()
    if name == "small":
        assert run(cell(page, "line")) == "done"
        assert run(cell(page, "series"), "print(1)\n1 / 0") == "error"
        page.evaluate("document.querySelector('textarea').focus()")
    page.evaluate(THIN)
    page.evaluate(AXE_SCRIPT)
    assert violations_on(page, RULES) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_hint_of_keys_is_for_those_who_have_them(browser: Browser, small: Site) -> None:
    for touched in (False, True):
        with browser.new_context(viewport=PHONE, has_touch=touched, is_mobile=touched) as context:  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(f"{small.url}/small.html")
            turn = cell(page, "turn")
            assert turn.locator(".live-hint").is_visible() != touched
            size = turn.locator("textarea").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
            assert (size >= 16) == touched


@pytest.mark.parametrize("name", ["small", *BOOK[:1]])
def test_the_dark_is_printed_as_the_light(name: str, page: Page, small: Site, site_url: str) -> None:
    """What the printer gets, while it prints: ground and letters of all that is shown."""
    colours = """() => {
      const shown = document.querySelectorAll('body, .bd-article :not(button, button *)');
      window.printed = [...shown].map(e => {
        const style = getComputedStyle(e);
        return [e.tagName, style.color, style.backgroundColor, style.fill, style.filter].join();
      }); }"""
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
        page.goto(f"{small.url if name == 'small' else site_url}/{name}.html")
        page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        page.evaluate(f"addEventListener('beforeprint', {colours})")
        page.pdf()
        found[scheme] = page.evaluate("printed")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme, "as it was"
    assert found["dark"] == found["light"]


def test_a_formula_that_goes_on_fades(page: Page, site_url: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a width and a height
    page.goto(f"{site_url}/book/01-sine/1-one-step.html")
    page.evaluate(READY)
    fades = """all => all.map(e => [
        e.scrollWidth > e.clientWidth + 1, parseFloat(getComputedStyle(e).getPropertyValue("--fade")) > 0])"""
    formulas = page.locator("mjx-container[display]")
    found = formulas.evaluate_all(fades)
    assert any(wider for wider, _ in found)
    assert all(wider == faded for wider, faded in found)
    formulas.evaluate_all("all => all.forEach(e => { e.scrollLeft = 9999; })")
    page.wait_for_timeout(200)
    assert not any(faded for _, faded in formulas.evaluate_all(fades))


# Where Python cannot run.


@pytest.mark.parametrize("lacking", ["WebAssembly", "DecompressionStream"])
def test_without_what_python_needs_the_page_is_as_before(lacking: str, context: BrowserContext, small: Site) -> None:
    with context.new_page() as page:
        page.add_init_script(f"delete window.{lacking}")
        page.goto(f"{small.url}/small.html")
        sentence = f"This browser cannot run Python (it has no {lacking}); everything else on the page works."
        as_before(page, sentence)


def as_before(page: Page, sentence: str) -> None:
    assert page.locator(".live-sorry").all_inner_texts() == [sentence]
    assert page.locator(".live-bar, .live-editor, [data-live-output], [data-live-state]").count() == 0
    assert cell(page, "series").locator("pre").first.is_visible()
    assert cell(page, "series").locator(".cell_output").is_visible()


def test_without_memory_code_and_place_are_kept(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    text = (small.folder / "_static" / "live-worker.js").read_text(encoding="utf-8")
    full = "WebAssembly.Memory = class { constructor() { throw new RangeError('out of memory'); } };"
    broken = text.replace("function liveWorker() {", f"function liveWorker() {{\n{full}")
    page.route("**/live-worker.js", lambda route: route.fulfill(body=broken, content_type="text/javascript"))
    place = cell(page, "silent")
    write(place, "count = 7  # mine")
    page.keyboard.press("Control+Enter")
    assert ended(place) == "error"
    assert said(place) == "Python does not start in this browser (out of memory); everything else on the page works."
    assert page.evaluate("document.activeElement.value") == "count = 7  # mine"
    page.unroute("**/live-worker.js")
    assert place.get_by_role("button", name=re.compile("^Run")).is_enabled()


@pytest.mark.parametrize("times", [1, 2])
def test_what_came_damaged_is_fetched_once_more(times: int, page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    whole = (small.folder / "_static" / "live" / "python.bin").read_bytes()
    damaged = whole[:5_000_000] + b"damaged" + whole[5_000_007:]
    page.route("**/python.bin", lambda route: route.fulfill(body=damaged), times=times)
    place = cell(page, "series")
    assert run(place, "series = np.ones(3)") == ("done" if times == 1 else "error"), said(place)
    assert said(place).startswith("Done" if times == 1 else "Python came damaged, twice.")
    assert run(place) == "done"
    assert place.locator("textarea").input_value() == "series = np.ones(3)"


def test_what_could_not_be_fetched_is_fetched_again(page: Page, small: Site) -> None:
    page.goto(f"{small.url}/small.html")
    page.route("**/python.bin", lambda route: route.abort())
    place = cell(page, "series")
    assert run(place) == "error"
    assert said(place).startswith("Python could not be loaded (")
    page.unroute("**/python.bin")
    press(place)
    page.wait_for_function("cell => cell.dataset.liveState === 'done'", arg=place.element_handle())


def test_a_cell_reaches_no_host(warm: Page) -> None:
    requests, _ = watched(warm)
    place = cell(warm, "long")
    code = "from urllib.request import urlopen\nurlopen('http://127.0.0.1:9/')"
    assert run(place, code) == "error"
    assert [request for request in requests if ":9/" in request] == []
