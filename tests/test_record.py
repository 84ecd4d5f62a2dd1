"""The recorded runs: each chapter's file is found, each table names its command, and another process runs them."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import chapters
import joblib
import pandas as pd
import pytest
import record

from rnncourse import datasets

ROOT = Path(__file__).parents[1]
# Not made by data/record.py: `make bench` and `make machines` write them.
OTHERS = {"benchmarks", "benchmarks_other", "benchmarks_profile", "machines"}
DEMO = """
from functools import cache
from multiprocessing import current_process
from pathlib import Path

import numpy as np
from recording import in_parallel, rms

FACTOR = 10


@cache
def error():
    return rms(np.array([3.0, 3.0]))


def demo_run(number):
    with Path("called").open("a") as file:
        file.write(f"{number}\\n")
    if number == 2 and not Path("ready").exists():
        raise OSError("not ready")
    return [{"result": FACTOR * number + error(), "process": current_process().name}]


def demo():
    return in_parallel(demo_run, [{"number": number} for number in (1, 2, 3)])


EXPERIMENTS = {"demo": demo}
"""


def test_each_chapter_has_a_module_and_names_of_its_own() -> None:
    folders = sorted(path.parent.name for path in (ROOT / "book").glob("*/record.py"))
    assert [chapter.__name__ for chapter in chapters.ALL] == [f"chapters.{f[3:].replace('-', '_')}" for f in folders]
    runs = [pair for chapter in chapters.ALL for pair in chapter.EXPERIMENTS.items()]
    assert len(dict(runs)) == len(runs)
    for name, run in runs:
        assert run.__name__ == name
        assert pickle.loads(pickle.dumps(run)) is run


def test_each_experiment_is_recorded_and_each_record_has_one() -> None:
    recorded = {path.stem for path in (ROOT / "data" / "results").glob("*.csv")} - OTHERS
    assert recorded == set(record.EXPERIMENTS)
    for name in recorded:
        assert (
            datasets.recorded(name).attrs["command"].removeprefix("DROUGHTED=FILE ") == f"python data/record.py {name}"
        )


@pytest.mark.slow
def test_other_processes_run_a_chapter_and_what_is_done_is_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("record", "recording", "chapters"):
        shutil.copy(ROOT / "data" / f"{name}.py", tmp_path / "data")
    for chapter, experiment in (("01-demo", "demo"), ("02-second-demo", "second")):
        (tmp_path / "book" / chapter).mkdir(parents=True)
        (tmp_path / "book" / chapter / "record.py").write_text(DEMO.replace("demo", experiment))
    command = [sys.executable, "data/record.py", "second"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    broken = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 runs of second_run failed, the first with OSError: not ready" in broken.stderr
    (tmp_path / "ready").touch()
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert sorted((tmp_path / "called").read_text().split()) == ["1", "2", "2", "3"]
    (file,) = (tmp_path / "data" / "results").glob("*.csv")
    assert file.read_text().startswith("# command: python data/record.py second\n# date: ")
    table = pd.read_csv(file, comment="#")
    assert table["result"].tolist() == [13, 23, 33]
    assert "MainProcess" not in set(table["process"]) or joblib.cpu_count() == 1
    assert not list((tmp_path / "data" / "results" / "unfinished").iterdir())
