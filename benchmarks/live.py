"""Time a page's first live result, from click to done: ``python benchmarks/live.py``.

In Chromium, and in Firefox where there is one. A small page with live cells is built and opened anew for each of the
rounds, from a server on this machine and from its folder; the server counts what it sends. It prints a table for
benchmarks/README.md.
"""

import functools
import http.server
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import firefox  # noqa: E402
import live_page  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

ROUNDS = 5
CLICK = """new Promise(ended => {
  const start = performance.now();
  const cell = document.querySelectorAll('.cell.tag_live')[0];
  cell.querySelector('.live-run').click();
  const wait = setInterval(() => {
    if (!['done', 'error'].includes(cell.dataset.liveState)) return;
    clearInterval(wait);
    ended([(performance.now() - start) / 1000, cell.dataset.liveState]);
  }, 5);
})"""


class Counting(http.server.SimpleHTTPRequestHandler):
    """Serve a folder without compressing anything, and count the bytes."""

    sent = 0

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        """Send a file, and count it."""
        type(self).sent += os.fstat(source.fileno()).st_size
        super().copyfile(source, outputfile)


def in_chromium(address: str) -> tuple[float, int]:
    """Seconds from the click, and bytes since then, in a browser that has seen nothing before."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        page = browser.new_page()
        page.goto(address)
        before = Counting.sent
        seconds, state = page.evaluate(CLICK)
        browser.close()
    assert state == "done"
    return seconds, Counting.sent - before


def in_firefox(address: str) -> tuple[float, int]:
    """Do the same in Firefox."""
    with tempfile.TemporaryDirectory() as folder:
        browser = firefox.Firefox(Path(folder))
        browser.open(address)
        before = Counting.sent
        seconds, state = browser.evaluate(CLICK)
        browser.close()
        time.sleep(0.5)
    assert state == "done"
    return seconds, Counting.sent - before


def main() -> None:
    """Measure, and print."""
    browsers = {"Chromium": in_chromium} | ({"Firefox": in_firefox} if firefox.program() else {})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        site = live_page.build(Path(folder), {"small": live_page.notebook()})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=str(site)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        load = os.getloadavg()[0]
        machine = f"{os.cpu_count()} cores {platform.machine()}, {platform.system()}"
        print(f"{date.today()}; {machine}, load {load:.1f} before.\n")
        print("| browser | from | seconds from click to done, median (smallest, largest) | MB over the wire |")
        print("| --- | --- | --- | --- |")
        for name, measure in browsers.items():
            for start in (f"http://127.0.0.1:{server.server_port}", f"file://{site}"):
                found = [measure(f"{start}/small.html") for _ in range(ROUNDS)]
                seconds = sorted(each[0] for each in found)
                wire = f"{found[0][1] / 1e6:.2f}" if start.startswith("http") else ""
                spread = f"{statistics.median(seconds):.1f} ({seconds[0]:.1f}, {seconds[-1]:.1f})"
                print(f"| {name} | {start[:4]} | {spread} | {wire} |")
        server.shutdown()


if __name__ == "__main__":
    main()
