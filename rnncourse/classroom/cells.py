"""A cell as a notebook runs it: magics, a last line that is shown, an import of what is not here. Runs inside."""

import ast
import asyncio
import codeop
import inspect
import linecache
from collections.abc import Iterator
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
        self.left_out: list[str] = []  # of the last cell: imports of what is not here
        self._compile = codeop.Compile()  # what a cell takes from __future__ holds for the next ones
        self._compile.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        names["get_ipython"] = self.itself

    def itself(self) -> "Shell":
        """Stand in for `get_ipython`."""
        return self

    def run_cell(self, source: str, name: str = "cell 0", *_: Any, **__: Any) -> None:
        """Run a cell; the name is what a traceback calls it."""
        self.cell, self.left_out = name, []
        if "IPython" in source:
            import IPython

            IPython.get_ipython = self.itself
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
                self._leave_out(piece, error)
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

    def _leave_out(self, piece: ast.Import | ast.ImportFrom, error: ImportError) -> None:
        self.left_out.append(f"`{ast.unparse(piece)}` was left out: {error}")
        for alias in piece.names:
            name = alias.name.partition(".")[0] if isinstance(piece, ast.Import) else alias.name
            self.names.setdefault(alias.asname or name, Nothing())

    def run_line_magic(self, name: str, line: str = "", *_: Any, **__: Any) -> Any:
        """Run what ``%time`` measures; any other magic does nothing."""
        if name != "time":
            return None
        try:
            code = compile(line, self.cell, "eval")
        except SyntaxError:
            return self._run(line)
        return eval(code, self.names)

    def run_cell_magic(self, name: str, line: str, cell: str, *_: Any, **__: Any) -> None:
        """Run the cell below a magic that only watches it; any other does nothing."""
        if name in BODIES:
            self._run("\n" + cell)  # the lines keep their numbers
        if name == "capture" and line.strip().isidentifier():
            self.names[line.strip()] = Nothing()

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """Stand in for ``!``: no program is run."""
        return []
