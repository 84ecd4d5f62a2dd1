"""The cells that a reader completes: the check lets the solution pass, and says what is wrong with natural mistakes.

``tests/wrong_turns`` holds the mistakes, in a file with the page's name, at least two for each cell:

    # %% one-step-loop | which words the reader must read
    the whole cell, completed wrongly
"""

import ast
import builtins
import copy
import re
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import numpy as np
import pytest
import torch
from nbformat import NotebookNode
from test_turn import CHECK, CODE, TASK, code, notebook, text
from turn import solution, starting_code

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (ROOT / "book").glob("*/*.ipynb") if path.name != "assignment.ipynb")
WRONG = ROOT / "tests" / "wrong_turns"
DATA = (list, dict, set, np.ndarray, np.random.Generator, torch.Tensor, torch.nn.Module)  # what a cell may change


class Turn(NamedTuple):
    """A cell to complete, what runs before it, and its check."""

    name: str
    before: list[str]
    source: str
    check: str


class Wrong(NamedTuple):
    """A mistake, and words of what the check must say."""

    cell: str
    said: str
    code: str


def turns(page: NotebookNode) -> list[Turn]:
    """The cells to complete, each with the earlier ones that it needs."""
    cells = [cell for cell in page.cells if cell.cell_type == "code" and not has_tag(cell, "remove-cell")]
    found = []
    for place, (cell, check) in enumerate(zip(cells, [*cells[1:], None], strict=True)):
        if has_tag(cell, "your-turn"):
            assert check is not None
            assert has_tag(check, "check"), f"no check follows {cell.id}"
            before = needed([earlier.source for earlier in cells[:place]], cell.source + "\n" + check.source)
            found.append(Turn(cell.id, before, cell.source, check.source))
    return found


def has_tag(cell: NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def needed(cells: list[str], source: str) -> list[str]:
    """The cells in which something is made that the code uses, or that they use."""
    kept: list[str] = []
    _, wanted = names(source)
    for cell in reversed(cells):
        made, used = names(cell)
        if made & wanted:
            kept.insert(0, cell)
            wanted |= used
    return kept


def names(source: str) -> tuple[set[str], set[str]]:
    """Names that code makes or changes, and names that it uses."""
    top = symtable.symtable(source, "cell", "exec")
    made = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used = {symbol.get_name() for table in tables(top) for symbol in table.get_symbols() if used_here(symbol, table)}
    for node in ast.walk(ast.parse(source)):
        # What is set within something, or done by a call that stands alone.
        target: ast.AST = node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            target = node.value.func
        elif not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            continue
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            made.add(target.id)
    return made - set(dir(builtins)), used


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from tables(child)


def used_here(symbol: symtable.Symbol, table: symtable.SymbolTable) -> bool:
    return symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global())


def mistakes(stem: str) -> list[Wrong]:
    """Those of a page."""
    path = WRONG / f"{stem}.py"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    pieces = re.split(r"(?m)^# %% (\S+) \| (.+)$", text)[1:]
    return [Wrong(*piece) for piece in zip(*[iter(pieces)] * 3, strict=True)]


def prepared(turn: Turn) -> dict[str, Any]:
    """All that the cell needs."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in turn.before:
        exec(compile(cell, "earlier cell", "exec"), space)
    return space


def told(turn: Turn, completed: str, space: dict[str, Any]) -> str:
    """What the check says to it; empty if nothing is wrong. What the check does not foresee is raised.

    What is in the space afterwards is what was there before: the earlier cells run once for all mistakes.
    """
    names, state = {**space}, torch.get_rng_state()
    data = copy.deepcopy({name: value for name, value in names.items() if isinstance(value, DATA)})
    try:
        return said_by_check(turn, completed, space)
    finally:
        space.clear()  # the same dict, in which the earlier cells' functions look for names
        space.update(names | data)
        torch.set_rng_state(state)


def said_by_check(turn: Turn, completed: str, space: dict[str, Any]) -> str:
    exec(compile(completed, turn.name, "exec"), space)
    try:
        exec(compile(turn.check, f"check of {turn.name}", "exec"), space)
    except AssertionError as error:
        return str(error) or "no message"
    return ""


def complaints(path: Path, turn: Turn) -> list[str]:
    """What is wrong with a cell to complete, its check, or the mistakes against which it was tried."""
    wrong = [each for each in mistakes(path.stem) if each.cell == turn.name]
    found = [] if len(wrong) >= 2 else [f"{len(wrong)} mistakes in {path.stem}.py, wanted two"]
    space = prepared(turn)
    if said := told(turn, solution(turn.source), space):
        found.append(f"the solution fails: {said}")
    cases = {"the starting code": ("", starting_code(turn.source))}
    cases |= {f"mistake {number}": (each.said, each.code) for number, each in enumerate(wrong, 1)}
    for name, (words, completed) in cases.items():
        said = told(turn, completed, space)
        if said in {"", "no message"}:
            found.append(f"{name} passes, or no message says why not")
        elif words.strip() not in said:
            found.append(f"{name}: {words.strip()!r} is not in {said!r}")
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_checks_of_a_page_tell_right_from_wrong(path: Path) -> None:
    found = {turn.name: complaints(path, turn) for turn in turns(nbformat.read(path, as_version=4))}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_every_mistake_has_its_cell() -> None:
    known = {path.stem: {turn.name for turn in turns(nbformat.read(path, as_version=4))} for path in PAGES}
    for path in WRONG.glob("*.py"):
        assert {wrong.cell for wrong in mistakes(path.stem)} <= known[path.stem]


# The rules themselves, on a page of its own.


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NotebookNode:
    monkeypatch.setitem(globals(), "WRONG", tmp_path)
    write(tmp_path, "a = 1\ntotal = 2", "a = 1\ntotal = 'three'")
    cells = [
        code("1 / 0  # not needed\nother = 1"),
        code("def unused():\n    return helper"),
        code("a = 5\nb = {}"),
        code("b['x'] = a"),
    ]
    named = code(CODE.replace("a = 1\n", "a = b['x'] - 4\n").replace("print(total)", "total"), "your-turn")
    named.id = "page-turn"
    return notebook(*cells, text(TASK), named, code(CHECK, "check"))


def write(folder: Path, *wrong: str, said: str = "should be three") -> None:
    text = "\n".join(f"# %% page-turn | {said}\n{each}" for each in wrong)
    (folder / "page.py").write_text(text, encoding="utf-8")


def test_earlier_cells_run_only_where_they_are_needed(page: NotebookNode) -> None:
    (turn,) = turns(page)
    assert turn.before == ["a = 5\nb = {}", "b['x'] = a"]
    assert complaints(Path("page.ipynb"), turn) == []


def test_what_a_mistake_changes_is_as_before_for_the_next(page: NotebookNode) -> None:
    (turn,) = turns(page)
    space = prepared(turn)
    assert told(turn, "b['x'] = 0\na = total = 3", space) == ""
    assert space["b"] == {"x": 5}
    assert space["a"] == 5
    assert "total" not in space


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"source": "a = 1\ntotal = a + 1  # SOLUTION"}, "the solution fails: total should be three"),
        ({"check": "assert total == 3"}, "mistake 1 passes, or no message says why not"),
        ({"check": "assert total != 2, 'should be three'"}, "mistake 2 passes"),
        ({"check": "assert total is ... or total == 3, 'should be three'"}, "the starting code passes"),
        ({"check": "assert total == 3, 'wrong'"}, "mistake 1: 'should be three' is not in 'wrong'"),
        ({"name": "another"}, "0 mistakes in page.py, wanted two"),
    ],
)
def test_each_rule_finds_its_fault(page: NotebookNode, change: dict[str, str], expected: str) -> None:
    (turn,) = turns(page)
    found = complaints(Path("page.ipynb"), turn._replace(**change))
    assert any(expected in fault for fault in found), found


def test_what_the_check_does_not_foresee_is_no_message(page: NotebookNode) -> None:
    (turn,) = turns(page)
    with pytest.raises(TypeError):
        complaints(Path("page.ipynb"), turn._replace(check="assert total + 0 == 3, 'should be three'"))


def test_a_cell_without_its_check_is_noticed(page: NotebookNode) -> None:
    page.cells.pop()
    with pytest.raises(AssertionError):
        turns(page)
