"""Record the runs that are too long for a notebook: ``python data/record.py [name ...]``.

Each function below is one result: it returns a table with a row a run, which is written to
``data/results/<name>.csv`` under three comment lines (command, date, machine). The chapters show
these tables as recorded and run one row of each again, live.
"""

import datetime
import os
import platform
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from torch import nn

from rnncourse import baselines, datasets, forecasting, models, training, windows

RESULTS = Path(__file__).parent / "results"


def in_parallel(run: Callable[..., list[dict[str, Any]]], settings: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Call `run` with each setting, on all cores with one thread each; the rows keep their order."""
    parts = Parallel(n_jobs=-1, verbose=5)(delayed(run)(**setting) for setting in settings)
    return pd.DataFrame([row for rows in parts for row in rows])


# --- chapter 1 -----------------------------------------------------------------------------------

# --- chapter 3 -----------------------------------------------------------------------------------

# -------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {}


def machine() -> str:
    """Say in one line what ran."""
    return (
        f"{os.cpu_count()} cores {platform.machine()}, {platform.system()}, Python {platform.python_version()},"
        f" torch {torch.__version__.partition('+')[0]}, numpy {np.__version__}"
    )


def record(name: str) -> None:
    """Run one experiment and write its table."""
    table = EXPERIMENTS[name]()
    header = f"# command: python data/record.py {name}\n# date: {datetime.date.today()}\n# machine: {machine()}\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.csv").write_text(header + table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or EXPERIMENTS:
        if chosen not in EXPERIMENTS:
            raise SystemExit(f"no experiment {chosen!r}; there are: {', '.join(EXPERIMENTS)}")
        record(chosen)
