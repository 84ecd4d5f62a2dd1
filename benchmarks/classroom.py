"""How long a class takes to grade: sixty perfect submissions, alone and beside busy processes.

``python benchmarks/classroom.py`` after ``make assignments``, on a machine with nothing else to do. It takes the
assignment whose perfect notebook needs longest, makes copies of it that differ in a comment, grades them once alone
and once with busy processes beside, and says whether the marks are the same to the byte. On Linux, with bubblewrap.
"""

import argparse
import contextlib
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "book" / "_ext"))
from assignments import parts  # noqa: E402

MADE = ROOT / "dist" / "assignments"


def perfect(name: str, comment: str) -> str:
    """A notebook with all right answers, as text."""
    source = nbformat.read(ROOT / "book" / name / "assignment.ipynb", as_version=4)
    kinds = {"given code", "solution code"}
    cells = [new_code_cell(part.text) for part in parts(source) if f"{part.role} {part.kind}" in kinds]
    metadata = {"rnncourse": {"assignment": name}}
    return nbformat.writes(new_notebook(cells=[new_code_cell(f"# {comment}"), *cells], metadata=metadata))


def graded(name: str, count: int, folder: Path) -> tuple[float, bytes]:
    """Grade copies of a perfect notebook: the seconds it took, and the marks."""
    submissions = folder / "submissions"
    submissions.mkdir(parents=True)
    for number in range(count):
        student = f"student-{number:02}"
        (submissions / f"{student}.ipynb").write_text(perfect(name, student), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "rnncourse.classroom", MADE / f"{name}.zip", submissions]
    begin = time.perf_counter()
    subprocess.run([*command, "--out", folder / "out"], check=True, capture_output=True)
    return time.perf_counter() - begin, (folder / "out" / "grades.csv").read_bytes()


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Run busy processes."""
    others = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=60)
    parser.add_argument("--busy", type=int, default=4, help="busy processes in the second run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        seconds = {path.stem: graded(path.stem, 1, Path(place) / path.stem)[0] for path in sorted(MADE.glob("*.zip"))}
        for name, took in seconds.items():
            print(f"{name}, one submission: {took:.1f} s")
        longest = max(seconds, key=lambda name: seconds[name])
        took, marks = graded(longest, given.submissions, Path(place) / "alone")
        print(f"{longest}, {given.submissions} submissions: {took:.0f} s")
        header, first, *_ = marks.decode().splitlines()
        print(header, first, sep="\n")
        with busy(given.busy):
            beside, again = graded(longest, given.submissions, Path(place) / "beside")
        print(f"beside {given.busy} busy processes: {beside:.0f} s; the same marks: {marks == again}")


if __name__ == "__main__":
    main()
