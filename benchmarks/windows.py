"""Windows of ten million points: time and memory of the first call, each in a fresh process.

``python benchmarks/windows.py`` prints the median of nine processes of the seconds that `make_windows` takes and of
those that one sum over the data takes in the same process, the bytes a point beyond the series, and that a NaN in the
last point is still found. The page on speed does not use it; it holds the promise of `make_windows`.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc

import numpy as np

POINTS, PROCESSES = 10_000_000, 9


def once() -> dict[str, float]:
    """Time a sum and the first call, then measure the memory of another."""
    from rnncourse.windows import make_windows

    series = np.random.default_rng(0).normal(size=POINTS)
    began = time.perf_counter()
    np.sum(series)
    summed = time.perf_counter()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    windows = make_windows(series, lookback=50)
    called = time.perf_counter()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
    tracemalloc.start()
    make_windows(series, lookback=50)
    traced = tracemalloc.get_traced_memory()[1]
    assert len(windows.inputs) == POINTS - 50
    series[-1] = np.nan
    try:
        make_windows(series, lookback=50)
    except ValueError:
        found = 1
    else:
        found = 0
    return {
        "sum": summed - began,
        "make_windows": called - summed,
        "traced": traced / POINTS,
        "resident": 1024 * grown / POINTS,
        "found": found,
    }


def main() -> None:
    runs = []
    for _ in range(PROCESSES):
        done = subprocess.run([sys.executable, __file__, "once"], capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    ratio = statistics.median(run["make_windows"] / run["sum"] for run in runs)
    print(f"{POINTS:,} points, median of {PROCESSES} fresh processes")
    print(
        f"one sum {1000 * median['sum']:.1f} ms, make_windows {1000 * median['make_windows']:.1f} ms: {ratio:.2f} times"
    )
    print(f"beyond the series, bytes a point: traced {median['traced']:.4f}, resident {median['resident']:.4f}")
    print(f"a NaN in the last point found in {sum(run['found'] for run in runs)} of {PROCESSES}")


if __name__ == "__main__":
    if sys.argv[1:] == ["once"]:
        print(json.dumps(once()))
    else:
        main()
