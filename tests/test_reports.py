"""From a folder to marks, run for real: people's points, odd names and files, tables from other programs."""

import contextlib
import csv
import html
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from test_grading import DOUBLE, HALVES, WORD, notebook, zip_of_tests

from rnncourse.classroom import grading
from rnncourse.classroom.by_hand import fingerprint

pytestmark = pytest.mark.sandbox  # of that stage, though honest notebooks need none
GOOD = [DOUBLE, HALVES, WORD]
COLUMNS = "student,number,question,points,comment,answer,remark"


@pytest.fixture(scope="session")
def autograder(tmp_path_factory):
    return zip_of_tests(tmp_path_factory.mktemp("autograder") / "tiny.zip")


@pytest.fixture
def room(tmp_path, autograder, capsys):
    return Room(tmp_path, autograder, capsys)


class Room:
    """A folder of a class, and what the program makes of it; the notebooks are honest, so no sandbox is needed."""

    def __init__(self, path, autograder, capsys) -> None:
        self.folder, self.out, self.autograder, self.capsys = path / "class", path / "out", autograder, capsys
        self.folder.mkdir()
        self.out.mkdir()

    def hand_in(self, name: str, *cells: str, answer: str = "") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(*cells, answer=answer), encoding="utf-8")

    def grade(self, *options: str, code: int = 0) -> str:
        arguments = [str(self.autograder), str(self.folder), "--out", str(self.out), "--without-sandbox", *options]
        with pytest.raises(SystemExit) if code else contextlib.nullcontext() as stopped:
            grading.main(arguments)
        assert not code or stopped.value.code == code
        printed = self.capsys.readouterr()
        return printed.out + (printed.err if code else "")

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.out / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def totals(self) -> dict[str, str]:
        return {f"{row['student']} {row['number']}".strip(): row["total"] for row in self.rows("grades.csv")}

    def fill_in(self, **points: str) -> None:
        rows = self.rows("by-hand.csv")
        for row in rows:
            row["points"] = points.get(row["student"], row["points"])
        with (self.out / "by-hand.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


# Points by hand.


def test_a_second_attempt_is_looked_at_anew(room):
    """From no answer to an answer to another one, and back to none: no automatic zero stays, nor points of before."""
    room.hand_in("ada.ipynb")
    room.grade()
    assert room.totals() == {"ada": "0"}
    room.hand_in("ada.ipynb", answer="Because.")
    assert "1 answers to be graded by hand" in room.grade()
    assert room.rows("by-hand.csv")[0]["remark"] == ""
    room.fill_in(ada="3")
    room.grade()
    assert room.totals() == {"ada": "3"}
    for answer in ("Since.", ""):
        room.hand_in("ada.ipynb", answer=answer)
        assert "1 answers to be graded by hand" in room.grade()
        (row,) = room.rows("by-hand.csv")
        assert (row["points"], row["remark"]) == ("", "The answer has changed. Before: 3 points.")
        assert "The answer has changed. Before: 3 points." in (room.out / "by-hand.html").read_text()
    room.fill_in(ada="0.5")
    assert "by hand" not in room.grade()
    assert room.totals() == {"ada": "0.5"}


def test_the_same_words_in_a_second_attempt_keep_their_points(room):
    room.hand_in("ada.ipynb", answer="Because of it.")
    room.grade()
    room.fill_in(ada="3")
    room.hand_in("ada.ipynb", DOUBLE, answer="Because\nof it. ")
    room.grade()
    assert room.totals() == {"ada": "5"}


def test_points_of_a_person_count_where_no_answer_was_found(room):
    room.hand_in("ada.ipynb")
    room.grade()
    room.fill_in(ada="2")
    room.grade()
    assert room.totals() == {"ada": "2"}
    assert room.rows("by-hand.csv")[0]["remark"] == "There is no answer."


def test_an_old_table_is_read(room):
    """Its zeros by the program do not stay; its points by a person do."""
    room.hand_in("ada.ipynb", answer="Because.")
    room.hand_in("emmy.ipynb", answer="Since.")
    old = "student,question,points,comment\nada,q11,0,There is no answer.\nemmy,q11,2,Good\n"
    (room.out / "by-hand.csv").write_text(old)
    assert "1 answers" in room.grade()
    assert (room.out / "by-hand.csv").read_text() == (
        f"{COLUMNS}\nada,,q11,,,{fingerprint('Because.')},\nemmy,,q11,2,Good,{fingerprint('Since.')},\n"
    )


SAVED = {
    "no last newline": ("student,question,points,comment\nMüller,q11,3.5,für alles", "utf-8", ","),
    "Excel on Windows, old": ("student,question,points,comment\r\nMüller,q11,3.5,für alles\r\n", "cp1252", ","),
    "Excel, CSV UTF-8": ("student,question,points,comment\r\nMüller,q11,3.5,für alles\r\n", "utf-8-sig", ","),
    "Excel, German": ("student;question;points;comment\r\nMüller;q11;3,5;für alles\r\n", "cp1252", ";"),
    "Excel, with a first line of its own": (
        "sep=;\nstudent;question;points;comment\nMüller;q11;3,5;für alles\n",
        "utf-8",
        ";",
    ),
    "Excel, Unicode text": ("student\tquestion\tpoints\tcomment\nMüller\tq11\t3.5\tfür alles\n", "utf-16", "\t"),
    "a comma in quotes": ('student,question,points,comment\nMüller,q11,"3,5",für alles\n', "utf-8", ","),
    "decomposed": ("student,question,points,comment\nMu\u0308ller,q11,3.5,fu\u0308r alles\n", "utf-8", ","),
    "empty rows and spaces": ("student,question,points,comment\n,,,\n\n Müller , q11 , 3.5,für alles\n", "utf-8", ","),
    "without what is empty": ("student;question;points;comment\nMüller;q11;3.5;für alles;;;\n", "utf-8", ";"),
}


@pytest.mark.parametrize("how", SAVED)
def test_tables_as_programs_save_them(room, how):
    text, encoding, separator = SAVED[how]
    room.hand_in("Müller.ipynb", answer="Because.")
    room.hand_in("ada.ipynb", answer="Since.")
    (room.out / "by-hand.csv").write_bytes(text.encode(encoding))
    for _ in range(2):
        room.grade()
        assert room.totals() == {"Müller": "3.5", "ada": "0"}
    lines = (room.out / "by-hand.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == COLUMNS.replace(",", separator)
    assert len(lines) == 3
    assert "für alles" in lines[1]


DAMAGED = {
    "no text": (b"student,question,points,comment\nada,q11,1,\x81\x8d\n", "line 2: this is no text"),
    "an open quote": (b'student,question,points,comment\nada,q11,1,"Good\nada,q11', "line 2: "),
    "a comma without quotes": (b"student,question,points,comment\n\nada,q11,1,Good, and short\n", "line 3: more cells"),
    "a date": (b"student;question;points;comment\nada;q11;03. Mai;\n", "from 0 to 4, got '03. Mai'"),
    "all in one column": (f"{COLUMNS};;\nada,,q11,,,abc,;3;\n".encode(), "got student, number"),  # German Excel
    "an extra column": (b"student,question,points,comment,done\nada,q11,1,,x\n", "got student, question, points"),
    "other columns": (b"name,points\nada,1\n", "must have the columns student, number,"),
    "nothing": (b"\n", "is empty"),
    "one of several": (b"student,question,points,comment\nemmy,q11,1,\n", "'emmy' is the name of several students"),
    "a minus": (b"student,question,points,comment\nada,q11,-1,\n", "from 0 to 4, got '-1'"),
    "no number": (b"student,question,points,comment\nada,q11,nan,\n", "from 0 to 4, got 'nan'"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_damaged_tables_are_named_and_left_alone(room, how):
    content, message = DAMAGED[how]
    for name in ("ada.ipynb", "emmy_1_2_tiny.ipynb", "emmy_3_4_tiny.ipynb"):
        room.hand_in(name, answer="Because.")
    (room.out / "by-hand.csv").write_bytes(content)
    printed = room.grade(code=1)
    assert "by-hand.csv" in printed
    assert message in printed
    assert (room.out / "by-hand.csv").read_bytes() == content


def test_two_graders(room):
    for name in ("ada", "emmy", "eve"):
        room.hand_in(f"{name}.ipynb", answer="Because.")
    room.grade()
    text = (room.out / "by-hand.csv").read_text()
    (room.out / "by-hand.csv").write_text(text.replace("ada,,q11,,", "ada,,q11,3,Good"))
    (room.out / "by-hand-kurt.csv").write_text(
        text.replace("ada,,q11,,", "ada,,q11,3.0,Short").replace("eve,,q11,,", "eve,,q11,1,")
    )
    for _ in range(2):
        assert "1 answers" in room.grade()
        assert room.totals() == {"ada": "3", "emmy": "0", "eve": "1"}
        assert room.rows("by-hand.csv")[0]["comment"] == "Good / Short"
    room.fill_in(eve="2")
    printed = room.grade(code=1)
    assert "by-hand.csv, line 4: 2 points; " in printed
    assert "by-hand-kurt.csv, line 4: 1 points" in printed


# Who handed in (name and number), and in by-hand.csv a row of a program that took the zeros off: whose are the points?
ZEROS = {
    "two of one name": (["ada_0011", "ada_0012"], "ada,12", "ada 0012"),
    "names were revealed": (["ada_0011", "emmy_0012"], "Participant,12", "emmy 0012"),
    "the number is another's now": (["ada_0011", "emmy_11"], "ada,11", "ada 0011"),
    "the other's": (["ada_0011", "emmy_11"], "emmy,11", "emmy 11"),
    "not a program's fault": (["ada_0011", "emmy_11"], "ada,0011", "ada 0011"),
    "the number before the name": (["ada_0011", "emmy_0012"], "ada,0012", "emmy 0012"),
    "without a number": (["ada_0011", "emmy_0012"], "emmy,", "emmy 0012"),
    "nobody's": (["ada_0011", "emmy_0012"], "kurt,13", ""),
    "nobody's, with zeros only": (["ada_0011", "emmy_0012"], "kurt,00", ""),
}


@pytest.mark.parametrize("how", ZEROS)
def test_zeros_before_a_number(room, how):
    people, row, whose = ZEROS[how]
    for place, person in enumerate(people):
        room.hand_in(f"{person}_{21 + place}_tiny.ipynb", answer="Because.")
    (room.out / "by-hand.csv").write_text(f"{COLUMNS}\n{row},q11,3,Good,,\n")
    for _ in range(2):
        room.grade()
        expected = {person.replace("_", " "): "0" for person in people} | ({whose: "3"} if whose else {})
        assert room.totals() == expected
    rows = [f"{row['student']} {row['number']}" for row in room.rows("by-hand.csv")]
    assert sorted(rows) == sorted([*expected, *([] if whose else [row.replace(",", " ")])])


def test_a_number_without_zeros_that_may_be_twos_is_not_guessed(room):
    for name in ("ada_0011_21_tiny.ipynb", "ada_011_22_tiny.ipynb"):
        room.hand_in(name, answer="Because.")
    (room.out / "by-hand.csv").write_text(f"{COLUMNS}\nada,11,q11,3,Good,,\n")
    assert "'ada' is the name of several students; their numbers tell them apart" in room.grade(code=1)


# Who handed in.


def test_two_students_of_one_name(room):
    room.hand_in("lovelaceada_11_21_tiny.ipynb", *GOOD, answer="Because.")
    room.hand_in("lovelaceada_12_22_tiny.ipynb", DOUBLE, answer="Since.")
    room.grade()
    text = (room.out / "by-hand.csv").read_text()
    (room.out / "by-hand.csv").write_text(
        text.replace("ada,12,q11,,", "ada,12,q11,1,").replace("11,q11,,", "11,q11,4,")
    )
    assert "canvas.csv" in room.grade()
    assert room.totals() == {"lovelaceada 11": "10", "lovelaceada 12": "3"}
    assert [row["A tiny assignment"] for row in room.rows("canvas.csv")] == ["10", "3"]
    pages = {path.name: path.read_text() for path in (room.out / "feedback").iterdir()}
    assert "10 of 10 points" in pages["lovelaceada_11.html"]
    assert "3 of 10 points" in pages["lovelaceada_12.html"]


def test_blind_marking(room):
    """Moodle calls everyone Participant; Canvas gives no number, only letters."""
    room.hand_in("Participant_101_assignsubmission_file/tiny.ipynb", *GOOD)
    room.hand_in("Participant_102_assignsubmission_file/tiny.ipynb", DOUBLE)
    room.hand_in("anon_x7Yz2_456_tiny.ipynb", HALVES)
    room.hand_in("LATE_anon_Bc5d9_457_tiny.ipynb", WORD)
    room.grade()
    expected = {
        "Participant 101": "6",
        "Participant 102": "2",
        "anonymous anon_x7Yz2": "3",
        "anonymous anon_Bc5d9": "1",
    }
    assert room.totals() == expected
    assert [row["Identifier"] for row in room.rows("moodle.csv")] == ["Participant 101", "Participant 102"]
    assert {row["number"]: row["late"] for row in room.rows("grades.csv")}["anon_Bc5d9"] == "yes"


def test_blind_marking_with_a_worksheet(room, tmp_path):
    rows = [f"Participant {number},{said},,10.00,Yes,-,-" for number, said in ((101, "Submitted"), (102, "None"))]
    header = "Identifier,Status,Grade,Maximum grade,Grade can be changed,Last modified (submission),"
    (tmp_path / "class.csv").write_text("\n".join([header + "Last modified (grade)", *rows]))
    room.hand_in("Participant_101_assignsubmission_file/tiny.ipynb", *GOOD)
    room.grade("--roster", str(tmp_path / "class.csv"))
    assert {row["number"]: row["total"] for row in room.rows("grades.csv")} == {"101": "6", "102": ""}
    assert [(row["Identifier"], row["Grade"]) for row in room.rows("moodle.csv")] == [("Participant 101", "6")]
    names = zip_names(room.out / "moodle-feedback.zip")
    assert names == ["Participant_101_assignsubmission_file_/feedback.html"]


def test_points_stay_when_names_are_revealed(room):
    room.hand_in("Participant_101_assignsubmission_file/tiny.ipynb", answer="Because.")
    room.grade()
    room.fill_in(Participant="4")
    (room.folder / "Participant_101_assignsubmission_file").rename(
        room.folder / "Ada Lovelace_101_assignsubmission_file_"
    )
    room.grade()
    assert room.totals() == {"Ada Lovelace 101": "4"}


def test_what_stands_beside_a_notebook(room):
    """Each of these has one notebook; where two differ, that student is reported, and no other."""
    room.hand_in("ada/tiny.ipynb", *GOOD)
    room.hand_in("ada/.ipynb_checkpoints/tiny-checkpoint.ipynb", DOUBLE)
    room.hand_in("emmy/deep/er/Tiny.IPYNB", *GOOD)
    (room.folder / "emmy" / "loss.png").write_bytes(b"\x89PNG")
    room.hand_in("kurt/tiny.ipynb", *GOOD)
    room.hand_in("kurt/tiny (1).ipynb", *GOOD)  # downloaded twice
    room.hand_in("kurt/__MACOSX/._tiny.ipynb")
    room.hand_in("eve/tiny.ipynb", *GOOD)
    room.hand_in("eve/final.ipynb", DOUBLE)
    room.hand_in("Emmy Noether_47_assignsubmission_file_tiny.ipynb", *GOOD)  # Moodle, not in folders
    (room.folder / "Emmy Noether_47_assignsubmission_onlinetext.html").write_text("See file.")
    room.hand_in("hopper_77_88_tiny.ipynb", *GOOD)
    (room.folder / "hopper_77_89_loss.png").write_bytes(b"\x89PNG")
    (room.folder / "max").mkdir()
    (room.folder / "max" / "report.pdf").write_bytes(b"%PDF")
    (room.folder / "max" / "code.py").write_text(DOUBLE)
    room.hand_in("2026_11_23_max.ipynb", *GOOD)  # no name from Canvas
    room.hand_in("2026_11_24_moritz.ipynb", *GOOD)
    (room.folder / "desktop.ini").touch()
    printed = room.grade()
    names = ["2026_11_23_max", "2026_11_24_moritz", "Emmy Noether 47", "ada", "emmy", "hopper 77", "kurt"]
    assert room.totals() == dict.fromkeys(names, "6") | {"eve": "", "max": ""}
    assert "eve: not graded: there are several files, final.ipynb, tiny.ipynb: leave the one that counts" in printed
    notes = {row["student"]: row["note"] for row in room.rows("grades.csv") if row["note"]}
    assert notes.pop("max") == "not graded: there are several files, code.py, report.pdf: leave the one that counts"
    assert list(notes) == ["eve"]
    assert [row["Student"] for row in room.rows("canvas.csv")] == ["hopper"]
    page = (room.out / "feedback" / "eve.html").read_text()
    assert "<strong>Not graded</strong>" in page
    assert "leave the one that counts" in page
    assert "nan" not in page


NAMES = {
    "Ada\u00a0Lovelace ": "Ada Lovelace",
    "👩🏽\u200d💻": "👩🏽\u200d💻",
    "=1+1": "'=1+1",
    "Mu\u0308ller": "Müller",
    "e" * 249: "e" * 30 + "…",
    "ада\u202egpj": "ада\N{REPLACEMENT CHARACTER}gpj",
    "\x1b[31mred": "\N{REPLACEMENT CHARACTER}[31mred",
    'O\'Neil, "Tip"; <b>': 'O\'Neil, "Tip"; <b>',
    "__ada__": "__ada__",
}


def test_names_of_all_kinds(room):
    for name in NAMES:
        room.hand_in(f"{name}.ipynb", *GOOD)
    printed = room.grade()
    found = room.totals()
    assert set(found.values()) == {"6"}
    assert sorted(name.partition("…")[0] for name in found) == sorted(each.partition("…")[0] for each in NAMES.values())
    assert not any(letter in printed + (room.out / "log.txt").read_text() for letter in "\x1b\u202e")
    assert len(list((room.out / "feedback").iterdir())) == len(NAMES)


def zipped(*names: str, content: str = "", different: bool = False) -> bytes:
    file = zipfile.io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content or notebook(*GOOD, *([f"# {name}"] if different else [])))
    return file.getvalue()


READ = {
    "ada.IPYNB": notebook(*GOOD).encode(),
    "bom.ipynb": notebook(*GOOD).encode("utf-8-sig"),
    "powershell.ipynb": notebook(*GOOD).encode("utf-16"),
    "windows.ipynb": notebook(*GOOD, answer="ä").replace("\\u00e4", "ä").encode("cp1252"),
    "safari.ipynb.txt": notebook(*GOOD).encode(),
    "browser.ipynb.json": notebook(*GOOD).encode(),
    "nameless": notebook(*GOOD).encode(),
    "zip.zip": zipped("deep/tiny.ipynb", "__MACOSX/deep/._tiny.ipynb", "deep/.ipynb_checkpoints/tiny.ipynb"),
    "github.zip": zipped("main/README.md", "main/tiny.ipynb"),
}
UNREAD = {
    "large.ipynb": (b" " * 30_000_000, "the notebook is larger than 20 MB"),
    "two.zip": (zipped("1.ipynb", "2.ipynb", different=True), "the zip file holds 2 notebooks: hand in one"),
    "none.zip": (zipped("a.txt"), "the zip file holds 0 notebooks: hand in one"),
    "cut.zip": (zipped("a.ipynb")[:200], "the zip file cannot be unpacked"),
    "bomb.zip": (zipped("a.ipynb", content=" " * 30_000_000), "the notebook is larger than 20 MB"),
    "report.pdf": (b"%PDF", "`report.pdf` is not a notebook"),
    "code.py": (DOUBLE.encode(), "`code.py` is not a notebook"),
    "lovelaceada_7_text.html": (b"<p>Because.", "`lovelaceada_7_text.html` is not a notebook"),  # Canvas, text entry
    "notes.md": (b"# Notes", "`notes.md` is not a notebook"),
    "locked.zip": (
        zipped("a.ipynb").replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
        "cannot be unpacked",
    ),
    "empty.ipynb": (b"", "the file is not a whole notebook"),
    "merge.ipynb": (b"<<<<<<< HEAD\n" + notebook(*GOOD).encode(), "the file is not a whole notebook"),
    "\x1b[2J.pdf": (b"%PDF", "` [2J.pdf` is not a notebook"),
}


def test_files_that_can_be_read_are_read(room):
    for name, content in READ.items():
        (room.folder / name).write_bytes(content)
    room.grade()
    assert room.totals() == {name.partition(".")[0]: "6" for name in READ}
    assert [row["note"] for row in room.rows("grades.csv")] == [""] * len(READ)


def test_files_that_cannot_be_read_are_named(room):
    room.hand_in("ada.ipynb", *GOOD)
    for name, (content, _) in UNREAD.items():
        (room.folder / name).write_bytes(content)
    printed = room.grade()
    for name, (_, message) in UNREAD.items():
        student = name.replace("\x1b", "\N{REPLACEMENT CHARACTER}").rpartition(".")[0].removesuffix("_text")
        assert re.search(rf"(?m)^{re.escape(student)}: .*{re.escape(message)}", printed)
    assert "\x1b" not in printed
    totals = room.totals()
    assert (totals.pop("ada"), totals.pop("two")) == ("6", "")
    assert set(totals.values()) == {"0"}


def test_a_zip_file_with_two_notebooks_is_for_a_person(room):
    """As two files in a folder: not graded, nothing is exported or kept, and graded once one is left."""
    room.hand_in("emmy_12_22_tiny.ipynb", *GOOD)
    path = room.folder / "ada_11_21_tiny.zip"
    path.write_bytes(zipped("1.ipynb", "2.ipynb", different=True))
    assert "ada_11: not graded: the zip file holds 2 notebooks: hand in one" in room.grade()
    assert room.totals() == {"ada 11": "", "emmy 12": "6"}
    assert [row["Student"] for row in room.rows("canvas.csv")] == ["emmy"]
    assert "<strong>Not graded</strong>" in (room.out / "feedback" / "ada_11.html").read_text()
    assert [kept.name for kept in (room.out / "results").iterdir()] == ["emmy_12.json"]
    path.write_bytes(zipped("1.ipynb"))
    room.grade()
    assert room.totals() == {"ada 11": "6", "emmy 12": "6"}


# The class, what came late, and what is given back.

WORKSHEET = (
    "\ufeffTeilnehmer-ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert werden,"
    "Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback-Kommentar\n"
    'Teilnehmer/in47,Emmy Noether,e@x.de,Zur Bewertung abgegeben,"9,00","10,00",Ja,"Montag, 23. November 2026, 9:00",'
    '"Dienstag, 24. November 2026, 8:00",\n'
    'Teilnehmer/in48,Ada Lovelace,a@x.de,Zur Bewertung abgegeben,,"10,00",Ja,-,-,\n'
    'Teilnehmer/in49,Kurt Gödel,k@x.de,Keine Abgabe,,"10,00",Ja,-,-,\n'
)


def zip_names(path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return sorted(archive.namelist())


def test_a_worksheet_of_moodle_in_german(room, tmp_path):
    """Its columns and dates are written back; who handed in nothing has a row, and stays as he is in Moodle."""
    (tmp_path / "Bewertungen.csv").write_text(WORKSHEET)
    room.hand_in("Emmy Noether_47_assignsubmission_file/tiny.ipynb", *GOOD)
    room.hand_in("Ada Lovelace_48_assignsubmission_file/tiny.ipynb", DOUBLE)
    room.hand_in("Max Stranger_50_assignsubmission_file/tiny.ipynb", DOUBLE)
    printed = room.grade("--roster", str(tmp_path / "Bewertungen.csv"))
    assert "3 submissions" in printed
    assert "Kurt Gödel_49: not graded: nothing was handed in" in printed
    assert "Max Stranger_50: not in the roster" in printed
    expected = {"Emmy Noether 47": "6", "Ada Lovelace 48": "2", "Max Stranger 50": "2", "Kurt Gödel 49": ""}
    assert room.totals() == expected
    rows = room.rows("moodle.csv")
    assert list(rows[0]) == WORKSHEET.lstrip("\ufeff").splitlines()[0].split(",")
    assert [(row["Teilnehmer-ID"], row["Bewertung"]) for row in rows] == [
        ("Teilnehmer/in47", "6"),
        ("Teilnehmer/in48", "2"),
    ]
    assert rows[0]["Zuletzt geändert (Bewertung)"] == "Dienstag, 24. November 2026, 8:00"
    assert zip_names(room.out / "moodle-feedback.zip")[1] == "Emmy Noether_47_assignsubmission_file_/feedback.html"
    assert not (room.out / "feedback" / "Kurt Gödel_49.html").exists()


def test_a_maximum_that_does_not_fit(room, tmp_path):
    (tmp_path / "class.csv").write_text(WORKSHEET.replace("10,00", "100,00"))
    room.hand_in("Emmy Noether_47_assignsubmission_file/tiny.ipynb", *GOOD)
    assert "Moodle's maximum must be 10, got 100" in room.grade("--roster", str(tmp_path / "class.csv"))
    assert not (room.out / "moodle.csv").exists()
    assert room.totals()["Emmy Noether 47"] == "6"


def test_late_in_moodle(room, tmp_path):
    said = ["Submitted for grading - 2 days 3 hours late", "Submitted for grading - 5 mins 2 secs late", "Submitted"]
    rows = [f'Participant {7 + i},N. N.,"{text}",,10.00,Yes,-,-' for i, text in enumerate(said)]
    header = "Identifier,Full name,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),"
    (tmp_path / "class.csv").write_text("\n".join([header + "Last modified (grade)", *rows]))
    for number in (7, 8, 9):
        room.hand_in(f"N. N._{number}_assignsubmission_file/tiny.ipynb", *GOOD)
    assert "nobody came late" not in room.grade("--roster", str(tmp_path / "class.csv"), "--late-penalty", "10/day")
    found = [(row["late"], row["penalty"], row["total"]) for row in room.rows("grades.csv")]
    assert found == [("3", "3", "3"), ("1", "1", "5"), ("", "0", "6")]
    assert [row["q2"] for row in room.rows("grades.csv")] == ["3", "3", "3"]
    assert "It came late: 3 points are taken off." in (room.out / "feedback" / "N. N._7.html").read_text()
    other = (tmp_path / "class.csv").read_text().replace("days 3 hours late", "jours 3 heures en retard")
    other = other.replace("late", "en retard")
    (tmp_path / "class.csv").write_text(other, encoding="utf-8")
    assert "nobody came late" in room.grade("--roster", str(tmp_path / "class.csv"), "--late-penalty", "10/day")


def test_late_in_canvas(room):
    """Its names of files say that something came late, and not by how many days."""
    room.hand_in("lovelaceada_LATE_11_21_tiny.ipynb", *GOOD)
    room.hand_in("noetheremmy_12_22_tiny.ipynb", *GOOD)
    room.grade()
    assert room.totals() == {"lovelaceada 11": "6", "noetheremmy 12": "6"}
    assert "penalty" not in room.rows("grades.csv")[0]
    room.grade("--late-penalty", "20%")
    assert room.totals() == {"lovelaceada 11": "4", "noetheremmy 12": "6"}
    assert "lovelaceada_11: late, nobody says by how many days" in room.grade("--late-penalty", "20/day")
    assert room.totals() == {"lovelaceada 11": "6", "noetheremmy 12": "6"}
    assert "nan" not in (room.out / "feedback" / "lovelaceada_11.html").read_text()
    assert "10 or 10/day is asked for, got 'much'" in room.grade("--late-penalty", "much", code=2)


def test_a_table_of_canvas(room, tmp_path):
    (tmp_path / "class.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Essay (99)\n    Points Possible,,,,,10\n"
        '"Lovelace, Ada",11,s11,ada,"A, 1",7\n"Noether, Emmy",12,s12,emmy,B,\n"Student, Test",13,,x,B,\n'
    )
    room.hand_in("lovelaceada_11_21_tiny-1.ipynb", *GOOD)
    room.hand_in("noetheremmy_12_22_tiny.ipynb", *GOOD)
    room.grade("--roster", str(tmp_path / "class.csv"))
    assert (room.out / "canvas.csv").read_text() == (
        "Student,ID,SIS User ID,SIS Login ID,Section,A tiny assignment\n"
        '"Lovelace, Ada",11,s11,ada,"A, 1",6\n"Noether, Emmy",12,s12,emmy,B,6\n'
    )
    assert room.totals()["Student, Test 13"] == ""
    names = ["lovelaceada_11_21_tiny-1.html", "noetheremmy_12_22_tiny.html"]
    assert zip_names(room.out / "canvas-feedback.zip") == names


LISTS = {
    "names": "Ada Lovelace\nEmmy Noether\nKurt Gödel\n",
    "last names first": "Lovelace, Ada\nNoether, Emmy\nGödel, Kurt",
    "GitHub Classroom": '"identifier","github_username","github_id","name"\n'
    '"Ada Lovelace","ada","1",""\n"Emmy Noether","emmy","2",""\n"Kurt Gödel","","",""\n',
    "a table": "Name;E-mail;late\nAda Lovelace;a@x.org;\nEmmy Noether;e@x.org;no\nKurt Go\u0308del;k@x.org;2\n",
}


@pytest.mark.parametrize("how", LISTS)
def test_lists_of_names(room, tmp_path, how):
    (tmp_path / "class.csv").write_text(LISTS[how])
    room.hand_in("lovelaceada_11_21_tiny.ipynb", *GOOD)
    room.hand_in("kurt gödel/tiny.ipynb", *GOOD)
    room.hand_in("eve.ipynb", *GOOD)
    printed = room.grade("--roster", str(tmp_path / "class.csv"))
    assert "eve: not in the roster" in printed
    assert printed.count("not in the roster") == 1
    assert sorted(room.totals().values()) == ["", "6", "6", "6"]
    assert "Noether" in next(row["student"] for row in room.rows("grades.csv") if not row["total"])
    assert {row["late"] for row in room.rows("grades.csv")} == ({"", "2"} if how == "a table" else {""})


def test_a_name_that_two_have_is_not_guessed(room, tmp_path):
    (tmp_path / "class.csv").write_text("name,number\nAda Lovelace,1\nAda Lovelace,2\n")
    room.hand_in("Ada Lovelace.ipynb", *GOOD, answer="Because.")
    for _ in range(2):
        assert "Ada Lovelace: not in the roster, or not the only one" in room.grade(
            "--roster", str(tmp_path / "class.csv")
        )
    room.fill_in(**{"Ada Lovelace": "4"})
    room.grade("--roster", str(tmp_path / "class.csv"))
    assert room.totals() == {"Ada Lovelace": "10", "Ada Lovelace 1": "", "Ada Lovelace 2": ""}


def test_where_nobody_can_be_graded(room):
    for name in ("1", "2"):
        room.hand_in(f"ada/{name}.ipynb", answer=name)
    (room.folder / "empty").mkdir()
    printed = room.grade()
    assert "ada: not graded: there are several files" in printed
    assert "empty: not graded: nothing was handed in" in printed
    assert room.totals() == {"ada": "", "empty": ""}


# Which assignment.


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tiny", "tiny", "../tiny", "unknown"], ""),
        (["tiny", "tiny", "other"], "The notebooks name tiny (2 times), other (1 times)"),
        (["other"], "The notebooks name other (1 times)"),
        (["unknown"], "The notebooks name none"),
    ],
)
def test_one_student_does_not_choose_the_assignment(room, tmp_path, names, message):
    """All notebooks that name one must name the same, and a lone late one is no majority."""
    for number, name in enumerate(names):
        (room.folder / f"{number}.ipynb").write_text(notebook(DOUBLE, assignment=name))
    zips = tmp_path / "assignments"
    zips.mkdir()
    for name in ("tiny", "other"):
        zip_of_tests(zips / f"{name}.zip")
    zip_of_tests(tmp_path / "tiny.zip")
    chosen, room.autograder = zips / "tiny.zip", zips
    printed = room.grade(code=bool(message))
    assert message in printed
    if message:
        assert "ASSIGNMENT=" in printed
        room.autograder = chosen
        room.grade()
    assert [row["q1"] for row in room.rows("grades.csv")] == ["2" if name == "tiny" else "0" for name in names]


def test_modules_beside_the_submissions_are_not_imported(tmp_path):
    for name in ("numpy", "json", "tqdm", "psutil"):
        (tmp_path / f"{name}.py").write_text("open('written', 'w')")
    command = [sys.executable, "-m", "rnncourse.classroom", "--help"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert "zip file that `make assignments` has made" in done.stdout
    assert not (tmp_path / "written").exists()


# Words of students.


def test_words_are_shown_as_they_are(room):
    answer = "| a |\n|---|\n<script>alert(1)</script> **no** ![x](http://x) `c`"
    room.hand_in("ada.ipynb", answer=answer)
    room.grade()
    page = (room.out / "by-hand.html").read_text()
    assert f'<p class="words">{html.escape(answer)}</p>' in page
    assert "<td>4</td>" in page  # the teacher's rubric is a table


def test_no_words_become_long(room):
    """A table with empty cells made 3 MB of 3 KB; now each text becomes as long as it is."""
    for name, text in {
        "table": "|" + "a|" * 250 + "\n|" + "-|" * 250 + "\n" + "|x\n" * 250,
        "quotes": ">" * 10_000,
        "brackets": "[" * 10_000,
        "ticks": "`a" * 5_001,
        "stars": "*a " * 3_000,
    }.items():
        room.hand_in(f"{name}.ipynb", f"raise ValueError('''{text}''')", answer=text)
    room.grade()
    assert (room.out / "by-hand.html").stat().st_size < 200_000
