"""What is graded: an assignment's tests, and what students handed in."""

import doctest
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncourse.classroom.words import Cell, find_words

LARGEST = 20_000_000  # bytes of a notebook
MOST_CELLS = 2_000
UNTOUCHED = "_Type your answer here, replacing this text._"  # what Otter writes


def natural(name: str) -> list[Any]:
    """Return what puts q2 before q10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


@dataclass(frozen=True)
class Case:
    """One test of a question: code that raises unless the answer is right, and what to tell the student."""

    code: str
    points: float
    hidden: bool
    message: str


@dataclass(frozen=True)
class Question:
    """A question that is graded here; those that a person grades have no cases."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Assignment:
    """What is graded.

    Attributes
    ----------
    name, title : str
    titles : dict of str to str
        Of the questions.
    questions : tuple of Question
        Those with tests.
    by_hand : dict of str to dict
        For each question that a person grades: "points", "prompt" (with the rubric) and "examples", as Markdown.
    given : dict of str to str
        Identity and text of the cells that the student's notebook has from the beginning.
    checks : tuple of str
        Sources of the cells that only check.
    """

    name: str
    title: str
    titles: Mapping[str, str]
    questions: tuple[Question, ...]
    by_hand: Mapping[str, Mapping[str, Any]]
    given: Mapping[str, str]
    checks: tuple[str, ...]

    def points(self) -> dict[str, float]:
        """Points of each question, in order."""
        tested = {question.name: sum(case.points for case in question.cases) for question in self.questions}
        opened = {name: float(question["points"]) for name, question in self.by_hand.items()}
        return dict(sorted((tested | opened).items(), key=lambda pair: natural(pair[0])))


def read_questions(path: Path) -> tuple[Question, ...]:
    """Read the tests from an autograder's zip file, as ``otter assign`` writes it.

    Raises
    ------
    ValueError
        If the file holds no tests, or a test has no points.
    """
    questions = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if re.fullmatch(r"tests/.*\.py", name):
                found: dict[str, Any] = {}
                exec(compile(archive.read(name), name, "exec"), found)  # ours: what `make assignments` wrote
                cases = [case for suite in found["test"]["suites"] for case in suite["cases"]]
                questions.append(Question(found["test"]["name"], tuple(map(_case, cases))))
    if not questions:
        raise ValueError(f"{path} holds no tests: make it with `make assignments`")
    return tuple(sorted(questions, key=lambda question: natural(question.name)))


def _case(case: Mapping[str, Any]) -> Case:
    code = "".join(example.source for example in doctest.DocTestParser().get_examples(case["code"]))
    if case.get("points") is None:
        raise ValueError(f"each test needs its points, got none in:\n{code}")
    return Case(code, float(case["points"]), bool(case["hidden"]), case.get("failure_message") or "")


def read_assignment(path: Path) -> Assignment:
    """Read an autograder's zip file, as ``make assignments`` writes it.

    Raises
    ------
    ValueError
        If the file is not one of those.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("assignment.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no autograder that `make assignments` has made: {error}") from None
    questions, checks = read_questions(path), tuple(about["checks"])
    return Assignment(
        about["name"], about["title"], about["titles"], questions, about["by_hand"], about["given"], checks
    )


@dataclass(frozen=True)
class HandedIn:
    """A file that was handed in, and who did; `identity` is the number that Canvas or Moodle gave."""

    student: str
    path: Path
    system: str = ""
    identity: str = ""


def handed_in(folder: Path) -> list[HandedIn]:
    """Return what a folder holds: a file for each student, or a folder for each student with one file in it.

    The names that Canvas and Moodle give to what they hand out are understood: ``name_123_456_file.ipynb`` and
    ``Full Name_123_assignsubmission_file/file.ipynb``.

    Raises
    ------
    ValueError
        If the folder is empty, or a student has two files.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))
    found = [_in_folder(path) if path.is_dir() and not path.is_symlink() else _as_file(path) for path in paths]
    if not found:
        raise ValueError(f"{folder} holds no submission")
    for each in found:
        if not each.student.isprintable() or each.student.startswith(("=", "+", "-", "@")) or len(each.student) > 100:
            raise ValueError(f"{each.student!r} is no name for a row of a table: rename the file, to a plain name")
    for each in found:
        if len(same := [other.path.name for other in found if other.student == each.student]) > 1:
            raise ValueError(f"one file for each student, got {', '.join(same)}: leave the one that counts")
    return found


def _in_folder(folder: Path) -> HandedIn:
    """Return what a student's folder holds, or the folder itself where nothing is in it."""
    moodle = re.fullmatch(r"(.+)_(\d+)_assignsubmission_file_?", folder.name)
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    notebooks = [file for file in files if file.suffix == ".ipynb"] or files
    if len(notebooks) > 1:
        raise ValueError(f"{folder} must hold one notebook, got {', '.join(file.name for file in notebooks)}")
    name, identity = moodle.groups() if moodle else (folder.name, "")
    return HandedIn(name, notebooks[0] if notebooks else folder, "Moodle" if moodle else "", identity)


def _as_file(path: Path) -> HandedIn:
    """Return a file that lies in the folder of the class."""
    canvas = re.fullmatch(r"(.+?)(?:_LATE)?_(\d+)_\d+_.+", path.name)
    name, identity = canvas.groups() if canvas else (path.stem, "")
    return HandedIn(name, path, "Canvas" if canvas else "", identity)


@dataclass(frozen=True)
class Notebook:
    """What is read of a submission: its code cells, and the answers in words."""

    cells: tuple[str, ...]
    answers: Mapping[str, str]


def read_notebook(path: Path, assignment: Assignment) -> Notebook:
    """Read a submission; the cells that only check are left out.

    Raises
    ------
    ValueError
        If it is no notebook, or one of another assignment; the message is for the student.
    """
    if path.is_symlink():
        raise ValueError(f"`{path.name}` is a link to another file: hand in the file itself")
    if not path.is_file():
        raise ValueError("nothing was handed in")
    if path.suffix != ".ipynb":
        raise ValueError(f"`{path.name}` is not a notebook: hand in the file that ends in .ipynb")
    if path.stat().st_size > LARGEST:
        raise ValueError("the notebook is larger than 20 MB: clear its outputs and save it again")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = [_cell(cell) for cell in _cells(notebook)]
        named = _inside(notebook, "metadata", "rnncourse", "assignment")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("the file is not a whole notebook: save it again in Jupyter, and hand that in") from None
    if named not in (None, assignment.name):
        raise ValueError(
            f"this is the notebook of another assignment, {one_line(repr(named), 60)}; {assignment.name!r} is asked for"
        )
    if len(cells) > MOST_CELLS:
        raise ValueError(f"the notebook has {len(cells)} cells: hand in the one of the assignment")
    cells = [cell for cell in cells if cell.kind != "code" or cell.source.strip() not in assignment.checks]
    code = tuple(cell.source for cell in cells if cell.kind == "code")
    return Notebook(code, find_words(cells, assignment.given, list(assignment.by_hand)))


def _inside(form: Any, *keys: str) -> Any:
    """Return what stands in dicts within dicts, or nothing."""
    for key in keys:
        form = form.get(key) if isinstance(form, dict) else None
    return form


def _cells(notebook: Any) -> list[Any]:
    """Return the cells, also of a notebook in the old format 3."""
    sheets = [notebook] if "cells" in notebook else notebook["worksheets"]
    return [cell for sheet in sheets for cell in sheet["cells"]]


def _cell(cell: Any) -> Cell:
    source = "".join(cell["source"] if "source" in cell else cell["input"]).encode("utf-8", "replace").decode()
    return Cell(str(cell["cell_type"]), source, _inside(cell, "metadata", "rnncourse", "answer"), str(cell.get("id")))


def content(path: Path) -> bytes:
    """Return what a submission holds, or nothing where `read_notebook` would not read it."""
    readable = path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST
    return path.read_bytes() if readable else b""


def one_line(text: object, most: int = 500) -> str:
    """Return text as it may stand in a report, whoever wrote it: one line, printable, not long."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:most])


def first_line(cell: str) -> str:
    """Return what a student knows a cell by: its first line that is not a comment."""
    lines = [line.strip() for line in cell.splitlines() if line.strip() and not line.strip().startswith("#")]
    return lines[0][:60] if lines else "empty"
