"""The notebooks that readers get: in a small book every kind of markup, and on the site every notebook."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import rasters
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from PIL import Image
from solved import solve
from test_site import NOTEBOOKS, ROOT, SITE, without_code
from test_turn import BET, CHECK, CODE, TASK, build, code, notebook, text
from turn import starting_code

TEXT = r"""
(part)=
## A *part* with 2 < 3

:::{note}
See {ref}`the part <part>`, {doc}`index`, {eq}`one` and [elsewhere](https://example.org).
:::

Says {cite}`two,many`, a_b * c and _d, `x_1` in {numref}`fig-line` and {numref}`tab-long`.
A line can cost \$2.

$$
a &= 1 \\
b &= 2
$$ (one)

```{figure} line.svg
:name: fig-line
:alt: A "line".

It is *straight*.
```

```{table} How *long*
:name: tab-long

| unit | length |
|---|---|
| $m$ | 1 |
```

1. first
2. second

   more
"""
EXERCISE = """```{exercise} Two
:label: ex-two

What is $1 + 1$?
```

```{dropdown} Hint
Count.
```

```{solution-start} ex-two
:label: sol-two
```

It is two."""
BIBLIOGRAPHY = """
@book{two, author = {van der Aa, Bo and B{\\'e}, Di}, title = {Two}, publisher = {P}, year = 2001}
@book{many, author = {Aa, A and Bb, B and Cc, C}, title = {Many}, publisher = {P}, year = 2002}
"""
EXPECTED = """## A *part* with 2 < 3

> **Note**
>
> See the part, Book, (1) and [elsewhere](https://example.org).

Says (Aa et al. 2002; van der Aa and Bé 2001), a_b \\* c and \\_d, `x_1` in Fig. 1 and Table 1.
A line can cost \\$2.

$$
\\begin{split}
a &= 1 \\\\
b &= 2
\\end{split} \\tag{1}
$$

<img alt="A &quot;line&quot;." width="30" src="data:image/png;base64,ZHJhd24=">

**Fig. 1.** It is *straight*.

**Table 1.** How *long*

| unit | length |
| --- | --- |
| $m$ | 1 |

1. first
2. second

   more

**Bet 1.** How many are *two* and $1$?

- (a) two
- (b) three

<details><summary>The answer</summary>

(a) *No.*

(b) *Right.* Count: **one**, two, three.

</details>"""
SOLUTION = """<details><summary>A solution</summary>

```python
a = 1
b = 'ü'; c = a + 1
total = a + 2
print(total)
```

</details>"""


def made_of(folder: Path, page: NotebookNode, **settings: object) -> NotebookNode:
    """Build a small book of one page; return the page's notebook."""
    (folder / "line.svg").write_text('<svg width="30"/>', encoding="utf-8")
    (folder / "line.png").write_bytes(b"drawn")
    (folder / "ours.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
    extensions = ["myst_nb", "sphinx_design", "sphinx_exercise", "sphinxcontrib.bibtex", "plain"]
    settings |= {"extensions": extensions, "bibtex_bibfiles": ["ours.bib"], "numfig": True}
    settings |= {"exclude_patterns": ["out"], "numfig_secnum_depth": 0}
    assert build(folder, {"page": page}, **settings) == ""
    return nbformat.read(folder / "out" / "notebooks" / "page.ipynb", as_version=4)


@pytest.fixture(scope="module")
def source() -> NotebookNode:
    page = notebook(
        code("import this_course", "remove-cell"),
        text(TEXT, BET, TASK),
        code(CODE, "your-turn", "live", prints="3\n"),
        code(CHECK, "check", prints="Right.\n"),
        code("{}", "remove-cell", "keys", prints="{}\n"),
        text("## Practice", EXERCISE),
        code("1 + 1", prints="2\n"),
        text("```{solution-end}\n```"),
        text("## End", "```{bibliography}\n```"),
    )
    page.cells[1].id = "page-install"
    return page


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, source: NotebookNode) -> NotebookNode:
    return made_of(tmp_path_factory.mktemp("book"), source)


def test_markup_is_written_so_that_every_program_shows_it(plain: NotebookNode) -> None:
    texts = [cell.source for cell in plain.cells if cell.cell_type == "markdown"]
    assert texts[0] == "# Page"
    assert texts[1:4] == [EXPECTED, "> **Your turn: Add**\n>\n> Complete the last line.", SOLUTION]
    assert texts[4].startswith("## Practice\n\n> **Exercise 1 (Two)**\n>\n> What is $1 + 1$?\n\n<details><summary>Hint")
    opened = re.sub(r"(?s)<details>.*?</details>", "", "".join(texts))
    assert [words for words in ("It is two", "Count", "a + 2") if words in opened] == []
    assert re.findall(r"(?m)^- .*", texts[-1]) == [
        *("- A Aa, B Bb, and C Cc\\. *Many*\\. P, 2002\\.", "- Bo van der Aa and Di Bé\\. *Two*\\. P, 2001\\.")
    ]


def test_cells_are_what_a_reader_needs(plain: NotebookNode, source: NotebookNode) -> None:
    install, turn, check = (cell for cell in plain.cells if cell.cell_type == "code")
    assert plain.cells.index(install) == 1
    assert plain.cells[plain.cells.index(check) + 1].source == SOLUTION
    assert (turn.source, turn.outputs, turn.execution_count) == (starting_code(CODE), [], None)
    assert (check.source, check.metadata) == (CHECK, {"jupyter": {"source_hidden": True}})
    assert (check.outputs, check.execution_count) == ([], None)
    assert (install.source, install.metadata) == (source.cells[1].source, {})


def test_solutions_are_put_in_for_the_run(plain: NotebookNode, source: NotebookNode) -> None:
    ours = {cell.id: cell for cell in source.cells}
    for cell in solve(nbformat.from_dict(plain), source).cells:
        if cell.cell_type == "code":
            assert cell == ours[cell.id]


def test_links_lead_to_the_site_where_it_has_an_address(tmp_path: Path) -> None:
    page = notebook(text("{doc}`index`", "(there)=\n## There", "{ref}`there`"))
    made = made_of(tmp_path, page, html_baseurl="https://example.org/book/")
    assert [cell.source for cell in made.cells] == [
        *("# Page\n\n[Book](https://example.org/book/index.html)", "## There\n\nThere")
    ]


def test_links_lead_to_other_notebooks_where_it_has_none(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    other = notebook(text("(ours)=\n## Ours", "{doc}`../page`, {doc}`../index` and {ref}`ours`"))
    page = notebook(text("{ref}`ours`"))
    assert build(tmp_path, {"page": page, "part/other": other}, extensions=["myst_nb", "plain"]) == ""
    made = {
        name: nbformat.read(tmp_path / f"out/notebooks/{name}.ipynb", as_version=4).cells[-1].source
        for name in ("page", "part/other")
    }
    assert made == {
        "page": "# Page\n\n[Ours](part/other.ipynb)",
        "part/other": "## Ours\n\n[Page](../page.ipynb), Book and Ours",
    }


def test_solutions_of_another_page_are_folded_under_their_headings(tmp_path: Path) -> None:
    exercise = notebook(text("```{exercise} Two\n:label: ex-two\n\nWhat is $1 + 1$?\n```"))
    answers = notebook(
        text("## Two", "```{solution-start} ex-two\n:label: sol-two\n```", "It is"),
        code("1 + 1", prints="2\n"),
        text("```{solution-end}\n```", "## Three", "```{solution} ex-two\n:label: sol-again\n\nStill two.\n```"),
    )
    extensions = ["myst_nb", "sphinx_exercise", "plain"]
    assert build(tmp_path, {"page": exercise, "answers": answers}, extensions=extensions) == ""
    cells = nbformat.read(tmp_path / "out/notebooks/answers.ipynb", as_version=4).cells
    folded = {"jp-MarkdownHeadingCollapsed": True}
    assert [(cell.source, dict(cell.metadata)) for cell in cells] == [
        ("# Page", {}),
        ("## Two\n\n**Solution to [Exercise 1 (Two)](page.ipynb)**", folded),
        ("It is", {}),
        ("1 + 1", {}),
        ("## Three\n\n**Solution to [Exercise 1 (Two)](page.ipynb)**", folded),
        ("Still two.", {}),
    ]


# The diagrams as PNG.


@pytest.mark.parametrize("path", rasters.DIAGRAMS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_diagram_has_its_png(path: Path) -> None:
    assert rasters.is_fresh(path), "run python tests/rasters.py, and commit what it draws"
    assert path.with_suffix(".png").stat().st_size < 50_000


@pytest.mark.browser
@pytest.mark.parametrize("path", rasters.DIAGRAMS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_png_shows_the_diagram(browser: object, path: Path) -> None:
    with Image.open(path.with_suffix(".png")) as image:
        kept, drawn = image.convert("RGB"), rasters.draw(browser, path)
    assert kept.size == drawn.size
    # Over areas of a letter's size, with the fonts of system-packages.txt: one word in place of another differs by 17.
    kept, drawn = (np.asarray(image.reduce(20), dtype=float) for image in (kept, drawn))
    assert np.abs(kept - drawn).max() < 12


# Every notebook of the book.


def path_of(name: str) -> Path:
    return SITE / "notebooks" / f"{name.removeprefix('book/')}.ipynb"


def prose(name: str) -> str:
    """All text of a page's notebook outside code."""
    cells = nbformat.read(path_of(name), as_version=4).cells
    return without_code("\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))[0]


@pytest.mark.site
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_valid_and_its_code_is_the_books(name: str) -> None:
    plain, source = (nbformat.read(path, as_version=4) for path in (path_of(name), ROOT / f"{name}.ipynb"))
    nbformat.validate(plain)
    ours = [cell for cell in source.cells if cell.cell_type == "code"]
    tags = {cell.id: set(cell.metadata.get("tags", [])) for cell in ours}
    kept = [cell for cell in plain.cells if cell.cell_type == "code"]
    left_out = [cell.id for cell in ours if cell.id not in {other.id for other in kept}]
    assert all({"remove-cell", "keys"} <= tags[name] for name in left_out), left_out
    for cell, original in zip(kept, (cell for cell in ours if cell.id not in left_out), strict=True):
        assert cell.id == original.id
        assert "tags" not in cell.metadata
        turn = "your-turn" in tags[cell.id]
        assert cell.source == (starting_code(original.source) if turn else original.source)
        assert cell.outputs == ([] if turn or "check" in tags[cell.id] else original.outputs)
    assert plain.cells[0].source.startswith("# ")
    assert plain.cells[1].id.endswith("-install")


@pytest.mark.site
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_directive_and_no_role_is_left(name: str) -> None:
    text = prose(name)
    assert re.findall(r"[`:]{3}\{|\{[\w:]+\}`|(?m:^\(.+\)=$)|\{\{|(?m:^:\w+:)|system-message", text) == []
    assert len(text) > 500


@pytest.mark.site
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_to_notebooks_lead_somewhere_and_no_picture_is_svg(name: str) -> None:
    text = prose(name)
    places = re.findall(r"\]\((?!https?:)([^)]+)\)", text)
    assert [place for place in places if not (path_of(name).parent / place).is_file()] == []
    assert "image/svg" not in text


def words(text: str) -> str:
    """A text without what is not a letter."""
    return re.sub(r"[\W\d_]+", "", text)


@pytest.mark.site
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_answer_can_be_seen(name: str) -> None:
    text = prose(name)
    opened = re.sub(r"(?s)<details>.*?</details>", "", text)
    assert text.count("<details>") == text.count("</details>")
    assert len(re.findall(r"\*Right\.\*", text)) == len(re.findall(r"\*\*(?:Check yourself|Bet \d+)\.\*\*", opened))
    assert not re.search(r"\*(?:Right|No)\.\*", opened)
    page = BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    reasons = [words(part) for reason in page.select("[data-for]") for part in reason.find_all(string=True)]
    assert [reason for reason in reasons if len(reason) > 30 and reason in words(opened)] == []
    code = [cell.source for cell in nbformat.read(path_of(name), as_version=4).cells if cell.cell_type == "code"]
    assert "SOLUTION" not in "".join(code)
