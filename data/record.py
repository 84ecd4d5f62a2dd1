"""Record the runs that are too long for a notebook: ``python data/record.py [name ...]``.

Each name is a function in a chapter's ``book/NN-name/record.py``, or the module of errata beside this file. It returns
a table with a row a run, which is written to ``data/results/<name>.csv`` under three comment lines (command, date,
machine). The chapters show these tables as recorded and run one row of each again, live. A recording that is broken off
goes on where it stopped when it is started again; if the code has changed since, remove ``data/results/unfinished``
first.
"""

import datetime
import importlib
import os
import platform
import sys
from collections.abc import Callable

import chapters
import numpy as np
import pandas as pd
import torch
from recording import KEPT, RESULTS


def errata() -> pd.DataFrame:
    """Measure what the errata page reports, by the module of that name beside this one."""
    table: pd.DataFrame = importlib.import_module("errata_observable_to_yes_no").measure()
    return table


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    **{name: run for chapter in chapters.ALL for name, run in chapter.EXPERIMENTS.items()},
    "errata_observable_to_yes_no": errata,
}


def machine() -> str:
    """Say in one line what ran."""
    return (
        f"{os.cpu_count()} cores {platform.machine()}, {platform.system()}, Python {platform.python_version()},"
        f" torch {torch.__version__.partition('+')[0]}, numpy {np.__version__}"
    )


def record(name: str) -> None:
    """Run one experiment and write its table."""
    command = f"python data/record.py {name}"
    if name == "droughted":
        if not os.environ.get("DROUGHTED"):
            print(
                "droughted is left as it was: it needs DroughtED, which is no part of the book; DROUGHTED=FILE names it"
            )
            return
        command = f"DROUGHTED=FILE {command}"
    table = EXPERIMENTS[name]()
    header = f"# command: {command}\n# date: {datetime.date.today()}\n# machine: {machine()}\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.csv").write_text(header + table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


if __name__ == "__main__":
    names = sys.argv[1:] or list(EXPERIMENTS)
    if unknown := set(names) - set(EXPERIMENTS):
        raise SystemExit(f"no experiment {sorted(unknown)}; there are: {', '.join(EXPERIMENTS)}")
    for chosen in names:
        record(chosen)
    for path in KEPT:
        path.unlink(missing_ok=True)
