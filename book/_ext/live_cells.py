"""Run the live cells of a page, one at a time: in the page, in a worker, under Pyodide.

``live.py`` ships this file. It needs nothing but the standard library, so that a test runs it, too.
A cell prints what it prints in a notebook; what goes wrong is printed as Python prints it.
"""

import ast
import io
import linecache
import pprint
import sys
import traceback
from collections.abc import Callable
from typing import Any

import __main__

MOST = 100_000  # characters that a cell may print
CUT = f"\n… (cut after {MOST:,} characters)\n"
WIDTH = 79  # of a notebook's line
# Takes a kind (out, error, plot), a text, and whether it is the last for long.
Send = Callable[[str, str, bool], object]
CONTAINERS = (dict, list, tuple, set, frozenset)


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


def shown(value: object) -> str:
    """Write a value as a notebook does: a container too long for a line over several."""
    text = repr(value)
    if type(value) in CONTAINERS and len(text) > WIDTH and "\n" not in text:
        return pprint.pformat(value, width=WIDTH + 1, sort_dicts=False)
    return text


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
    tree = compile(source, file, "exec", ast.PyCF_ONLY_AST)
    names: dict[str, Any] = vars(__main__)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), file, "eval"), names)
        if value is not None:
            sys.stdout.write(f"{shown(value)}\n")


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
    return "".join(traceback.format_exception(type(error), error, place))
