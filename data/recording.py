"""What the chapters' recorded runs share: all cores, rows that are kept as they come, the root mean square."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnncourse.sweeps import run_each

RESULTS = Path(__file__).parent / "results"
UNFINISHED = RESULTS / "unfinished"  # runs of a recording that was broken off: the next one goes on with them
KEPT: list[Path] = []  # files there that this process has used, to be removed when all it was asked for is recorded


def in_parallel(run: Callable[..., Any], settings: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Call `run` with each setting, on all cores; the rows keep their order. What is done is kept as it comes."""
    KEPT.append(UNFINISHED / f"{run.__name__}.jsonl")
    done = [row for rows in run_each(run, settings, path=KEPT[-1]) for row in rows]
    if failed := [row["error"] for row in done if "error" in row]:
        raise RuntimeError(f"{len(failed)} runs of {run.__name__} failed, the first with {failed[0]}")
    return pd.DataFrame(done)


def rms(errors: np.ndarray, axis: Any = -1) -> np.ndarray:
    """Return the root mean square over the given axes."""
    return np.sqrt(np.mean(errors**2, axis=axis))
