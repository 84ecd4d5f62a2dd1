"""The size and the parts of a page: what a reader gets through in one sitting, and has something to do in.

The pages of the first edition are exempt, each by name, until they are rewritten: that list only gets shorter.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

BOOK = Path(__file__).parents[1] / "book"
PAGES = {f"{path.parent.name}/{path.stem}": path for path in sorted(BOOK.glob("*/[0-9]*.ipynb"))}
EXEMPT = {
    "04-observable/1-observable",
    "05-drought/1-drought",
    "06-several-inputs/1-several-inputs",
    "07-yes-no/1-yes-no",
}
MOST_WORDS = 2200  # of Markdown with its directives, and of captions
MOST_CELLS = 22  # of code, hidden ones too
MEDIAN_LINES, MOST_LINES, MOST_COLUMNS = 7, 12, 88
FIGURES = range(3, 7)
WORDS_BEFORE_A_PICTURE = 150
FIGURE = re.compile(r"(?m)^`{3,}\{(?:diagram|figure|play)\}")


def faults(page: NotebookNode) -> list[str]:
    """In what a page is not as it should be."""
    return [*prose_faults(page), *code_faults(page), *part_faults(page)]


def prose_faults(page: NotebookNode) -> Iterator[str]:
    count = words(" ".join([*markdown(page), *captions(page)]))
    if count > MOST_WORDS:
        yield f"{count} words, more than {MOST_WORDS}"
    before = words_before_a_picture(page)
    if before > WORDS_BEFORE_A_PICTURE:
        yield f"{before} words before the first picture, more than {WORDS_BEFORE_A_PICTURE}"


def code_faults(page: NotebookNode) -> Iterator[str]:
    cells = [[line for line in cell.source.splitlines() if line.strip()] for cell in code(page)]
    if len(cells) > MOST_CELLS:
        yield f"{len(cells)} code cells, more than {MOST_CELLS}"
    lengths = [len(lines) for lines in cells]
    if median(lengths) > MEDIAN_LINES:
        yield f"a median of {median(lengths)} lines a cell, more than {MEDIAN_LINES}"
    if max(lengths) > MOST_LINES:
        yield f"a cell of {max(lengths)} lines, more than {MOST_LINES}"
    widest = max(len(line) for lines in cells for line in lines)
    if widest > MOST_COLUMNS:
        yield f"a line of {widest} characters, more than {MOST_COLUMNS}"


def part_faults(page: NotebookNode) -> Iterator[str]:
    text = "\n".join(markdown(page))
    figures = len(FIGURE.findall(text)) + len(captions(page))
    if figures not in FIGURES:
        yield f"{figures} figures, not {FIGURES[0]} to {FIGURES[-1]}"
    bets = len(re.findall(r"(?m)^`{3,}\{bet\}", text))
    if bets < 2:
        yield f"{bets} bets, fewer than 2"
    if not any("your-turn" in cell.metadata.get("tags", []) for cell in code(page)):
        yield "no cell for the reader to complete"


def code(page: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in page.cells if cell.cell_type == "code"]


def markdown(page: NotebookNode) -> list[str]:
    return [cell.source for cell in page.cells if cell.cell_type == "markdown"]


def caption(cell: NotebookNode) -> str:
    return str(cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", ""))


def captions(page: NotebookNode) -> list[str]:
    return [caption(cell) for cell in page.cells if caption(cell)]


def words(text: str) -> int:
    """What stands between blanks and has a letter or a digit."""
    return len(re.findall(r"\S*\w\S*", text))


def words_before_a_picture(page: NotebookNode) -> int:
    """Words of Markdown above the first figure; all of them where there is none."""
    count = 0
    for cell in page.cells:
        if caption(cell):
            break
        if cell.cell_type == "markdown":
            if found := FIGURE.search(cell.source):
                return count + words(cell.source[: found.start()])
            count += words(cell.source)
    return count


@pytest.mark.parametrize("name", PAGES)
def test_page_is_as_it_should_be_or_exempt(name: str) -> None:
    found = faults(nbformat.read(PAGES[name], as_version=4))
    if name in EXEMPT:
        assert found, "this page may leave the list of those that are exempt"
    else:
        assert found == []


def test_exempt_pages_exist() -> None:
    assert set(PAGES) >= EXEMPT


def said(path: Path) -> str:
    """All that a page says: its text, and the text of its outputs."""
    page = nbformat.read(path, as_version=4)
    outputs = [output for cell in code(page) for output in cell.outputs]
    printed = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join([*markdown(page), *printed])


def rows_of_the_home_page() -> list[tuple[str, str]]:
    """The folder of each card, and the numbers in it that a page can be asked for."""
    rows = re.findall(r"(?m)^\| \d+ \[.+?\]\((.+?)/.+?\) \| (.+) \|$", (BOOK / "index.md").read_text(encoding="utf-8"))
    numbers = r"\d+\.\d+|\d+,\d{3}|\d+ %"
    return [(folder, number) for folder, text in rows for number in re.findall(numbers, text)]


@pytest.mark.parametrize(("folder", "number"), rows_of_the_home_page())
def test_numbers_of_the_home_page_stand_in_the_chapter(folder: str, number: str) -> None:
    text = "\n".join(map(said, sorted((BOOK / folder).glob("[0-9]*.ipynb"))))
    assert re.search(rf"(?<![\d.,]){re.escape(number)}", text.replace("\u202f", " ")), f"{number} stands nowhere"


def test_titles_of_the_home_page_are_the_pages() -> None:
    table = re.findall(r"(?m)^\| \d+ \[(.+?)\]\((.+?\.ipynb)\)", (BOOK / "index.md").read_text(encoding="utf-8"))
    titles = [markdown(nbformat.read(BOOK / path, as_version=4))[0] for _, path in table]
    assert [title for title, _ in table] == [re.search(r"(?m)^# (.+)$", text).group(1) for text in titles]


# The measuring itself, on a page with one fault at a time.


def good() -> NotebookNode:
    plot = new_code_cell("plt.show()", metadata={"mystnb": {"figure": {"caption": "Two words."}}})
    cells = [
        new_markdown_cell("# One title\n\n```{diagram} a.svg\n:name: fig-a\n```\n\n```{play} b\nc\n```"),
        new_code_cell("a = 1\n\n\nb = 2"),
        new_markdown_cell("```{bet} Which?\n- [ ] x\n- [x] y\n```\n\n````{bet} Who?\n- [ ] x\n- [x] y\n````"),
        new_code_cell("c = 3  # SOLUTION", metadata={"tags": ["live", "your-turn"]}),
        plot,
    ]
    return new_notebook(cells=cells)


def test_good_page_has_no_fault() -> None:
    assert faults(good()) == []


def test_words_of_markdown_directives_and_captions_count() -> None:
    assert words("One, two — ```{three} | --- | 4 [x]") == 5
    page = good()  # the title and its figures have 9, the bets 5 each, the caption 2
    assert words(" ".join([*markdown(page), *captions(page)])) == 9 + 5 + 5 + 2


@pytest.mark.parametrize(
    ("cell", "change", "expected"),
    [
        (0, {"source": good().cells[0].source + " word" * 2190}, "2211 words, more than 2200"),
        (4, {"metadata": {"mystnb": {"figure": {"caption": "a " * 2300}}}}, "words, more than"),
        (0, {"source": "word " * 151 + "\n\n" + good().cells[0].source}, "153 words before the first picture"),
        (1, {"source": "a = 1\n" * 13}, "a cell of 13 lines"),
        (1, {"source": "a = " + "1" * 85}, "a line of 89 characters"),
        (0, {"source": "# One title"}, "1 figures, not 3 to 6"),
        (0, {"source": good().cells[0].source + "\n\n```{figure} d\n```" * 4}, "7 figures, not 3 to 6"),
        (2, {"source": "```{bet} Which?\n- [ ] x\n- [x] y\n```"}, "1 bets, fewer than 2"),
        (3, {"metadata": {"tags": ["live"]}}, "no cell for the reader to complete"),
    ],
)
def test_each_measure_finds_its_fault(cell: int, change: dict[str, object], expected: str) -> None:
    page = good()
    page.cells[cell].update(nbformat.from_dict(change))
    (fault,) = faults(page)
    assert expected in fault


def test_number_of_cells_and_their_median_count() -> None:
    page = good()
    page.cells += [new_code_cell("a = 1", metadata={"tags": ["remove-cell"]}) for _ in range(20)]
    assert faults(page) == ["23 code cells, more than 22"]
    page = good()
    page.cells += [new_code_cell("a = 1\n" * 8) for _ in range(4)]
    assert faults(page) == ["a median of 8 lines a cell, more than 7"]
