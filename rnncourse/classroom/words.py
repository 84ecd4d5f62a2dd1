"""Find what a student wrote in words, wherever it stands in a notebook."""

import itertools
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_ANSWER = 20_000  # characters
SENTENCE = 40  # characters of prose among code that may be an answer
ELSEWHERE = "[Elsewhere in the notebook:]"


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook: its kind, its text, the question that it is marked as the answer of, its identity."""

    kind: str
    source: str
    mark: Any = None
    identity: str = ""


def find_words(cells: Sequence[Cell], given: Mapping[str, str], questions: Sequence[str]) -> dict[str, str]:
    """Return the words for each question: those of its cell and of what follows, then those that stand elsewhere.

    Nothing is asked of the notebook but its text: a cell may have been moved, split, merged or copied, and may have
    lost its identity and its mark.

    Parameters
    ----------
    cells : sequence of Cell
    given : dict of str to str
        Identity and text of the cells that the student's notebook has from the beginning.
    questions : sequence of str
        Those that are answered in words.

    Returns
    -------
    dict of str to str
        Without the questions for which no word was written.
    """
    known = {line.strip() for source in given.values() for line in source.splitlines()} | {""}
    found: dict[str, list[str]] = {name: [] for name in questions}
    elsewhere: list[str] = []
    among_code: list[str] = []  # looked at only where the answer's own cell is empty
    question = ""
    for cell in cells:
        lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
        new = [line for line in lines if line not in known]
        if cell.mark or cell.identity in given or (lines and not new):
            question = cell.mark if isinstance(cell.mark, str) and cell.mark in found else ""
        if new and question:
            found[question].append(cell.source.strip())
        elif cell.kind == "code":
            among_code += _among_code(lines, new)
        elif new:
            elsewhere.append("\n".join(new))
    texts = {}
    for name, own in found.items():
        if others := elsewhere + ([] if own else ["\n".join(among_code)] * bool(among_code)):
            own += [ELSEWHERE, *others]
        if own:
            texts[name] = _cut("\n\n".join(own))
    return texts


def _among_code(lines: Sequence[str], new: Sequence[str]) -> list[str]:
    """Return the new lines of a code cell that are prose, unless they are no more than a remark on the code."""
    prose = [line for line in new if _is_prose(line)]
    return prose if len(prose) == len(lines) or sum(map(len, prose)) >= SENTENCE else []


def _is_prose(line: str) -> bool:
    """Whether a line is a comment, or has what Python never has: two words side by side, or a sign that it lacks."""
    pairs = itertools.pairwise(line.split())
    beside = (one.isalpha() and two[0].isalpha() and not any(map(keyword.iskeyword, (one, two))) for one, two in pairs)
    foreign = (not sign.isascii() and not f"a{sign}".isidentifier() for sign in line)
    return line.startswith("#") or (not line.startswith(("raise ", "assert ")) and (any(beside) or any(foreign)))


def _cut(text: str) -> str:
    rest = f"\n\n[Cut here: {len(text)} characters in all.]" if len(text) > LONGEST_ANSWER else ""
    return text[:LONGEST_ANSWER] + rest
