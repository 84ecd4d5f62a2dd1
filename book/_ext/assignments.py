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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rnncourse.classroom.handed_in import UNTOUCHED, Question, read_questions

BOOK = Path(__file__).resolve().parents[1]
AUTOGRADERS = BOOK.parent / "dist" / "assignments"
POINTS = 20
BEFORE, AFTER = "# Public checks of {0}: run this cell.", 'print("{0}: the public checks pass")'
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(source: Path, student: Path | None = None, autograders: Path = AUTOGRADERS) -> None:
    """Write the student's notebook, by default beside the source, and the autograder's zip file.

    Raises
    ------
    ValueError
        If a question's points are not those of its tests, or not 20 points in all.
    RuntimeError
        If Otter fails.
    """
    chapter = source.parent
    master = read(source)
    checks, opened = public_checks(master), by_hand(master)
    with tempfile.TemporaryDirectory() as folder:
        notebook, zipped = run_otter(source, Path(folder))
        check_points(master, read_questions(zipped), opened)
        cells = list(student_cells(notebook, checks, opened, chapter))
        write_student(
            cells,
            (student or chapter / "student") / f"{chapter.name}-assignment.ipynb",
            chapter.name,
        )
        note = {
            "name": chapter.name,
            "title": title(master),
            "titles": question_titles(master),
            "by_hand": opened,
            "given": {cell.id: cell.source for cell in cells},
            "checks": [*checks.values()],
        }
        write_autograder(zipped, autograders / f"{chapter.name}.zip", note)


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def run_otter(source: Path, folder: Path) -> tuple[NotebookNode, Path]:
    """Let Otter take a source apart; return the students' notebook, and the zip of its tests."""
    command = [sys.executable, "-m", "otter", "assign", str(source), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"otter assign {source} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    (zipped,) = (folder / "autograder").glob("*.zip")
    return read(folder / "student" / source.name), zipped


def student_cells(
    notebook: NotebookNode, checks: Mapping[str, str], opened: Mapping[str, Any], chapter: Path
) -> Iterator[NotebookNode]:
    """Yield the cells: the install first; for each call of Otter's check the public tests."""
    name = chapter.name
    yield new_code_cell(install(chapter), id=f"{name}-install")
    open_questions = iter(opened)
    kept = [
        cell
        for cell in notebook.cells
        if not re.search(r"import otter|\Agrader\.check_all", cell.source)
    ]
    for number, cell in enumerate(kept, start=1):
        text = re.sub("<!-- (BEGIN|END) QUESTION -->", "", cell.source).strip("\n")
        if check := re.fullmatch(r'grader\.check\("(.*)"\)', text):
            yield new_code_cell(
                checks[check[1]], id=f"{name}-check-{check[1]}", metadata={"tags": ["check"]}
            )
        elif text == UNTOUCHED:
            mark = {"answer": next(open_questions)}
            yield new_markdown_cell(
                text, id=f"{name}-answer-{mark['answer']}", metadata={"rnncourse": mark}
            )
        elif text and cell.cell_type == "code":
            yield new_code_cell(text, id=f"{name}-{number:02d}")
        elif text:
            yield new_markdown_cell(text, id=f"{name}-{number:02d}")


def install(chapter: Path) -> str:
    """Return the cell that installs the course: the first code cell of the chapter's first page."""
    page = read(min(chapter.glob("[0-9]*.ipynb")))
    return next(str(cell.source) for cell in page.cells if cell.cell_type == "code")


def title(master: NotebookNode) -> str:
    """Return the first heading."""
    headings: list[str] = re.findall(r"(?m)^# (.+)$", prose(master))
    return headings[0].strip()


def question_titles(master: NotebookNode) -> dict[str, str]:
    """Return "2: windows with a gap" for q2, from its heading."""
    found = re.findall(r"(?m)^## Question (\d+): (.+?) \([\d.]+ points?\b.*\)$", prose(master))
    return {f"q{number}": f"{number}: {text}" for number, text in found}


def prose(master: NotebookNode) -> str:
    """Return the text of all Markdown cells."""
    return "\n".join(cell.source for cell in master.cells if cell.cell_type == "markdown")


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


def parts(master: NotebookNode) -> Iterator[Part]:
    """Yield the cells of a source, with what the raw cells between them say."""
    question: dict[str, Any] = {}
    role = "given"
    for cell in master.cells:
        if cell.cell_type != "raw":
            yield Part(question, role, cell.cell_type, cell.source)
        elif cell.source.startswith("# BEGIN QUESTION"):
            question = yaml.safe_load(cell.source.partition("\n")[2])
        elif cell.source.startswith("# END QUESTION"):
            question = {}
        elif cell.source.startswith("# BEGIN"):
            role = "solution" if cell.source.startswith("# BEGIN SOLUTION") else "test"
        elif cell.source.startswith("# END"):
            role = "given"


def public_checks(master: NotebookNode) -> dict[str, str]:
    """Return the code of the public tests of each question, as it was written."""
    found: dict[str, list[str]] = {}
    for part in parts(master):
        if (part.role, part.kind) == ("test", "code"):
            config, _, code = part.text.partition("# END TEST CONFIG")
            if not re.search(r"(?m)^hidden: *true", config):
                found.setdefault(part.question["name"], []).append(code.strip())
    return {
        name: "\n".join([BEFORE.format(name), *codes, AFTER.format(name)])
        for name, codes in found.items()
    }


def by_hand(master: NotebookNode) -> dict[str, dict[str, Any]]:
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
    master: NotebookNode, questions: Sequence[Question], opened: Mapping[str, Mapping[str, Any]]
) -> None:
    """Compare what a question says of its points with what its tests give."""
    points = {question.name: sum(case.points for case in question.cases) for question in questions}
    points |= {name: question["points"] for name, question in opened.items()}
    said = {
        part.question["name"]: part.question["points"] for part in parts(master) if part.question
    }
    pairs = {name: (said.get(name), points.get(name)) for name in said | points}
    if wrong := {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}:
        raise ValueError(
            f"{title(master)}: points of a question and of its tests must agree, got {wrong}"
        )
    if sum(points.values()) != POINTS:
        raise ValueError(
            f"{title(master)}: there must be {POINTS} points in all, got {sum(points.values()):g}"
        )


def write_student(cells: list[NotebookNode], target: Path, name: str) -> None:
    """Write the student's notebook."""
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = new_notebook(cells=cells, metadata=METADATA | {"rnncourse": {"assignment": name}})
    nbformat.write(notebook, target)


def write_autograder(zipped: Path, target: Path, note: Mapping[str, Any]) -> None:
    """Copy the tests, and the note; always the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(zipped) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        files = {
            name: old.read(name) for name in sorted(old.namelist()) if name.startswith("tests/")
        }
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
