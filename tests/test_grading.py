"""Grading: exact points, and nothing to be won or harmed by a hostile submission.

The assignment is a small one of this file; the course's own are tested by test_classroom.py. Hostile
submissions are run for real. Where there is no sandbox these tests are skipped, but not with SANDBOX_REQUIRED set.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from hostile import FORGE, HOSTILE

from rnncourse.classroom import apart, grading, measures, questions
from rnncourse.classroom import submission as inside
from rnncourse.classroom.handed_in import UNTOUCHED, Case, Question, handed_in, read_assignment, read_notebook
from rnncourse.classroom.sandbox import Limits, Sandbox, SandboxError, check_sandbox, worker_command

SECRET = "the-secret-of-the-hidden-tests"
TESTS = {
    "q1": [
        (1, False, "", 'assert double(2) == 4, f"double(2) must be 4, got {double(2)}"'),
        (1, True, "`double` is right for 2 only.", f"assert double(21) == 42  # {SECRET}"),
    ],
    "q2": [(3, True, "The halves are wrong.", "assert np.allclose(halves, [0.5, 1.0])")],
    "q10": [(1, True, "The word is wrong.", 'assert word == "window"')],
}
OPEN = {
    "q11": {"points": 4.0, "prompt": "Why?\n\n| points | for |\n|---|---|\n| 4 | all |", "examples": "**4 of 4** All."}
}
DOUBLE = "def double(x):\n    return 2 * x"
HALVES = "import numpy as np\nhalves = np.array([1, 2]) / 2"
WORD = "word = 'window'"
BEGIN = time.time()
LIMITS = Limits(cell=4.0, total=60.0, memory=0.6, processes=32, file_size=5)


def zip_of_tests(path: Path) -> Path:
    """An autograder, as ``make assignments`` writes it."""
    about = {
        "name": "tiny",
        "title": "A tiny assignment",
        "titles": {"q1": "1: double"},
        "by_hand": OPEN,
        "given": {"a": "# Why?\nSay why, in words.", "b": UNTOUCHED},
        "checks": ["1 / 0"],
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("assignment.json", json.dumps(about))
        for name, cases in TESTS.items():
            made = [
                {"code": f">>> {code}\n", "points": points, "hidden": hidden, "failure_message": message}
                for points, hidden, message, code in cases
            ]
            test = {"name": name, "points": None, "suites": [{"cases": made}]}
            archive.writestr(f"tests/{name}.py", f"test = {test!r}")
    return path


def notebook(*cells: str, answer: str = "", assignment: str = "tiny") -> str:
    made = [{"cell_type": "code", "metadata": {}, "source": cell.splitlines(keepends=True)} for cell in cells]
    words = {"cell_type": "markdown", "id": "b", "metadata": {"rnncourse": {"answer": "q11"}}, "source": answer}
    return json.dumps({"cells": [*made, words], "metadata": {"rnncourse": {"assignment": assignment}}})


@pytest.fixture(scope="session")
def autograder(tmp_path_factory):
    return zip_of_tests(tmp_path_factory.mktemp("autograder") / "tiny.zip")


@pytest.fixture(scope="session")
def sandbox_here():
    """Skip where there is no sandbox, unless it is required."""
    try:
        check_sandbox(LIMITS)
    except SandboxError as error:
        if os.environ.get("SANDBOX_REQUIRED"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def graded(tmp_path, autograder, sandbox_here):
    """A function that grades one submission."""

    def run(*cells: str, limits: Limits = LIMITS) -> dict:
        folder = tmp_path / "class"
        folder.mkdir(exist_ok=True)
        (folder / "eve.ipynb").write_text(notebook(*cells), encoding="utf-8")
        (only,) = [each for each in handed_in(folder) if each.student == "eve"]
        return grading.grade(only, read_assignment(autograder), Sandbox(limits, SLOT))

    return run


# What they do to their own process makes them lose the points of a right answer too.
SPOIL_THEIR_OWN = {"forged answers", "deep answer", *(name for name, (cell, _) in HOSTILE.items() if FORGE in cell)}
SLOT = 500 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # none that a grader at work has


def left_over() -> list[int]:
    """Processes of a submission that are still there; as root, where each slot has a user of its own."""
    for _ in range(50):
        found = [process.pid for process in psutil.process_iter(["uids"]) if process.info["uids"].real == 61_000 + SLOT]
        if not found:
            break
        time.sleep(0.1)
    return found


def groups_of_nobody(elsewhere: Path) -> list[Path]:
    """Control groups of processes that are gone; another test, at the same time, has some for a moment."""
    for _ in range(100):
        made = (measures.groups() or elsewhere).glob("rnncourse-*-*")
        groups = [group for group in made if group.stat().st_mtime > BEGIN]
        left = [group for group in groups if not psutil.pid_exists(int(group.name.split("-")[1]))]
        if not left:
            return []
        time.sleep(0.1)
    return left


def said(result: dict) -> str:
    return "\n".join([*result["problems"], *itertools.chain(*result["messages"].values())])


# What a submission may do wrong: cells, points of q1, q2, q10, and what the student reads.
HONEST = {
    "all right": ([DOUBLE, HALVES, WORD], (2, 3, 1), ""),
    "nothing": ([], (0, 0, 0), "`double` is not defined"),
    "untouched": (
        ["def double(x):\n    ...", "halves = ...", "word = ..."],
        (0, 0, 0),
        "double(2) must be 4, got None",
    ),
    "a constant that the public check likes": (["def double(x):\n    return 4", HALVES], (0, 3, 0), "for 2 only"),
    "cell deleted": ([HALVES, WORD], (0, 3, 1), "`double` is not defined"),
    "function renamed": (["def twice(x):\n    return 2 * x", HALVES, WORD], (0, 3, 1), "`double` is not defined"),
    "syntax error": (["def double(x)\n    return 2 * x", HALVES, WORD], (0, 3, 1), "SyntaxError: expected ':'"),
    "exception in a cell": (
        [DOUBLE, "halves = [1][2]", WORD],
        (2, 0, 1),
        "IndexError: list index out of range (line 1)",
    ),
    "exception in a function": (
        ["def double(x):\n    return y", HALVES, WORD],
        (0, 3, 1),
        "NameError: name 'y' is not defined, in line 2 of the cell `def double(x):`",
    ),
    "a function of Python's that was written over": (
        ["def double(x):\n    return sum([x, x])", HALVES, WORD, "sum = 3"],
        (0, 3, 1),
        "'int' object is not callable; no longer Python's own: `sum`, in line 2 of the cell `def double(x):`",
    ),
    "one that has nothing to do with it": (
        ["id = 3\ndef double(x):\n    return y", HALVES, WORD],
        (0, 3, 1),
        "NameError: name 'y' is not defined, in line 3 of the cell",
    ),
    "magics and display": (["%matplotlib inline\n!ls\ndisplay(3)\n" + DOUBLE, HALVES, WORD], (2, 3, 1), ""),
    "a check that fails is not run": ([DOUBLE, HALVES, WORD, "1 / 0"], (2, 3, 1), ""),
    "other types": (["def double(x):\n    return str(2 * x)", "halves = {1: 2}", "word = 3"], (0, 0, 0), "got 4"),
}


@pytest.mark.parametrize(("cells", "points", "message"), HONEST.values(), ids=HONEST)
def test_honest_mistakes(graded, cells, points, message):
    result = graded(*cells)
    assert tuple(result["points"].values()) == points
    assert message in said(result)
    if sum(points) == 6:
        assert not said(result)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(graded, autograder, tmp_path, name):
    cell, message = HOSTILE[name]
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "alice.ipynb").write_text(notebook(f"# {SECRET}", DOUBLE, HALVES, WORD), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    server, line = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    line.bind(f"\0{SECRET}{os.getpid()}")
    line.listen()
    known = {
        "FOLDER": str(tmp_path),
        "MARK": SECRET[::-1],
        "PORT": server.getsockname()[1],
        "PID": os.getpid(),
        "SITE": str(Path(np.__path__[0]).parent),
    }
    given = [f"{key} = {value!r}" for key, value in known.items()] + ["MARK = MARK[::-1]"]
    begin = time.monotonic()
    with server, line:
        result = graded("\n".join([*given, cell.strip()]), HALVES)
    won = result["points"]
    assert won["q1"] == won["q10"] == 0
    assert won["q2"] <= 3
    if name not in SPOIL_THEIR_OWN:
        assert won["q2"] == 3
    assert message in said(result)
    assert time.monotonic() - begin < 20
    assert not left_over()
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {*before, tmp_path / "class" / "eve.ipynb"}


def test_without_a_sandbox_it_is_another_matter(autograder, tmp_path, sandbox_here):
    """What the hostile tests look for happens where nothing hinders it: they can fail."""
    (tmp_path / "eve.ipynb").write_text(notebook("open(r'%s', 'w')" % (tmp_path / "written"), DOUBLE), encoding="utf-8")
    (only,) = handed_in(tmp_path)
    result = grading.grade(only, read_assignment(autograder), Sandbox(LIMITS, sandboxed=False))
    assert result["points"]["q1"] == 2
    assert (tmp_path / "written").exists()


FILES = {
    "word.docx": (b"PK", "`word.docx` is not a notebook"),
    "cut.ipynb": (notebook(DOUBLE)[:100].encode(), "not a whole notebook"),
    "latin.ipynb": (b"\xff\xfe\xe4", "not a whole notebook"),
    "list.ipynb": (b"[1, 2]", "not a whole notebook"),
    "deep.ipynb": (b"[" * 100_000, "not a whole notebook"),
    "cells.ipynb": (b'{"cells": [{"cell_type": "code", "source": 3}]}', "not a whole notebook"),
    "other.ipynb": (notebook(assignment="01-sine").encode(), "another assignment, '01-sine'; 'tiny' is asked for"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_notebook(tmp_path, autograder, name):
    content, message = FILES[name]
    (tmp_path / name).write_bytes(content)
    (only,) = handed_in(tmp_path)
    result = grading.grade(only, read_assignment(autograder), Sandbox(LIMITS))
    assert set(result["points"].values()) == {0.0}
    assert message in said(result)


def test_a_large_file_is_not_read(tmp_path, autograder):
    with (tmp_path / "large.ipynb").open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(ValueError, match="larger than 20 MB"):
        read_notebook(tmp_path / "large.ipynb", read_assignment(autograder))


def test_a_link_is_not_followed(tmp_path, autograder):
    (tmp_path / "alice.ipynb").write_text(notebook(DOUBLE), encoding="utf-8")
    (tmp_path / "eve.ipynb").symlink_to(tmp_path / "alice.ipynb")
    with pytest.raises(ValueError, match=r"`eve\.ipynb` is a link to another file"):
        read_notebook(tmp_path / "eve.ipynb", read_assignment(autograder))


def test_a_pipe_is_not_read(tmp_path, autograder):
    os.mkfifo(tmp_path / "eve.ipynb")
    with pytest.raises(ValueError, match="nothing was handed in"):
        read_notebook(tmp_path / "eve.ipynb", read_assignment(autograder))


def test_a_linked_folder_is_not_followed(tmp_path, autograder):
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "ada.ipynb").write_text(notebook(DOUBLE), encoding="utf-8")
    (tmp_path / "eve").symlink_to(tmp_path / "ada")
    eve = {each.student: each for each in handed_in(tmp_path)}["eve"]
    with pytest.raises(ValueError, match="is a link to another file"):
        read_notebook(eve.path, read_assignment(autograder))


SPOILING = {
    "=1+1.ipynb": "'=1+1",
    "@eve.ipynb": "'@eve",
    "\N{FULLWIDTH EQUALS SIGN}1.ipynb": "'\N{FULLWIDTH EQUALS SIGN}1",
    "eve\rx.ipynb": "eve x",
    "eve\x1b[2J.ipynb": "eve\N{REPLACEMENT CHARACTER}[2J",
    "e" * 150 + ".ipynb": "e" * 30 + "… b5a8393c",
    os.fsdecode(b"M\x81ller.ipynb"): "Müller",
}


@pytest.mark.parametrize("name", SPOILING)
def test_names_that_would_spoil_a_table(tmp_path, name):
    (tmp_path / name).touch()
    (only,) = handed_in(tmp_path)
    assert (only.student, only.path.name, only.problem) == (SPOILING[name], name, "")


def test_when_all_time_is_used_up(graded):
    """Many cells after the end of the time: none of them starts a process again."""
    limits = Limits(cell=4.0, total=2.0, memory=0.6, processes=32, file_size=5)
    result = graded(DOUBLE, "while True:\n    pass", *["x = 1"] * 300, limits=limits)
    assert set(result["points"].values()) == {0.0}
    assert "the notebook took more than 2 s in all" in said(result)
    assert result["seconds"] < 10
    assert not left_over()


def test_started_and_stopped_at_once(sandbox_here):
    for _ in range(30):
        with Sandbox(LIMITS, SLOT):
            pass
    assert not left_over()


def test_an_empty_array_is_no_answer(graded):
    result = graded("import numpy as np\nhalves = np.empty((0, 1))")
    assert result["points"]["q2"] == 0
    assert "The halves are wrong." in said(result)


def test_to_refuse_everything_is_no_answer(sandbox_here):
    refuses = "try:\n    f(0)\nexcept Exception as error:\n    assert 'ValueError' in str(error)\n"
    refuses += "else:\n    raise AssertionError"
    cases = (Case("assert f(2) == 4", 1.0, True, ""), Case(refuses, 1.0, True, ""))
    question = Question("q1", cases)
    for body, points in {
        "raise ValueError": 0,
        "return 4": 1,
        "if not x:\n        raise ValueError\n    return 2 * x": 2,
    }.items():
        with Sandbox(LIMITS, SLOT) as sandbox:
            submission = questions.Submission([f"def f(x):\n    {body}"], sandbox)
            assert questions.run_question(question, submission)[0] == points, body


CATCHES = {
    "a function": "try:\n    f(0)\nexcept Exception:\n    pass",
    "everything": "try:\n    f\nexcept:\n    pass",
    "within a function": "def g():\n    return f\n\ntry:\n    g()\nexcept Exception:\n    pass",
    "a generator": "import contextlib\nwith contextlib.suppress(Exception):\n    all(f(x) for x in [1])",
    "an empty array": "try:\n    empty\nexcept Exception:\n    pass",
}


@pytest.mark.parametrize("code", CATCHES.values(), ids=CATCHES)
def test_what_is_missing_fails_a_test_that_catches_it(sandbox_here, code):
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission(["import numpy as np\nempty = np.zeros(0)"], sandbox)
        told = questions.run_case(Case(code, 1.0, True, ""), submission)
    assert told in {"`f` is not defined", "the answer is an empty array"}


def test_names_of_a_test(sandbox_here):
    """Its own come first, then Python's, then the student's; within functions, too, and each is read once."""
    answers = "np = len = print = x = 3\ny = [1]\ndef f(x):\n    return x + y[0]"
    lines = ["x = 5", "assert f(x) == 6 and len(y) == 1", "y.append(2)", "assert y == [1, 2] and np.pi > 3"]
    lines += ["assert [f(each) for each in y] == list(map(lambda each: f(each) + len([]), y)) == [2, 3]"]
    lines += ["class Own:\n    z = y", "assert Own.z is y"]
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission([answers], sandbox)
        assert questions.run_case(Case("\n".join(lines), 1.0, False, ""), submission) == ""


@pytest.fixture
def as_patched(monkeypatch):
    """What a test changes in a module holds in the processes that grade, too."""
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    monkeypatch.setattr(apart, "CONTEXT", multiprocessing.get_context("fork"))


def test_a_fault_of_the_grader_stops_nobody_else(tmp_path, autograder, monkeypatch, as_patched):
    for name in ("ada", "eve"):
        (tmp_path / f"{name}.doc").touch()
    both, tests, kept = handed_in(tmp_path), read_assignment(autograder), tmp_path / "kept"
    grade = grading.grade

    def faulty(handed, *rest):
        return grade(handed, *rest) if handed.student == "ada" else {}["points"]

    monkeypatch.setattr(grading, "grade", faulty)
    ada, eve = grading.grade_all(both, tests, kept, jobs=1)
    assert "is not a notebook" in said(ada)
    assert said(eve) == "this could not be graded: KeyError: 'points'"
    assert not eve["fingerprint"]
    assert not any(eve["points"].values())
    monkeypatch.undo()
    again = grading.grade_all(both, tests, kept, jobs=1)
    assert again[0] == ada
    assert "is not a notebook" in said(again[1])


@pytest.mark.parametrize(
    ("code", "seconds", "told"),
    [
        ("while double(3) == 6: pass", 3, "it ended the process that looks at its answers (-24)"),
        ("double(3); import os; os.kill(os.getpid(), 9)", 120, "it ended the process that looks at its answers (-9)"),
        ("double(3); held = [np.ones(10**7) for _ in range(10**4)]", 120, "a test with other data fails"),
    ],
)
def test_what_a_test_takes_out_here_has_its_limit(tmp_path, autograder, sandbox_here, monkeypatch, code, seconds, told):
    """A test that never ends because of an answer, or takes all memory, takes no other submission with it."""
    limits = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_DATA: 2_000_000_000}
    monkeypatch.setattr(apart, "LIMITS", limits)
    for name, cell in {"ada": DOUBLE, "eve": "pass"}.items():
        (tmp_path / f"{name}.ipynb").write_text(notebook(cell), encoding="utf-8")
    tests = replace(read_assignment(autograder), questions=(Question("q1", (Case(code, 2.0, True, ""),)),))
    ada, eve = grading.grade_all(handed_in(tmp_path), tests, tmp_path / "kept", limits=LIMITS)
    assert told in said(ada)
    assert "`double` is not defined" in said(eve)
    assert (ada["points"]["q1"], eve["points"]["q1"]) == (0, 0)
    assert groups_of_nobody(tmp_path) == []


def test_who_handed_in(tmp_path):
    (tmp_path / "ada.ipynb").touch()
    (tmp_path / "lovelaceada_LATE_123_456_01-sine-assignment-1.ipynb").touch()
    (tmp_path / "hopper_77_88_solution.docx").touch()
    (tmp_path / ".hidden").touch()
    moodle = tmp_path / "Emmy Noether_4711_assignsubmission_file"
    (moodle / "deeper").mkdir(parents=True)
    (moodle / "deeper" / "a.ipynb").touch()
    (moodle / "notes.txt").touch()
    (tmp_path / "kurt").mkdir()
    found = {each.student: (each.path.name, each.system, each.identity) for each in handed_in(tmp_path)}
    assert found == {
        "ada": ("ada.ipynb", "", ""),
        "lovelaceada": ("lovelaceada_LATE_123_456_01-sine-assignment-1.ipynb", "Canvas", "123"),
        "hopper": ("hopper_77_88_solution.docx", "Canvas", "77"),
        "Emmy Noether": ("a.ipynb", "Moodle", "4711"),
        "kurt": ("kurt", "", ""),
    }


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / ".hidden").touch()
    with pytest.raises(ValueError, match="holds no submission"):
        handed_in(tmp_path)


def test_two_notebooks_of_one_student_are_reported(tmp_path):
    for name in ("ada/1.ipynb", "ada/2.ipynb", "eve/1.ipynb", "eve/2.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    ada, eve = handed_in(tmp_path)
    assert ada.problem == "there are several files, 1.ipynb, 2.ipynb: leave the one that counts"
    assert (eve.problem, eve.path.name) == ("", "1.ipynb")


@pytest.fixture
def small_class(tmp_path, autograder, sandbox_here, capsys):
    """A folder of submissions; a function that runs the program on it, and gives what it printed."""
    folder = tmp_path / "class"
    folder.mkdir()
    good = [DOUBLE, HALVES, WORD]
    (folder / "lovelaceada_123_456_tiny.ipynb").write_text(notebook(*good, answer="Because."), encoding="utf-8")
    (folder / "noetheremmy_LATE_124_457_tiny.ipynb").write_text(notebook(*good[1:]), encoding="utf-8")
    (folder / "zuse_125_458_tiny.doc").touch()

    def run(*options: str, folder: Path = folder, code: int = 0) -> str:
        arguments = [str(autograder), str(folder), "--out", str(tmp_path / "out"), *options]
        with pytest.raises(SystemExit) if code else contextlib.nullcontext() as stopped:
            grading.main(arguments)
        assert not code or stopped.value.code == code
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


def test_from_files_to_marks(small_class, tmp_path):
    out = tmp_path / "out"
    before = {path: path.read_bytes() for path in (tmp_path / "class").iterdir()}
    printed = small_class()
    assert "3 submissions of 'A tiny assignment'" in printed
    assert "1 answers to be graded by hand" in printed
    assert not (out / "canvas.csv").exists()
    assert (out / "grades.csv").read_text() == (
        "student,number,late,note,q1,q2,q10,q11,total\nlovelaceada,123,,,2,3,1,,6\nnoetheremmy,124,yes,,0,3,1,0,4\n"
        "zuse,125,,`zuse_125_458_tiny.doc` is not a notebook: hand in the file that ends in .ipynb,0,0,0,0,0\n"
    )
    assert (out / "by-hand.csv").read_text() == (
        "student,number,question,points,comment,answer,remark\nlovelaceada,123,q11,,,oehobdiejjlc,\n"
        "noetheremmy,124,q11,,,ejbgckkipofc,There is no answer.\n"
        "zuse,125,q11,,,ejbgckkipofc,There is no answer.\n"
    )
    assert "Because." in (out / "by-hand.html").read_text()
    assert "not graded yet" in (out / "feedback" / "lovelaceada_123.html").read_text()
    for name in ("statistics.csv", "statistics.png", "messages.csv", "log.txt"):
        assert (out / name).stat().st_size > 30, name

    text = (out / "by-hand.csv").read_text().replace(",123,q11,,", ',123,q11,3.5,"Good, and <b>short</b>"')
    (out / "by-hand.csv").write_text(text)
    results = {path: path.stat().st_mtime_ns for path in (out / "results").iterdir()}
    assert "canvas.csv" in small_class()
    assert {path: path.stat().st_mtime_ns for path in (out / "results").iterdir()} == results  # nothing was run again
    assert (out / "by-hand.csv").read_text() == text
    grades = pd.read_csv(out / "grades.csv", index_col="student")
    assert grades["total"].to_dict() == {"lovelaceada": 9.5, "noetheremmy": 4.0, "zuse": 0.0}
    page = (out / "feedback" / "lovelaceada_123.html").read_text()
    assert "3.5 of 4" in page
    assert "<td>1: double</td>" in page
    assert "Good, and &lt;b&gt;short&lt;/b&gt;" in page
    assert (out / "canvas.csv").read_text() == (
        "Student,ID,SIS User ID,SIS Login ID,Section,A tiny assignment\n"
        "lovelaceada,123,,,,9.5\nnoetheremmy,124,,,,4\nzuse,125,,,,0\n"
    )
    assert {path: path.read_bytes() for path in before} == before
    assert set((tmp_path / "class").iterdir()) == set(before)


def test_moodle(small_class, tmp_path):
    for path in (tmp_path / "class").iterdir():
        path.unlink()
    folder = tmp_path / "class" / "Emmy Noether_4711_assignsubmission_file"
    folder.mkdir()
    (folder / "tiny.ipynb").write_text(notebook(DOUBLE), encoding="utf-8")
    assert "moodle.csv" in small_class()
    assert (tmp_path / "out" / "moodle.csv").read_text() == (
        "Identifier,Full name,Grade,Maximum Grade,Last modified (grade)\nParticipant 4711,Emmy Noether,2,10,-\n"
    )


def test_a_changed_submission_is_graded_again(small_class, tmp_path):
    small_class()
    path = tmp_path / "class" / "noetheremmy_LATE_124_457_tiny.ipynb"
    path.write_text(notebook(DOUBLE), encoding="utf-8")
    small_class()
    grades = pd.read_csv(tmp_path / "out" / "grades.csv", index_col="student")
    assert grades.loc["noetheremmy", ["q1", "q2", "q10"]].to_list() == [2, 0, 0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("zuse,q1,1,", "'q1' is no question that a person grades"),
        ("zuse,q11,5,", "the points must be from 0 to 4, got '5'"),
        ("zuse,q11,many,", "the points must be from 0 to 4, got 'many'"),
        ("zuse,q11,1,\nzuse,q11,2,", "this answer is graded twice"),
    ],
)
def test_points_by_hand_are_checked(small_class, tmp_path, line, message):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "by-hand.csv").write_text(f"student,question,points,comment\n{line}\n")
    assert message in small_class(code=1)


def test_points_of_nobody_stop_nobody(small_class, tmp_path):
    """As where a submission was taken away, or a program for tables has changed a name."""
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "by-hand.csv"
    path.write_text("student,question,points,comment\nnobody,q11,1,Well done.\n")
    for _ in range(2):
        assert "nobody has handed in nothing; the row is kept, and counts for nobody" in small_class()
        rows = pd.read_csv(path, keep_default_na=False, dtype=str).set_index("student")
        assert rows.loc["nobody", ["points", "comment"]].to_list() == ["1", "Well done."]
        assert rows.loc["lovelaceada", "points"] == ""


def test_the_program_refuses(small_class, tmp_path, autograder):
    assert "is not a folder" in small_class(folder=tmp_path / "nowhere", code=1)
    inside = small_class("--out", str(tmp_path / "class" / "out"), code=2)
    assert "--out must lie outside the submissions" in inside
    assert "--jobs must be at least 1, got 0" in small_class("--jobs", "0", code=2)


def test_where_bubblewrap_is_missing(small_class, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "sudo apt-get install bubblewrap" in small_class(code=1)
    assert "3 submissions" in small_class("--without-sandbox")


def test_where_bubblewrap_does_not_work(monkeypatch, tmp_path):
    for name in ("bwrap", "prlimit", "setpriv"):
        (tmp_path / name).write_text("#!/bin/sh\necho bwrap: no permission >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="does not work here: bwrap: no permission"):
        check_sandbox(LIMITS)


def test_stopped_and_continued(tmp_path, autograder, small_class):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(8):
        (folder / f"s{number}.ipynb").write_text(
            notebook("import time\ntime.sleep(0.7)", DOUBLE, HALVES, WORD), encoding="utf-8"
        )
    heard = (  # where the shell has switched Ctrl-C off, it is switched on
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('rnncourse.classroom', run_name='__main__', alter_sys=True)"
    )
    arguments = [str(autograder), str(folder), "--out", str(tmp_path / "out"), "--jobs", "2"]
    command = [sys.executable, "-c", heard, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    results = tmp_path / "out" / "results"
    while not list(results.glob("*.json")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to all of the terminal's processes
    _, printed = process.communicate(timeout=30)
    assert process.returncode == 130
    assert groups_of_nobody(tmp_path) == []
    assert "The same command goes on from here." in printed
    done = {path: path.stat().st_mtime_ns for path in results.glob("*.json")}
    assert 1 <= len(done) < 8
    small_class("--jobs", "2", folder=folder)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    stopped = (tmp_path / "out" / "grades.csv").read_text()
    shutil.rmtree(tmp_path / "out")
    small_class("--jobs", "1", folder=folder)
    assert (tmp_path / "out" / "grades.csv").read_text() == stopped
    assert stopped.count(",2,3,1,") == 8


def test_killed(autograder, tmp_path, sandbox_here):
    """A grader that is killed takes with it all that it has started."""
    (tmp_path / "class").mkdir()
    for name in ("ada", "eve"):
        (tmp_path / "class" / f"{name}.ipynb").write_text(
            notebook(DOUBLE, "import time\ntime.sleep(60)"), encoding="utf-8"
        )
    arguments = [str(autograder), str(tmp_path / "class"), "--out", str(tmp_path / "out")]
    grader = subprocess.Popen(
        [sys.executable, "-P", "-m", "rnncourse.classroom", *arguments], stderr=subprocess.DEVNULL
    )
    family: list[psutil.Process] = []
    while sum("rnncourse.classroom.submission" in " ".join(each.cmdline()) for each in family) < 2:
        time.sleep(0.2)
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(grader.pid).children(recursive=True)
    grader.kill()
    grader.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert groups_of_nobody(tmp_path) == []


def test_stopped_while_it_starts(autograder, tmp_path, sandbox_here, monkeypatch):
    """A process that is told to stop between making a control group and entering the sandbox leaves no group."""
    made = []

    def stopped(self):
        made.append(measures.new_group(1.0))
        raise KeyboardInterrupt

    monkeypatch.setattr(Sandbox, "_start", stopped)
    (tmp_path / "ada.ipynb").write_text(notebook(DOUBLE), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        grading._grade_apart(
            handed_in(tmp_path)[0], read_assignment(autograder), Sandbox(LIMITS), tmp_path / "ada.json"
        )
    assert len(made) == 1
    assert made[0] is None or not made[0].path.exists()


def test_two_at_a_time_do_not_meet(autograder, tmp_path, sandbox_here):
    """Two submissions at once see neither each other's files nor each other's processes."""
    look = (
        "import os, time\nopen('/tmp/home/mine', 'w').close()\nopen('/dev/shm/mine', 'w').close()\ntime.sleep(1)\n"
        "seen = sum(p.isdigit() for p in os.listdir('/proc')), os.listdir('/tmp/home'), os.listdir('/dev/shm')"
    )
    found = []

    def one(slot: int) -> None:
        with Sandbox(LIMITS, slot) as sandbox:
            found.append(questions.Submission([look], sandbox).read("seen"))

    threads = [threading.Thread(target=one, args=(10 + 2 * SLOT + slot,)) for slot in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    for processes, home, shared in found:
        assert processes <= 2
        assert home == shared == ["mine"]


def test_libraries_and_fonts_are_found_inside(sandbox_here):
    """Also by root's submissions, each of which has a user of its own."""
    names = ["ld.so.cache", "fonts", "alternatives"]
    look = f"import os\nfound = [name for name in {names} if os.path.exists('/etc/' + name)]"
    with Sandbox(LIMITS, SLOT) as sandbox:
        found = questions.Submission([look], sandbox).read("found")
    assert found == [name for name in names if Path("/etc", name).exists()]


def test_a_notebook_may_write_where_all_may(graded):
    write = "for name in ('/tmp/mine', '/dev/shm/mine', 'mine'):\n    open(name, 'w').close()"
    result = graded(f"import tempfile\n{write}\nassert tempfile.gettempdir() == '/tmp'", DOUBLE)
    assert (result["problems"], result["points"]["q1"]) == ([], 2)


VALUES = [
    None, True, 3, -2.5, float("inf"), "text", [1, "two", [3.0]], (1, 2), {"a": 1, 2: [3]}, np.float32(2.5),
    np.int64(7),
    np.arange(6.0).reshape(2, 3), np.array(["a", "b"]), np.array([True]), np.zeros((0, 3)),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_travel(value):
    form = json.loads(json.dumps(inside.encode(value, [])))
    back = inside.decode(form, [])
    assert type(back) is type(value)
    np.testing.assert_equal(back, value)


def test_tables_and_tensors_travel():
    torch = pytest.importorskip("torch")
    table = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan]}, index=["x", "y"])
    back = inside.decode(json.loads(json.dumps(inside.encode(table, []))), [])
    pd.testing.assert_frame_equal(back, table, check_index_type=False, check_column_type=False)
    tensor = torch.arange(3.0, requires_grad=True)
    back = inside.decode(json.loads(json.dumps(inside.encode(tensor, []))), [])
    assert torch.equal(back, tensor.detach())


@pytest.mark.parametrize("form", [{"pickle": "x"}, {"value": [1]}, {"value": {}}])
def test_forged_forms_are_refused(form):
    with pytest.raises(ValueError, match="no value of the kind"):
        inside.decode(form, [])


def test_an_array_of_objects_does_not_travel():
    kept: list = []
    assert inside.encode(np.array([object()]), kept) == {"kept": 0}


def test_a_test_cannot_hand_in_an_object(autograder, sandbox_here):
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission(["def same(x, y=0):\n    return x"], sandbox)
        same = submission.read("same")
        assert same([1, (2, "a")], y=3) == [1, (2, "a")]
        assert same([same])[0](5) == 5
        with pytest.raises(TypeError, match="a test cannot hand a function to a submission"):
            same(lambda: 0)


def test_the_limits_are_in_the_command():
    if shutil.which("bwrap"):
        command = worker_command(Limits(memory=2, processes=9, file_size=7, total=11))
        for option in ("--data=2000000000", "--nproc=9", "--fsize=7000000", "--cpu=16"):
            assert option in command
