"""A student's notebook, run in a sandbox, and the tests of its questions, run out here."""

import builtins
import re
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
import pandas as pd
import torch

from rnncourse.classroom import submission as inside
from rnncourse.classroom.handed_in import Case, Question, first_line, one_line
from rnncourse.classroom.sandbox import Sandbox, StoppedError, TooSlowError


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
    given : set of str
        Cells of the assignment itself, which a student has as they are.

    Attributes
    ----------
    problems : dict of int to str
        For each cell that stopped, or did not do all, counted from 1, what happened.
    runs : int
        How often the notebook has been run: again after each time that its process ended.
    hurried : bool
        Whether a given cell took too long: the machine may be at fault.
    called : dict of str to bool
        For each function that the last test called, whether it ever gave a result.
    """

    def __init__(self, cells: Sequence[str], sandbox: Sandbox, given: Set[str] = frozenset()) -> None:
        self.cells, self.sandbox, self.given = list(cells), sandbox, given
        self.hurried = False
        self.problems: dict[int, str] = {}
        self.runs = 0
        self.called: dict[str, bool] = {}
        self._left_out: set[int] = set()
        self.fresh = False
        self.refresh()

    def refresh(self) -> None:
        """Run all cells if the process is new; a cell that ends it is left out, and the others run again."""
        while not self.fresh and not self.sandbox.used_up():
            self.runs += 1
            self.fresh = self._run_cells()

    def _run_cells(self) -> bool:
        """Run the cells that are not left out; return whether the process is still there."""
        for position, cell in enumerate(self.cells, start=1):
            if position in self._left_out:
                continue
            try:
                reply = self.sandbox.ask({"run": cell, "cell": f"cell {position}"})
            except StoppedError as stopped:
                self.problems[position] = str(stopped)
                self._left_out.add(position)
                self.hurried |= isinstance(stopped, TooSlowError) and cell in self.given
                return False
            said = [one_line(reply[key]) for key in ("left out", "error") if key in reply]
            if said:
                self.problems[position] = re.sub(r" \(cell \d+, (line \d+)\)$", r" (\1)", "; ".join(said))
        return True

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
            return inside.decode(reply, self, empty=False)
        except inside.EmptyAnswerError:
            raise
        except Exception:  # the form may be forged in any way
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
        written = inside.encode(value, unknown)
        if unknown:
            raise TypeError(f"a test cannot hand a {type(unknown[0]).__name__} to a submission")
        return written


class Names(dict[str, Any]):
    """What a test may name beside its own: what Python has, and, read when it is first named, what the student has.

    Attributes
    ----------
    unread : Exception or None
        Why the first name that could not be read could not be: it counts even if the test catches it.
    """

    def __init__(self, submission: Submission) -> None:
        super().__init__(vars(builtins))
        self.submission = submission
        self.unread: Exception | None = None

    def __missing__(self, name: str) -> Any:
        try:
            self[name] = self.submission.read(name)
        except Exception as error:
            self.unread = self.unread or error
            raise
        return self[name]


def run_case(case: Case, submission: Submission) -> str:
    """Run a test out here; return what is wrong, or nothing.

    Raises
    ------
    ProcessGoneError
        If the submission's process ended.
    """
    code, names = compile(case.code, "test", "exec"), Names(submission)
    submission.refresh()
    submission.called, runs, fault = {}, submission.runs, ""
    try:
        exec(code, {"__builtins__": names, "np": np, "pd": pd, "torch": torch})
    except ProcessGoneError:
        raise
    except Exception as error:  # a wrong answer may make a test stumble in any way
        fault = _told(case, error)
    if not submission.fresh or submission.runs != runs:  # the test has caught the end of the process as an exception
        raise ProcessGoneError("it ended the process in which the notebook ran")
    return _told(case, names.unread) if names.unread else fault


def _told(case: Case, error: Exception) -> str:
    """Return what a student is told of an exception that ended a test."""
    if isinstance(error, StudentError):
        return one_line(error)
    said = str(error) if isinstance(error, AssertionError) and not case.hidden else ""
    empty = str(error) if isinstance(error, inside.EmptyAnswerError) else ""
    return one_line(said or case.message or empty or "a test with other data fails")


def run_question(question: Question, submission: Submission) -> tuple[float, list[str]]:
    """Run the tests of a question; return its points and what to tell the student.

    Whoever knows the public checks by heart, or refuses whatever comes, has solved nothing. So a test pays only if each
    function that it called has also passed a hidden test in which it gave a value. (A question without hidden tests is
    judged by those that it has.)
    """
    judges = [case for case in question.cases if case.hidden] or question.cases
    passed: list[tuple[Case, set[str]]] = []
    messages: list[str] = []
    works: set[str] = set()
    for case in question.cases:
        try:
            fault = run_case(case, submission)
        except ProcessGoneError as gone:
            messages.append(one_line(gone))
            break
        if fault:
            messages.append(fault)
            continue
        passed.append((case, set(submission.called)))
        if case in judges:
            works |= {name for name, gave in submission.called.items() if gave}
    lost = {name for case, names in passed if case.points for name in names - works}
    told = "passes no hidden test that asks it for a value, so what else it passes earns nothing"
    messages += [f"`{name}` {told}" for name in sorted(lost)]
    points = sum((case.points for case, names in passed if names <= works), 0.0)
    return points, list(dict.fromkeys(messages))
