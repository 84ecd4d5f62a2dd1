"""The package's floors: a module imports only modules on lower floors, and PyTorch from floor 3 up."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "rnncourse"
FLOORS = {
    "__init__": 0,
    "_checks": 0,
    "_dates": 0,
    "datasets": 2,
    "windows": 1,
    "baselines": 1,
    "by_hand": 1,
    "drought": 1,
    "_batches": 3,
    "intervals": 3,
    "layers": 3,
    "models": 3,
    "unrolled": 4,
    "_learners": 5,
    "training": 6,
    "forecasting": 4,
    "sweeps": 7,
    "plotting": 7,
    "_handed_in": 5,
    "_submission": 5,
    "sandbox": 5,
    "_reports": 7,
    "grading": 8,
}
# What a third-party package may be imported from at the earliest.
LOWEST = {"torch": 3, "matplotlib": 7}
MODULES = sorted(PACKAGE.glob("*.py"))


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


def climbing(module: str, source: str) -> list[str]:
    """Imports in `source` that `module` may not have from its floor."""
    found = []
    for name in sorted(imported(ast.parse(source))):
        top, _, rest = name.partition(".")
        if LOWEST.get(top, 0) > FLOORS[module]:
            found.append(name)
        other = rest.partition(".")[0]
        if top == "rnncourse" and FLOORS.get(other, -1) >= FLOORS[module]:
            found.append(name)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_imports_only_from_below(path: Path) -> None:
    assert path.stem in FLOORS, "a new module needs a floor"
    assert climbing(path.stem, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("windows", "import torch"),
        ("datasets", "def f():\n    from torch import nn"),
        ("windows", "from rnncourse.training import fit"),
        ("windows", "from rnncourse import datasets"),
        ("layers", "from rnncourse.models import Forecaster"),
        ("training", "import matplotlib.pyplot as plt"),
    ],
)
def test_climbing_is_noticed(module: str, source: str) -> None:
    assert len(climbing(module, source)) == 1


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, rnncourse; assert rnncourse.__version__;"
        "print(sorted({'numpy', 'pandas', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
