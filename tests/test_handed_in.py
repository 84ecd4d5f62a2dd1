"""What students hand in: whatever their programs and platforms made of it is read, or shown to the teacher."""

import json
import zipfile

import pytest
from test_grading import DOUBLE, notebook, zip_of_tests

from rnncourse.classroom.handed_in import UNTOUCHED, DoubtError, handed_in, read_assignment, read_notebook
from rnncourse.classroom.tables import read_table
from rnncourse.classroom.words import Cell, find_words

QUESTION = "# Why?\nSay why, in words."
WORDS = "Network A is worse, because its loss says nothing about a closed loop."


@pytest.fixture(scope="session")
def assignment(tmp_path_factory):
    return read_assignment(zip_of_tests(tmp_path_factory.mktemp("autograder") / "tiny.zip"))


def test_an_autograder_of_before_is_refused(tmp_path):
    """It did not hold the text of the assignment's cells."""
    path = zip_of_tests(tmp_path / "tiny.zip")
    with zipfile.ZipFile(path) as archive:
        about = json.loads(archive.read("assignment.json")) | {"given": ["tiny-01", "tiny-02"]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("assignment.json", json.dumps(about))
    with pytest.raises(ValueError, match="no autograder that `make assignments` has made"):
        read_assignment(path)


def cell(kind: str, source: str, identity: str = "", mark: str = "") -> dict:
    metadata = {"rnncourse": {"answer": mark}} if mark else {}
    return {"cell_type": kind, "source": source, "metadata": metadata} | ({"id": identity} if identity else {})


def written(path, cells: list[dict], **more) -> object:
    named = {"metadata": {"rnncourse": {"assignment": "tiny"}}}
    path.write_text(json.dumps({"cells": cells} | named | more), encoding="utf-8")
    return path


ASKED = cell("markdown", QUESTION, "a")
EMPTY = cell("markdown", UNTOUCHED, "b", "q11")
PLAIN = cell("markdown", QUESTION), cell("markdown", UNTOUCHED)  # without identity and mark
# Where students have written their answer in words: cells of the notebook.
WHERE = {
    "in the marked cell": [ASKED, cell("markdown", WORDS, "b", "q11")],
    "beside the words that were there": [ASKED, cell("markdown", f"{UNTOUCHED} {WORDS}", "b", "q11")],
    "in a new cell below": [ASKED, EMPTY, cell("markdown", WORDS)],
    "in a new cell above": [ASKED, cell("markdown", WORDS), EMPTY],
    "at the notebook's end": [ASKED, EMPTY, cell("code", DOUBLE, "a"), cell("markdown", WORDS)],
    "at the notebook's beginning": [cell("markdown", WORDS), ASKED, EMPTY],
    "in the question's cell": [cell("markdown", f"{QUESTION}\n\n{WORDS}", "a"), EMPTY],
    "in a merged cell": [cell("markdown", f"{QUESTION}\n\n{UNTOUCHED}\n\n{WORDS}", "a")],
    "in a split cell": [ASKED, EMPTY, cell("markdown", WORDS, "", "q11")],
    "in place of the marked cell": [ASKED, cell("markdown", WORDS, "new")],
    "in a moved cell": [cell("markdown", WORDS, "b", "q11"), ASKED],
    "in a raw cell": [ASKED, EMPTY, cell("raw", WORDS)],
    "in a marked cell that became code": [ASKED, cell("code", WORDS, "b", "q11")],
    "in a code cell": [ASKED, cell("code", WORDS), EMPTY],
    "in a comment": [ASKED, cell("code", f"# {WORDS}"), EMPTY],
    "in a comment among code": [cell("code", f"{DOUBLE}\n\n# {WORDS}"), ASKED, EMPTY],
    "in a string": [cell("code", f'{DOUBLE}\nwhy = """\n{WORDS}\n"""'), ASKED, EMPTY],
    "in what is printed": [cell("code", f'print("{WORDS}")'), ASKED, EMPTY],
    "in Chinese, in a code cell": [cell("code", "网络乙更好，因为闭环误差小。"), ASKED, EMPTY],
    "as a picture": [ASKED, cell("markdown", "![why](attachment:why.png)", "b", "q11")],
    "Colab or nbstripout: nothing but cells": [PLAIN[0], cell("markdown", WORDS)],
    "the same, below": [*PLAIN, cell("markdown", WORDS)],
    "another program's identities": [cell("markdown", QUESTION, "1f"), cell("markdown", WORDS, "2f")],
}


@pytest.mark.parametrize("where", WHERE)
def test_words_are_found_wherever_they_stand(tmp_path, assignment, where):
    answers = read_notebook(written(tmp_path / "ada.ipynb", WHERE[where]), assignment).answers
    expected = {"in Chinese, in a code cell": "闭环", "as a picture": "why.png"}.get(where, WORDS)
    assert expected in answers["q11"]


NOTHING = {
    "untouched": [ASKED, EMPTY],
    "emptied": [ASKED, cell("markdown", " \n", "b", "q11")],
    "deleted": [ASKED],
    "without marks": [*PLAIN],
    "moved": [EMPTY, ASKED],
    "merged": [cell("markdown", f"{QUESTION}\n\n{UNTOUCHED}", "a")],
    "split": [cell("markdown", "# Why?"), cell("markdown", "Say why, in words."), EMPTY],
    "copied": [ASKED, EMPTY, ASKED, EMPTY],
    "with spaces and lines": [cell("markdown", f"\n{QUESTION}  \r\n", "a"), EMPTY],
    "with code": [cell("code", f"{DOUBLE}  # twice\n\nfor x in range(3):\n    print(x if x else 'no')"), ASKED, EMPTY],
    "with an empty cell": [ASKED, EMPTY, cell("code", "")],
}


@pytest.mark.parametrize("how", NOTHING)
def test_where_nothing_was_written_there_is_no_answer(tmp_path, assignment, how):
    assert read_notebook(written(tmp_path / "ada.ipynb", NOTHING[how]), assignment).answers == {}


def test_words_elsewhere_are_told_from_the_answer(tmp_path, assignment):
    cells = [cell("markdown", "A note."), ASKED, cell("markdown", "Because.", "b", "q11"), cell("markdown", "And so.")]
    found = read_notebook(written(tmp_path / "ada.ipynb", cells), assignment).answers
    assert found == {"q11": "Because.\n\nAnd so.\n\n[Elsewhere in the notebook:]\n\nA note."}


def test_remarks_on_code_are_no_part_of_an_answer(tmp_path, assignment):
    code = f'{DOUBLE}\n    # {WORDS}\n    raise ValueError("this is the message of an error, and no answer in words")'
    cells = [cell("code", code), ASKED, cell("markdown", "Because.", "b", "q11")]
    assert read_notebook(written(tmp_path / "ada.ipynb", cells), assignment).answers == {"q11": "Because."}
    found = read_notebook(written(tmp_path / "eve.ipynb", [cells[0], ASKED, EMPTY]), assignment).answers
    assert found == {"q11": f"[Elsewhere in the notebook:]\n\n# {WORDS}"}


def test_a_long_answer_is_cut_and_says_so(tmp_path, assignment):
    cells = [ASKED, cell("markdown", "why " * 10_000, "b", "q11")]
    answer = read_notebook(written(tmp_path / "ada.ipynb", cells), assignment).answers["q11"]
    assert answer.endswith("[Cut here: 39999 characters in all.]")


def test_two_questions_in_words():
    cells = [Cell("markdown", "One.", "q1"), Cell("markdown", UNTOUCHED, "q2"), Cell("markdown", "Two.")]
    assert find_words(cells, {"b": UNTOUCHED}, ["q1", "q2"]) == {"q1": "One.", "q2": "Two."}


FORMS = {
    "format 3": {
        "nbformat": 3,
        "worksheets": [{"cells": [{"cell_type": "code", "input": [DOUBLE]}, cell("markdown", WORDS)]}],
    },
    "no metadata": {"cells": [{"cell_type": "code", "source": DOUBLE}, {"cell_type": "markdown", "source": [WORDS]}]},
    "empty metadata": {"cells": [cell("code", DOUBLE) | {"metadata": None}, cell("markdown", WORDS)], "metadata": None},
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_notebooks(tmp_path, assignment, form):
    (tmp_path / "ada.ipynb").write_text(json.dumps(FORMS[form]), encoding="utf-8")
    found = read_notebook(tmp_path / "ada.ipynb", assignment)
    assert found.cells == (DOUBLE,)
    assert WORDS in found.answers["q11"]


def test_line_ends_of_windows(tmp_path, assignment):
    """A check is still known as one, and the assignment's own text as such."""
    cells = [cell("code", f"{DOUBLE}\n"), cell("code", "1 / 0\n"), *PLAIN]
    cells = [each | {"source": each["source"].replace("\n", "\r\n")} for each in cells]
    found = read_notebook(written(tmp_path / "ada.ipynb", cells), assignment)
    assert (found.cells, found.answers) == ((f"{DOUBLE}\n",), {})


def test_a_whole_notebook_stays_as_it_was(tmp_path, assignment):
    (tmp_path / "ada.ipynb").write_text(notebook(DOUBLE, answer=WORDS), encoding="utf-8")
    found = read_notebook(tmp_path / "ada.ipynb", assignment)
    assert (found.cells, found.answers) == ((DOUBLE,), {"q11": WORDS})


def test_nobody_takes_the_number_of_another(tmp_path):
    """A name that a student chose holds another's number, as Moodle writes it."""
    for name in ("Emmy_4711_assignsubmission_file", "Eve_4711_assignsubmission_file_99_assignsubmission_file"):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "a.ipynb", [cell("code", DOUBLE)])
    emmy, eve = handed_in(tmp_path)
    assert (emmy.identity, emmy.problem) == ("4711", "")
    assert (eve.identity, eve.problem) == ("", "the name holds several numbers of Moodle: rename it")


def test_an_ending_that_a_program_added_is_no_part_of_the_name(tmp_path):
    for name in ("carl.ipynb.txt", "dora.IPYNB", "emil.ipynb.json"):
        written(tmp_path / name, [cell("code", DOUBLE)])
    assert [each.student for each in handed_in(tmp_path)] == ["carl", "dora", "emil"]


def test_a_zip_file_with_a_copy_of_the_notebook(tmp_path, assignment):
    notebook = written(tmp_path / "ada.ipynb", [cell("code", DOUBLE)]).read_text()
    path = tmp_path / "ada.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ada.ipynb", notebook)
        archive.writestr("copy/ada-1.ipynb", notebook)
    assert read_notebook(path, assignment).cells == (DOUBLE,)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.ipynb", "{}")
    with pytest.raises(DoubtError, match="the zip file holds 3 notebooks"):
        read_notebook(path, assignment)


ENDINGS = [".ipynb", "..ipynb", ".IPYNB", ".ipynb.txt", "ada/.ipynb", "ada/..ipynb", "ada/deep/.ipynb", ".Ipynb.json"]


@pytest.mark.parametrize("name", ENDINGS)
def test_a_name_that_is_nothing_but_the_ending(tmp_path, assignment, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    written(tmp_path / name, [cell("code", DOUBLE)])
    for other in (".ipynb_checkpoints", "._.ipynb", ".DS_Store", ".git"):  # what programs leave stays hidden
        (tmp_path / name).with_name(other).touch()
    (only,) = handed_in(tmp_path)
    assert (only.student, only.problem) == ("ada" if name.startswith("ada") else "no name", "")
    assert read_notebook(only.path, assignment).cells == (DOUBLE,)
    with zipfile.ZipFile(tmp_path / "emmy.zip", "w") as archive:
        archive.write(tmp_path / name, name)
        archive.writestr(f"{name.rpartition('/')[0]}/._.ipynb", "{}")
    assert read_notebook(tmp_path / "emmy.zip", assignment).cells == (DOUBLE,)


def test_line_ends_of_an_old_macintosh(tmp_path):
    (tmp_path / "marks.csv").write_bytes(b"student,points\rAda,3\r")
    assert read_table(tmp_path / "marks.csv").rows == [(2, ["Ada", "3"])]
