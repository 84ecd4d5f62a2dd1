"""A cell as a notebook runs it: magics, a last line that is shown, an import of what is not here. Runs inside."""

import ast
import asyncio
import codeop
import importlib
import inspect
import linecache
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

BODIES = {"time", "capture", "prun"}  # cell magics whose cell is run in the notebook's own names


class Nothing:
    """Stands for what is not here: whatever is done with it does nothing."""

    def __getattr__(self, name: str) -> Self:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Self:
        """Do nothing."""
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class Shell(Nothing):
    """What `get_ipython()` returns in a notebook; also what runs its cells.

    Parameters
    ----------
    names : dict
        What the notebook's code sees and defines.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.names, self.cell = names, ""
        self.left_out: list[str] = []  # of the last cell: what was not done as it stands there
        self._compile = codeop.Compile()  # what a cell takes from __future__ holds for the next ones
        self._compile.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        names.update(get_ipython=self, display=Nothing())  # called, they return themselves

    def run_cell(self, source: str, name: str = "cell 0", *_: Any, **__: Any) -> None:
        """Run a cell; the name is what a traceback calls it."""
        self.cell, self.left_out = name, []
        if "IPython" in source:
            import IPython

            IPython.get_ipython = self
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        self._run(source)

    def _run(self, source: str) -> None:
        pieces = [(piece, self._compile(ast.Module([piece], []), self.cell, "exec")) for piece in self._pieces(source)]  # type: ignore[arg-type]
        for piece, code in pieces:
            try:
                if code.co_flags & inspect.CO_COROUTINE:
                    asyncio.run(eval(code, self.names))
                else:
                    exec(code, self.names)
            except ImportError as error:
                if not isinstance(piece, ast.Import | ast.ImportFrom):
                    raise
                self.left_out.append(f"`{ast.unparse(piece)}` was left out: {error}")
                for alias in piece.names:
                    name = alias.name.partition(".")[0] if isinstance(piece, ast.Import) else alias.name
                    self.names.setdefault(alias.asname or name, Nothing())
            except Exception as error:
                if not isinstance(piece, ast.Expr):
                    raise
                # It defines nothing, and may show what only this notebook's Jupyter had.
                said = f"{type(error).__name__}: {error} (line {piece.lineno})"
                self.left_out.append(f"`{ast.unparse(piece)[:60]}` was left out: {said}")

    def _pieces(self, source: str) -> list[ast.stmt]:
        """Return the statements of a cell, each import by itself; what is not Python is IPython's."""
        try:
            body = ast.parse(source, self.cell).body
        except SyntaxError:
            from IPython.core.inputtransformer2 import TransformerManager

            body = ast.parse(TransformerManager().transform_cell(source), self.cell).body
        pieces: list[ast.stmt] = []
        for each in body:
            if isinstance(each, ast.Import):
                pieces += [ast.copy_location(ast.Import([alias]), each) for alias in each.names]
            else:
                pieces.append(each)
        return pieces

    def run_line_magic(self, name: str, line: str = "", *_: Any, **__: Any) -> Any:
        """Run what ``%time`` measures, or the file that ``%run`` names; any other magic does nothing."""
        if name == "run":
            return self._run(Path(shlex.split(line)[-1]).expanduser().read_text(encoding="utf-8"))
        if name != "time":
            return None
        try:
            code = compile(line, self.cell, "eval")
        except SyntaxError:
            return self._run(line)
        return eval(code, self.names)

    def run_cell_magic(self, name: str, line: str, cell: str, *_: Any, **__: Any) -> None:
        """Run the cell below a magic that only watches it, write a file; any other magic does nothing."""
        if name in {"writefile", "file"}:
            *options, place = shlex.split(line)
            with Path(place).expanduser().open("a" if "-a" in options else "w", encoding="utf-8") as file:
                file.write(cell)
            importlib.invalidate_caches()  # it may be a module
        if name in BODIES:
            self._run("\n" + cell)  # the lines keep their numbers
        if name == "capture" and line.strip().isidentifier():
            self.names[line.strip()] = Nothing()

    def typed(self, *_: Any, **__: Any) -> str:
        """Stand in for `input` and `getpass`: nobody types anything."""
        self.left_out.append("`input` gave an empty text: nobody types here")
        if len(self.left_out) > 1_000:
            raise EOFError("it was asked for again and again")
        return ""

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """Stand in for ``!``: no program is run."""
        return []
