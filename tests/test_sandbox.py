"""What stands in an honest notebook runs as in Jupyter; what a sandbox takes is bounded, whoever asks for it."""

import enum
import json
import os
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hostile import HOSTILE
from test_grading import LIMITS, SLOT, as_patched, notebook, sandbox_here  # noqa: F401 (fixtures)

from rnncourse.classroom import confine, grading, questions, sandbox
from rnncourse.classroom import submission as inside
from rnncourse.classroom.handed_in import Assignment, Case, Question, handed_in
from rnncourse.classroom.measures import groups
from rnncourse.classroom.sandbox import Limits, Sandbox, TooSlowError, check_sandbox

# Cells; what `answer` is then.
CELLS = {
    "a line of an expression": (['answer = ("%d"\n% 3)'], "3"),
    "a comparison over two lines": (["answer = (3\n!= 4)"], True),
    "lines of a text": (["def f():\n    '''How:\n\n%time f()\n!f\n    '''\nanswer = f.__doc__.count('%time')"], 1),
    "matplotlib inline": (["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1])\nanswer = 1"], 1),
    "a cell that is timed": (["def f():\n    return 2", "%%time\nx = f()\nanswer = x + 1"], 3),
    "a cell that is timed twice": (["%%time\n%%capture caught\nanswer = 1\nprint(2)", "caught.show()"], 1),
    "a line that is timed": (["def f():\n    return 2", "%time answer = f()"], 2),
    "the value of a timed line": (["answer = %time 1 + 1"], 2),
    "within a block": (["for answer in range(3):\n    %time x = answer\n    !ls {x}\n    %timeit f(x)"], 2),
    "pip": (["!pip install seaborn\n%pip install seaborn\nanswer = 1"], 1),
    "what a program prints": (["answer = !ls\n!!ls"], []),
    "help": (["def f(): pass", "f?\n?f\nf??\nanswer = 1"], 1),
    "get_ipython": (["get_ipython().run_line_magic('matplotlib', 'inline')\nanswer = 1"], 1),
    "get_ipython, imported": (
        ["from IPython import get_ipython", "get_ipython().events.register('x', print)\nanswer = 1"],
        1,
    ),
    "is this Colab?": (["answer = 'google.colab' in str(get_ipython()) or 'x' in get_ipython().config"], False),
    "shown by IPython": (["from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\nanswer = 1"], 1),
    "another language": (["answer = 1", "%%bash\nexit 1", "%%nonsense x\nanswer = 2"], 1),
    "indented as a whole": (["  answer = 1\n  answer += 1"], 2),
    "a prompt": ([">>> answer = 1\n>>> answer += 1"], 2),
    "await": (["import asyncio\nasync def f():\n    return 3", "answer = await f()"], 3),
    "the future": (["from __future__ import annotations", "def f(x: nowhere): pass\nanswer = 1"], 1),
    "pickled": (["import pickle\nclass A:\n    x = 3", "answer = pickle.loads(pickle.dumps(A())).x"], 3),
    "types of a class": (
        ["import typing\nclass A: pass\nclass B:\n    x: 'A'", "typing.get_type_hints(B)\nanswer = 1"],
        1,
    ),
    "its own source": (["import inspect\ndef f(): pass", "answer = inspect.getsource(f)"], "def f(): pass"),
    "workers of a loader": (
        [
            "import torch\nfrom torch.utils.data import DataLoader, TensorDataset",
            "data = TensorDataset(torch.arange(8.0))",
            "answer = [len(batch[0]) for batch in DataLoader(data, batch_size=4, num_workers=2)]",
        ],
        [4, 4],
    ),
    "several processes": (
        [
            "def f(x):\n    return x + 1",
            "import multiprocessing\nwith multiprocessing.Pool(2) as pool:\n    answer = pool.map(f, [1, 2])",
        ],
        [2, 3],
    ),
    "joblib": (
        [
            "from joblib import Parallel, delayed\ndef f(x):\n    return x + 1",
            "answer = Parallel(2)(map(delayed(f), [1, 2]))",
        ],
        [2, 3],
    ),
    "a bar of progress": (["from tqdm.auto import tqdm\nanswer = sum(tqdm(range(3)))"], 3),
    "saved and loaded": (
        [
            "import torch\nnet = torch.nn.Linear(1, 1)\ntorch.save(net.state_dict(), 'net.pt')",
            "answer = len(torch.load('net.pt'))",
        ],
        2,
    ),
    "a module that is written": (
        ["%%writefile mod.py\ndef f(x):\n    return 2 * x", "import mod\nanswer = mod.f(2)"],
        4,
    ),
    "looked for, then written, in two parts": (
        [
            "try:\n    import mod\nexcept ImportError:\n    pass",
            "%%file 'mod.py'\nx = 1",
            "%%writefile -a mod.py\ny = x + 1\n",
            "from mod import y as answer",
        ],
        2,
    ),
    "written anew": (["%%file a.txt\n1", "%%file a.txt\n2", "answer = open('a.txt').read().strip()"], "2"),
    "written and run": (["x = 1", "%%writefile mod.py\nanswer = x + 1", "%run -i ./mod.py"], 2),
    "the end of a cell": (["answer = 1;", "answer;", "answer  # shown\n"], 1),
    "options": (["%load_ext autoreload\n%autoreload 2\n%config InlineBackend.figure_format = 'retina'\nanswer = 1"], 1),
    "tabs and Windows": (["if True:\r\n\tanswer = 1\r\n"], 1),
    "main": (["answer = 0\nif __name__ == '__main__':\n    answer = 1"], 1),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_runs_as_in_a_notebook(sandbox_here, name):  # noqa: F811
    cells, wanted = CELLS[name]
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission(cells, sandbox)
        assert submission.problems == {}
        np.testing.assert_equal(submission.read("answer"), wanted)


# Cells that ask; what `answer` is then, and what the student reads beside it.
ASKING = {
    "a name": ("name = input('who? ')\nanswer = f'I am {name}.'", "I am .", ""),
    "a password": (
        "import getpass as g\nfrom getpass import getpass\nanswer = g.getpass() + getpass('?') + '.'",
        ".",
        "",
    ),
    "a number": (
        "answer = 'even'\nx = int(input())",
        "even",
        "; ValueError: invalid literal for int() with base 10: ''",
    ),
    "until it comes": ("answer = 'even'\nwhile not input():\n    pass", "even", "; EOFError: it was asked for again"),
    "within a function": ("def f():\n    return input() + 'x'\nanswer = f()", "x", ""),
}


@pytest.mark.parametrize("name", ASKING)
def test_who_asks_gets_an_empty_text(sandbox_here, name):  # noqa: F811
    cell, wanted, told = ASKING[name]
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission([cell], sandbox)
        assert submission.read("answer") == wanted
        assert submission.problems[1].startswith(f"`input` gave an empty text: nobody types here{told}")
        assert submission.problems[1].count("nobody types") == 1


# Cells; what the student reads; what `answer` is then, None where it is not there.
MISSING = {
    "seaborn first": (
        ["import seaborn as sns\nimport math\nsns.set_theme()", "answer = math.floor(2.5)"],
        "`import seaborn as sns` was left out: No module named 'seaborn'",
        2,
    ),
    "Colab's drive": (
        ["from google.colab import drive\ndrive.mount('/content/drive')\nimport math", "answer = math.floor(2.5)"],
        "`from google.colab import drive` was left out: No module named 'google",
        2,
    ),
    "two in one line": (["import nowhere, math as m\nanswer = m.floor(2.5)"], "No module named 'nowhere'", 2),
    "a name that is not there": (["from math import sine, pi\nanswer = 1"], "cannot import name 'sine'", 1),
    "everything of nothing": (["from nowhere import *\nanswer = 1"], "No module named 'nowhere'", 1),
    "a part of what is there": (["import math", "import math.nowhere\nanswer = math.floor(2.5)"], "math.nowhere", 2),
    "magic beside it": (["%pip install nowhere\nimport nowhere\nanswer = 1"], "No module named 'nowhere'", 1),
    "and a mistake": (
        ["import nowhere\nanswer = 1\n1 / 0"],
        "'nowhere'; `1 / 0` was left out: ZeroDivisionError: division by zero (line 3)",
        1,
    ),
    "the student's own way": (["try:\n    import nowhere\nexcept ImportError:\n    answer = 1"], "", 1),
    "in a function": (["def f():\n    import nowhere\nf()\nanswer = 1"], "No module named 'nowhere' (line 2)", None),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_import_takes_nothing_with_it(sandbox_here, name):  # noqa: F811
    cells, told, wanted = MISSING[name]
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission(cells, sandbox)
        assert told in "".join(submission.problems.values())
        assert bool(told) == bool(submission.problems)
        if wanted is None:
            with pytest.raises(questions.StudentError, match="not defined"):
                submission.read("answer")
        else:
            assert submission.read("answer") == wanted


def test_what_is_missing_is_no_answer(sandbox_here):  # noqa: F811
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission(["from nowhere import double\nanswer = double(2)"], sandbox)
        for name in ("answer", "double"):
            with pytest.raises(questions.StudentError, match=f"`{name}` is not defined"):
                submission.read(name)


class Level(enum.IntEnum):
    LOW = 3


class Word(enum.StrEnum):
    WINDOW = "window"


class Sly(int):
    """Says something else than it is."""

    __int__ = __index__ = __pos__ = __repr__ = lambda self: 9


class Own(list):
    pass


Pair = namedtuple("Pair", "low high")

# A value of a subclass, and its base.
SUBCLASSES = {
    "torch.Size": (torch.zeros(2, 3).shape, (2, 3)),
    "OrderedDict": (OrderedDict(a=1, b=[2]), {"a": 1, "b": [2]}),
    "defaultdict": (defaultdict(list, {1: (2,)}), {1: (2,)}),
    "Counter": (Counter("aab"), {"a": 2, "b": 1}),
    "IntEnum": (Level.LOW, 3),
    "StrEnum": (Word.WINDOW, "window"),
    "a number that lies": (Sly(3), 3),
    "a list of its own": (Own([1, Level.LOW]), [1, 3]),
    "a masked array": (np.ma.array([1, 2], mask=[False, False]), np.array([1, 2])),
    "what max returns": (torch.return_types.max([1, 2]), (1, 2)),
    "a scalar stays NumPy's": (np.float64(2.5), np.float64(2.5)),
    "a truth value stays NumPy's": (np.bool(True), np.bool(True)),
}


def there_and_back(value):
    kept: list = []
    form = json.loads(json.dumps(inside.encode(value, kept)))
    assert kept == []
    return inside.decode(form, [])


@pytest.mark.parametrize("name", SUBCLASSES)
def test_a_subclass_travels_as_its_base(name):
    value, base = SUBCLASSES[name]
    back = there_and_back(value)
    assert type(back) is type(base)
    np.testing.assert_equal(back, base)


def test_a_named_tuple_travels_with_its_names():
    back = there_and_back(Pair(1, (2, 3)))
    assert back == (1, (2, 3))
    assert (back.low, back.high) == (1, (2, 3))


def test_tables_and_weights_of_their_own_kind_travel():
    class Table(pd.DataFrame):
        pass

    table = pd.DataFrame([[1, 2.5]], columns=["a", "a"], index=["x"])
    pd.testing.assert_frame_equal(there_and_back(Table(table[["a"]].iloc[:, :1])), table.iloc[:, :1])
    weights = torch.nn.Linear(1, 1).state_dict()
    back = there_and_back(weights)
    assert type(back) is dict
    assert back == dict(weights)


def test_a_subclass_passes_a_hidden_test(sandbox_here):  # noqa: F811
    with Sandbox(LIMITS, SLOT) as sandbox:
        submission = questions.Submission(["import torch\nanswer = torch.zeros(2, 3).shape"], sandbox)
        assert questions.run_case(Case("assert answer == (2, 3)", 1.0, True, ""), submission) == ""


# Each in a session of its own: the kernel then takes each for a user of its own, and gives it an equal share.
SPIN = (
    "import os\nfor _ in range({}):\n    if os.fork() == 0:\n        os.setsid()\n        while True:\n            pass"
)
WORK = "import time\nwhile time.process_time() < 1:\n    pass\nanswer = 1"


def test_spinning_children_take_no_time_from_a_neighbour(sandbox_here):  # noqa: F811
    many = 6 * (os.cpu_count() or 1)
    hostile = Limits(cell=60, total=60, memory=3.0, processes=many + 20)
    with Sandbox(hostile, SLOT) as first, Sandbox(Limits(cell=2.0, memory=0.6), SLOT + 20) as second:
        questions.Submission([SPIN.format(many)], first)
        neighbour = questions.Submission([WORK], second)
    assert neighbour.problems == {}


def test_the_time_of_children_counts(sandbox_here):  # noqa: F811
    with Sandbox(Limits(cell=2.0, memory=0.6), SLOT) as sandbox:
        submission = questions.Submission([SPIN.format(3) + "\nos.wait()", "answer = 1"], sandbox)
        assert submission.problems == {1: "it took more than 2 s of processor time"}
        assert submission.read("answer") == 1


def test_sleep_is_no_work_but_ends(sandbox_here):  # noqa: F811
    with Sandbox(Limits(cell=0.5, memory=0.6), SLOT) as sandbox:
        cells = ["import time\ntime.sleep(1)\nanswer = 1", "time.sleep(99)"]
        submission = questions.Submission(cells, sandbox)
        assert submission.problems == {2: "it took more than 2 s in which it computed nothing"}
        assert submission.read("answer") == 1


@pytest.fixture
def one_submission(tmp_path):
    """An assignment in which two cells are given, a submission, and where its result is kept."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ada.ipynb").write_text(notebook("import math", SLOW, "answer = math.floor(2.5)"))
    question = Question("q1", (Case("assert answer == 2", 1.0, True, ""),))
    given = {"a": "import math", "b": SLOW}
    assignment = Assignment("tiny", "", {}, (question,), {}, given, ())
    return handed_in(tmp_path / "class"), assignment, tmp_path / "results"


SLOW = "while True:\n    pass"


def test_a_given_cell_that_is_too_slow_is_never_final(one_submission, sandbox_here):  # noqa: F811
    submissions, assignment, kept = one_submission
    (result,) = grading.grade_all(submissions, assignment, kept, limits=Limits(cell=1.0, memory=0.6))
    assert result["problems"] == ["`while True:`: it took more than 1 s of processor time"]
    assert result["points"] == {"q1": 1.0}
    assert result["fingerprint"] == ""
    assert list(kept.iterdir()) == []


def test_a_given_cell_that_is_too_slow_is_tried_again_alone(
    one_submission,
    sandbox_here,  # noqa: F811
    monkeypatch,
    as_patched,  # noqa: F811
    tmp_path,
):
    """The first time, the first cell seems to take too long."""
    asked = tmp_path / "asked"
    submissions, assignment, kept = one_submission
    assignment = replace(assignment, given={"a": "import math"})

    class Busy(Sandbox):
        def ask(self, request):
            first = not asked.exists()
            with asked.open("a", encoding="utf-8") as file:
                file.write(f"{request.get('run')}\n")
            if first:
                raise self._ended(TooSlowError("it took more than 30 s by the clock"))
            return super().ask(request)

    monkeypatch.setattr(grading, "Sandbox", Busy)
    (result,) = grading.grade_all(submissions, assignment, kept, limits=Limits(cell=1.0, memory=0.6))
    requests = asked.read_text(encoding="utf-8").splitlines()
    assert requests.count("import math") == 3  # the second time again after the endless loop, which is the student's
    assert result["points"] == {"q1": 1.0}
    assert result["fingerprint"]
    assert [path.name for path in kept.iterdir()] == ["ada.json"]


KEYS = """
import ctypes, platform
from rnncourse.classroom import confine
call = ctypes.CDLL(None).syscall
add = {"x86_64": 248, "aarch64": 217}[platform.machine()]
keyctl = confine.KEYCTL[platform.machine()]
SEARCH, SESSION, USER_SESSION, USER = 10, -3, -5, -4
"""
PUT = "\nassert call(keyctl, 1, None) > 0\nassert call(add, b'user', b'secret', b'text', 4, SESSION) > 0\n"
FIND = "print([call(keyctl, SEARCH, place, b'user', b'secret', 0) > 0 for place in (SESSION, USER, USER_SESSION)])"


@pytest.mark.skipif(not Path("/proc/keys").exists(), reason="the system has no keys")
def test_the_keys_of_the_teachers_session_stay_outside():
    """In a session with a key, a process that leaves it finds the key no more."""
    alone = KEYS + PUT + "confine.leave_keys()\n" + FIND
    for code, found in ((KEYS + PUT + FIND, [True, False, False]), (alone, [False, False, False])):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if "Error" in done.stderr:
            pytest.skip("the system lets no one use keys")
        assert done.stdout.strip() == str(found)


HOLDS = ["memory in children", "tables of empty memory", "files in memory", "memory shared in the old way"]


@pytest.mark.parametrize("name", HOLDS)
def test_memory_counts_without_the_filter(sandbox_here, monkeypatch, name):  # noqa: F811
    """Each layer alone: the group of control limits what the filter would not let happen."""
    if not groups():
        pytest.skip("no control group can be made here")
    monkeypatch.setattr(sandbox, "confined", unfiltered)
    assert stopped(name) == "it took more than 0.6 GB of memory"


@pytest.mark.parametrize("name", HOLDS[:2])
def test_memory_counts_without_a_group(sandbox_here, monkeypatch, name):  # noqa: F811
    monkeypatch.setattr(sandbox, "new_group", lambda _: None)
    assert stopped(name) == "it took more than 0.6 GB of memory"


UNFILTERED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("confine", sys.argv[1])
confine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(confine)
confine.library = lambda: None
del sys.argv[0]
confine.main()
"""
CONFINED = sandbox.confined


def unfiltered(command, group):
    """Return the command of a sandbox on a machine without libseccomp."""
    python, *options, program, where = CONFINED(command, group)[: -len(command)]
    return [python, *options, "-c", UNFILTERED, program, where, *command]


def stopped(name: str) -> str:
    with Sandbox(LIMITS, SLOT) as box:
        return questions.Submission([HOSTILE[name][0]], box).problems[1]


def test_no_group_is_left(sandbox_here):  # noqa: F811
    if not groups():
        pytest.skip("no control group can be made here")
    with Sandbox(LIMITS, SLOT) as box:
        questions.Submission([SPIN.format(3), "import os\nos._exit(0)"], box)
        assert len(list(groups().glob("rnncourse-*"))) >= 1
        group = box._group.path
        assert group.exists()
    assert not group.exists()


def test_what_a_machine_lacks_is_said(sandbox_here, monkeypatch, capsys):  # noqa: F811
    check_sandbox(LIMITS)
    assert capsys.readouterr().err.count("\n") == (not confine.library()) + (not groups())
    monkeypatch.setattr(sandbox, "groups", lambda: None)
    monkeypatch.setattr(confine, "library", lambda: None)
    check_sandbox(LIMITS)
    first, second = capsys.readouterr().err.splitlines()
    assert "libseccomp is missing, so submissions may use every system call" in first
    assert "so the grader looks at it five times a second" in second


def test_a_line_that_only_shows_something_takes_no_definition_with_it(sandbox_here):  # noqa: F811
    with Sandbox(Limits(memory=0.6), SLOT) as sandbox:
        cells = ["print(In[-1], got)\ndef double(x):\n    return 2 * x", "word = 'even'\nhalves = missing\nword = 1"]
        submission = questions.Submission(cells, sandbox)
        assert (
            submission.problems[1] == "`print(In[-1], got)` was left out: NameError: name 'In' is not defined (line 1)"
        )
        assert submission.problems[2] == "NameError: name 'missing' is not defined (line 2)"
        assert submission.read("double")(4) == 8
        assert submission.read("word") == "even"


def test_an_exception_of_a_students_own_says_what_it_is(sandbox_here):  # noqa: F811
    cell = "class BadInput(ValueError):\n    pass\ndef double(x):\n    raise BadInput('no')"
    with Sandbox(Limits(memory=0.6), SLOT) as sandbox:
        double = questions.Submission([cell], sandbox).read("double")
        with pytest.raises(questions.StudentError, match=r"BadInput \(ValueError\): no"):
            double(1)
