"""Grade notebooks without trusting a line of them: ``python -m rnncourse.classroom --help``.

A submission runs in a sandbox that holds Python, the packages, the course and its data, and nothing else: no network,
no home, no other submission, no hidden test, no solution. The tests run out here. Where a test calls a student's
function, the arguments go in and the value comes out as text, so nothing that a submission does to itself (a forged
result, a replaced ``assert``, an early exit) can be worth a point.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from rnncourse.classroom.apart import each_apart
from rnncourse.classroom.by_hand import Mark, read_by_hand
from rnncourse.classroom.handed_in import (
    NOTHING,
    Assignment,
    DoubtError,
    HandedIn,
    content,
    first_line,
    handed_in,
    named_assignment,
    one_line,
    read_assignment,
    read_notebook,
)
from rnncourse.classroom.measures import remove_groups
from rnncourse.classroom.platforms import read_roster, with_roster, write_grade_books
from rnncourse.classroom.questions import Submission, run_question
from rnncourse.classroom.reports import write_reports
from rnncourse.classroom.sandbox import Limits, Sandbox, SandboxError, check_sandbox


def _nothing(handed: HandedIn, assignment: Assignment) -> dict[str, Any]:
    """No points, and nothing to say."""
    messages: dict[str, list[str]] = {question.name: [] for question in assignment.questions}
    points = dict.fromkeys(messages, 0.0)
    nothing = {"points": points, "messages": messages, "answers": {}, "problems": [], "hurried": False}
    return {"student": handed.student} | nothing


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
        cells, "seconds", and "hurried": whether a cell of the assignment itself took too long.
    """
    begin = time.monotonic()
    result = _nothing(handed, assignment)
    try:
        notebook = read_notebook(handed.path, assignment)
    except (OSError, ValueError) as error:
        return result | {"problems": [str(error)], "unread": one_line(error), "seconds": time.monotonic() - begin}
    with sandbox:
        submission = Submission(notebook.cells, sandbox, set(assignment.given.values()))
        for question in assignment.questions:
            result["points"][question.name], result["messages"][question.name] = run_question(question, submission)
    cells = [one_line(first_line(cell)) for cell in notebook.cells]
    problems = [f"`{cells[number - 1]}`: {fault}" for number, fault in sorted(submission.problems.items())]
    result |= {"answers": dict(notebook.answers), "problems": problems, "hurried": submission.hurried}
    return result | {"seconds": time.monotonic() - begin}


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

    One in which a cell of the assignment itself took too long is graded again, alone. If that happens again the
    result is not kept.

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
    limits = limits or Limits()
    tasks = [
        (handed, assignment, Sandbox(limits, slot, sandboxed), kept / f"{handed.stem}.json")
        for slot, handed in enumerate(submissions)
    ]
    results = _side_by_side(tasks, jobs or joblib.cpu_count())
    again = [position for position, result in enumerate(results) if result["hurried"]]
    for position, result in zip(again, _side_by_side([tasks[position] for position in again], 1), strict=True):
        results[position] = result
    return results


Task = tuple[HandedIn, Assignment, Sandbox, Path]


def _side_by_side(tasks: Sequence[Task], jobs: int) -> list[dict[str, Any]]:
    """Grade each submission in a process of its own: what takes too much there ends no other."""
    results: dict[int, dict[str, Any]] = {}
    ended = each_apart(_grade_apart, tasks, jobs)
    for position, pid, code in tqdm(ended, total=len(tasks), unit="submission", file=sys.stderr, disable=not tasks):
        handed, assignment, _, place = tasks[position]
        part = place.with_suffix(".part")
        if code:
            part.unlink(missing_ok=True)
            remove_groups(pid)
            why = f"this could not be graded: it ended the process that looks at its answers ({code})"
            results[position] = _not_graded(handed, assignment, why)
            continue
        results[position] = json.loads((part if part.exists() else place).read_text(encoding="utf-8"))
        if not results[position]["fingerprint"]:  # it is graded anew the next time
            part.unlink()
        elif part.exists():
            part.replace(place)
    return [results[position] for position in range(len(tasks))]


def _grade_apart(handed: HandedIn, assignment: Assignment, sandbox: Sandbox, place: Path) -> None:
    """Write the result, unless `place` holds that of this very submission; after a fault of ours, no points."""
    part = place.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        told = repr((handed.path.name, assignment, sandbox.limits)).encode()
        fingerprint = hashlib.sha256(content(handed.path) + told).hexdigest()
        if place.exists() and json.loads(place.read_text(encoding="utf-8"))["fingerprint"] == fingerprint:
            return
        result = grade(handed, assignment, sandbox)
        result["fingerprint"] = "" if result["hurried"] else fingerprint
    except DoubtError as error:
        result = _not_graded(handed, assignment, str(error))
    except Exception as error:  # the others are graded, and this one again the next time
        result = _not_graded(handed, assignment, f"this could not be graded: {type(error).__name__}: {error}")
    finally:
        remove_groups(os.getpid())  # stopped while the sandbox was being started, it has left one
    part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def choose(autograder: Path, submissions: Sequence[HandedIn]) -> Path:
    """Return the autograder; of a folder of them, that of the assignment which the notebooks name.

    Raises
    ------
    ValueError
        If the notebooks name several, or fewer than two name one: a student does not choose what is graded.
    """
    if not autograder.is_dir():
        return autograder
    known = {path.stem for path in autograder.glob("*.zip")}
    named = collections.Counter(name for each in submissions if (name := named_assignment(each.path)) in known)
    if len(named) != 1 or named.total() < 2:
        said = ", ".join(f"{name} ({number} times)" for name, number in named.most_common()) or "none"
        raise ValueError(
            f"which assignment is it? The notebooks name {said}. Say it: with `make grade` as ASSIGNMENT=NAME, "
            f"on the command line as its zip file in {autograder}"
        )
    return autograder / f"{named.most_common()[0][0]}.zip"


def grades(
    submissions: Sequence[HandedIn],
    results: Sequence[Mapping[str, Any]],
    assignment: Assignment,
    marks: Mapping[tuple[str, str], Mark],
    penalty: tuple[float, bool] = (0.0, False),
) -> pd.DataFrame:
    """Return a row for each student: points of each question, total. Empty: a person has to look at it.

    The penalty for what came late is per cent of the maximum, and whether it is for each day that has begun.
    """
    rows, most = [], sum(assignment.points().values())
    for handed, result in zip(submissions, results, strict=True):
        graded = bool(result["fingerprint"])
        points = dict.fromkeys(assignment.points(), np.nan) | (result["points"] if graded else {})
        points |= {name: marks[handed.key, name].value() for name in assignment.by_hand if graded}
        person = {"student": handed.student, "number": handed.identity, "late": handed.late}
        note = result.get("unread", "") if graded else "not graded: " + next(iter(result["problems"]), "see log.txt")
        total = float(np.nansum([*points.values()])) if graded else np.nan
        if penalty[0]:
            days = float(handed.late) if handed.late.isdecimal() else np.nan
            taken = penalty[0] / 100 * most * (days if penalty[1] else 1) if handed.late else 0.0
            note = note or ("late, nobody says by how many days" if np.isnan(taken) else "")
            points["penalty"] = min(taken, total) if graded else np.nan
            total -= np.nan_to_num(points["penalty"])
        rows.append(person | {"note": note} | points | {"total": total})
    return pd.DataFrame(rows)


def _not_graded(handed: HandedIn, assignment: Assignment, why: str) -> dict[str, Any]:
    """No points, and a result that is not kept."""
    return _nothing(handed, assignment) | {"problems": [one_line(why)], "fingerprint": "", "seconds": 0.0}


def _penalty(text: str) -> tuple[float, bool]:
    found = re.fullmatch(r"(\d{1,2}|100)%?(/day)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"10 or 10/day is asked for, got {text!r}")
    return float(found[1]), bool(found[2])


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
        parser.exit(1, f"{one_line(error, 2000)}\n")
    sys.stdout.write("".join(f"{one_line(line, 2000)}\n" for line in lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rnncourse.classroom", description="Grade a folder of notebooks.")
    parser.add_argument("autograder", type=_path, help="zip file that `make assignments` has made, or their folder")
    parser.add_argument("submissions", type=_path, help="folder with one notebook, or one folder, for each student")
    parser.add_argument("--out", type=_path, required=True, help="folder for grades, feedback, statistics and log")
    parser.add_argument("--jobs", type=int, help="submissions at a time; one a core by default")
    parser.add_argument("--roster", type=_path, help="the class: Canvas's or Moodle's table, or a list of names")
    late = "per cent of the maximum: 10, or 10/day"
    parser.add_argument("--late-penalty", type=_penalty, default=(0.0, False), help=late)
    rights = "run the submissions with all your rights: they can read, change and send away what you can"
    parser.add_argument("--without-sandbox", action="store_true", help=rights)
    return parser


def _grade_folder(given: argparse.Namespace) -> list[str]:
    """Grade what the command line names, write everything, and return what is to be said."""
    limits, sandboxed = Limits(), not given.without_sandbox
    if sandboxed:
        check_sandbox(limits)
    submissions = handed_in(given.submissions)
    roster = read_roster(given.roster) if given.roster else None
    submissions, strangers = with_roster(submissions, roster) if roster else (submissions, [])
    assignment = read_assignment(choose(given.autograder, submissions))
    options = {"limits": limits, "jobs": given.jobs, "sandboxed": sandboxed}
    clear = [each for each in submissions if not each.problem]
    done = iter(grade_all(clear, assignment, given.out / "results", **options))
    results = [_not_graded(each, assignment, each.problem) if each.problem else next(done) for each in submissions]
    marks = read_by_hand(given.out, submissions, results, assignment)
    table = grades(submissions, results, assignment, marks, given.late_penalty)
    write_reports(submissions, results, table, marks, assignment, given.out)
    totals = {handed: total for handed, total in zip(submissions, table["total"], strict=True) if not np.isnan(total)}
    number = sum(handed.problem != NOTHING for handed in submissions)
    lines = [f"{number} submissions of {assignment.title!r}: {given.out / 'grades.csv'}"]
    lines += [f"{handed.stem}: {note}" for handed, note in zip(submissions, table["note"], strict=True) if note]
    lines += [f"{stranger}: not in the roster, or not the only one of this name" for stranger in strangers]
    if given.late_penalty[0] and not any(handed.late for handed in submissions):
        lines += ["nobody came late, as far as names of files and the roster say: Moodle's says it in English"]
    for path in [given.out / f"{system}{end}" for system in ("canvas", "moodle") for end in (".csv", "-feedback.zip")]:
        path.unlink(missing_ok=True)
    if left := sum(np.isnan(mark.value()) for mark in marks.values()):
        return [*lines, f"{left} answers to be graded by hand: read by-hand.html, fill in by-hand.csv, run this again"]
    most = sum(assignment.points().values())
    return lines + write_grade_books(given.out, totals, assignment.title, most, roster)
