"""Is this checkout as fast as another one? ``python benchmarks/pairs.py OTHER [--pairs 15]``.

OTHER is a folder with another checkout, such as one made by ``git worktree add --detach ../before v1.0.0``. Both are
timed in turns, each time in a process of its own on one thread: what a process takes is the least of five rounds of
each task, in seconds of processor time, so that what else the machine does counts little. Glibc is told to keep freed
memory: whether it gives pages back between two updates is luck, and moves a time by a third in either checkout.
Printed is the median over the pairs of this checkout's time by the other's, with a bootstrap interval of 95 %.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 5
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
MEMORY_KEPT = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"), str(2**28))


def tasks() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is timed: the two ways to train, the two closed loops."""
    from torch import nn, tanh

    from rnncourse import datasets, forecasting, models, training
    from rnncourse.windows import make_windows

    training.reproducible(0)
    sine = make_windows(datasets.sine(), lookback=50)
    gru = models.Forecaster(nn.GRU(1, 10, batch_first=True))
    yield "fit, GRU(10), batches of 64", partial(training.fit, gru, sine.inputs, sine.targets, epochs=3, batch_size=64)
    random = np.random.default_rng(0)
    days, weeks = random.normal(size=(320, 26, 21)), random.normal(size=(320, 6, 1))
    lstm = models.Forecaster(nn.LSTM(21, 32, batch_first=True), horizon=6)
    yield "fit, LSTM(32), batches of 32", partial(training.fit, lstm, days, weeks, epochs=3, validation=(days, weeks))
    sunspots = datasets.sunspots().to_numpy()
    months = make_windows((sunspots / sunspots.max())[:2256], lookback=12, stride=12)

    def source_network() -> nn.Module:
        return models.Forecaster(nn.RNN(1, 3, batch_first=True), output_activation=tanh)

    together = partial(
        training.fit_seeds, source_network, months.inputs, months.targets, seeds=range(10), epochs=3, batch_size=1
    )
    yield "fit_seeds, ten RNN(3), batches of 1", together
    yield "closed_loop, 500 steps", partial(forecasting.closed_loop, gru, sine.inputs[-1], 500)
    yield "closed_loop_carried, 500 steps", partial(forecasting.closed_loop_carried, gru, sine.inputs[-1], 500)


def measure() -> dict[str, float]:
    """Return the least processor time of each task in this process."""
    found = {}
    for name, task in tasks():
        rounds = []
        for _ in range(ROUNDS):
            begin = time.process_time()
            task()
            rounds.append(time.process_time() - begin)
        found[name] = min(rounds)
    return found


def run(checkout: Path) -> dict[str, float]:
    """Measure a checkout in a process of its own."""
    environment = {**os.environ, **ONE_THREAD, **MEMORY_KEPT, "PYTHONPATH": str(checkout)}
    command = [sys.executable, __file__, "--measure"]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Time both checkouts in turns and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure()))
        return
    if asked.other is None or not (asked.other / "rnncourse").is_dir():
        parser.error(f"OTHER must be a folder with a checkout, got {asked.other}")
    sides, other = [], asked.other.resolve()
    for pair in range(asked.pairs):
        first, second = (HERE, other) if pair % 2 else (other, HERE)
        times = {first: run(first), second: run(second)}
        sides.append((times[HERE], times[other]))
    random = np.random.default_rng(0)
    print(f"{len(sides)} pairs; this checkout by {other}")
    for name in sides[0][0]:
        here, there = (np.array([pair[side][name] for pair in sides]) for side in (0, 1))
        ratios = here / there
        drawn = np.median(random.choice(ratios, size=(10_000, len(ratios))), axis=1)
        low, high = np.quantile(drawn, (0.025, 0.975))
        print(f"{name:36} {np.median(ratios):.3f}  ({low:.3f} to {high:.3f})   {1e3 * np.median(here):.0f} ms")


if __name__ == "__main__":
    main()
