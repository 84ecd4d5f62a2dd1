"""The package in order: what a module may import, and how long it may be."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnncourse"
# A module imports only modules before it.
ORDER = (
    *("__init__", "_checks", "_dates", "windows", "by_hand", "baselines", "scores", "drought", "datasets"),
    *("_batches", "layers", "keras", "_unrolled", "models", "two_inputs", "intervals"),
    *("_learners", "training", "forecasting", "sweeps", "plotting"),
)
# The first module that may import a third-party package, if only within a function.
FIRST = {"torch": "_batches", "tqdm": "training", "joblib": "sweeps", "matplotlib": "plotting"}
# These load with NumPy alone: they run in the page.
LIGHT = ("windows", "by_hand", "baselines", "scores")
MODULES = sorted(PACKAGE.glob("*.py"))
# The program for teachers stands apart: it has an order and a limit of its own.
CLASSROOM = (
    "__init__",
    "cells",
    "answers",
    "submission",
    "words",
    "tables",
    "handed_in",
    "by_hand",
    "platforms",
    "confine",
    "measures",
    "sandbox",
    "questions",
    "reports",
    "apart",
    "grading",
    "__main__",
)
ROOMS = sorted((PACKAGE / "classroom").glob("*.py"))

# Lines of code: without docstrings, comments and blank lines.
MOST_IN_A_FUNCTION = 40
MOST_IN_A_MODULE = 240
MOST_IN_ALL = 1957  # 1,900, and the climatological ensemble
MOST_IN_CLASSROOM = 1774  # may only shrink; the goal is 1,500


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of everything a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def out_of_order(module: str, source: str) -> list[str]:
    """Imports in `source` that `module` may not have from its place in the order."""
    found = []
    place = ORDER.index(module)
    for name in sorted(imported(ast.parse(source))):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top in FIRST and ORDER.index(FIRST[top]) > place:
            found.append(name)
        if top == "rnncourse" and other not in ORDER[:place]:
            found.append(name)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_imports_only_modules_before_it(path: Path) -> None:
    assert path.stem in ORDER, "a new module needs a place"
    assert out_of_order(path.stem, read(path)) == []


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.stem)
def test_classroom_stands_apart_and_in_order(path: Path) -> None:
    before = CLASSROOM[: CLASSROOM.index(path.stem)]
    own = {name for name in imported(ast.parse(read(path))) if name.startswith("rnncourse")}
    assert [name for name in own if not name.startswith("rnncourse.classroom.")] == []
    assert {name.split(".")[2] for name in own} <= set(before)


def test_each_place_in_the_order_has_its_module() -> None:
    assert sorted(ORDER) == [path.stem for path in MODULES]
    assert sorted(CLASSROOM) == [path.stem for path in ROOMS]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("windows", "import torch"),
        ("datasets", "def f():\n    from torch import nn"),
        ("windows", "from rnncourse.training import fit"),
        ("windows", "from rnncourse import datasets"),
        ("windows", "from rnncourse.windows import Windows"),
        ("layers", "from rnncourse.models import Forecaster"),
        ("plotting", "from rnncourse.classroom import grading"),
        ("training", "import matplotlib.pyplot as plt"),
    ],
)
def test_what_is_out_of_order_is_noticed(module: str, source: str) -> None:
    assert len(out_of_order(module, source)) == 1


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, rnncourse; assert rnncourse.__version__;"
        "print(sorted({'numpy', 'pandas', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {"numpy", "rnncourse"}:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocker())
"""


@pytest.mark.parametrize("module", LIGHT)
def test_module_works_with_numpy_alone(module: str) -> None:
    use = {
        "windows": "assert windows.make_windows([1, 2, 3], lookback=2).inputs.shape == (1, 2, 1)",
        "by_hand": "assert by_hand.rnn_step([1], [0], [[0]], [[0]], [0], [0]) == 0",
        "baselines": "assert baselines.persistence([[[1], [2]]]) == 2",
        "scores": "assert scores.diebold_mariano",  # SciPy only where it is called
    }[module]
    code = f"{BLOCKER}from rnncourse import {module}\n{use}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_blocker_blocks() -> None:
    code = f"{BLOCKER}import pandas"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "ImportError: pandas is not there" in done.stderr


def lines_of_code(source: str) -> set[int]:
    """Numbers of the lines that hold code."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines |= {*range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines -= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    return lines


def test_lines_of_code_are_counted() -> None:
    source = '"""What it is.\n\nMore."""\n\nx = """one\ntwo"""  # three\n\n'
    source += 'def f():\n    """Return."""\n    # Why.\n    return x\n'
    assert lines_of_code(source) == {5, 6, 8, 11}


@pytest.mark.parametrize("path", [*MODULES, *ROOMS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_module_and_its_functions_are_short(path: Path) -> None:
    lines = lines_of_code(read(path))
    assert len(lines) <= MOST_IN_A_MODULE
    functions = [node for node in ast.walk(ast.parse(read(path))) if isinstance(node, ast.FunctionDef)]
    lengths = {node.name: len(lines & {*range(node.lineno, (node.end_lineno or 0) + 1)}) for node in functions}
    assert {name: length for name, length in lengths.items() if length > MOST_IN_A_FUNCTION} == {}


def test_package_is_small() -> None:
    assert sum(len(lines_of_code(read(path))) for path in MODULES) <= MOST_IN_ALL
    assert sum(len(lines_of_code(read(path))) for path in ROOMS) <= MOST_IN_CLASSROOM


def test_contributing_shows_the_order() -> None:
    section = read(ROOT / "CONTRIBUTING.md").partition("## The package\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    rows = [[re.findall(r"`(\w+)`", cell) for cell in pair] for pair in cells]
    assert [module for modules, _ in rows for module in modules] == list(ORDER)
    assert {package: modules[0] for modules, packages in rows for package in packages} == FIRST
    assert f"{MOST_IN_A_FUNCTION} lines of code, a module {MOST_IN_A_MODULE}" in section
