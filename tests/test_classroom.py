"""The course's assignments: what earns points and what does not, and that a student's notebook gives nothing away.

Run by `make test-all` after `make assignments`. Where there is no sandbox the graded ones are skipped, but not with
SANDBOX_REQUIRED set.
"""

import json
import os
import re
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import assignments as build
import nbformat
import numpy as np
import pytest
import yaml
from nbformat import NotebookNode

from rnncourse.classroom import grading, questions
from rnncourse.classroom.handed_in import HandedIn, handed_in, read_assignment
from rnncourse.classroom.sandbox import Limits, Sandbox, SandboxError, check_sandbox

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
NAMES = sorted(path.parent.name for path in BOOK.glob("*/assignment.ipynb"))
CHAPTERS = sorted(path.name for path in BOOK.glob("[0-9]*"))
SLOT = 500 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # none that a grader at work has


@cache
def master(name: str) -> NotebookNode:
    return nbformat.read(BOOK / name / "assignment.ipynb", as_version=4)


def student(name: str) -> Path:
    return BOOK / name / "student" / f"{name}-assignment.ipynb"


@cache
def assignment(name: str):
    path = ROOT / "dist" / "assignments" / f"{name}.zip"
    assert path.is_file(), "the assignments are not made: make assignments"
    return read_assignment(path)


@cache
def parts(name: str) -> list[tuple[str, str, str]]:
    """The source's cells: question or "", part ("given", "solution", "test"), text; without the raw cells."""
    found = build.parts(master(name))
    return [(part.question.get("name", ""), f"{part.role} {part.kind}", part.text) for part in found]


class Wrong(NamedTuple):
    """A wrong answer: whether a public check names what is wrong, what the student must read, and the code."""

    question: str
    public: bool
    message: str
    code: str


def wrong_answers(name: str) -> list[Wrong]:
    text = (ROOT / "tests" / "wrong_answers" / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    pieces = re.split(r"(?m)^# %% (q\d+)( public)? \| (.+)$", text)[1:]
    return [
        Wrong(which, bool(public), said.strip(), code)
        for which, public, said, code in zip(*[iter(pieces)] * 4, strict=True)
    ]


def rounds(name: str) -> list[dict[str, Wrong]]:
    """Wrong answers, at most one for each question."""
    found: list[dict[str, Wrong]] = []
    for wrong in wrong_answers(name):
        place = next((each for each in found if wrong.question not in each), None)
        if place is None:
            found.append(place := {})
        place[wrong.question] = wrong
    return found


def hand_in(name: str, path: Path, instead: dict[str, str] | None = None, leave_out: tuple[str, ...] = ()) -> HandedIn:
    """A student's notebook with the right answers, but for some questions."""
    cells = []
    for question, kind, text in parts(name):
        if kind in {"given code", "solution code"} and not (kind == "solution code" and question in leave_out):
            source = (instead or {}).get(question, text) if kind == "solution code" else text
            cells.append({"cell_type": "code", "metadata": {}, "source": source})
    notebook = {"cells": cells, "metadata": {"rnncourse": {"assignment": name}}}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return HandedIn(path.stem, path)


@pytest.fixture(scope="session")
def graded():
    """A function that grades; it skips where there is no sandbox, unless it is required."""
    try:
        check_sandbox(Limits())
    except SandboxError as error:
        if os.environ.get("SANDBOX_REQUIRED"):
            raise
        pytest.skip(str(error))
    return lambda handed, name: grading.grade(handed, assignment(name), Sandbox(Limits(), SLOT))


def machine_points(name: str) -> dict[str, float]:
    """Points of the questions that are graded here."""
    return {
        name_: points for name_, points in assignment(name).points().items() if name_ not in assignment(name).by_hand
    }


def test_every_assignment_has_a_chapter():
    assert NAMES
    assert set(NAMES) <= set(CHAPTERS)  # a new chapter may still be without


@pytest.mark.parametrize("name", NAMES)
def test_points_and_questions(name):
    points = assignment(name).points()
    assert sum(points.values()) == 20
    assert 6 <= len(points) <= 10
    assert list(assignment(name).titles) == list(points)
    (opened,) = assignment(name).by_hand.values()
    assert 3 <= opened["points"] <= 4
    assert re.search(r"(?m)^\|\s*points\s*\|", opened["prompt"]), "no rubric"
    assert len(re.findall(r"\*\*Example answer [12]: \S+ of", opened["examples"])) == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_right_answers_get_all_points(name, graded, tmp_path):
    result = graded(hand_in(name, tmp_path / "right.ipynb"), name)
    assert result["problems"] == []
    assert result["points"] == machine_points(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_untouched_notebook_gets_none(name, graded):
    result = graded(HandedIn("untouched", student(name)), name)
    assert set(result["points"].values()) == {0.0}
    assert not any(result["answers"].values())


@pytest.mark.parametrize(("name", "turn"), [(name, turn) for name in NAMES for turn in range(len(rounds(name)))])
def test_wrong_answers_lose_their_points(name, turn, graded, tmp_path):
    wrong = rounds(name)[turn]
    handed = hand_in(name, tmp_path / "wrong.ipynb", {question: each.code for question, each in wrong.items()})
    result = graded(handed, name)
    for question, points in machine_points(name).items():
        told = "\n".join(result["messages"][question])
        if question not in wrong:
            assert result["points"][question] == points, f"{question} was right: {told}"
        else:
            assert result["points"][question] < points, f"{question} must lose"
            assert wrong[question].message in told


CONSTANTS = [
    None,
    True,
    0,
    1.0,
    float("nan"),
    "",
    [],
    (),
    {},
    np.zeros(1),
    np.zeros((1, 1, 1)),
    np.full((1, 1), np.nan),
]


class Same:
    """Stands for a submission in which every name is the same value, or a function that always returns it."""

    fresh, runs, called = True, 0, {}

    def __init__(self, value, call: bool) -> None:
        self.value = (lambda *given, **named: value) if call else value

    def refresh(self) -> None:
        pass

    def read(self, name: str):
        return self.value


@pytest.mark.parametrize("name", NAMES)
def test_no_constant_wins(name):
    for question in assignment(name).questions:
        for case in question.cases:
            won = [v for v in CONSTANTS for call in (True, False) if case.points and not run(case, Same(v, call))]
            assert not won, f"{question.name}: {won} pass\n{case.code}"


def run(case, submission) -> str:
    with warnings.catch_warnings(action="ignore"):
        return questions.run_case(case, submission)


@pytest.mark.parametrize("name", NAMES)
def test_each_question_has_a_wrong_answer(name):
    assert {wrong.question for wrong in wrong_answers(name)} == set(machine_points(name))


def code_lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 12 and not line.strip().startswith("#")}


@pytest.mark.parametrize("name", NAMES)
def test_a_students_notebook_gives_nothing_away(name):
    text = student(name).read_text(encoding="utf-8")
    shown = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    assert "SOLUTION" not in shown
    assert not any(cell.get("outputs") for cell in json.loads(text)["cells"])
    secret: set[str] = set()
    for _, kind, source in parts(name):
        if kind == "solution markdown":
            secret |= {line.strip() for line in source.splitlines() if len(line.strip()) > 12}
        elif kind == "solution code":
            inside = re.findall(r"(?ms)# BEGIN SOLUTION.*?$(.*?)^\s*# END SOLUTION", source)
            secret |= {line for each in inside for line in code_lines(each)}
            secret |= {line.strip() for line in re.findall(r"(?m)^(.*?)\s*# SOLUTION$", source)}
        elif kind == "test code" and re.search(r"hidden: *true", source):
            secret |= code_lines(source.partition("END TEST CONFIG")[2])
    public = {line for _, kind, source in parts(name) if "given" in kind for line in code_lines(source)}
    public |= {
        line
        for _, kind, source in parts(name)
        if kind == "test code" and not re.search(r"hidden: *true", source)
        for line in code_lines(source)
    }
    assert len(secret) > 30
    lines = {line.strip() for line in shown.splitlines()}
    assert (secret - public) & lines == set()


@pytest.mark.parametrize("name", NAMES)
def test_tests_keep_to_their_rules(name):
    for question, kind, source in parts(name):
        if kind == "test code":
            assert not re.search(r"torch\.manual_seed|random\.seed|set_default_dtype|set_num_threads", source), question
            settings = yaml.safe_load(source.partition("# BEGIN TEST CONFIG")[2].partition('"""')[0])
            assert settings["points"] >= 0, question
            if settings.get("hidden"):
                assert len(settings["failure_message"]) > 15, question


@pytest.mark.parametrize("name", NAMES)
def test_the_same_notebook_each_time(name, tmp_path):
    build.build(BOOK / name / "assignment.ipynb", tmp_path, tmp_path)
    assert (tmp_path / student(name).name).read_bytes() == student(name).read_bytes()
    assert (tmp_path / f"{name}.zip").read_bytes() == (ROOT / "dist" / "assignments" / f"{name}.zip").read_bytes()


def test_a_class(graded, tmp_path, capsys):
    """From a folder to grades.csv: who gets what, to the point."""
    name = "01-sine"
    folder = tmp_path / "class"
    folder.mkdir()
    points = machine_points(name)
    first, *others = points
    half = tuple(others[::2])
    bomb = "import os\nwhile True:\n    os.fork()"
    forged = "import numpy as np\nnp.allclose = lambda *given, **named: True\nopen('results.json', 'w').write('20')"
    answers = {
        "01-perfect": ({}, ()),
        "02-half": ({}, half),
        "03-wrong": ({question: each.code for question, each in rounds(name)[0].items()}, ()),
        "04-slow": ({first: "while True:\n    pass"}, ()),
        "05-raises": ({first: "raise ValueError('no idea')"}, ()),
        "06-syntax": ({first: "def broken(:"}, ()),
        "07-bomb": ({first: bomb}, ()),
        "08-forged": (dict.fromkeys(points, forged), ()),
        "09-exit": ({first: "import os\nos._exit(0)"}, ()),
    }
    for who, (instead, leave_out) in answers.items():
        hand_in(name, folder / f"{who}.ipynb", instead, leave_out)
    (folder / "10-untouched.ipynb").write_bytes(student(name).read_bytes())
    (folder / "11-cut.ipynb").write_bytes(student(name).read_bytes()[:3000])
    (folder / "12-other.ipynb").write_bytes(student("02-by-hand").read_bytes())
    (folder / "13-report.pdf").write_bytes(b"%PDF")

    full = sum(points.values())
    expected = dict.fromkeys(("08-forged", "10-untouched", "11-cut", "12-other", "13-report"), 0.0)
    expected |= dict.fromkeys(("04-slow", "05-raises", "06-syntax", "07-bomb", "09-exit"), full - points[first])
    expected |= {"01-perfect": full, "02-half": full - sum(points[question] for question in half)}
    one_wrong = graded(handed_in(folder)[2], name)["points"]  # test_wrong_answers_lose_their_points looks at these
    expected["03-wrong"] = sum(one_wrong.values())

    grading.main(
        [str(ROOT / "dist" / "assignments" / f"{name}.zip"), str(folder), "--out", str(tmp_path / "out"), "--jobs", "2"]
    )
    assert f"13 submissions of {assignment(name).title!r}" in capsys.readouterr().out
    rows = (tmp_path / "out" / "grades.csv").read_text().splitlines()
    got = {row.partition(",")[0]: float(row.rpartition(",")[2]) for row in rows[1:]}
    assert got == expected
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == 13
