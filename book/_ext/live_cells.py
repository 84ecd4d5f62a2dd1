"""Run the live cells of a page, one at a time: in the page, in a worker, under Pyodide.

``live.py`` ships this file. It needs nothing but the standard library, so that a test runs it, too.
A cell prints what it prints in a notebook; what goes wrong is printed as Python prints it.
"""

import ast
import builtins
import io
import linecache
import sys
import traceback
from collections.abc import Callable
from typing import Any

import __main__

MOST = 100_000  # characters that a cell may print
CUT = f"\n… (cut after {MOST:,} characters)\n"
ABSENT = (
    "The page has Python's own modules, NumPy and a part of rnncourse; "
    "what else the book uses, its notebook has.\n"
)
WIDTH = 79  # of a notebook's line
# Takes a kind (out, error, plot), a text, and whether it is the last for long.
Send = Callable[[str, str, bool], object]
SPACES: tuple[dict[str, Any], ...] = vars(__main__), vars(builtins)
FIRST = [(space, dict(space)) for space in SPACES]  # what they hold before the first cell
LONGEST = 1_000  # items of a container that are written
BRACKETS: dict[type, tuple[str, str]] = {
    dict: ("{", "}"),
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


class More(str):
    """What stands for the items that are not written."""


class Stream(io.TextIOBase):
    """Output of a cell, handed to `send` piece by piece, and no more of it than a page can hold."""

    def __init__(self, kind: str, send: Send, count: list[int]) -> None:
        self.kind, self.send, self.count = kind, send, count

    def writable(self) -> bool:
        """Say that one may write."""
        return True

    def write(self, text: str) -> int:
        """Send the text, or what may still be sent of it."""
        room = MOST - self.count[0]
        self.count[0] += len(text)
        if len(text) <= room:
            self.send(self.kind, text, False)
        elif room >= 0:
            self.send(self.kind, text[:room] + CUT, True)
        return len(text)


def shown(value: object, column: int = 0, indent: int = 0, after: int = 0) -> str:
    """Write a value as IPython does, from `column` on, with `after` characters behind it.

    A container that does not fit into its line has a line for each item.
    """
    kind = type(value)
    if kind not in BRACKETS or not value:
        return f"\n{' ' * indent}".join(repr(value).splitlines())
    opening, closing = BRACKETS[kind]
    items = _items(value)
    ends = ",)" if kind is tuple and len(items) == 1 else closing

    def written(start: int, inner: int, between: str) -> str:
        parts: list[str] = []
        for number, (key, item) in enumerate(items):
            at = start + len(key) if number == 0 else inner + len(key)
            more = after + len(ends) if number == len(items) - 1 else 1
            end = item if isinstance(item, More) else shown(item, at, inner, more)
            parts.append(f"{key}{end}")
        return f"{opening}{between.join(parts)}{ends}"

    line = written(-(10**9), indent, ", ")
    if column + len(line) + after <= WIDTH and "\n" not in line:
        return line
    inner = indent + len(opening)
    return written(column + len(opening), inner, f",\n{' ' * inner}")


def _items(value: Any) -> list[tuple[str, Any]]:
    """Items of a container, each behind its key, if it has one; the first thousand."""
    if isinstance(value, dict):
        found = [(f"{shown(key)}: ", item) for key, item in value.items()]
    else:
        found = [("", item) for item in value]
        if isinstance(value, set | frozenset) and len(value) < LONGEST:
            try:
                found = [("", item) for item in sorted(value)]
            except TypeError:  # what has no order has that of its text
                found = [("", item) for item in sorted(value, key=str)]
    return found if len(found) <= LONGEST else [*found[:LONGEST], ("", More("..."))]


def forget(*names: str) -> None:
    """Take names out of the namespace that all cells share, so that a check finds no old ones."""
    for name in names:
        vars(__main__).pop(name, None)


def fresh() -> None:
    """Leave no name as a cell has made or changed it, not even ``print``."""
    for space, first in FIRST:
        space.update(first)
        for name in space.keys() - first.keys():
            del space[name]


def run(source: str, name: str, send: Send) -> str:
    """Run a cell in the namespace that all share; return the error's last line, or nothing."""
    file, count = f"<{name}>", [0]
    # Where a traceback looks for the lines that it shows.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Stream("out", send, count), Stream("error", send, count)
    try:
        _execute(source, file)
    except BaseException as error:  # also SystemExit: nothing a cell does ends the worker's loop
        sys.stderr.write(_told(error))
        return _last_line(error)
    finally:
        sys.stdout, sys.stderr = streams
        if plots := sys.modules.get("matplotlib.pyplot"):
            for drawing in plots._take():  # live_plot.py
                send("plot", drawing, False)
    return ""


def _execute(source: str, file: str) -> None:
    tree = ast.parse(source, file)
    names: dict[str, Any] = vars(__main__)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), file, "eval"), names)
        if value is not None:
            try:
                text = shown(value)
            except RecursionError:  # a list that holds itself
                text = repr(value)
            sys.stdout.write(f"{text}\n")


def _last_line(error: BaseException) -> str:
    """What a check says is wrong; of another error its kind, too."""
    if isinstance(error, AssertionError) and str(error):
        return str(error)
    return traceback.format_exception_only(error)[-1].rstrip()


def _told(error: BaseException) -> str:
    """Tell of an error as Python does, without the lines of this file."""
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith("<cell"):
        return "".join(traceback.format_exception_only(error))
    place = error.__traceback__
    while place and place.tb_frame.f_code.co_filename == __file__:
        place = place.tb_next
    told = "".join(traceback.format_exception(type(error), error, place))
    absent = isinstance(error, ImportError) and (
        isinstance(error, ModuleNotFoundError) or error.name == "rnncourse"
    )
    return told + ABSENT if absent else told
