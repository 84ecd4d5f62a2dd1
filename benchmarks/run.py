"""Time the course against Keras: ``python benchmarks/run.py [recipe ...]`` writes the tables of benchmarks/README.md.

Each measurement runs in a process of its own; the sides take turns, so that both meet the same machine. Times are
medians over epochs and rounds, without the first epoch of a process, in which Keras compiles. Keras takes the threads
that it wants; the course trains on one.
"""

import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SIDES = ("ours", "ours float64", "keras")
ROUNDS = 3
README = HERE / "README.md"
BEGIN, END = "<!-- begin: written by run.py -->", "<!-- end -->"


def train(side: str, name: str) -> dict[str, Any]:
    """Train one recipe on one side, in this process; seconds of each epoch, last loss, memory at the peak in MB."""
    from recipes import RECIPES

    recipe = RECIPES[name]
    precision = "float64" if side.endswith("64") else "float32"
    inputs, targets = recipe.arrays()
    inputs = tuple(each.astype(precision) if each.dtype.kind == "f" else each for each in _tuple(inputs))
    targets = targets.astype(precision)
    seconds, loss = (_train_keras if side == "keras" else _train_ours)(recipe, inputs, targets, precision)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "loss": loss, "memory": memory}


def _tuple(arrays: Any) -> tuple[np.ndarray, ...]:
    return arrays if isinstance(arrays, tuple) else (arrays,)


def _train_ours(recipe: Any, inputs: Any, targets: np.ndarray, precision: str) -> tuple[list[float], float]:
    from functools import partial

    import torch

    from rnncourse import training

    training.reproducible(0)
    torch.set_default_dtype(getattr(torch, precision))
    optimizer = partial(getattr(torch.optim, recipe.optimizer), lr=recipe.rate)
    if recipe.optimizer == "Adam":
        optimizer = partial(optimizer, fused=True)  # as `fit` does by itself
    losses = {"mse": torch.nn.functional.mse_loss, "binary_crossentropy": torch.nn.functional.binary_cross_entropy}
    history = training.fit(
        recipe.ours(),
        inputs if len(inputs) > 1 else inputs[0],
        targets,
        epochs=recipe.epochs + 1,
        batch_size=recipe.batch_size,
        optimizer=optimizer,
        loss=losses[recipe.loss],
    )
    return history.seconds, history.train_loss[-1]


def _train_keras(recipe: Any, inputs: Any, targets: np.ndarray, precision: str) -> tuple[list[float], float]:
    import keras

    keras.utils.set_random_seed(0)
    model = recipe.keras(keras)
    model.compile(optimizer=getattr(keras.optimizers, recipe.optimizer)(recipe.rate), loss=recipe.loss)
    seconds, loss = [], 0.0
    given = list(inputs) if len(inputs) > 1 else inputs[0]
    for _ in range(recipe.epochs + 1):
        begin = time.perf_counter()
        fitted = model.fit(given, targets.reshape(len(targets), -1), batch_size=recipe.batch_size, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - begin)
        loss = fitted.history["loss"][-1]
    return seconds, loss


def peak_rate() -> dict[str, float]:
    """What one core can do: multiply matrices (Gflop/s, float32), copy memory (GB/s)."""
    import torch

    torch.set_num_threads(1)
    a = torch.rand(1024, 1024)
    block = np.ones(32_000_000)
    target = np.empty_like(block)
    return {
        "gflops": 2 * 1024**3 / _best(lambda: a @ a) / 1e9,
        "copy": 2 * block.nbytes / _best(lambda: np.copyto(target, block)) / 1e9,
    }


def _best(do: Any, repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        do()
        times.append(time.perf_counter() - begin)
    return min(times)


def windows(side: str) -> dict[str, float]:
    """Windows of 50 from 100,000 values in random batches of 64, read to the end: windows per second."""
    series = np.random.default_rng(0).normal(size=100_000).astype("float32")
    begin = time.perf_counter()
    count = 0
    if side == "keras":
        import keras

        begin = time.perf_counter()
        batches = keras.utils.timeseries_dataset_from_array(
            series[:-1, np.newaxis], series[50:, np.newaxis], sequence_length=50, batch_size=64, shuffle=True, seed=0
        )
        for inputs, _ in batches:
            count += len(inputs)
    else:
        import torch

        from rnncourse.windows import make_windows

        begin = time.perf_counter()
        cut = make_windows(series, lookback=50)
        for index in np.array_split(torch.randperm(len(cut.inputs)).numpy(), len(cut.inputs) // 64):
            count += len(torch.from_numpy(cut.inputs[index]))
    return {"per_second": count / (time.perf_counter() - begin)}


def loop(side: str) -> dict[str, float]:
    """Closed loop of the sine network, GRU(10) reading 50 points: steps per second, for one series."""
    steps = 500
    if side == "keras":
        import keras
        from recipes import keras_sine

        model = keras_sine(keras)
        window = np.zeros((1, 50, 1), dtype="float32")

        def run(count: int) -> None:
            nonlocal window
            for _ in range(count):
                output = model.predict_on_batch(window)  # the compiled graph; calling the model is 50 times slower
                window = np.concatenate([window[:, 1:], output[:, np.newaxis]], axis=1)
    else:
        import torch
        from recipes import RECIPES

        from rnncourse import forecasting, training

        training.reproducible(0)
        torch.set_default_dtype(torch.float32)
        network = RECIPES["sine"].ours()

        def run(count: int) -> None:
            forecasting.closed_loop(network, np.zeros((50, 1), dtype="float32"), count)

    run(10)
    begin = time.perf_counter()
    run(steps)
    return {"per_second": steps / (time.perf_counter() - begin)}


def imported(side: str) -> dict[str, float]:
    """Seconds until everything that a training needs is imported, and the memory it then takes, in MB."""
    begin = time.perf_counter()
    if side == "keras":
        import keras  # noqa: F401
    else:
        from rnncourse import training  # noqa: F401
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


WORK = {"peak": peak_rate, "train": train, "windows": windows, "loop": loop, "imported": imported}


def in_process(work: str, *arguments: str) -> Any:
    """Run one measurement in a fresh process."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, __file__, "--work", work, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def training_table(names: list[str]) -> pd.DataFrame:
    """Every recipe on every side, in turns."""
    from recipes import RECIPES

    peak = in_process("peak")
    rows = []
    for name in names:
        recipe = RECIPES[name]
        found: dict[str, list[Any]] = {side: [] for side in SIDES}
        for _ in range(ROUNDS):
            for side in SIDES:
                found[side].append(in_process("train", side, name))
        seconds = {
            side: statistics.median(s for run in runs for s in run["seconds"][1:]) for side, runs in found.items()
        }
        count = len(recipe.arrays()[1])
        # Backwards costs twice what forwards costs: once for the inputs, once for the weights.
        flops = 3 * recipe.flops * count
        rows.append(
            {
                "recipe": name,
                "what": recipe.what,
                **{f"{side}, s an epoch": value for side, value in seconds.items()},
                "Keras / ours": seconds["keras"] / seconds["ours"],
                "Keras / ours float64": seconds["keras"] / seconds["ours float64"],
                "of one core's rate": flops / seconds["ours"] / (1e9 * peak["gflops"]),
                **{f"{side}, loss": found[side][0]["loss"] for side in SIDES},
                **{f"{side}, MB": max(run["memory"] for run in found[side]) for side in SIDES},
            }
        )
        print(name, {side: round(value, 3) for side, value in seconds.items()}, flush=True)
    return pd.DataFrame(rows)


def other_table() -> pd.DataFrame:
    """Windows, closed loop and import, in turns."""
    names = {
        "windows a second": ("windows", "per_second"),
        "closed-loop steps a second": ("loop", "per_second"),
        "import, s": ("imported", "seconds"),
        "memory after import, MB": ("imported", "memory"),
    }
    rows = []
    for label, (work, key) in names.items():
        found: dict[str, list[float]] = {"ours": [], "keras": []}
        for _ in range(ROUNDS):
            for side, values in found.items():
                values.append(in_process(work, side)[key])
        ours, theirs = (statistics.median(values) for values in found.values())
        better = ours / theirs if key == "per_second" else theirs / ours
        rows.append({"measure": label, "ours": ours, "keras": theirs, "times better": better})
        print(label, round(ours, 3), round(theirs, 3), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    from recipes import RECIPES

    names = sys.argv[1:] or list(RECIPES)
    if unknown := set(names) - set(RECIPES):
        raise SystemExit(f"no recipe {sorted(unknown)}; there are: {', '.join(RECIPES)}")
    tables = [training_table(names), other_table()]
    if len(names) < len(RECIPES):
        return  # a look at some recipes, not a result
    peak = in_process("peak")
    machine = f"{os.cpu_count()} cores {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "keras", "tensorflow-cpu", "numpy"))
    lines = [
        f"{datetime.date.today()}; {machine}; {versions}.",
        f"One core multiplies matrices at {peak['gflops']:.0f} Gflop/s and copies {peak['copy']:.0f} GB/s.",
    ]
    text = "\n\n".join([" ".join(lines), *map(markdown, split_columns(tables[0])), markdown(tables[1])])
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def split_columns(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The wide table of the trainings in three: what, how long, at what price."""
    table = table.set_index("recipe")
    parts = [["what"], [c for c in table if "epoch" in c or "Keras" in c or "rate" in c], []]
    parts[2] = [c for c in table if c not in parts[0] + parts[1]]
    return [table[part].reset_index() for part in parts]


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, numbers to three digits."""
    rows = [list(table), ["---"] * table.shape[1]]
    rows += [[cell if isinstance(cell, str) else f"{cell:.3g}" for cell in row] for row in table.to_numpy()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        sys.path.insert(0, str(HERE))
        print(json.dumps(WORK[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
