"""Grade notebooks without trusting a line of them: ``python -m rnncourse.grading --help``.

A submission runs in a sandbox that holds Python, the packages, the course and its data, and nothing else: no network,
no home, no other submission, no hidden test, no solution. The tests run out here. Where a test calls a student's
function, the arguments go in and the value comes out as text, so nothing that a submission does to itself (a forged
result, a replaced ``assert``, an early exit) can be worth a point.
"""

import argparse
import ast
import builtins
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from rnncourse import _submission
from rnncourse._handed_in import (
    Assignment,
    Case,
    HandedIn,
    Question,
    content,
    first_line,
    handed_in,
    one_line,
    read_assignment,
    read_notebook,
)
from rnncourse._reports import write_grade_books, write_reports
from rnncourse.sandbox import Limits, Sandbox, SandboxError, StoppedError, check_sandbox

BY_HAND = ["student", "question", "points", "comment"]


class StudentError(Exception):
    """The student's code raised an exception, or has no such name; the message is what the student reads."""


class ProcessGoneError(StudentError):
    """The student's code hung, or ended its process: no more of this question's tests are worth a try."""


class Remote:
    """Something of a student's that has no form as text: a function, a network. Called out here, run in there."""

    def __init__(self, submission: "Submission", number: int) -> None:
        self._submission, self._number, self._run = submission, number, submission.runs
        self._name = ""

    def _form(self) -> dict[str, int]:
        if self._run != self._submission.runs:
            raise ProcessGoneError("the notebook's process has ended meanwhile")
        return {"kept": self._number}

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call it in the sandbox, with copies of the arguments."""
        arguments = [self._submission.encode(each) for each in given]
        names = {name: self._submission.encode(each) for name, each in named.items()}
        self._submission.called.setdefault(self._name, False)
        value = self._submission.decoded({"call": self._form()["kept"], "arguments": arguments, "named": names})
        self._submission.called[self._name] = True
        return value

    def __getattr__(self, name: str) -> Any:
        """Read an attribute in the sandbox."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._submission.decoded({"attribute": name, "of": self._form()["kept"]})


class Submission:
    """A student's notebook, run in a sandbox.

    Parameters
    ----------
    cells : sequence of str
        Code cells, in order.
    sandbox : Sandbox
        Entered.

    Attributes
    ----------
    problems : dict of int to str
        For each cell that stopped, counted from 1, what happened.
    runs : int
        How often the notebook has been run: again after each time that its process ended.
    called : dict of str to bool
        For each function that the last test called, whether it ever gave a result.
    """

    def __init__(self, cells: Sequence[str], sandbox: Sandbox) -> None:
        self.cells, self.sandbox = [_without_magic(cell) for cell in cells], sandbox
        self.problems: dict[int, str] = {}
        self.runs = 0
        self.called: dict[str, bool] = {}
        self._left_out: set[int] = set()
        self.fresh = False
        self.refresh()

    def refresh(self) -> None:
        """Run all cells if the process is new; a cell that ends it is left out, and the others run again."""
        if self.fresh or self.sandbox.used_up():
            return
        self.runs += 1
        position = 0
        while position < len(self.cells):
            position += 1
            if position in self._left_out:
                continue
            try:
                reply = self.sandbox.ask({"run": self.cells[position - 1], "cell": f"cell {position}"})
            except StoppedError as stopped:
                self.problems[position] = str(stopped)
                self._left_out.add(position)
                if self.sandbox.used_up():
                    return
                self.runs += 1
                position = 0
                continue
            if "error" in reply:
                self.problems[position] = re.sub(r" \(cell \d+, (line \d+)\)$", r" (\1)", one_line(reply["error"]))
        self.fresh = True

    def read(self, name: str) -> Any:
        """Return the value of a name, or a `Remote`."""
        value = self.decoded({"read": name})
        if isinstance(value, Remote):
            value._name = name
        return value

    def decoded(self, request: dict[str, Any]) -> Any:
        """Ask, and return the value of the answer."""
        self.refresh()
        try:
            reply = self.sandbox.ask(request)
        except StoppedError as stopped:
            self.fresh = False
            raise ProcessGoneError(str(stopped)) from None
        if "missing" in reply:
            raise StudentError(f"`{one_line(reply['missing'])}` is not defined")
        if "error" in reply:
            raise StudentError(f"It stopped with {self._placed(one_line(reply['error']))}")
        try:
            return _submission.decode(reply, self, empty=False)
        except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError):
            raise StudentError("the value cannot be read") from None

    def _placed(self, error: str) -> str:
        """Say where an error was: a student does not see the numbers of cells."""
        found = re.search(r" \(cell (\d+), line (\d+)\)$", error)
        if not found or not 1 <= int(found[1]) <= len(self.cells):
            return error
        return f"{error[: found.start()]}, in line {found[2]} of the cell `{first_line(self.cells[int(found[1]) - 1])}`"

    def __getitem__(self, number: int) -> Remote:
        return Remote(self, int(number))

    def encode(self, value: Any) -> Any:
        """Write an argument; a `Remote` goes in as what it stands for."""
        if isinstance(value, Remote):
            return value._form()
        if type(value) in {list, tuple}:
            return {type(value).__name__: [self.encode(each) for each in value]}
        unknown: list[Any] = []
        written = _submission.encode(value, unknown)
        if unknown:
            raise TypeError(f"a test cannot hand a {type(unknown[0]).__name__} to a submission")
        return written


def _without_magic(cell: str) -> str:
    """Replace what only a notebook understands by a statement that does nothing."""
    return re.sub(r"(?m)^([ \t]*)[%!].*$", r"\1pass", cell)


def run_case(case: Case, submission: Submission) -> str:
    """Run a test out here; return what is wrong, or nothing.

    Raises
    ------
    ProcessGoneError
        If the submission's process ended.
    """
    names: dict[str, Any] = {"np": np, "pd": pd, "torch": torch}
    tree = ast.parse(case.code)
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own |= {alias.asname or alias.name for node in ast.walk(tree) for alias in getattr(node, "names", [])}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ExceptHandler) and node.name}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - own - set(names) - set(dir(builtins))
    submission.refresh()
    submission.called = {}
    runs = submission.runs
    fault = ""
    try:
        for name in sorted(used):
            names[name] = submission.read(name)
        exec(compile(tree, "test", "exec"), names)
    except ProcessGoneError:
        raise
    except StudentError as error:
        fault = str(error)
    except Exception as error:  # a wrong answer may make a test stumble in any way
        fault = "" if case.hidden or not isinstance(error, AssertionError) else str(error)
        empty = str(error) if isinstance(error, _submission.EmptyAnswerError) else ""
        fault = fault or case.message or empty or "a test with other data fails"
    if not submission.fresh or submission.runs != runs:  # the test has caught the end of the process as an exception
        raise ProcessGoneError("it ended the process in which the notebook ran")
    return one_line(fault)


def run_question(question: Question, submission: Submission) -> tuple[float, list[str]]:
    """Run the tests of a question; return its points and what to tell the student.

    A function that stops whatever it is given passes no test, not even one that wants it to refuse something.
    """
    passed: list[tuple[Case, set[str]]] = []
    messages: list[str] = []
    works: set[str] = set()
    for case in question.cases:
        try:
            fault = run_case(case, submission)
        except ProcessGoneError as gone:
            messages.append(one_line(gone))
            break
        works |= {name for name, gave in submission.called.items() if gave}
        if fault:
            messages.append(fault)
        else:
            passed.append((case, set(submission.called)))
    for _, names in passed:
        messages += [f"`{name}` stops whatever it is given" for name in sorted(names - works)]
    points = sum((case.points for case, names in passed if names <= works), 0.0)
    return points, list(dict.fromkeys(messages))


def _nothing(handed: HandedIn, assignment: Assignment) -> dict[str, Any]:
    """No points, and nothing to say."""
    names = [question.name for question in assignment.questions]
    messages: dict[str, list[str]] = {name: [] for name in names}
    nothing = {"points": dict.fromkeys(names, 0.0), "messages": messages, "answers": {}, "problems": []}
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
    limits = limits or Limits()
    kept.mkdir(parents=True, exist_ok=True)
    jobs = jobs or joblib.cpu_count()
    stopping = threading.Event()

    def one(number: int, handed: HandedIn) -> dict[str, Any]:
        place = kept / f"{handed.student}.json"
        try:
            told = repr((handed.path.name, assignment, limits)).encode()
            fingerprint = hashlib.sha256(content(handed.path) + told).hexdigest()
            if place.exists():
                before: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
                if before["fingerprint"] == fingerprint:
                    return before
            result = grade(handed, assignment, Sandbox(limits, number, sandboxed, stopping))
            result["fingerprint"] = fingerprint
            part = place.with_suffix(".part")
            part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(place)
        except Exception as error:  # a fault of ours; the others are graded, and this one again the next time
            problem = f"this could not be graded: {type(error).__name__}: {error}"
            result = _nothing(handed, assignment) | {"problems": [one_line(problem)], "fingerprint": "", "seconds": 0.0}
        return result

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, number, handed) for number, handed in enumerate(submissions)]
        try:
            for _ in tqdm(as_completed(futures), total=len(futures), unit="submission", file=sys.stderr):
                pass
        except KeyboardInterrupt:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


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
    students = {result["student"] for result in results}
    table = pd.DataFrame(columns=BY_HAND)
    if path.exists():
        table = pd.read_csv(path, dtype=dict.fromkeys(BY_HAND, str), keep_default_na=False)
        if list(table) != BY_HAND:
            raise ValueError(f"{path} must have the columns {', '.join(BY_HAND)}, got {', '.join(map(str, table))}")
    elif assignment.by_hand:
        path.write_text(",".join(BY_HAND) + "\n", encoding="utf-8")
    triples = zip(table["student"], table["question"], table["points"], strict=True)
    for line, (student, question, points) in enumerate(triples, start=2):
        if student not in students:
            raise ValueError(f"{path}, line {line}: {student!r} has handed in nothing")
        if question not in assignment.by_hand:
            raise ValueError(f"{path}, line {line}: {question!r} is no question that a person grades")
        most = assignment.by_hand[question]["points"]
        if points and not 0 <= _number(points) <= most:
            raise ValueError(f"{path}, line {line}: the points must be from 0 to {most:g}, got {points!r}")
    if (twice := table.duplicated(["student", "question"])).any():
        raise ValueError(f"{path}, line {int(twice.to_numpy().argmax()) + 2}: this answer is graded twice")
    known = set(zip(table["student"], table["question"], strict=True))
    missing = [
        (result["student"], name, *(("", "") if result["answers"].get(name) else ("0", "There is no answer.")))
        for name in assignment.by_hand
        for result in results
        if (result["student"], name) not in known
    ]
    if missing:
        added = pd.DataFrame(missing, columns=BY_HAND)
        added.to_csv(path, mode="a", header=False, index=False, lineterminator="\n")
        table = pd.concat([table, added], ignore_index=True)
    return table.assign(points=table["points"].map(_number))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


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
    parser = argparse.ArgumentParser(prog="python -m rnncourse.grading", description="Grade a folder of notebooks.")
    parser.add_argument("autograder", type=_path, help="zip file that `make assignments` has made, or their folder")
    parser.add_argument("submissions", type=_path, help="folder with one notebook, or one folder, for each student")
    parser.add_argument("--out", type=_path, required=True, help="folder for grades, feedback, statistics and log")
    parser.add_argument("--jobs", type=int, help="submissions at a time; one a core by default")
    parser.add_argument(
        "--without-sandbox",
        action="store_true",
        help="run the submissions with all your rights: they can read, change and send away what you can",
    )
    given = parser.parse_args(arguments)
    if given.jobs is not None and given.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {given.jobs}")
    if given.out.resolve().is_relative_to(given.submissions.resolve()):
        parser.error(f"--out must lie outside the submissions, got {given.out} in {given.submissions}")
    limits = Limits()
    try:
        if not given.without_sandbox:
            check_sandbox(limits)
        submissions = handed_in(given.submissions)
        assignment = read_assignment(choose(given.autograder, submissions))
        results = grade_all(
            submissions,
            assignment,
            given.out / "results",
            limits=limits,
            jobs=given.jobs,
            sandboxed=not given.without_sandbox,
        )
        by_hand = read_by_hand(given.out / "by-hand.csv", results, assignment)
        table = grades(results, assignment, by_hand)
        write_reports(results, table, by_hand, assignment, given.out)
        books = write_grade_books(given.out, submissions, table, assignment)
    except KeyboardInterrupt:
        parser.exit(130, "\nStopped. The same command goes on from here.\n")
    except (OSError, SandboxError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    lines = [f"{len(results)} submissions of {assignment.title!r}: {given.out / 'grades.csv'}"]
    if left := int(by_hand["points"].isna().sum()):
        lines.append(f"{left} answers to be graded by hand: read by-hand.html, fill in by-hand.csv, run this again")
    if failed := [result["student"] for result in results if not result["fingerprint"]]:
        lines.append(f"could not be graded, see log.txt: {', '.join(failed)}")
    lines += [f"to be imported: {path}" for path in books]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
