"""Grade notebooks without trusting a line of them: ``python -m rnncourse.classroom --help``.

A submission runs in a sandbox that holds Python, the packages, the course and its data, and nothing else: no network,
no home, no other submission, no hidden test, no solution. The tests run out here. Where a test calls a student's
function, the arguments go in and the value comes out as text, so nothing that a submission does to itself (a forged
result, a replaced ``assert``, an early exit) can be worth a point.
"""

import argparse
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from rnncourse.classroom.handed_in import (
    Assignment,
    HandedIn,
    content,
    first_line,
    handed_in,
    one_line,
    read_assignment,
    read_notebook,
)
from rnncourse.classroom.questions import Submission, run_question
from rnncourse.classroom.reports import write_grade_books, write_reports
from rnncourse.classroom.sandbox import Limits, Sandbox, SandboxError, check_sandbox

BY_HAND = ["student", "question", "points", "comment"]


def _nothing(handed: HandedIn, assignment: Assignment) -> dict[str, Any]:
    """No points, and nothing to say."""
    names = [question.name for question in assignment.questions]
    messages: dict[str, list[str]] = {name: [] for name in names}
    points = dict.fromkeys(names, 0.0)
    return {"student": handed.student, "points": points, "messages": messages, "answers": {}, "problems": []}


def grade(handed: HandedIn, assignment: Assignment, sandbox: Sandbox) -> dict[str, Any]:
    """Grade one submission.

    Parameters
    ----------
    handed : HandedIn
    assignment : Assignment
    sandbox : Sandbox
        Not entered yet.

    Returns
    -------
    dict
        "student", "points" by question, "messages" by question, "answers" in words by question, "problems" of its
        cells, and "seconds".
    """
    begin = time.monotonic()
    result = _nothing(handed, assignment)
    points, messages = result["points"], result["messages"]
    try:
        notebook = read_notebook(handed.path, assignment)
    except (OSError, ValueError) as error:
        return result | {"problems": [str(error)], "seconds": time.monotonic() - begin}
    with sandbox:
        submission = Submission(notebook.cells, sandbox)
        for question in assignment.questions:
            points[question.name], messages[question.name] = run_question(question, submission)
    problems = [
        f"`{one_line(first_line(notebook.cells[cell - 1]))}`: {fault}"
        for cell, fault in sorted(submission.problems.items())
    ]
    return result | {
        "answers": dict(notebook.answers),
        "problems": problems,
        "seconds": time.monotonic() - begin,
    }


def grade_all(
    submissions: Sequence[HandedIn],
    assignment: Assignment,
    kept: Path,
    *,
    limits: Limits | None = None,
    jobs: int | None = None,
    sandboxed: bool = True,
) -> list[dict[str, Any]]:
    """Grade all submissions, several at a time; what has been graded before is not graded again.

    Parameters
    ----------
    submissions : sequence of HandedIn
        None of the files is changed.
    assignment : Assignment
    kept : Path
        Folder for the results, one file a submission: what makes it possible to stop and to go on.
    limits : Limits, optional
    jobs : int, optional
        Submissions at a time; one a core by default.
    sandboxed : bool

    Returns
    -------
    list of dict
        As `grade` returns them, in the order of the submissions.
    """
    kept.mkdir(parents=True, exist_ok=True)
    limits, stopping = limits or Limits(), threading.Event()
    with ThreadPoolExecutor(jobs or joblib.cpu_count()) as pool:
        futures = []
        for slot, handed in enumerate(submissions):
            sandbox = Sandbox(limits, slot, sandboxed, stopping)
            futures.append(pool.submit(_grade_or_say_why, handed, assignment, sandbox, kept / f"{handed.student}.json"))
        try:
            for _ in tqdm(as_completed(futures), total=len(futures), unit="submission", file=sys.stderr):
                pass
        except KeyboardInterrupt:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _grade_or_say_why(handed: HandedIn, assignment: Assignment, sandbox: Sandbox, place: Path) -> dict[str, Any]:
    """Return what `_grade_once` returns; after a fault of ours, no points, and a result that is not kept."""
    try:
        return _grade_once(handed, assignment, sandbox, place)
    except Exception as error:  # the others are graded, and this one again the next time
        problem = one_line(f"this could not be graded: {type(error).__name__}: {error}")
        return _nothing(handed, assignment) | {"problems": [problem], "fingerprint": "", "seconds": 0.0}


def _grade_once(handed: HandedIn, assignment: Assignment, sandbox: Sandbox, place: Path) -> dict[str, Any]:
    """Return what the file at `place` holds of this very submission, or grade it and write the file."""
    told = repr((handed.path.name, assignment, sandbox.limits)).encode()
    fingerprint = hashlib.sha256(content(handed.path) + told).hexdigest()
    if place.exists():
        before: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        if before["fingerprint"] == fingerprint:
            return before
    result = grade(handed, assignment, sandbox) | {"fingerprint": fingerprint}
    part = place.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(place)
    return result


def read_by_hand(path: Path, results: Sequence[Mapping[str, Any]], assignment: Assignment) -> pd.DataFrame:
    """Read the points that a person gave; a line for each answer that is still missing is added to the file.

    Parameters
    ----------
    path : Path
        A CSV file with the columns student, question, points, comment. Empty points: not graded yet.
    results : sequence of dict
        As `grade_all` returns them.
    assignment : Assignment

    Raises
    ------
    ValueError
        If a student or question is unknown, a number is out of range, or a pair stands there twice.
    """
    table = pd.DataFrame(columns=BY_HAND)
    if path.exists():
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        _check_by_hand(path, table, {result["student"] for result in results}, assignment)
    given = len(table)
    wanted = [
        (result["student"], name, *(("", "") if result["answers"].get(name) else ("0", "There is no answer.")))
        for name in assignment.by_hand
        for result in results
    ]
    table = pd.concat([table, pd.DataFrame(wanted, columns=BY_HAND)])
    table = table.drop_duplicates(["student", "question"], ignore_index=True)
    if len(table) > given:
        table[given:].to_csv(path, mode="a", header=not path.exists(), index=False, lineterminator="\n")
    return table.assign(points=pd.to_numeric(table["points"], errors="coerce"))


def _check_by_hand(path: Path, table: pd.DataFrame, students: Set[str], assignment: Assignment) -> None:
    """Refuse a table that a person has filled in wrongly, and name the first line at fault."""
    if list(table) != BY_HAND:
        raise ValueError(f"{path} must have the columns {', '.join(BY_HAND)}, got {', '.join(map(str, table))}")
    numbers = pd.to_numeric(table["points"], errors="coerce")
    columns = table["student"], table["question"], table["points"], numbers, table.duplicated(["student", "question"])
    for line, (student, question, points, number, twice) in enumerate(zip(*columns, strict=True), start=2):
        if student not in students:
            raise ValueError(f"{path}, line {line}: {student!r} has handed in nothing")
        if question not in assignment.by_hand:
            raise ValueError(f"{path}, line {line}: {question!r} is no question that a person grades")
        most = assignment.by_hand[question]["points"]
        if points and not 0 <= number <= most:
            raise ValueError(f"{path}, line {line}: the points must be from 0 to {most:g}, got {points!r}")
        if twice:
            raise ValueError(f"{path}, line {line}: this answer is graded twice")


def choose(autograder: Path, submissions: Sequence[HandedIn]) -> Path:
    """Return the autograder; of a folder of them, that of the assignment which most of the notebooks name.

    Raises
    ------
    ValueError
        If none of the notebooks names one.
    """
    if not autograder.is_dir():
        return autograder
    named = dict.fromkeys(sorted(path.stem for path in autograder.glob("*.zip")), 0)
    mark = re.compile(rb'"assignment":\s*"([^"]*)"')
    for handed in submissions:
        for stem in {found.decode("utf-8", "replace") for found in mark.findall(content(handed.path))} & named.keys():
            named[stem] += 1
    name, number = max(named.items(), key=lambda pair: pair[1], default=("", 0))
    if not number:
        raise ValueError(
            f"no submission names an assignment of {autograder}: give the zip file of the one that is meant"
        )
    return autograder / f"{name}.zip"


def grades(results: Sequence[Mapping[str, Any]], assignment: Assignment, by_hand: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each student: points of each question, total. Empty: a person has not graded it yet."""
    table = pd.DataFrame([{"student": result["student"], **result["points"]} for result in results])
    table = table.set_index("student").reindex(columns=list(assignment.points())).astype(float)
    for student, question, points in zip(by_hand["student"], by_hand["question"], by_hand["points"], strict=True):
        table.loc[student, question] = points
    table["total"] = table.sum(axis=1)
    return table.reset_index()


def _path(text: str) -> Path:
    return Path(text).expanduser()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and grade."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.jobs is not None and given.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {given.jobs}")
    if given.out.resolve().is_relative_to(given.submissions.resolve()):
        parser.error(f"--out must lie outside the submissions, got {given.out} in {given.submissions}")
    try:
        lines = _grade_folder(given)
    except KeyboardInterrupt:
        parser.exit(130, "\nStopped. The same command goes on from here.\n")
    except (OSError, SandboxError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.write("\n".join(lines) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rnncourse.classroom", description="Grade a folder of notebooks.")
    parser.add_argument("autograder", type=_path, help="zip file that `make assignments` has made, or their folder")
    parser.add_argument("submissions", type=_path, help="folder with one notebook, or one folder, for each student")
    parser.add_argument("--out", type=_path, required=True, help="folder for grades, feedback, statistics and log")
    parser.add_argument("--jobs", type=int, help="submissions at a time; one a core by default")
    parser.add_argument(
        "--without-sandbox",
        action="store_true",
        help="run the submissions with all your rights: they can read, change and send away what you can",
    )
    return parser


def _grade_folder(given: argparse.Namespace) -> list[str]:
    """Grade what the command line names, write everything, and return what is to be said."""
    limits, sandboxed = Limits(), not given.without_sandbox
    if sandboxed:
        check_sandbox(limits)
    submissions = handed_in(given.submissions)
    assignment = read_assignment(choose(given.autograder, submissions))
    kept = given.out / "results"
    results = grade_all(submissions, assignment, kept, limits=limits, jobs=given.jobs, sandboxed=sandboxed)
    by_hand = read_by_hand(given.out / "by-hand.csv", results, assignment)
    table = grades(results, assignment, by_hand)
    write_reports(results, table, by_hand, assignment, given.out)
    books = write_grade_books(given.out, submissions, table, assignment)
    lines = [f"{len(results)} submissions of {assignment.title!r}: {given.out / 'grades.csv'}"]
    if left := int(by_hand["points"].isna().sum()):
        lines.append(f"{left} answers to be graded by hand: read by-hand.html, fill in by-hand.csv, run this again")
    if failed := [result["student"] for result in results if not result["fingerprint"]]:
        lines.append(f"could not be graded, see log.txt: {', '.join(failed)}")
    return lines + [f"to be imported: {path}" for path in books]
