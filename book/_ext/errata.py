"""Sphinx: the role ``{erratum}`` writes a figure of the errata page from its record.

``{erratum}`yes-no-peer / 195, sensor 1 / .2f``` gives row, quantity, and how to print
it (three digits if left out). A record (``data/results/errata_*.csv``) has the columns row, what,
quantity, value, low, high, unit, count. Where `low` and `high` are there, they follow in brackets.
What cannot be found stops the build.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole

from rnncourse import datasets

ROOT = Path(__file__).parents[2]


def record() -> dict[tuple[str, str], dict[str, Any]]:
    """Return all rows, by row and quantity; a pair that comes twice is an error."""
    return by_figure(tuple(sorted(ROOT.glob("data/results/errata_*.csv"))))


@cache
def by_figure(paths: tuple[Path, ...]) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the records once: the page asks for each of its figures."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in paths:
        for row in datasets.recorded(path.stem).to_dict("records"):
            key = row["row"], row["quantity"]
            if key in found:
                raise LookupError(f"{path.name} has {key} a second time")
            found[key] = row
    return found


def text_of(figure: str) -> str:
    """Return a figure as the page shows it, from "row / quantity" or "row / quantity / format".

    Raises LookupError, which names the figure, if the record does not have it.
    """
    name, _, rest = figure.partition(" / ")
    quantity, _, form = rest.partition(" / ")
    try:
        row = record()[name, quantity]
    except KeyError:
        raise LookupError(
            f"the record of the errata has no {quantity!r} in the row {name!r}"
        ) from None
    value, *ends = (
        printed(row[key], form or ".3g") for key in ("value", "low", "high") if pd.notna(row[key])
    )
    return f"{value} ({' to '.join(ends)})" if ends else value


def printed(number: float, form: str) -> str:
    """Print a number with a real minus sign, none before a zero, and a space before a per cent."""
    return f"{number:z{form}}".replace("-", "−").replace("%", "\u00a0%")


class Erratum(SphinxRole):
    """A figure, read when the page is."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Write it."""
        try:
            return [nodes.inline("", text_of(self.text), classes=["erratum"])], []
        except LookupError as error:
            raise ExtensionError(str(error)) from error


def note_sources(app: Sphinx, doctree: nodes.document) -> None:
    """Read the page again when the record has changed."""
    if any("erratum" in node["classes"] for node in doctree.findall(nodes.inline)):
        for path in sorted(ROOT.glob("data/results/errata_*.csv")):
            app.env.note_dependency(str(path))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role."""
    app.add_role("erratum", Erratum())
    app.connect("doctree-read", note_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
