"""Bets and code to complete, in Chromium: by keyboard, without JavaScript, printed; in a small book and on the site."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat import NotebookNode
from playwright.sync_api import Browser, Locator, Page
from test_site import NOTEBOOKS
from test_turn import BET, CHECK, CODE, TASK, build, code, notebook, text

pytestmark = pytest.mark.browser
LOST = BET.replace("- [ ] two", "- [ ] two\n  That is one and one.")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("book")
    page: NotebookNode = notebook(
        text("## Part", LOST, BET, TASK), code(CODE, "your-turn", prints="3\n"), code(CHECK, "check"), text("## End")
    )
    assert build(folder, {"page": page}) == ""
    return (folder / "out" / "page.html").as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(address)
    yield page
    page.close()


def verdicts(place: Locator) -> list[str]:
    return place.locator(".verdict:visible").all_inner_texts()


def test_bet_is_made_by_keyboard(page: Page) -> None:
    bet = page.locator(".bet").first
    group = bet.get_by_role("group", name="How many are two and")
    assert verdicts(page.locator("body")) == []
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('input[type=radio]')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert group.get_by_role("radio").first.is_checked()
    assert verdicts(bet) == ["(a) No.", "(b) Right."]  # lost: both reasons are shown
    assert bet.get_by_role("status").inner_text().split("\n")[-1] == "Count: one, two, three."
    page.keyboard.press("ArrowDown")
    assert verdicts(bet) == ["(b) Right."]
    assert verdicts(page.locator(".bet").last) == []  # each for itself
    assert page.locator(".at-the-end:visible").count() == 0


def test_solution_and_check_unfold_by_keyboard(page: Page) -> None:
    for name, said in (("Show a solution", "total = a + 2"), ("Show the check", "total should be three")):
        part = page.locator("details", has_text=said)
        assert not part.get_by_text(said).is_visible()
        summary = part.locator("summary")
        assert name in summary.inner_text()
        summary.press("Enter")
        assert said in part.inner_text()


def test_nothing_bars_a_reader(page: Page) -> None:
    page.locator(".bet input").first.check()
    found = Axe().run(
        page, context=".bet, .your-turn, .cell", options={"rules": {"scrollable-region-focusable": {"enabled": False}}}
    )
    assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []


def test_without_javascript_the_answers_stand_at_the_end(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert verdicts(page.locator(".bet")) == []
    assert verdicts(page.locator(".at-the-end")) == [f"Bet {n}, {v}" for n in (1, 2) for v in ("(a) No.", "(b) Right.")]
    page.locator("summary", has_text="Show a solution").click()
    assert page.locator("pre:visible", has_text="total = a + 2").count() == 1
    context.close()


def test_on_paper_the_answers_and_the_solution_stand_at_the_end(page: Page) -> None:
    page.locator(".bet input").first.check()
    page.evaluate("addEventListener('beforeprint', () => { window.printed = true; })")
    page.pdf()
    assert page.evaluate("window.printed")
    # As the printer sees it.
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    end = page.locator(".at-the-end")
    assert verdicts(page.locator(".bet")) == []
    assert verdicts(end) == [f"Bet {n}, {v}" for n in (1, 2) for v in ("(a) No.", "(b) Right.")]
    assert page.locator("pre:visible", has_text="total = a + 2").count() == 1
    assert "total = a + 2" in end.inner_text()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert verdicts(page.locator("body")) == ["(a) No.", "(b) Right."]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_bet_of_the_site_can_be_made(name: str, browser: Browser, site_url: str) -> None:
    page = browser.new_page()
    page.goto(f"{site_url}/{name}.html", wait_until="domcontentloaded")
    for bet in page.locator(".bet").all():
        assert verdicts(bet) == []
        for button in bet.get_by_role("radio").all():
            button.press("Space")
            assert "Right." in verdicts(bet)[-1] or "Right." in verdicts(bet)[0]
            assert len(verdicts(bet)) <= 2
    page.close()
