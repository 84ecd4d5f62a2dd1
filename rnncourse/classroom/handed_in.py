"""What is graded: an assignment's tests, and what students handed in."""

import doctest
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnncourse.classroom.tables import decoded, plain_name
from rnncourse.classroom.words import Cell, find_words

LARGEST = 20_000_000  # bytes of a notebook
MOST_CELLS = 2_000
NOTHING = "nothing was handed in"
TOO_LARGE = "the notebook is larger than 20 MB: clear its outputs and save it again"
NOT_WHOLE = "the file is not a whole notebook: save it again in Jupyter, and hand that in"
NO_NOTEBOOK = "`{}` is not a notebook: hand in the file that ends in .ipynb"
MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_[a-z]+(?:[_.].*)?")
CANVAS = re.compile(r"(?:([^\W\d].*?)_(LATE_)?(\d+)|()(LATE_)?(anon_[A-Za-z0-9]+))_(?:\d+_.+|(?:text|link)\.html)")
UNTOUCHED = "_Type your answer here, replacing this text._"  # what Otter writes


def natural(name: str) -> list[Any]:
    """Return what puts q2 before q10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


class DoubtError(Exception):
    """A person has to say which of several files counts; the message says so."""


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
    checks : sequence of str
        Sources of the cells that only check.
    """

    name: str
    title: str
    titles: Mapping[str, str]
    questions: tuple[Question, ...]
    by_hand: Mapping[str, Mapping[str, Any]]
    given: Mapping[str, str]
    checks: Sequence[str]

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
        about["given"] = dict(about["given"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no autograder that `make assignments` has made: {error}") from None
    return Assignment(questions=read_questions(path), **about)


@dataclass(frozen=True)
class HandedIn:
    """What a student handed in.

    Attributes
    ----------
    student : str
        A name that may stand in tables and names of files; several may have the same.
    path : Path
        The file.
    system, identity : str
        "Canvas" or "Moodle", and the number that it gave to the student.
    late : str
        Empty; "yes"; or the number of days, each that has begun.
    problem : str
        Why this cannot be graded, where the reason is known before it is read.
    """

    student: str
    path: Path
    system: str = ""
    identity: str = ""
    late: str = ""
    problem: str = ""

    @property
    def key(self) -> str:
        """What tells this student from the others: the platform's number, or else the name."""
        return f"{self.system} {self.identity}" if self.identity else self.student

    @property
    def stem(self) -> str:
        """What this student's files are called."""
        return f"{self.student}_{self.identity}" if self.identity else self.student


def handed_in(folder: Path) -> list[HandedIn]:
    """Return what a folder holds: for each student files, or a folder.

    The names that Canvas and Moodle give to what they hand out are understood, also those of anonymous downloads:
    ``name_123_456_file.ipynb``, ``Full Name_123_assignsubmission_file/file.ipynb``. The number tells who it is.

    Raises
    ------
    ValueError
        If the folder is empty.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    entries = [_who(path) for path in sorted(folder.iterdir()) if not _hidden(path.name)]
    names: dict[str, set[str]] = {}
    for entry in entries:
        names.setdefault(entry.key, set()).add(entry.student)
    students: dict[str, list[HandedIn]] = {}
    for entry in entries:
        if entry.system == "Canvas" and len(names[entry.key]) > 1:  # it only looks like a name from Canvas
            entry = HandedIn(plain_name(entry.path.stem), entry.path)
        students.setdefault(entry.key, []).append(entry)
    if not students:
        raise ValueError(f"{folder} holds no submission")
    return [_choose(own) for own in students.values()]


def _hidden(name: str) -> bool:
    """Whether this is what systems and programs leave in folders; a name that is nothing but the ending is not."""
    dotted = re.match(r"(?i)\.(?!\.*ipynb(\.|$))", name)
    return bool(dotted) or name in {"__MACOSX", "Thumbs.db", "desktop.ini"}


def _who(path: Path) -> HandedIn:
    """Return whose a file or folder is, by its name."""
    if path.name.count("_assignsubmission_") > 1:  # part of a name that a student chose, to be taken for another
        return HandedIn(plain_name(path.name), path, problem="the name holds several numbers of Moodle: rename it")
    if moodle := MOODLE.fullmatch(path.name):
        return HandedIn(plain_name(moodle[1]), path, "Moodle", moodle[2])
    if canvas := CANVAS.fullmatch(path.name):
        name, late, number = canvas.groups()[:3] if canvas[1] else canvas.groups()[3:]
        return HandedIn(plain_name(name or "anonymous"), path, "Canvas", number, "yes" if late else "")
    stem = re.split(r"(?i)\.ipynb", path.stem)[0].lstrip(".")  # without an ending that a program added
    return HandedIn(plain_name(path.name if path.is_dir() else stem), path)


def _choose(own: Sequence[HandedIn]) -> HandedIn:
    """Return one of the files of a student, or why none can be chosen."""
    late = max(each.late for each in own)
    try:
        files = [file for each in own for file in _files(each.path)]
        files = [file for file in files if _is_notebook(file.name)] or [*filter(_is_zip, files)] or files
        if len({content(file) or file for file in files}) > 1:
            named = ", ".join(one_line(file.name, 100) for file in files[:5])
            return replace(own[0], late=late, problem=f"there are several files, {named}: leave the one that counts")
    except (OSError, RecursionError) as error:
        return replace(own[0], late=late, problem=one_line(f"this cannot be read: {error}"))
    return replace(own[0], late=late, path=files[0]) if files else replace(own[0], late=late, problem=NOTHING)


def _files(path: Path) -> list[Path]:
    """Return a file, or the files of a folder."""
    if path.is_symlink() or not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in found if not any(map(_hidden, file.relative_to(path).parts))]


def _is_notebook(name: str) -> bool:
    """Whether a file is called a notebook, also where a browser has added ``.txt`` or ``.json``."""
    return ".ipynb" in name.lower()


def _is_zip(file: Path) -> bool:
    return file.suffix.lower() == ".zip"


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
    DoubtError
        If there are several.
    """
    if path.is_symlink():
        raise ValueError(f"`{one_line(path.name)}` is a link to another file: hand in the file itself")
    if not path.is_file():
        raise ValueError(NOTHING)
    try:
        notebook = _read(path)
        cells = [_cell(cell) for cell in _cells(notebook)]
    except (KeyError, TypeError, AttributeError):
        raise ValueError(NOT_WHOLE if _is_notebook(path.name) else NO_NOTEBOOK.format(one_line(path.name))) from None
    named = _inside(notebook, "metadata", "rnncourse", "assignment")
    if named not in (None, assignment.name):
        other = f"this is the notebook of another assignment, {one_line(repr(named), 60)}"
        raise ValueError(f"{other}; {assignment.name!r} is asked for")
    if len(cells) > MOST_CELLS:
        raise ValueError(f"the notebook has {len(cells)} cells: hand in the one of the assignment")
    cells = [cell for cell in cells if cell.kind != "code" or cell.source.strip() not in assignment.checks]
    code = tuple(cell.source for cell in cells if cell.kind == "code")
    return Notebook(code, find_words(cells, assignment.given, list(assignment.by_hand)))


def _read(path: Path) -> Any:
    """Return the notebook in a file, or in a zip file, as it was written."""
    if path.stat().st_size > LARGEST:
        raise ValueError(TOO_LARGE) if _is_zip(path) or _is_notebook(path.name) else KeyError
    data = _unpacked(path) if _is_zip(path) else path.read_bytes()
    try:
        return json.loads(decoded(data)[0])
    except (ValueError, RecursionError):
        raise KeyError from None


def _unpacked(path: Path) -> bytes:
    """Return the only notebook in a zip file."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [each for each in archive.infolist() if _is_notebook(each.filename)]
            inside = [each for each in inside if not any(map(_hidden, each.filename.split("/")))]
            if len({(each.CRC, each.file_size) for each in inside}) != 1:
                raise (DoubtError if inside else ValueError)(f"the zip file holds {len(inside)} notebooks: hand in one")
            if inside[0].file_size > LARGEST:
                raise ValueError(TOO_LARGE)
            return archive.read(inside[0])
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError):
        raise ValueError("the zip file cannot be unpacked: hand in the notebook itself") from None


def named_assignment(path: Path) -> str:
    """Return the name of the assignment that a notebook says it is, or nothing."""
    try:
        named = _inside(_read(path), "metadata", "rnncourse", "assignment") if content(path) else ""
    except (OSError, ValueError, KeyError, DoubtError):
        named = ""
    return named if isinstance(named, str) else ""


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
    source = source.replace("\r\n", "\n")  # what Git and editors on Windows make of line ends
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
