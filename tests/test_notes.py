"""Notes in the margin, the line above a page, marks after formulas: built by Sphinx in a small project."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
project, author = "Notes", "nobody"
extensions = ["myst_parser", "sphinx.ext.mathjax", "sphinxcontrib.bibtex", "notes", "progress", "together"]
mathjax_path = "none.js"
bibtex_bibfiles = ["own.bib"]
bibtex_reference_style = "author_year"
html_theme = "basic"
"""
PAGES = {
    "own.bib": "@article{one, author={Ann Other}, title={On {GRU}s}, journal={Letters}, year={1999}}",
    "index.md": "# Book\n\n```{toctree}\n:numbered: 1\nfirst\nalone\n```\n```{toctree}\nglossary\nbibliography\n```\n",
    "first.md": """# First
{term}`window`

- {term}`batch`

## Section
A {term}`window` again, another {term}`series of windows <window>`, a {term}`formula`, {term}`BPTT` {cite}`one`.
And again {cite}`one`, and {term}`batch`.

```{toctree}
second
```
""",
    "second.md": "# Second (optional)\n\nA {term}`window`.\n\n## Section\n",
    "alone.md": "# Alone\n\nA {term}`window`. With $x$, ($y$). And $z$ and $u$*, v*.\n",
    "glossary.md": """# Glossary

```{glossary}
window
  A stretch of 1.5 m {cite}`one`. It has more.

batch
  What a {term}`window` is in. And more.

formula
  With $x$ in it.

backpropagation through time
BPTT
  The chain rule!
```
""",
    "bibliography.md": "# Bibliography\n\n```{bibliography}\n```\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("notes")
    for name, text in PAGES.items():
        (source / name).write_text(text, encoding="utf-8")
    conf = CONF + "myst_enable_extensions = ['dollarmath']\n"
    (source / "conf.py").write_text(conf, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(source), str(source / "site")]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return source / "site"


def notes(page: Path) -> list[str]:
    """Titles of the links that have a note, in order."""
    return re.findall(r'<a class="[^"]*\bsidenote\b[^"]*"[^>]* title="([^"]*)"', page.read_text(encoding="utf-8"))


def test_first_use_in_the_text_has_a_note(site: Path) -> None:
    """Not the list's; the first sentence alone, without its source; the source's title; none with a formula."""
    assert notes(site / "first.html") == [
        "window: A stretch of 1.5 m.",
        "BPTT: The chain rule!",
        "On GRUs. Letters.",
        "batch: What a window is in.",
    ]
    assert notes(site / "second.html") == ["window: A stretch of 1.5 m."]
    assert notes(site / "alone.html") == [], "no sections, no contents, no margin"
    assert notes(site / "glossary.html") == []


def place(page: Path) -> str:
    found = re.search(r'(?s)<nav class="place".*?</nav>', page.read_text(encoding="utf-8"))
    return found[0] if found else ""


def test_pages_of_a_chapter_stand_above_it(site: Path) -> None:
    first, second = place(site / "first.html"), place(site / "second.html")
    assert "<span>Chapter 1</span>" in first
    assert '<li aria-current="page">First</li><li><a href="second.html">Second (optional)</a></li>' in first
    assert "Optional:" not in first
    assert '<li><a href="first.html">First</a></li><li aria-current="page">Second (optional)</li>' in second
    assert "Optional:" in second
    assert "<li" not in place(site / "alone.html")
    assert "<span>Chapter 2</span>" in place(site / "alone.html")
    assert place(site / "glossary.html") == place(site / "index.html") == ""


def test_marks_stay_with_their_formula(site: Path) -> None:
    html = (site / "alone.html").read_text(encoding="utf-8")
    together = re.findall(r'<span class="together"><span class="[^"]*math[^"]*">(.*?)</span>(.*?)</span>', html)
    assert together == [(r"\(x\)", ","), (r"\(y\)", ").")]
    text = re.sub("<[^>]+>", "", html)
    assert r"With \(x\), (\(y\)). And \(z\) and \(u\), v." in text
