"""Points that people give to answers in words: read from every by-hand*.csv, and written whole to by-hand.csv."""

import hashlib
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncourse.classroom.handed_in import Assignment, HandedIn
from rnncourse.classroom.tables import Table, plain_name, read_table, write_table

OLD = ("student", "question", "points", "comment")
COLUMNS = ("student", "number", "question", "points", "comment", "answer", "remark")
NO_ANSWER = "There is no answer."
CHANGED = "The answer has changed."
NOBODY = "Nobody of this name has handed in anything."
NUMBER = re.compile(r"\d{1,6}([.,]\d{0,6})?")


@dataclass(frozen=True)
class Mark:
    """A row of by-hand.csv as it is written there: what an answer in words gets, and from where that was read."""

    place: str
    points: str
    comment: str
    answer: str
    remark: str

    def value(self) -> float:
        """Points; not a number as long as a person has to look at the answer."""
        if self.points:
            return float(self.points.replace(",", "."))
        return 0.0 if self.remark == NO_ANSWER else math.nan


def fingerprint(answer: str) -> str:
    """Return what tells an answer from another one; letters only, since spreadsheets change numbers."""
    words = " ".join(answer.split()).encode("utf-8", "replace")
    return hashlib.sha256(words).hexdigest()[:12].translate(str.maketrans("0123456789", "ghijklmnop"))


def read_by_hand(
    out: Path, submissions: Sequence[HandedIn], results: Sequence[Mapping[str, Any]], assignment: Assignment
) -> dict[tuple[str, str], Mark]:
    """Read what people have filled in, and write by-hand.csv anew, with a row for each answer.

    Only points that a person gave to this very answer count. To an answer that has changed since, they stay visible as
    a remark, and it has to be looked at again. Where no word was written there are no points, and nothing to do.

    Parameters
    ----------
    out : Path
        A folder. Each file by-hand*.csv in it is read; those of several graders must agree.
    submissions : sequence of HandedIn
    results : sequence of dict
        For each of them, as `grade_all` returns them.
    assignment : Assignment

    Returns
    -------
    dict of tuple to Mark
        By the student's key and the question.

    Raises
    ------
    ValueError
        If a row is wrong, or two graders disagree: the message names files and lines.
    """
    main = out / "by-hand.csv"
    tables = [read_table(path) for path in sorted(out.glob("by-hand*.csv"), key=lambda path: (path != main, path))]
    given: dict[tuple[str, str], list[Mark]] = {}
    kept: list[Sequence[str]] = []
    for table in tables:
        rows_of_table, of_nobody = _rows(table, submissions, assignment)
        kept += [row for row in of_nobody if row not in kept]
        for key, row in rows_of_table.items():
            given.setdefault(key, []).append(row)
    answers = {
        (handed.key, name): result["answers"].get(name, "")
        for name in assignment.by_hand
        for handed, result in zip(submissions, results, strict=True)
        if result["fingerprint"]
    }
    rows = {key: _one(given.get(key, []), answers.get(key)) for key in given | answers}
    people = {handed.key: handed for handed in submissions}
    written = [
        (people[key].student, people[key].identity, name, row.points, row.comment, row.answer, row.remark)
        for (key, name), row in rows.items()
    ]
    if assignment.by_hand:
        first = tables[0] if tables and tables[0].path == main else None
        separator, plain = (first.separator, first.encoding == "utf-8") if first else (",", True)
        write_table(main, [COLUMNS, *written, *kept], separator=separator, encoding="utf-8" if plain else "utf-8-sig")
    return {key: row for key, row in rows.items() if key in answers}


def _rows(
    table: Table, submissions: Sequence[HandedIn], assignment: Assignment
) -> tuple[dict[tuple[str, str], Mark], list[Sequence[str]]]:
    """Return the rows of a table, and those of nobody who handed in; one that was filled in wrongly is refused."""
    if tuple(table.columns) not in (OLD, COLUMNS):
        raise ValueError(f"{table.path} must have the columns {', '.join(COLUMNS)}, got {', '.join(table.columns)}")
    found: dict[tuple[str, str], Mark] = {}
    of_nobody: list[Sequence[str]] = []
    for line, cells in table.rows:
        place = f"{table.path}, line {line}"
        if any(cells[len(table.columns) :]):
            raise ValueError(f"{place}: more cells than columns; a text with a {table.separator!r} needs quotes")
        row = dict.fromkeys(COLUMNS, "") | dict(zip(table.columns, cells, strict=False))
        key = _student(place, row["student"], row["number"], submissions), row["question"]
        if row["question"] not in assignment.by_hand:
            raise ValueError(f"{place}: {row['question']!r} is no question that a person grades")
        if not key[0]:
            of_nobody.append([*(row | {"remark": NOBODY}).values()])
            continue
        if len(table.columns) == len(OLD) and (row["points"], row["comment"]) == ("0", NO_ANSWER):
            row |= {"points": "", "comment": ""}  # what an earlier version wrote by itself
        if key in found:
            raise ValueError(f"{place}: this answer is graded twice")
        found[key] = Mark(place, row["points"], row["comment"], row["answer"], row["remark"])
        most = assignment.by_hand[row["question"]]["points"]
        if row["points"] and not (NUMBER.fullmatch(row["points"]) and found[key].value() <= most):
            raise ValueError(f"{place}: the points must be from 0 to {most:g}, got {row['points']!r}")
    return found, of_nobody


def _student(place: str, name: str, number: str, submissions: Sequence[HandedIn]) -> str:
    """Return whose row it is: by the platform's number, or else by the name; nothing, and a line, if nobody's.

    Where a program for tables has taken zeros off a number, and the number is another's now, the name decides.
    """
    bare, plain = number.lstrip("0") or "none", plain_name(name)
    fits = [(each.identity.lstrip("0") == bare, each.student == plain, each.identity == number) for each in submissions]
    best = max(fits)
    found = {handed.key for handed, fit in zip(submissions, fits, strict=True) if fit == best}
    if not any(best[:2]):
        sys.stderr.write(f"{place}: {plain} has handed in nothing; the row is kept, and counts for nobody\n")
        return ""
    if len(found) > 1:
        raise ValueError(f"{place}: {name!r} is the name of several students; their numbers tell them apart")
    return found.pop()


def _one(rows: Sequence[Mark], answer: str | None) -> Mark:
    """Return the row of an answer, from what people wrote; no answer: the submission was not graded."""
    if answer is None:
        return rows[0]
    state = fingerprint(answer)
    counts = [row for row in rows if row.points and row.answer in ("", state)]
    old = [row for row in rows if row.points and row not in counts]
    for row in counts[1:]:
        if row.value() != counts[0].value():
            raise ValueError(f"{counts[0].place}: {counts[0].points} points; {row.place}: {row.points} points")
    texts: list[str] = []
    for row in counts or [row for row in rows if row not in old]:
        if row.comment and not any(row.comment in text for text in texts):
            texts.append(row.comment)
    comment, remark = " / ".join(texts), "" if answer else NO_ANSWER
    if counts:
        return Mark("", counts[0].points, comment, state, remark)
    asked = next((row.remark for row in rows if row.remark.startswith(CHANGED)), "")
    if old:
        asked = f"{CHANGED} Before: {old[0].points} points. {old[0].comment}".strip()
    return Mark("", "", comment, state, asked or remark)
