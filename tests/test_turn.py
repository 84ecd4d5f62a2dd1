"""The directives for a bet and for code to complete, in a small book: what the page holds, and what stops the build."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from nbformat import NotebookNode, from_dict, write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from turn import made, solution, starting_code

BOOK = Path(__file__).parents[1] / "book"
BET = """```{bet} How many are *two* and $1$?

- [ ] two
- [x] three
  Count: **one**, two, three.
```"""
TASK = """```{your-turn} Add
Complete the last line.
```"""
CODE = "a = 1\nb = 'ü'; c = a + 1  # SOLUTION\ntotal = a + 2  # SOLUTION\nprint(total)"
CHECK = "assert total == 3, 'total should be three'"

# Code, whose marked lines the reader completes.


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("h = tanh(a)", "h = ..."),
        ("    h = (a + b)", "    h = ..."),
        ("h, c = step(h)", "h, c = ..."),
        ("states[t] = h == 1", "states[t] = ..."),
        ("total += f(x=1)", "total += ..."),
        ("w: int = 3", "w: int = ..."),
        ("ü['ü'] = 1", "ü['ü'] = ..."),
        ("return h", "..."),
        ("    for t in steps:", "    ..."),
        ("print(a == b)", "..."),
    ],
)
def test_line_to_complete(line: str, left: str) -> None:
    assert starting_code(f"x = 1\n{line}  # SOLUTION") == f"x = 1\n{left}"
    assert solution(f"x = 1\n{line}  # SOLUTION") == f"x = 1\n{line}"


def test_part_to_complete() -> None:
    source = "def f(x):\n    # BEGIN SOLUTION\n    y = x  # SOLUTION\n    return y\n    # END SOLUTION\nf(1)"
    assert starting_code(source) == "def f(x):\n    ...\nf(1)"
    assert solution(source) == "def f(x):\n    y = x\n    return y\nf(1)"


def test_names_that_a_cell_makes() -> None:
    assert made("def f(n):\n    k = n  # SOLUTION\n    return f(k)\nx, seen[0] = b, f(1)\ncount += 1") == ["f", "x"]
    assert made("# BEGIN SOLUTION\nhelp_ = 1\n# END SOLUTION\nb = 2") == ["b", "help_"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a = 1", "no line is marked"),
        ("# BEGIN SOLUTION\na = 1", "has no '# END"),
        ("# END SOLUTION", "ends nothing"),
        ("# BEGIN SOLUTION\n# BEGIN SOLUTION\n# END SOLUTION", "within another"),
    ],
)
def test_code_without_its_marks_is_refused(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        starting_code(source)


# Pages.


def notebook(*cells: NotebookNode) -> NotebookNode:
    kernel = {"kernelspec": {"display_name": "Python 3", "name": "python3"}, "language_info": {"name": "python"}}
    return new_notebook(metadata=from_dict(kernel), cells=[new_markdown_cell("# Page"), *cells])


def text(*parts: str) -> NotebookNode:
    return new_markdown_cell("\n\n".join(parts))


def code(source: str, *tags: str, prints: str = "") -> NotebookNode:
    outputs = [new_output("stream", text=prints)] if prints else []
    return new_code_cell(source, outputs=outputs, execution_count=1, metadata={"tags": list(tags)})


def build(folder: Path, pages: dict[str, NotebookNode], **more: object) -> str:
    """Build a small book; return what Sphinx complains of."""
    for name, page in pages.items():
        write(page, folder / f"{name}.ipynb")
    names = "\n".join(pages)
    (folder / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{names}\n```\n", encoding="utf-8")
    settings = {
        "extensions": ["myst_nb", "turn"],
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["colon_fence", "dollarmath"],
    }
    settings |= {"root_doc": "index", "html_static_path": ["static"], **more}
    (folder / "static").mkdir()
    for name in ("selfcheck.js", "selfcheck.css"):
        shutil.copy(BOOK / "_static" / name, folder / "static")
    lines = [f"{name} = {value!r}" for name, value in settings.items()]
    (folder / "conf.py").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ".", "out"]
    paths = os.environ | {"PYTHONPATH": str(BOOK / "_ext"), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=paths, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stderr), done.stderr
    return done.stderr


GOOD = notebook(
    text("## Part", BET),
    text(TASK),
    code(CODE, "your-turn", "live", prints="3\n"),
    code(CHECK, "check"),
    text("## End"),
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Tag:
    folder = tmp_path_factory.mktemp("book")
    assert build(folder, {"page": GOOD}) == ""
    return BeautifulSoup((folder / "out" / "page.html").read_text(encoding="utf-8"), "html.parser")


def test_bet_has_radio_buttons_in_a_group_with_its_question_as_name(page: Tag) -> None:
    (bet,) = page.select(".bet")
    assert [part.get_text() for part in bet.select("fieldset > legend em")] == ["two"]
    buttons = bet.select("fieldset input[type=radio]")
    labels = {label["for"]: label.get_text() for label in bet.select("label")}
    assert [labels[button["id"]] for button in buttons] == ["(a) two", "(b) three"]
    assert len({button["name"] for button in buttons}) == 1
    assert bet.select_one("[role=status]").get_text(strip=True) == ""


def test_reasons_of_a_bet_stand_at_the_end_of_the_page(page: Tag) -> None:
    (end,) = page.select(".at-the-end")
    assert [part.get_text() for part in end.select("[data-for] .verdict")] == ["Bet 1, (a) No.", "Bet 1, (b) Right."]
    headings = [part.get_text() for part in end.find_all_previous("h2")]
    assert headings[0].startswith("End")


def test_cell_shows_the_starting_code_and_folds_solution_output_and_check(page: Tag) -> None:
    cell, check = page.select(".tag_your-turn")[0], page.select(".tag_check")[0]
    assert cell["data-solution"] == solution(CODE)
    assert cell["data-makes"] == "a b c total"
    assert {"cell", "tag_live"} <= set(cell["class"])
    (shown,) = cell.select(".cell_input")
    assert not shown.find_parent("details")
    assert shown.get_text().strip() == starting_code(CODE)
    (folded,) = cell.select("details")
    assert folded.summary.get_text(" ", strip=True) == "Show a solution Hide the solution"
    assert [part.get_text().strip() for part in folded.select("pre")] == [solution(CODE), "3"]
    assert check.select_one("details .cell_input").get_text().strip() == CHECK
    assert page.select_one(".admonition.your-turn .admonition-title").get_text() == "Your turn: Add"


FAULTS = {
    "no-answer": ((text("```{bet} Why?\nBecause.\n```"),), "a bet needs at least two answers"),
    "none-right": ((text(BET.replace("[x]", "[ ]")),), "exactly one answer of a bet must be right"),
    "no-question": ((text(BET.replace(" How many are *two* and $1$?", "")),), "a bet needs a question"),
    "no-reason": ((text("```{bet} Why?\n- [ ] a\n- [x] b\n```"),), "'b' needs a reason"),
    "no-cell": ((text(TASK), code(CHECK, "check")), "no code cell tagged 'your-turn' follows the task"),
    "no-task": ((code(CODE, "your-turn"), code(CHECK, "check")), "no {your-turn} stands before"),
    "no-check": ((text(TASK), code(CODE, "your-turn"), code("1", "live")), "no code cell tagged 'check' follows"),
    "no-mark": ((text(TASK), code("a = 1", "your-turn"), code(CHECK, "check")), "no line is marked"),
    "no-title": ((text(TASK.replace(" Add", "")), code(CODE, "your-turn"), code(CHECK, "check")), "argument"),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(tmp_path_factory.mktemp("faults"), {name: notebook(*cells) for name, (cells, _) in FAULTS.items()})


@pytest.mark.parametrize("name", FAULTS)
def test_fault_stops_the_build_and_names_page_and_line(name: str, complaints: str) -> None:
    found = re.findall(rf"(?m)^.*/{name}\.ipynb:\d+: (?:WARNING|ERROR|CRITICAL): (.*)", complaints)
    assert any(FAULTS[name][1] in line for line in found), complaints
