"""Live cells in a second engine: Firefox, where there is one. Everything is done by JavaScript and the keyboard."""

import json
from collections.abc import Iterator

import firefox
import pytest
from live_page import Site
from test_browser_live import PAGES, printed_by
from test_site import SITE

pytestmark = pytest.mark.browser
ESCAPE, TAB, ENTER = "\ue00c", "\ue004", "\ue007"  # keys in WebDriver's code

# Runs a live cell by its number, perhaps with other code; gives its state, output and message.
RUN = """(number, code, state = ['done', 'error']) => new Promise(ended => {
  const cell = document.querySelectorAll('.cell.tag_live')[number];
  if (code !== null) {
    const edit = [...cell.querySelectorAll('.live-bar button')].find(b => /^Edit/.test(b.textContent));
    if (!edit.hidden) edit.click();
    const area = cell.querySelector('textarea');
    area.value = code;
    area.dispatchEvent(new Event('input'));
  }
  cell.querySelector('.live-run').click();
  const wait = setInterval(() => {
    if (!state.includes(cell.dataset.liveState)) return;
    clearInterval(wait);
    const text = [...cell.querySelectorAll('[data-live-output] pre')].map(e => e.textContent).join('');
    ended([cell.dataset.liveState, text, cell.querySelector('.live-status').textContent]);
  }, 20);
})"""
SOLUTIONS = "[...document.querySelectorAll('.cell.tag_live')].map(cell => cell.dataset.solution ?? null)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[firefox.Firefox]:
    if firefox.program() is None:
        pytest.skip("no Firefox here: install it (on Debian: apt install firefox-esr), or name it in FIREFOX")
    started = firefox.Firefox(tmp_path_factory.mktemp("firefox"))
    yield started
    started.close()


def run(browser: firefox.Firefox, number: int, code: str | None = None, *states: str) -> tuple[str, str, str]:
    given = [number, code, *([list(states)] if states else [])]
    return tuple(browser.evaluate(f"({RUN})(...{json.dumps(given)})"))


@pytest.mark.parametrize("begin", ["http", "file"])
@pytest.mark.parametrize("name", PAGES)
def test_every_cell_prints_what_jupyter_printed(
    name: str, begin: str, browser: firefox.Firefox, small: Site, site_url: str
) -> None:
    url = small.url if name == "small" else site_url
    folder = small.folder if name == "small" else SITE
    browser.open(f"{url if begin == 'http' else f'file://{folder}'}/{name}.html")
    for number, ((identity, text), solution) in enumerate(
        zip(printed_by(name, small).items(), browser.evaluate(SOLUTIONS), strict=True)
    ):
        assert run(browser, number, solution)[:2] == ("done", text), identity


def test_errors_and_an_endless_loop_leave_the_page_alive(browser: firefox.Firefox, small: Site) -> None:
    browser.open(f"{small.url}/small.html")
    state, text, _ = run(browser, 2, "x = = 1")
    assert (state, text.splitlines()[-1]) == ("error", "SyntaxError: invalid syntax")
    state, text, said = run(browser, 2, "kept = [np.ones(60_000_000) for _ in range(20)]")
    assert state == "error"
    assert "MemoryError" in text or "broke down" in said
    assert run(browser, 2, "while True:\n    pass", "running")[0] == "running"
    stop = "[...document.querySelectorAll('.live-bar button')].find(b => /^Stop/.test(b.textContent) && !b.hidden)"
    browser.evaluate(f"{stop}.click()")
    assert run(browser, 2, "print('alive')")[:2] == ("done", "alive\n")


def test_editor_is_used_and_left_by_keyboard(browser: firefox.Firefox, small: Site) -> None:
    browser.open(f"{small.url}/small.html")
    edit = "[...document.querySelectorAll('.cell.tag_live')[4].querySelectorAll('button')]"
    browser.evaluate(f"{edit}.find(b => /^Edit/.test(b.textContent)).focus()")
    browser.press(ENTER)
    area = "document.querySelectorAll('.cell.tag_live')[4].querySelector('textarea')"
    browser.evaluate(f"{area}.select()")
    browser.press(*"if 1:", ENTER, *"count = 7", TAB)
    assert browser.evaluate(f"{area}.value") == "if 1:\n    count = 7   "
    browser.press(ESCAPE, TAB)
    assert browser.evaluate("document.activeElement.textContent") == "Run here, cell 5"
    browser.press(ENTER)
    done = "document.querySelectorAll('.cell.tag_live')[4].dataset.liveState === 'done'"
    browser.evaluate(
        f"new Promise(yes => {{ const wait = setInterval(() => {done} && yes(clearInterval(wait)), 20) }})"
    )
    assert run(browser, 5)[:2] == ("done", "8\n")
