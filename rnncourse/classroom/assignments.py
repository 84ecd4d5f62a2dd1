"""Make each assignment's notebook for the students, and its autograder: ``make assignments``.

A source, ``book/NN-name/assignment.ipynb``, is a notebook for ``otter assign``, with solutions and
tests. Otter takes the solutions out and sets the hidden tests apart. Two things are then changed,
so that a student needs nothing but the book's own packages: the cells that call Otter become the
public checks themselves, as code to be read; and the autograder notes what a person grades.
"""

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rnncourse.classroom.handed_in import UNTOUCHED, Question, read_questions

BOOK = Path(__file__).resolve().parents[2] / "book"
AUTOGRADERS = BOOK.parent / "dist" / "assignments"
POINTS = 20
BEFORE, AFTER = "# Public checks of {0}: run this cell.", 'print("{0}: the public checks pass")'
LABELS = ("<!-- BEGIN QUESTION -->", "<!-- END QUESTION -->")


def build(source: Path, student: Path | None = None, autograders: Path = AUTOGRADERS) -> None:
    """Write the student's notebook, by default beside the source, and the autograder's zip file.

    Raises
    ------
    ValueError
        If a question's points are not those of its tests, or not 20 points in all.
    RuntimeError
        If Otter fails.
    """
    name = source.parent.name
    master = json.loads(source.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "otter", "assign", str(source), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"otter assign {source} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        (zipped,) = Path(folder, "autograder").glob("*.zip")
        notebook = json.loads(Path(folder, "student", source.name).read_text(encoding="utf-8"))
        questions = {question.name: question for question in read_questions(zipped)}
        opened = by_hand(master)
        check_points(master, questions, opened)
        checks = public_checks(master)
        cells = list(student_cells(notebook["cells"], checks, list(opened), source.parent))
        beside = student or source.parent / "student"
        write_student(cells, beside / f"{name}-assignment.ipynb", name)
        given = [cell["id"] for cell in cells]
        note = {
            "name": name,
            "title": title(master),
            "titles": question_titles(master),
            "by_hand": opened,
            "given": given,
            "checks": [*checks.values()],
        }
        write_autograder(zipped, autograders / f"{name}.zip", note)


def student_cells(
    cells: list[dict[str, Any]], checks: Mapping[str, str], opened: list[str], chapter: Path
) -> Iterator[dict[str, Any]]:
    """Yield the cells: the install first; for each call of Otter's check the public tests."""
    name = chapter.name
    yield cell("code", install(chapter), f"{name}-install")
    open_questions = iter(opened)
    number = 0
    for old in cells:
        text = "".join(old["source"])
        if "import otter" in text or text.startswith("grader.check_all"):
            continue
        for label in LABELS:
            text = text.replace(label, "")
        text = text.strip("\n")
        number += 1
        if text.startswith("grader.check("):
            question = json.loads(text[len("grader.check(") : -1])
            yield cell("code", checks[question], f"{name}-check-{question}", tags=["check"])
        elif text == UNTOUCHED:
            question_name = next(open_questions)
            yield cell(
                "markdown",
                text,
                f"{name}-answer-{question_name}",
                rnncourse={"answer": question_name},
            )
        elif text:
            yield cell(old["cell_type"], text, f"{name}-{number:02d}")


def install(chapter: Path) -> str:
    """Return the cell that installs the course: the first code cell of the chapter's first page."""
    page = json.loads(min(chapter.glob("[0-9]*.ipynb")).read_text(encoding="utf-8"))
    source: list[str] = next(each["source"] for each in page["cells"] if each["cell_type"] == "code")
    return "".join(source)


def cell(kind: str, source: str, identity: str, **metadata: Any) -> dict[str, Any]:
    """Return a cell in the normal form of the course's notebooks, never run."""
    made = {
        "cell_type": kind,
        "id": identity,
        "metadata": metadata,
        "source": source.splitlines(keepends=True),
    }
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def title(master: Mapping[str, Any]) -> str:
    """Return the first heading."""
    lines = [line for cell in master["cells"] if cell["cell_type"] == "markdown" for line in cell["source"]]
    return next(str(line[2:]).strip() for line in lines if line.startswith("# "))


def question_titles(master: Mapping[str, Any]) -> dict[str, str]:
    """Return "2: windows with a gap" for q2, from its heading."""
    texts = ["".join(cell["source"]) for cell in master["cells"] if cell["cell_type"] == "markdown"]
    found = re.findall(r"(?m)^## Question (\d+): (.+?) \([\d.]+ points?\b.*\)$", "\n".join(texts))
    return {f"q{number}": f"{number}: {text}" for number, text in found}


@dataclass(frozen=True)
class Part:
    """A cell of a source that is not raw, and where it stands.

    Attributes
    ----------
    question : dict
        What the raw cell at the question's beginning says; empty outside of questions.
    role : str
        "given", "solution" or "test".
    kind : str
        "code" or "markdown".
    text : str
    """

    question: Mapping[str, Any]
    role: str
    kind: str
    text: str


def parts(master: Mapping[str, Any]) -> Iterator[Part]:
    """Yield the cells of a source, with what the raw cells between them say."""
    question: dict[str, Any] = {}
    role = "given"
    for each in master["cells"]:
        text = "".join(each["source"])
        if each["cell_type"] != "raw":
            yield Part(question, role, each["cell_type"], text)
        elif text.startswith("# BEGIN QUESTION"):
            question = yaml.safe_load(text.partition("\n")[2])
        elif text.startswith("# END QUESTION"):
            question = {}
        elif text.startswith("# BEGIN"):
            role = "solution" if text.startswith("# BEGIN SOLUTION") else "test"
        elif text.startswith("# END"):
            role = "given"


def public_checks(master: Mapping[str, Any]) -> dict[str, str]:
    """Return the code of the public tests of each question, as it was written."""
    found: dict[str, list[str]] = {}
    for part in parts(master):
        if (part.role, part.kind) == ("test", "code"):
            config, _, code = part.text.partition("# END TEST CONFIG")
            if not re.search(r"(?m)^hidden: *true", config):
                found.setdefault(part.question["name"], []).append(code.strip())
    return {name: "\n".join([BEFORE.format(name), *codes, AFTER.format(name)]) for name, codes in found.items()}


def by_hand(master: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return points, prompt and graded examples of the questions that a person grades."""
    opened: dict[str, dict[str, Any]] = {}
    for part in parts(master):
        if part.question.get("manual"):
            points = {"points": part.question["points"], "prompt": "", "examples": ""}
            about = opened.setdefault(part.question["name"], points)
            place = "examples" if part.role == "solution" else "prompt"
            about[place] = f"{about[place]}\n\n{part.text}".strip()
    return opened


def check_points(
    master: Mapping[str, Any],
    questions: Mapping[str, Question],
    opened: Mapping[str, Mapping[str, Any]],
) -> None:
    """Compare what a question says of its points with what its tests give."""
    tested = {name: sum(case.points for case in question.cases) for name, question in questions.items()}
    points = tested | {name: question["points"] for name, question in opened.items()}
    asked = [part.question for part in parts(master) if part.question]
    said = {question["name"]: question["points"] for question in asked}
    if points != said:
        wrong = {
            name: (said.get(name), points.get(name)) for name in said | points if said.get(name) != points.get(name)
        }
        raise ValueError(f"{title(master)}: points of a question and of its tests must agree, got {wrong}")
    if sum(points.values()) != POINTS:
        raise ValueError(f"{title(master)}: there must be {POINTS} points in all, got {sum(points.values()):g}")


def write_student(cells: list[dict[str, Any]], target: Path, name: str) -> None:
    """Write the student's notebook."""
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "rnncourse": {"assignment": name},
    }
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_autograder(zipped: Path, target: Path, note: Mapping[str, Any]) -> None:
    """Copy the tests, and the note; always the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(zipped) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        files = {name: old.read(name) for name in sorted(old.namelist()) if name.startswith("tests/")}
        files["assignment.json"] = json.dumps(note, indent=1).encode()
        for name, content in files.items():
            new.writestr(zipfile.ZipInfo(name), content)


def main() -> None:
    """Make all, or those that are named."""
    names = sys.argv[1:]
    for source in sorted(BOOK.glob("[0-9]*/assignment.ipynb")):
        if not names or source.parent.name in names:
            build(source)
            sys.stdout.write(f"{source.parent.name}\n")


if __name__ == "__main__":
    main()
