"""Tables and texts as people, platforms and their programs save them; and names and cells that do no harm."""

import codecs
import contextlib
import csv
import hashlib
import io
import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # within an emoji, and in Persian
LONGEST_NAME = 120  # bytes


def decoded(data: bytes) -> tuple[str, str]:
    """Return a text, and its encoding: one that its first bytes tell, UTF-8, or Windows' own.

    Raises
    ------
    UnicodeDecodeError
        If it is none of these.
    """
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252"), "cp1252"


def harmless(text: str) -> str:
    """Return text that a program for tables does not take for a formula."""
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]) in {*"=+-@"} else text


def visible(text: str, kept: str = "") -> str:
    """Return text without what acts on a terminal or turns the direction of writing, whoever wrote it."""
    kept += JOINERS
    return "".join(sign if sign.isprintable() or sign in kept else "\N{REPLACEMENT CHARACTER}" for sign in text)


def plain_name(text: str) -> str:
    """Return a name as it may stand in a table, in the name of a file and on a terminal, whoever chose it."""
    data = os.fsencode(text)
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode("cp437")  # what zip files from Windows hold
        text = data.decode("utf-8")
    text = " ".join(unicodedata.normalize("NFC", text).replace("/", " ").split())
    text = harmless(visible(text)) or "no name"
    if len(text.encode()) > LONGEST_NAME:
        return f"{text[: LONGEST_NAME // 4]}… {hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return text


@dataclass(frozen=True)
class Table:
    """A CSV file: names of its columns; for each row its line and its cells; the separator and the encoding."""

    path: Path
    columns: list[str]
    rows: list[tuple[int, list[str]]]
    separator: str
    encoding: str


def read_table(path: Path) -> Table:
    """Read a CSV file in the form in which some program saved it; letters are composed, and empty rows left out.

    Raises
    ------
    ValueError
        If it cannot be read: the message names the file and the line.
    """
    data = path.read_bytes()
    try:
        text, encoding = decoded(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: this is no text; save the file as CSV UTF-8") from None
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    said = text[4:5] if text.startswith("sep=") else ""  # what Excel writes
    text = text.partition("\n")[2] if said else text
    separator = said or _separator(path, text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, line = [], 1 + bool(said)
    try:
        for cells in reader:
            rows.append((line, [cell.strip() for cell in cells]))
            line = 1 + bool(said) + reader.line_num
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}") from None
    rows = [(line, cells) for line, cells in rows if any(cells)]
    if not rows:
        raise ValueError(f"{path} is empty")
    return Table(path, rows[0][1], rows[1:], separator, encoding)


def _separator(path: Path, text: str) -> str:
    """Return what stands between the names of the columns."""
    first = text.lstrip().partition("\n")[0]
    counts = {each: len(next(csv.reader([first], delimiter=each), [])) for each in ",;\t"}
    most = max(counts.values())
    if most > 1 and list(counts.values()).count(most) > 1:
        raise ValueError(f"{path}, line 1: are the columns separated by commas, semicolons or tabs?")
    return max(counts, key=lambda each: counts[each])


def write_table(path: Path, rows: Iterable[Sequence[object]], *, separator: str = ",", encoding: str = "utf-8") -> None:
    """Write a whole CSV file, or none."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows(rows)
    part.replace(path)
