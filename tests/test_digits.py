"""Comparison of printed numbers in its lenient strength: what passes, what fails, and how it is told."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval_digits import differing, forgiven, split


@pytest.mark.parametrize(
    ("reference", "test"),
    [
        ("1.23", "1.24"),
        ("0.999", "1.000"),
        ("9.99e-05", "1.00e-04"),
        ("9.9e-05", "0.0001"),  # as {:.2g} prints them
        ("1.3e-05", "1.4e-05"),
        ("2e+03", "3e+03"),
        ("-0.25", "-0.26"),
        ("−0.25", "−0.24"),
        ("-0.01", "0.00"),
        ("0.26", "0.261"),  # NumPy leaves out the last zero
        ("1.", "0.999"),
        ("1,234.5", "1,234.6"),
        ("(0.1,", "(0.2,"),
        ("12.5 %", "12.6 %"),
        ("rank 3: 0.5.", "rank 3: 0.6."),
        ("   9.99\n   1.00", "  10.00\n   1.00"),  # the column has become wider
        ("from -0.4 to-0.2", "from -0.3 to-0.2"),
        ("<td>0.37</td>", "<td>0.38</td>"),
    ],
)
def test_one_in_the_last_place(reference, test) -> None:
    assert differing(reference, test)
    assert differing(test, reference)
    assert differing(reference, reference) is None  # nothing to tell


@pytest.mark.parametrize(
    ("reference", "test"),
    [
        ("1.23", "1.25"),
        ("9.99e-05", "1.01e-04"),
        ("1.3e-05", "1.3e-04"),
        ("0.2", "-0.2"),
        ("12", "13"),  # a count
        ("1,234", "1,235"),
        ("chosen: 12.", "chosen: 13."),
        ("12 %", "13 %"),
        ("loss 1.23", "cost 1.24"),
        ("1.23", "1.24 1.24"),
        ("1.23 1.23", "1.24"),
        ("1.23\n1.23", "1.24 1.23"),
        ("par3 0.25", "par4 0.25"),
        ("x_1.2", "x_1.3"),
        ("torch 2.13.0", "torch 2.13.1"),
        ("2026-11-22", "2026-11-23"),
        ("0x3f2.5", "0x3f2.6"),
        ("1.23", "nan"),
        ("inf", "1.0"),
        ("1.23 True", "1.24 False"),
        ("1.23  ", "1.23"),
    ],
)
def test_anything_else(reference, test) -> None:
    assert differing(reference, test) is None
    assert differing(test, reference) is None


def test_a_number_keeps_its_sign_and_its_exponent() -> None:
    assert split("a-1.5 -1.5 1.3e-05 [-2. .5]")[1] == ["1.5", "-1.5", "1.3e-05", "-2.", ".5"]


def stream(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


def table(plain: str, html: str) -> nbformat.NotebookNode:
    return new_output("execute_result", {"text/plain": plain, "text/html": f"<td>{html}</td>", "image/png": "…"})


def test_a_close_output_becomes_the_reference() -> None:
    new, pairs = forgiven(stream("loss 0.368\n"), stream("loss 0.369\n"))
    assert (new.text, pairs) == ("loss 0.368\n", [("0.368", "0.369")])
    new, pairs = forgiven(table("a  0.5", "0.5"), table("a  0.6", "0.6"))
    assert (new.data["text/plain"], new.data["text/html"], pairs) == ("a  0.5", "<td>0.5</td>", [("0.5", "0.6")])


def test_a_styled_table_is_told_by_its_html_alone() -> None:
    plain = "<pandas.io.formats.style.Styler at 0x7f31e4d1c0d0>"
    new, pairs = forgiven(table(plain, "0.5"), table(plain.replace("d0>", "e0>"), "0.6"))
    assert (new.data["text/html"], pairs) == ("<td>0.5</td>", [("0.5", "0.6")])


@pytest.mark.parametrize(
    ("reference", "test"),
    [
        (table("a 0.5", "0.5"), table("a 0.6", "0.5")),  # the twins disagree
        (table("a 0.5", "0.5"), table("a 0.5", "0.6")),
        (table("a 0.5", "0.5"), table("a 0.6", "0.7")),
        (table("a 0.5", "0.5"), stream("a 0.6")),
        (stream("0.5", "stderr"), stream("0.6", "stdout")),
        (stream("0.5"), stream("0.7")),
        (new_output("error", ename="E", evalue="0.5"), new_output("error", ename="E", evalue="0.6")),
    ],
)
def test_other_outputs_stay_as_they_are(reference, test) -> None:
    assert forgiven(reference, test) == (test, [])


CELLS = {
    "print('loss', 0.369)": stream("loss 0.368\n"),
    "print('count', 13)": stream("count 12\n"),
    "1.5": new_output("execute_result", {"text/plain": "1.6"}, execution_count=3),
    "'the same'": new_output("execute_result", {"text/plain": "'the same'"}, execution_count=4),
}


def run(folder: Path, *options: str) -> list[str]:
    """Run a notebook of four cells, of which two differ in their last digit and one in a count."""
    cells = [new_code_cell(code, execution_count=k, outputs=[o]) for k, (code, o) in enumerate(CELLS.items(), 1)]
    nbformat.write(new_notebook(cells=cells), folder / "made-up.ipynb")
    command = ["-m", "pytest", "-q", "-p", "nbval_digits", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    paths = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    told = subprocess.run(
        [sys.executable, *command, *options], cwd=folder, env=paths, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1, told.stdout + told.stderr
    return told.stdout.splitlines()


@pytest.mark.slow
def test_a_notebook_on_a_readers_machine_and_in_ci(tmp_path) -> None:
    lenient, strict = run(tmp_path, "--digits=lenient", "-n1"), run(tmp_path)
    assert lenient[-1].startswith("1 failed, 3 passed")
    assert strict[-1].startswith("3 failed, 1 passed")
    where = lenient.index("made-up.ipynb, cell 0: 0.368 in the book, 0.369 here")
    assert lenient[where + 1] == "made-up.ipynb, cell 2: 1.6 in the book, 1.5 here"
    assert "in the last place" in lenient[where - 1]
    assert not [line for line in strict if "in the book" in line]
