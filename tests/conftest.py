"""What a test needs: the built site, Chromium, the sandbox."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import chromium, serve

collect_ignore = ["wrong_answers", "wrong_turns"]  # pieces of notebooks
SITE = Path(__file__).parents[1] / "_build" / "html"
MISSING = (
    "the browser checks need Chromium or Chrome: install it (on Debian or Ubuntu: apt install chromium), "
    "or name its program in the variable CHROMIUM"
)
# No graphics card, no calls of its own, and no host but this one: what asks for another one gets an error.
FLAGS = (
    *("--disable-gpu", "--disable-quic", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever starts the sandbox has its marker."""
    if "sandbox_here" in getattr(item, "fixturenames", ()):
        item.add_marker("sandbox")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without the book, one sentence."""
    if {"site", "browser"} & {marker.name for marker in item.iter_markers()} and not (SITE / "index.html").is_file():
        pytest.fail("the book is not built: make book", pytrace=False)


@pytest.fixture(scope="session")
def site_url() -> Iterator[str]:
    """Address of the built site, without a slash at its end, served by this process."""
    assert (SITE / "index.html").is_file(), "the book is not built: make book"
    with serve(SITE) as address:
        yield address


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Return a small page with live cells, a `live_page.Site`, built and served."""
    import live_page

    with live_page.served(tmp_path_factory.mktemp("live")) as site:
        yield site


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Run a Playwright browser. Without Chromium: skip, or fail where the variable BROWSER_REQUIRED is set."""
    program = chromium()
    if program is None:
        (pytest.fail if os.environ.get("BROWSER_REQUIRED") else pytest.skip)(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=120_000)
        yield started
        started.close()
