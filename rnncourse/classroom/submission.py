"""The process in which a student's notebook runs: started by `rnncourse.classroom.sandbox`.

It reads one request a line from standard input and answers with one line, on a descriptor that nothing
printed can reach by accident. Requests: run the code of a cell; read a name; read an attribute; call a
function. What is a number, a text, an array or a collection of those travels by value. Anything else stays
here, and a number stands for it. Nothing that is known here is worth points: what is right is decided on
the other side.
"""

import base64
import builtins
import functools
import getpass
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from rnncourse.classroom.cells import Nothing, Shell

KINDS = "biufcSU"  # of arrays that travel
MOST_TABLES = 100  # in an answer
MOST_KEYS = 1_000  # of a dict in an answer: who forges them can make each comparison a long one
# What makes of a subclass, such as an IntEnum, its base, whatever the subclass says.
BASES: dict[type, Callable[[Any], Any]] = {int: int.__pos__, float: float.__pos__, str: str.__str__}


class Named(tuple[Any, ...]):
    """A named tuple, whatever its names are."""


class EmptyAnswerError(Exception):
    """An answer is an array without entries."""


def encode(value: Any, kept: list[Any]) -> Any:
    """Return a value as JSON, of a subclass as its base; what has no such form is kept, and its number returned."""
    if value is None or type(value) is bool:
        return {"value": value}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in KINDS and value.dtype.itemsize:
        return _packed("array" if isinstance(value, np.ndarray) else "scalar", np.asarray(value))
    for base, plain in BASES.items():
        if isinstance(value, base):
            return {"value": plain(value)}
    if _is(value, "torch", "Tensor"):
        return _packed("tensor", value.numpy(force=True))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"named": [[name, encode(each, kept)] for name, each in zip(value._fields, value, strict=True)]}
    if isinstance(value, list | tuple):
        return {"list" if isinstance(value, list) else "tuple": [encode(each, kept) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, kept), encode(each, kept)] for key, each in value.items()]}
    if _is(value, "pandas", "DataFrame") or _is(value, "pandas", "Series"):
        columns = value.to_frame("value") if value.ndim == 1 else value
        pairs = [[encode(str(name), kept), encode(column.to_numpy(), kept)] for name, column in columns.items()]
        return {"table": pairs, "index": encode(columns.index.astype(str).to_list(), kept), "series": value.ndim == 1}
    kept.append(value)
    return {"kept": len(kept) - 1}


def _packed(kind: str, array: np.ndarray) -> dict[str, Any]:
    return {kind: base64.b64encode(array.tobytes()).decode(), "dtype": array.dtype.str, "shape": array.shape}


def _is(value: Any, package: str, name: str) -> bool:
    """Whether a value is of a class, or of a subclass, that was loaded only if it was used."""
    return package in sys.modules and isinstance(value, getattr(sys.modules[package], name))


def decode(form: dict[str, Any], kept: Any, *, empty: bool = True, tables: Iterator[int] | None = None) -> Any:
    """Return the value that `encode` wrote, on either side; `kept` is asked for what stayed.

    An answer must not be an empty array: it would be close to everything.

    Raises
    ------
    ValueError
        If it is no such form.
    """
    kind, content = next(iter(form.items()), ("nothing", []))
    tables = tables or iter(range(MOST_TABLES))  # how many more there may be
    each = functools.partial(decode, kept=kept, empty=empty, tables=tables)
    if kind == "value":
        return _plain(content)
    if kind == "kept":
        return kept[content]
    if kind in {"array", "scalar", "tensor"}:
        return _array(kind, form, empty)
    if kind in {"list", "tuple"}:
        values = [each(value) for value in content]
        return values if kind == "list" else tuple(values)
    if kind not in {"named", "dict", "table"} or len(content) > MOST_KEYS:
        raise ValueError(f"no value of the kind {kind!r}, or one of too many parts")
    if kind == "named":
        named = Named(each(value) for _, value in content)
        vars(named).update((str(name), value) for (name, _), value in zip(content, named, strict=True))
        return named
    found = {each(key): each(value) for key, value in content}
    if kind == "dict":
        return found
    if next(tables, None) is None:
        raise ValueError(f"more than {MOST_TABLES} tables")
    return _table(found, each(form["index"]), bool(form["series"]))


def _plain(content: Any) -> Any:
    """Check what JSON has read; keys of more than 64 bits could all be given one hash, and none be found in time."""
    if not (content is None or isinstance(content, bool | int | float | str)):
        raise ValueError("no value of the kind 'value'")
    if isinstance(content, int) and content.bit_length() > 64:
        raise ValueError("a number of more than 64 bits")
    return content


def _array(kind: str, form: dict[str, Any], empty: bool) -> Any:
    """Return an array of numbers or text; the other side may have forged what it says of it."""
    if not re.fullmatch(r"[<>|][biufcSU][1-9][0-9]{0,6}", form["dtype"]):
        raise ValueError("an array of another kind")
    array = np.frombuffer(base64.b64decode(form[kind]), form["dtype"]).reshape(form["shape"]).copy()
    if not empty and array.size == 0:
        raise EmptyAnswerError("the answer is an empty array")
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    return array if kind == "array" else array[()]


def _table(columns: dict[str, Any], index: list[Any], series: bool) -> Any:
    import pandas as pd

    table = pd.DataFrame(columns)
    table.index = pd.Index([*map(str, index)])
    return table["value"] if series else table


def run(request: dict[str, Any], shell: Shell) -> str:
    """Run a cell; say what stopped it, and what was left out."""
    try:
        shell.run_cell(request["run"], request["cell"])
        reply: dict[str, Any] = {"done": True}
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the notebook does not end this process
        reply = {"error": told(error, shell.names)}
    return json.dumps(reply | ({"left out": "; ".join(dict.fromkeys(shell.left_out))} if shell.left_out else {}))


def told(error: BaseException, names: dict[str, Any]) -> str:
    """Return an exception in words, its place in the notebook, and which of Python's functions it has lost."""
    try:
        last = [entry for entry in traceback.extract_tb(error.__traceback__) if entry.filename.startswith("cell ")]
        where = f" ({last[-1].filename}, line {last[-1].lineno})" if last else ""
        kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
        name = type(error).__name__
        own = [key for key in names if key[0] != "_" and callable(vars(builtins).get(key)) and not callable(names[key])]
        now = f"; no longer Python's own: `{'`, `'.join(own)}`" if own and kind == "TypeError" else ""
        return f"{name if name == kind else f'{name} ({kind})'}: {str(error)[:200]}{now}{where}"
    except BaseException:
        return "an exception that cannot even be printed"


def answer(request: dict[str, Any], names: dict[str, Any], kept: list[Any]) -> str:
    """Do what is asked of the notebook's names; an exception is an answer too."""
    try:
        if "read" in request:
            if isinstance(names.get(request["read"], Nothing()), Nothing):  # a stand-in is no answer
                return json.dumps({"missing": request["read"]})
            return json.dumps(encode(names[request["read"]], kept))
        if "attribute" in request:
            return json.dumps(encode(getattr(kept[request["of"]], request["attribute"]), kept))
        given = [decode(each, kept) for each in request["arguments"]]
        named = {name: decode(each, kept) for name, each in request["named"].items()}
        return json.dumps(encode(kept[request["call"]](*given, **named), kept))
    except BaseException as error:
        return json.dumps({"error": told(error, names)})


def main() -> None:
    """Answer until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.modules["__main__"] = notebook = ModuleType("__main__")  # where pickle and others look for its classes
    names, kept = vars(notebook), list[Any]()
    shell = Shell(names)
    builtins.input = getpass.getpass = shell.typed
    this = os.getpid()
    for line in requests:
        request = json.loads(line)
        reply = run(request, shell) if "run" in request else answer(request, names, kept)
        if os.getpid() != this:  # a copy that the notebook made of this process
            os._exit(1)
        channel.write(reply + "\n")
        channel.flush()
    sys.exit()


if __name__ == "__main__":
    main()
