"""What Canvas and Moodle give and take: a list of the class, what came late, grades, and pages of feedback."""

import collections
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnncourse.classroom.handed_in import CANVAS, NOTHING, HandedIn
from rnncourse.classroom.tables import Table, plain_name, read_table, write_table

PERSON = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]  # columns that Canvas looks for
WORKSHEET = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]  # Moodle, in English
NUMBER = re.compile(r"\d+([.,]\d+)?")


@dataclass(frozen=True)
class Roster:
    """A list of the class.

    Attributes
    ----------
    system : str
        "Canvas" or "Moodle", if the table comes from there.
    columns : list of str
    people : dict of HandedIn to list of str
        Who it is, and how late, as if nothing had been handed in; and the cells of the row.
    grade : int
        Moodle: the column of the grades.
    most : float
        Moodle: the maximum.
    """

    system: str
    columns: list[str]
    people: Mapping[HandedIn, list[str]]
    grade: int = 0
    most: float = 0.0


def read_roster(path: Path) -> Roster:
    """Read Canvas's table of grades, Moodle's grading worksheet in any language, or a list of names.

    A table of another kind has a column ``student`` or ``name``, and perhaps ``number`` and ``late``: yes, or how many
    days.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    table = read_table(path)
    rows = [cells + [""] * (len(table.columns) - len(cells)) for _, cells in table.rows]
    titles = [title.casefold() for title in table.columns]
    if len(titles) > 3 and rows and all(re.search(r"\D\d+$", cells[0]) for cells in rows):
        grade = _grade_column(table, rows)
        found = [(cells[1], re.split(r"\D", cells[0])[-1], _late(cells[:grade])) for cells in rows]
        most = float(rows[0][grade + 1].replace(",", "."))
        return Roster("Moodle", table.columns, _people("Moodle", found, rows), grade, most)
    if {"student", "id"} <= {*titles}:
        name, number = titles.index("student"), titles.index("id")
        rows = [cells for cells in rows if cells[number]]
        people = _people("Canvas", [(cells[name], cells[number], "") for cells in rows], rows)
        return Roster("Canvas", table.columns, people)
    if {"student", "name"} & {*titles}:
        named = [dict(zip(titles, cells, strict=False)) for cells in rows]
        names = [row.get("student") or row.get("name") or cells[0] for row, cells in zip(named, rows, strict=True)]
        found = [(name, row.get("number", ""), row.get("late", "")) for name, row in zip(names, named, strict=True)]
    else:
        rows = [table.columns, *rows]
        found = [(" ".join(cells), "", "") for cells in rows]
    return Roster("", table.columns, _people("", found, rows))


def _people(system: str, found: Sequence[tuple[str, str, str]], rows: Sequence[list[str]]) -> dict[HandedIn, list[str]]:
    people = {}
    for (name, number, said), row in zip(found, rows, strict=True):
        late = "" if said.casefold() in {"", "0", "no"} else said if said.isdecimal() else "yes"
        people[HandedIn(plain_name(name), Path(), system, number, late, NOTHING)] = row
    return people


def _grade_column(table: Table, rows: Sequence[Sequence[str]]) -> int:
    """Return the column of Moodle's grades: numbers or nothing, followed by one number that is the same everywhere."""
    for column in range(1, len(table.columns) - 1):
        grades, most = ({cells[each] for cells in rows} for each in (column, column + 1))
        if len(most) == 1 and all(map(NUMBER.fullmatch, (grades - {""}) | most)):
            return column
    raise ValueError(f"{table.path} has no column with the maximum grade: Moodle's grading worksheet is asked for")


def _late(cells: Sequence[str]) -> str:
    """Return the days that have begun, from what Moodle says in English: "2 days 3 hours late"."""
    for cell in cells:
        if said := re.search(r"((?:\d+ [a-z]+ )+)late\b", cell):
            spans = {unit.rstrip("s"): int(number) for number, unit in re.findall(r"(\d+) ([a-z]+)", said[1])}
            days = 365 * spans.pop("year", 0) + spans.pop("day", 0)
            return str(days + any(spans.values()))
    return ""


def with_roster(submissions: Sequence[HandedIn], roster: Roster) -> tuple[list[HandedIn], list[str]]:
    """Return the submissions with what the roster knows of them, those of whom there is none, and who is not in it.

    Numbers tell who is who, and names where there are none, if only one student has that name.
    """
    people = [(person, _spellings(person.student)) for person in roster.people]
    claims = []
    for handed in submissions:
        names = _spellings(handed.student)
        claims.append([person for person, others in people if _same(person, others, handed, names)])
    claimed = collections.Counter(claim[0] for claim in claims if len(claim) == 1)
    found, strangers = [], []
    for handed, claim in zip(submissions, claims, strict=True):
        if len(claim) == 1 and claimed[claim[0]] == 1:
            own = handed if handed.identity else claim[0]
            late = claim[0].late or handed.late
            found.append(replace(handed, system=own.system, identity=own.identity, late=late))
        else:
            found.append(handed)
            strangers.append(handed.stem)
    return found + [person for person in roster.people if claimed[person] != 1], strangers


def _spellings(name: str) -> set[str]:
    """Return forms of a name: Ada Lovelace, Lovelace, Ada, and lovelaceada."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())
    return {"".join(words[turn:] + words[:turn]) for turn in range(len(words))} | ({" ".join(sorted(words))} - {""})


def _same(person: HandedIn, others: set[str], handed: HandedIn, names: set[str]) -> bool:
    if person.identity and handed.identity and person.system in {"", handed.system}:
        return person.identity == handed.identity
    return bool(others & names)


def write_grade_books(
    out: Path, totals: Mapping[HandedIn, float], title: str, most: float, roster: Roster | None = None
) -> list[str]:
    """Write the totals as Canvas and Moodle import them, and the pages of feedback as they take them.

    A roster's own columns and values are written back, so that its language is right, and Moodle finds the dates at
    which grades were changed. Who is not among the totals is left as it is.

    Parameters
    ----------
    out : Path
    totals : dict of HandedIn to float
    title : str
        Of the assignment: the name of its column in Canvas.
    most : float
        The maximum.
    roster : Roster, optional

    Returns
    -------
    list of str
        What is to be said.
    """
    if roster and roster.most not in {0, most}:
        return [f"{roster.system}'s maximum must be {most:g}, got {roster.most:g}: change it, and get a new worksheet"]
    said = []
    for system, rows in (("Canvas", _for_canvas(totals, title, roster)), ("Moodle", _for_moodle(totals, most, roster))):
        if len(rows) > 1:
            table, pages = out / f"{system.lower()}.csv", out / f"{system.lower()}-feedback.zip"
            write_table(table, rows)
            _write_feedback(pages, out / "feedback", [each for each in totals if each.system == system])
            said += [f"to be imported: {table}", f"to be uploaded: {pages}"]
    return said


def _for_canvas(totals: Mapping[HandedIn, float], title: str, roster: Roster | None) -> list[list[str]]:
    rows = [[*PERSON, title]]
    known = {person.key: row for person, row in roster.people.items()} if roster else {}
    for handed, total in totals.items():
        if handed.system == "Canvas" and handed.identity.isdecimal():
            about = {"Student": handed.student, "ID": handed.identity}
            about |= dict(zip(roster.columns if roster else [], known.get(handed.key, []), strict=False))
            rows.append([*(about.get(column, "") for column in PERSON), f"{total:g}"])
    return rows


def _for_moodle(totals: Mapping[HandedIn, float], most: float, roster: Roster | None) -> list[list[str]]:
    points = {handed.key: f"{total:g}" for handed, total in totals.items() if handed.system == "Moodle"}
    if roster and roster.system == "Moodle":
        known = [(row, points[person.key]) for person, row in roster.people.items() if person.key in points]
        return [roster.columns, *([*row[: roster.grade], own, *row[roster.grade + 1 :]] for row, own in known)]
    names = {handed.key: handed.student for handed in totals}
    rows = [[key.replace("Moodle", "Participant"), names[key], own, f"{most:g}", "-"] for key, own in points.items()]
    return [WORKSHEET, *rows]


def _write_feedback(target: Path, pages: Path, students: Sequence[HandedIn]) -> None:
    """Write a zip file with a page for each student, under a name by which the platform knows whose it is."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for handed in students:
            name = f"{handed.student.replace('_', ' ')}_{handed.identity}_assignsubmission_file_/feedback.html"
            if handed.system == "Canvas":
                name = f"{handed.path.stem}.html" if CANVAS.fullmatch(handed.path.name) else ""
            if name:
                archive.writestr(zipfile.ZipInfo(name), (pages / f"{handed.stem}.html").read_bytes())
