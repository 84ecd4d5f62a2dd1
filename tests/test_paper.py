"""The book on paper: pandas's HTML, read again, and a small book as LaTeX, which needs no TeX."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from docutils import nodes
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from paper import table_of
from sphinx import addnodes

BOOK = Path(__file__).parents[1] / "book"
INDEX = """# Book

```{container} buttons
[Start reading](1-one/page.ipynb)
```

```{chapters}
| chapter | its question | what may surprise |
|---|---|---|
| 1 [One](1-one/page.ipynb) | How many? | *Few.* |
```
"""
PAGE = """# One

```{bet} How many are *two* and $1$?
- [ ] two
- [x] three
  The reason of the bet.
```

```{selfcheck}
Is it so?

- [ ] No
  The first reason.
- [x] Yes
  The second reason.
```

```{your-turn} Add
Complete the last line.
```"""
REST = """```{selfcheck}
Is it so again?

- [ ] No
  The third reason.
- [x] Yes
  The fourth reason.
```

```{dropdown} Hint
Look up.
```

See {numref}`tab-scores`."""
LAST = """# Last

```{exercise} Count
:label: ex-count
Count to two.
```

```{solution} ex-count
:label: sol-count
One, two.
```
"""
TOC = """format: jb-book
root: index
defaults: {numbered: true}
parts:
  - caption: Chapters
    chapters:
      - file: 1-one/page
  - caption: Reference
    numbered: false
    chapters:
      - file: last
"""


def parts_of(frame: pd.DataFrame) -> tuple[str, str, list[list[str]]]:
    """The size of its letters, the columns' alignment, and the cells by rows, of a table as it is set."""
    size, columns, table, _ = table_of(f"<div><style>p > a</style>{frame.to_html()}</div>")
    assert isinstance(columns, addnodes.tabular_col_spec)
    rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
    return size.astext(), columns["spec"], rows


def test_a_table_keeps_its_cells() -> None:
    frame = pd.DataFrame({"a": [1.5, 2.0], "b < c": ["x", "–"]}, index=["one", "two"])
    size, columns, rows = parts_of(frame)
    assert size.endswith(r"\footnotesize")
    assert columns == "lrr"
    assert rows == [["", "a", "b < c"], ["one", "1.5", "x"], ["two", "2.0", "–"]]


def test_a_cell_over_several_rows_leaves_the_next_ones_empty() -> None:
    index = pd.MultiIndex.from_product([["u", "v"], ["p", "q"]], names=["k", "l"])
    _, columns, rows = parts_of(pd.DataFrame({"n": range(4)}, index=index))
    assert columns == "llr"
    assert [row[:2] for row in rows[2:]] == [["u", "p"], ["", "q"], ["v", "p"], ["", "q"]]


def test_a_cell_over_several_columns_spans_them() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=pd.MultiIndex.from_tuples([("s", 1), ("s", 2), ("t", 1)]))
    *_, table, _ = table_of(frame.to_html())
    (first, *_) = table.findall(nodes.row)
    assert [entry.get("morecols", 0) for entry in first] == [0, 1, 0]


@pytest.mark.parametrize(("columns", "size"), [(3, "footnotesize"), (12, "scriptsize")])
def test_a_wide_table_is_set_small(columns: int, size: str) -> None:
    frame = pd.DataFrame({f"column {k}": [1.25] for k in range(columns)})
    assert parts_of(frame)[0].endswith(size)


# A small book.


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The book as LaTeX, its code without colours."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "1-one").mkdir()
    frame = pd.DataFrame({"loss": [0.5, 0.25]}, index=["GRU", "AR"])
    figure = {"name": "tab-scores", "caption": "AR has the lowest loss.", "classes": "lowest-1"}
    html = new_output("execute_result", data={"text/html": frame._repr_html_()}, execution_count=1)
    turn = "a = 1\ntotal = a + 2  # SOLUTION\nprint(total)"
    cells = [
        new_markdown_cell(PAGE),
        new_code_cell(turn, metadata={"tags": ["your-turn", "live"]}, outputs=[new_output("stream", text="3\n")]),
        new_code_cell("assert total == 3", metadata={"tags": ["check"]}),
        new_code_cell("frame", metadata={"mystnb": {"figure": figure}}, outputs=[html]),
        new_markdown_cell(REST),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "name": "python3"}, "language_info": {"name": "python"}}
    write(new_notebook(cells=cells, metadata=kernel), folder / "1-one" / "page.ipynb")
    for name, text in {"index.md": INDEX, "last.md": LAST, "_toc.yml": TOC}.items():
        (folder / name).write_text(text, encoding="utf-8")
    own = ["answers", "home", "paper", "tables", "turn"]
    settings = {
        "extensions": ["myst_nb", "sphinx_design", "sphinx_exercise", "sphinx_external_toc", *own],
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["dollarmath"],
        "numfig": True,
    }
    lines = [f"{name} = {value!r}" for name, value in settings.items()]
    (folder / "conf.py").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "latex", ".", "out"]
    paths = os.environ | {"PYTHONPATH": str(BOOK / "_ext"), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=paths, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    (made,) = (folder / "out").glob("*.tex")
    return re.sub(r"\\PYG\{[^}]*\}\{([^{}]*)\}", r"\1", made.read_text(encoding="utf-8"))


def test_no_answer_stands_before_the_end_of_the_book(paper: str) -> None:
    before, answers = paper.split(r"\chapter{Answers}")
    reasons = ["The reason of the bet.", "The first reason.", "The second reason.", "The fourth reason."]
    for part in [*reasons, "total = a + 2", "total == 3", r"\sphinxstyleemphasis{Right.}"]:
        assert part not in before
        assert part in answers
    assert before.index(r"\part{Reference}") < len(before)
    assert "total = ..." in before


def test_answers_name_their_questions_in_order(paper: str) -> None:
    answers = paper.partition(r"\chapter{Answers}")[2]
    names = re.findall(r"\\sphinxlineitem\{.*?\}\}(.*?), page", answers)
    assert names == ["Bet 1", "Check yourself 1", "Your turn: Add", "Check yourself 2"]
    assert all(rf"\begin{{sphinxadmonition}}{{note}}{{{name}}}" in paper for name in names)


def test_each_answer_to_choose_has_a_box_to_tick(paper: str) -> None:
    question = paper.partition("{note}{Bet 1}")[2].partition(r"\end{sphinxadmonition}")[0]
    assert re.findall(r"\\fbox\{.*\}\}\\enspace (.*)", question) == ["(a) two", "(b) three"]


def test_no_page_number_is_unknown(paper: str) -> None:
    asked = set(re.findall(r"\\(?:pageref|ref|hyperref)[\[{]\\detokenize\{(.*?)\}", paper))
    there = set(re.findall(r"\\label\{\\detokenize\{(.*?)\}", paper))
    assert len(asked) >= 9
    assert asked <= there


def test_a_table_with_a_name_is_counted_as_a_table_and_its_winner_is_bold(paper: str) -> None:
    table = paper.partition(r"\begin{table}[H]")[2].partition(r"\end{table}")[0]
    assert r"\caption{AR has the lowest loss.}\label" in table
    assert re.findall(r"\\sphinxstylestrong\{(.*?)\}", table) == ["0.25"]
    assert r"\begin{figure}" not in paper


def test_a_hint_is_shown_and_buttons_are_not(paper: str) -> None:
    assert r"\sphinxstylestrong{Hint.} Look up." in paper
    assert "Start reading" not in paper


def test_a_solution_stands_in_no_box(paper: str) -> None:
    solution = paper.partition(r"\label{\detokenize{last:sol-count}}")[2].partition(r"\chapter")[0]
    assert re.search(r"\\sphinxstylestrong\{Solution to Exercise .*Count", solution)
    assert "One, two." in solution
    assert "sphinxadmonition" not in solution


def test_cards_are_a_list(paper: str) -> None:
    title, question, surprise = re.search(r"\\textbf\{(1 .*)\}\\\\\*\n(.*) \\emph\{(.*)\}", paper).groups()
    assert "One" in title
    assert (question, surprise) == ("How many?", r"\sphinxstyleemphasis{Few.}")


def test_the_contents_name_no_section_of_the_reference(paper: str) -> None:
    reference = paper.partition(r"\part{Reference}")[2]
    assert reference.index(r"\setcounter{tocdepth}{0}") < reference.index(r"\chapter{Last}")
    for counter in ("figure", "table", "equation"):
        assert rf"\renewcommand{{\the{counter}}}{{\thechapter.\arabic{{{counter}}}}}" in reference
