"""The assignments' tests, tried on wrong answers by the hundred: none earns a point.

Every right answer is changed in its type, its shape and its values, and learnt by heart for what the public checks ask.
No sandbox is needed: the solutions run in this process, once, and what they answer is remembered.
"""

import json
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import assignments as build
import numpy as np
import pytest
import torch
import yaml
from test_classroom import rounds

from rnncourse.classroom import questions
from rnncourse.classroom import submission as inside
from rnncourse.classroom.answers import same
from rnncourse.classroom.cells import Shell
from rnncourse.classroom.handed_in import Case, Question

NAMES = sorted(path.parent.name for path in build.BOOK.glob("*/assignment.ipynb"))
Change = Callable[[Any], Any]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | torch.Tensor)


def in_arrays(change: Change) -> Change:
    """Change what is an array, or a tensor, or a number: then as an array without axes."""

    def changed(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return torch.tensor(np.array(change(value.numpy())))
        if is_array(value) or is_number(value) or isinstance(value, bool):
            old, made = np.asarray(value), np.asarray(change(np.asarray(value)))
            if is_array(value) or made.ndim:
                return made
            return (
                value
                if made.dtype.kind == old.dtype.kind and np.array_equal(made, old, equal_nan=True)
                else made.item()
            )
        return value

    return changed


def with_axes(least: int, change: Change) -> Change:
    """Change arrays and tensors that have so many axes."""
    return in_arrays(lambda value: change(value) if value.ndim >= least else value)


def one_place(filling: float) -> Change:
    def changed(value: np.ndarray) -> np.ndarray:
        made = value.astype(float)
        finite = np.flatnonzero(np.isfinite(made.ravel()))
        if finite.size:
            made.flat[finite[len(finite) // 2]] = filling
        return made

    return in_arrays(changed)


def other_values(change: Change) -> Change:
    """Change numbers by a formula, and yes and no into their opposite."""
    return in_arrays(lambda value: ~value if value.dtype == bool else change(value))


# Each changes the leaves of an answer: arrays, tensors, numbers, texts. Not among them are three that are right where a
# question says no more: whole numbers for others, NumPy's numbers for Python's, float32 for float64.
LEAVES: dict[str, Change] = {
    "zeros": in_arrays(np.zeros_like),
    "ones": in_arrays(np.ones_like),
    "the mean everywhere": with_axes(1, lambda value: np.full(value.shape, np.nanmean(value))),
    "more by one": other_values(lambda value: value + 1),
    "more by a thousandth": other_values(lambda value: value * 1.001 + 0.001),
    "the other sign": other_values(lambda value: 0 - value),
    "half": other_values(lambda value: value * 0.5),
    "shifted by one": with_axes(1, lambda value: np.roll(value, 1, axis=0)),
    "shifted the other way": with_axes(1, lambda value: np.roll(value, -1, axis=-1)),
    "backwards": with_axes(1, lambda value: value[::-1].copy()),
    "without the last": with_axes(1, lambda value: value[:-1]),
    "the last twice": with_axes(1, lambda value: np.concatenate([value, value[-1:]])),
    "an axis more": in_arrays(lambda value: value[None]),
    "an axis more at the end": in_arrays(lambda value: value[..., None]),
    "twice": in_arrays(lambda value: np.stack([value, value])),
    "transposed": with_axes(2, lambda value: value.T.copy()),
    "flat": with_axes(2, np.ravel),
    "squeezed": with_axes(1, np.squeeze),
    "NaN at one place": one_place(np.nan),
    "infinity at one place": one_place(np.inf),
    "NaN": other_values(lambda value: np.full(value.shape, np.nan)),
    "lists": lambda value: value.tolist() if is_array(value) else value,
    "tuples": lambda value: tuple(value.tolist()) if is_array(value) and value.ndim else value,
    "arrays without axes for numbers": lambda value: np.array(value) if is_number(value) else value,
    "the other kind of array": lambda value: (
        value.numpy() if isinstance(value, torch.Tensor) else torch.tensor(value) if is_array(value) else value
    ),
    "floats for whole numbers": in_arrays(lambda value: value.astype(float) if value.dtype.kind in "iub" else value),
    "text": lambda value: str(value) if is_number(value) else value,
    "another text": lambda value: f"{value}!" if isinstance(value, str) else value,
}


def each_leaf(change: Change, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: each_leaf(change, part) for key, part in value.items()}
    return type(value)(each_leaf(change, part) for part in value) if type(value) in {list, tuple} else change(value)


def swapped(value: Any) -> Any:
    """What comes first comes last; but runs, each a dict, may come in any order."""
    parts = [*value] if type(value) in {list, tuple} else []
    return type(value)([*parts[1:], parts[0]]) if parts and not isinstance(parts[0], dict) else value


# Each changes an answer as a whole.
WHOLE: dict[str, Change] = {
    "None": lambda value: None,
    "0": lambda value: 0,
    "1": lambda value: 1,
    "0.0": lambda value: 0.0,
    "an empty list": lambda value: [],
    "a tuple for a list": lambda value: tuple(value) if type(value) is list else value,
    "a list for a tuple": lambda value: list(value) if type(value) is tuple else value,
    "in another order": swapped,
    "wrapped": lambda value: (value,),
    "keys for a dict": lambda value: list(value) if type(value) is dict else value,
}
CHANGES = {name: lambda value, change=change: each_leaf(change, value) for name, change in LEAVES.items()} | WHOLE


def parts_of(value: Any) -> list[Any]:
    """What is judged by itself: the entries of a dict, the things in a tuple."""
    return list(value.values()) if type(value) is dict else list(value) if type(value) is tuple else []


def unchanged(old: Any, new: Any) -> bool:
    return json.dumps(inside.encode(old, [])) == json.dumps(inside.encode(new, []))  # 1 is not 1.0 here


def right(asked: str, value: Any) -> Any:
    """Change nothing."""
    return value


# What passes for a reason: assignment, question, change: why.
EXEMPT = {
    ("06-several-inputs", "q8", "more by a thousandth"): "a mean over random permutations is known to a tenth",
}


class Here:
    """Stands for the sandbox: the notebook runs in this process.

    Attributes
    ----------
    answers : set of str
        The names that are a question's answers.
    change : function
        What is done to the right ones, given what was asked.
    changed, partly : bool
        Whether one was returned of which nothing is right, or something is not.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.shell = Shell(self.names)
        self.kept: list[Any] = []
        self.memory: dict[str, dict[str, Any]] = {}
        self.answers: set[str] = set()
        self.change: Callable[[str, Any], Any] = right
        self.changed = self.partly = False

    def used_up(self) -> bool:
        return False

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = json.dumps(request)
        if "run" in request or asked not in self.memory:
            self.memory[asked] = self._answer(request)
        reply, name = self.memory[asked], request.get("read", self._name(request))
        if name not in self.answers or {"error", "missing", "kept"} & set(reply):
            return reply
        given: list[Any] = []
        try:
            old = inside.decode(reply, None)
            new = self.change(asked, old)
            made = inside.encode(new, given)
        except LookupError:
            return {"error": "ValueError: not by heart"}
        assert not given
        same_parts = [unchanged(*pair) for pair in zip(parts_of(old), parts_of(new), strict=False)]
        self.partly |= not unchanged(old, new)
        self.changed |= not unchanged(old, new) and not any(same_parts)
        return made

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        outside = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # as `reproducible` leaves it
        said = inside.run(request, self.shell) if "run" in request else inside.answer(request, self.names, self.kept)
        reply: dict[str, Any] = json.loads(said)
        torch.set_default_dtype(outside)
        if "kept" in reply:  # the same number for the same thing
            reply["kept"] = next(k for k, each in enumerate(self.kept) if each is self.kept[reply["kept"]])
        return reply

    def _name(self, request: dict[str, Any]) -> str:
        return getattr(self.kept[request["call"]], "__name__", "") if "call" in request else ""


@pytest.fixture(autouse=True)
def left_as_it_was() -> Iterator[None]:
    """What `reproducible` sets holds for the whole process."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@cache
def cells_of(name: str) -> list[tuple[str, str, str]]:
    """Role, question and text of the code cells that a right notebook has."""
    parts = build.parts(build.read(build.BOOK / name / "assignment.ipynb"))
    code = [part for part in parts if part.kind == "code" and part.role != "test"]
    return [(part.role, part.question.get("name", ""), part.text) for part in code]


def asked_and_answered(name: str) -> tuple[list[Question], dict[str, set[str]]]:
    """The questions of a source, and the names of the answers to each."""
    cases: dict[str, list[Case]] = {}
    answers: dict[str, set[str]] = {}
    for part in build.parts(build.read(build.BOOK / name / "assignment.ipynb")):
        question = part.question.get("name", "")
        if part.kind == "code" and part.role == "test":
            config, _, code = part.text.partition("# END TEST CONFIG")
            said = yaml.safe_load(config.partition("# BEGIN TEST CONFIG")[2].partition('"""')[0])
            case = Case(code, said["points"], bool(said.get("hidden")), said.get("failure_message", ""))
            cases.setdefault(question, []).append(case)
    for role, question, text in cells_of(name):
        if role == "solution":
            answers.setdefault(question, set()).update(re.findall(r"(?m)^(?:def )?(\w+)(?:\(| = )", text))
    return [Question(question, tuple(each)) for question, each in cases.items()], answers


@dataclass(frozen=True)
class Seen:
    """What happened in a test: it passed; an answer was changed in it, or a part of one; it got an answer at all."""

    case: Case
    passed: bool
    changed: bool
    partly: bool
    gave: bool


class Trial:
    """Runs a question's tests on changed answers."""

    def __init__(self, name: str) -> None:
        self.questions, self.answers = asked_and_answered(name)
        self.here = Here()
        self.submission = questions.Submission([text for _, _, text in cells_of(name)], self.here)  # type: ignore[arg-type]
        assert self.submission.problems == {}

    def run(self, question: Question, change: Callable[[str, Any], Any] = right) -> tuple[float, list[Seen]]:
        """Return the question's points, and what happened in its tests."""
        self.here.answers, self.here.change = self.answers[question.name], change
        seen: list[Seen] = []
        run_case = questions.run_case

        def watched(case: Case, submission: questions.Submission) -> str:
            self.here.changed = self.here.partly = False
            with warnings.catch_warnings(action="ignore"):
                fault = run_case(case, submission)
            gave = not submission.called or any(submission.called.values())
            seen.append(Seen(case, not fault, self.here.changed, self.here.partly, gave))
            return fault

        questions.run_case = watched
        try:
            return questions.run_question(question, self.submission)[0], seen
        finally:
            questions.run_case = run_case


@cache
def trial(name: str) -> Trial:
    return Trial(name)


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_get_all_points(name):
    for question in trial(name).questions:
        points, seen = trial(name).run(question)
        assert points == sum(case.points for case in question.cases), [each for each in seen if not each.passed]


@pytest.mark.parametrize("name", NAMES)
def test_no_changed_answer_earns_a_point(name):
    """A hidden test passes no answer that was changed, and where all were changed there are no points at all.

    Where the change left a part of the answer right, points are lost.
    """
    passed, tried = [], 0
    for question in trial(name).questions:
        every = sum(case.points for case in question.cases)
        for what, change in CHANGES.items():
            if (name, question.name, what) in EXEMPT:
                continue
            points, seen = trial(name).run(question, lambda asked, value, change=change: change(value))
            hidden = [each for each in seen if each.case.hidden]
            tried += any(each.partly for each in seen)
            passed += [(question.name, what, each.case.message) for each in hidden if each.passed and each.changed]
            all_wrong = all(each.changed for each in hidden if each.gave)
            a_part_wrong = any(each.partly for each in hidden)
            if (points and all_wrong) or (points == every and a_part_wrong):
                passed.append((question.name, what, f"{points} points"))
    assert passed == []
    assert tried > 100


def test_what_is_exempt_passes():
    """An exemption that is needed no more goes."""
    for name, asked, what in EXEMPT:
        (question,) = [each for each in trial(name).questions if each.name == asked]
        assert trial(name).run(question, lambda asked, value, what=what: CHANGES[what](value))[0] > 0


def test_a_careless_test_is_noticed():
    code = "wave = np.sin(0.5 * np.arange(90.0))\nassert np.allclose(continue_series(wave[:80], 2, 10), wave[80:])"
    careless = Question("q5", (Case(code, 1.0, True, ""),))
    passed = set()
    for what, change in CHANGES.items():
        points, (seen,) = trial("01-sine").run(careless, lambda asked, value, change=change: change(value))
        passed |= {what} if points and seen.changed else set()
    assert passed == {"an axis more", "twice", "lists", "tuples", "the other kind of array", "wrapped"}


def by_heart(known: dict[str, Any], guess: bool) -> Callable[[str, Any], Any]:
    """Give what the public checks want; to anything else an answer to something else, or an exception."""

    def change(asked: str, value: Any) -> Any:
        if "read" in json.loads(asked):
            return CHANGES["more by one"](value)
        if asked in known:
            return known[asked]
        if guess:
            return next(iter(known.values()))
        raise LookupError

    return change


@pytest.mark.parametrize("guess", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_public_checks_by_heart_earn_nothing(name, guess):
    for question in trial(name).questions:
        known: dict[str, Any] = {}
        public = Question(question.name, tuple(case for case in question.cases if not case.hidden))
        trial(name).run(public, lambda asked, value, known=known: known.setdefault(asked, value))
        points, seen = trial(name).run(question, by_heart(known, guess))
        assert all(each.passed for each in seen if not each.case.hidden), "the public checks do not pass"
        assert points == 0, [each.case.message for each in seen if each.passed]


def argument(number: int) -> Callable[[str, Any], Any]:
    """Give back what was given: the argument of this number."""

    def change(asked: str, value: Any) -> Any:
        request = json.loads(asked)
        if "read" in request:
            return CHANGES["more by one"](value)
        given = [*request["arguments"], *request["named"].values()][number : number + 1]
        return inside.decode(given[0], None) if given and "kept" not in json.dumps(given) else None

    return change


@pytest.mark.parametrize("name", NAMES)
def test_what_was_given_earns_nothing(name):
    for question in trial(name).questions:
        for number in range(5):
            points, seen = trial(name).run(question, argument(number))
            assert points == 0, [each.case.message for each in seen if each.passed]


def in_part(number: int, change: Change) -> Change:
    """Change one part of an answer, and leave the others."""

    def changed(value: Any) -> Any:
        if number >= len(parts_of(value)):
            return value
        pairs = [*value.items()] if type(value) is dict else [*enumerate(value)]
        pairs[number] = (pairs[number][0], each_leaf(change, pairs[number][1]))
        return dict(pairs) if type(value) is dict else tuple(part for _, part in pairs)

    return changed


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_and_each_part_of_it_counts(name):
    """Where one function, one value, or one of the things that a function returns is wrong, points are lost."""
    unseen = []
    for question in trial(name).questions:
        every = sum(case.points for case in question.cases)
        answers = trial(name).answers[question.name]
        for answer in sorted(answers):
            for what in ("more by one", "lists", "floats for whole numbers", "another text"):
                for number in (None, 0, 1, 2, 3):
                    change = CHANGES[what] if number is None else in_part(number, LEAVES[what])
                    trial(name).answers[question.name] = {answer}
                    points, seen = trial(name).run(question, lambda asked, value, change=change: change(value))
                    trial(name).answers[question.name] = answers
                    if points == every and any(each.partly for each in seen if each.case.hidden):
                        unseen.append((question.name, answer, what, number))
    assert unseen == []


@pytest.mark.parametrize("name", NAMES)
def test_public_checks_name_what_they_are_meant_to(name):
    """In tests/wrong_answers a mistake is marked public, or it is kept for the hidden tests."""
    asked = {question.name: question for question in trial(name).questions}
    for wrong in rounds(name):
        instead = {question: each.code for question, each in wrong.items()}
        cells = [instead.get(question, text) if part == "solution" else text for part, question, text in cells_of(name)]
        submission = questions.Submission(cells, Here())  # type: ignore[arg-type]
        for each in wrong.values():
            public = [case for case in asked[each.question].cases if not case.hidden]
            with warnings.catch_warnings(action="ignore"):
                faults = [questions.run_case(case, submission) for case in public]
            assert any(faults) == each.public, f"{each.question}, {each.message}: {faults}"


NEAR = [
    (3, 3),
    (3, np.int64(3)),
    (0.5, np.float64(0.5)),
    (2.0, 2),
    (np.array([1.0, 2.0]), np.array([1, 2])),
    (np.array([1, np.nan]), np.array([1, np.nan])),
    ({"a": [True, None, "x"]}, {"a": [True, None, np.str_("x")]}),
    (torch.ones(2), torch.ones(2, dtype=torch.float64)),
]
FAR = [
    (3, 3.0),
    (3, True),
    (1, True),
    (1.0, np.array(1.0)),
    (1.0, "1.0"),
    (True, 1),
    (None, 0),
    ("a", "b"),
    ([1], (1,)),
    ((1, 2), (1,)),
    ({"a": 1}, {"b": 1}),
    ({"a": 1}, {"a": 2}),
    (np.ones(2), [1.0, 1.0]),
    (np.ones(2), torch.ones(2)),
    (np.ones(2), np.ones((1, 2))),
    (np.ones(2), np.ones(1)),
    (np.ones(2), np.array([1, np.nan])),
    (np.ones(2, dtype=int), np.ones(2)),
    (np.ones(2, dtype=bool), np.ones(2, dtype=int)),
    (np.ones(2), np.array([1, 1 + 1e-4])),
]


@pytest.mark.parametrize(("wanted", "got"), NEAR)
def test_same(wanted, got):
    same(got, wanted)


@pytest.mark.parametrize(("wanted", "got"), FAR)
def test_not_the_same(wanted, got):
    with pytest.raises(AssertionError):
        same(got, wanted)
