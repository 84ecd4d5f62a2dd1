"""Beside nbval: on a reader's machine a printed number may differ by one in its last place.

``--digits=strict``, the default, is nbval as it is. With ``--digits=lenient`` such a number passes, and is listed at
the end of the run. Counts, numbers without a point or an exponent, stay exact, and so does all that is not a number.
"""

import copy
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

# A number stands alone: no part of a name (par3), of a version (2.13.0) or of a quantity glued to its unit (1.5s).
NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?<=[\d.])(?:[eE][-−+]?\d+)?(?!\.?\w)")
Pair = tuple[str, str]


def split(text: str) -> tuple[list[str], list[str]]:
    """The text around the numbers, without spaces: they move where a number has become longer; and the numbers."""
    found = [match for match in NUMBER.finditer(text) if match[0].strip(".-+−")]
    edges = [0, *(edge for match in found for edge in match.span()), len(text)]
    around = [text[a:b].replace(" ", "") for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return around, [match[0] for match in found]


def place(number: str) -> Decimal | None:
    """One in the last printed place: 0.01 for 1.23, 1e-6 for 1.3e-5; None for a count, even before a full stop."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return Decimal(1).scaleb(int(exponent or 0) - decimals) if decimals or exponent else None


def close(one: str, other: str) -> bool:
    """Whether two printed numbers differ by at most one in the last place of the finer of them: 0.999 and 1.000."""
    one, other = (number.replace(",", "").replace("−", "-") for number in (one, other))
    places = [found for found in (place(one), place(other)) if found is not None]
    gap = abs(Decimal(one) - Decimal(other))
    return gap <= min(places) if places else gap == 0


def differing(reference: str, test: str) -> list[Pair] | None:
    """The numbers that differ, where nothing else does and all of them are close; None where more differs."""
    (around, numbers), (around_test, numbers_test) = split(reference), split(test)
    if around != around_test or not all(map(close, numbers, numbers_test)):
        return None
    return [(a, b) for a, b in zip(numbers, numbers_test, strict=True) if a != b] or None


def texts(output: Any) -> dict[str, str]:
    """What can be read in an output, by its kind."""
    kinds = output.get("data", {"text": output.get("text")})
    return {kind: text for kind, text in kinds.items() if kind.startswith("text") and isinstance(text, str)}


def forgiven(reference: Any, test: Any) -> tuple[Any, list[Pair]]:
    """The output of a run with the reference's numbers where all that differ are close, and the pairs that differ."""
    old, new = texts(reference), texts(test)
    if old.keys() != new.keys() or reference.get("name") != test.get("name"):
        return test, []
    pairs = {kind: differing(old[kind], new[kind]) or [] for kind in old}
    # A table is there twice, as HTML and as plain text: both must say the same.
    told = [Counter(pairs[kind]) for kind in old if split(old[kind])[1]]
    if not told or not told[0] or any(one != told[0] for one in told):
        return test, []
    test = copy.deepcopy(test)
    test.get("data", test).update({kind: old[kind] for kind in old if pairs[kind]})
    return test, next(found for found in pairs.values() if found)


class Lenient:
    """In the place of a cell's ``compare_outputs``."""

    def __init__(self, cell: pytest.Item) -> None:
        self.cell, self.strict = cell, cell.compare_outputs

    def __call__(self, test: list[Any], reference: list[Any], **options: Any) -> bool:
        pairs: list[Pair] = []
        if len(test) == len(reference):
            outputs = [forgiven(one, other) for one, other in zip(reference, test, strict=True)]
            test, pairs = [output for output, _ in outputs], [pair for _, found in outputs for pair in found]
        same = self.strict(test, reference, **options)
        if same and pairs:
            self.cell.user_properties.append(("digits", pairs))
        return same


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("nbval").addoption(
        "--digits",
        choices=("strict", "lenient"),
        default="strict",
        help="lenient: a number in a notebook's output may differ by one in its last place, and is then listed",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.config.getoption("digits") == "lenient" and type(item).__name__ == "IPyNbCell":
        item.compare_outputs = Lenient(item)  # type: ignore[attr-defined]


def listed(reports: list[pytest.TestReport]) -> Iterator[str]:
    """A line for each number that differs."""
    for report in reports:
        for name, pairs in report.user_properties:
            if name == "digits":
                file, cell = report.nodeid.rsplit("::", 1)
                for reference, test in pairs:
                    yield f"{file}, {cell.lower()}: {reference} in the book, {test} here"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if lines := list(listed(terminalreporter.getreports("passed"))):
        terminalreporter.section("numbers that differ by one in the last place, and pass")
        for line in lines:
            terminalreporter.write_line(line)
