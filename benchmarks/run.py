"""Time the course against Keras and Darts: ``python benchmarks/run.py [recipe ...]``.

Without a recipe it runs all of them and writes data/results/benchmarks*.csv and the tables of benchmarks/README.md.
Each measurement runs in a process of its own; the sides take turns, so that all meet the same machine. Times are
medians over epochs and rounds, without the first epoch of a process, in which Keras compiles. Keras and Darts take the
threads that they want; the course trains on one, and once more on all cores.
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
SIDES = ("ours", "ours, all cores", "ours, float64", "keras")
ROUNDS = 3
ONCE = {"ours, float64"}  # compared with nothing: measured in the first round only
README = HERE / "README.md"
RESULTS = HERE.parent / "data" / "results"
BEGIN, END = "<!-- begin: written by run.py -->", "<!-- end -->"


def train(side: str, name: str) -> dict[str, Any]:
    """Train one recipe on one side, in this process; seconds of each epoch, last loss, memory at the peak in MB."""
    from recipes import RECIPES

    recipe = RECIPES[name]
    inputs, targets = _arrays(recipe, "float64" if side == "ours, float64" else "float32")
    if side == "darts":
        seconds, loss = _train_darts(recipe)
    elif side == "keras":
        seconds, loss = _train_keras(recipe, inputs, targets)
    else:
        seconds, loss = _train_ours(recipe, inputs, targets, threads=(os.cpu_count() or 1) if "all" in side else 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "loss": loss, "memory": memory}


def _arrays(recipe: Any, precision: str) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Inputs and targets of a recipe; whole numbers among the inputs stay whole."""
    inputs, targets = recipe.arrays()
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    cast = tuple(each.astype(precision) if each.dtype.kind == "f" else each for each in several)
    return cast, targets.astype(precision)


def _train_ours(
    recipe: Any, inputs: Any, targets: np.ndarray, *, threads: int, epochs: int | None = None
) -> tuple[list[float], float]:
    from functools import partial

    import torch

    from rnncourse import training

    training.reproducible(0)
    torch.set_num_threads(threads)
    torch.set_default_dtype(getattr(torch, str(targets.dtype)))
    optimizer = partial(getattr(torch.optim, recipe.optimizer), lr=recipe.rate)
    if recipe.optimizer == "Adam":
        optimizer = partial(optimizer, fused=True)  # as `fit` does by itself
    losses = {"mse": torch.nn.functional.mse_loss, "binary_crossentropy": torch.nn.functional.binary_cross_entropy}
    history = training.fit(
        recipe.ours(),
        inputs if len(inputs) > 1 else inputs[0],
        targets,
        epochs=epochs or recipe.epochs + 1,
        batch_size=recipe.batch_size,
        optimizer=optimizer,
        loss=losses[recipe.loss],
    )
    return history.seconds, history.train_loss[-1]


def _train_keras(recipe: Any, inputs: Any, targets: np.ndarray) -> tuple[list[float], float]:
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


def _train_darts(recipe: Any) -> tuple[list[float], float]:
    import logging
    import warnings

    import pytorch_lightning
    import torch
    from darts import TimeSeries, models

    from rnncourse import datasets

    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    seconds: list[float] = []

    class Clock(pytorch_lightning.Callback):
        def on_train_epoch_start(self, *_: Any) -> None:
            self.begin = time.perf_counter()

        def on_train_epoch_end(self, *_: Any) -> None:
            seconds.append(time.perf_counter() - self.begin)

    trainer = {"accelerator": "cpu", "callbacks": [Clock()], "logger": False}
    trainer |= dict.fromkeys(("enable_progress_bar", "enable_checkpointing", "enable_model_summary"), False)
    model = recipe.darts(models)(
        batch_size=recipe.batch_size,
        n_epochs=recipe.epochs + 1,
        loss_fn=torch.nn.MSELoss(),
        optimizer_cls=getattr(torch.optim, recipe.optimizer),
        optimizer_kwargs={"lr": recipe.rate},
        random_state=0,
        pl_trainer_kwargs=trainer,
    )
    model.fit(TimeSeries.from_values(datasets.sine().astype("float32")))
    return seconds, float(model.trainer.callback_metrics["train_loss"])


def profile(name: str) -> list[dict[str, Any]]:
    """Share of each operation in the time of one epoch of ours, one core, float32; the largest six, and the rest."""
    import torch
    from recipes import RECIPES

    recipe = RECIPES[name]
    inputs, targets = _arrays(recipe, "float32")
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as watched:
        _train_ours(recipe, inputs, targets, threads=1, epochs=1)
    spent = {event.key: event.self_cpu_time_total for event in watched.key_averages()}
    total = sum(spent.values())
    largest = sorted(spent, key=spent.__getitem__, reverse=True)[:6]
    rows = [{"recipe": name, "operation": key, "share": spent[key] / total} for key in largest]
    return [*rows, {"recipe": name, "operation": "the rest", "share": 1 - sum(row["share"] for row in rows)}]


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
    """Windows of 50 from 30,000 values in random batches of 64, read to the end: windows per second."""
    series = np.random.default_rng(0).normal(size=30_000).astype("float32")
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


WORK = {"peak": peak_rate, "train": train, "profile": profile, "windows": windows, "loop": loop, "imported": imported}


def in_process(work: str, *arguments: str) -> Any:
    """Run one measurement in a fresh process."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, __file__, "--work", work, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def training_table(names: list[str], gflops: float) -> pd.DataFrame:
    """Every recipe on every side, in turns: one row for each pair."""
    from recipes import RECIPES

    rows = []
    for name in names:
        recipe = RECIPES[name]
        found: dict[str, list[Any]] = {side: [] for side in (*SIDES, *(["darts"] if recipe.darts else []))}
        for turn in range(ROUNDS):
            for side, runs in found.items():
                if turn == 0 or side not in ONCE:
                    runs.append(in_process("train", side, name))
        # Backwards costs twice what forwards costs: once for the inputs, once for the weights.
        flops = 3 * recipe.flops * len(recipe.arrays()[1])
        seconds = {
            side: statistics.median(s for run in runs for s in run["seconds"][1:]) for side, runs in found.items()
        }
        for side, runs in found.items():
            rows.append(
                {
                    "recipe": name,
                    "what": recipe.what,
                    "side": side,
                    "seconds": seconds[side],
                    "keras_ratio": seconds["keras"] / seconds[side],
                    "core_share": flops / seconds[side] / (1e9 * gflops),
                    "loss": runs[0]["loss"],
                    "memory_mb": max(run["memory"] for run in runs),
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
    sides = ("ours", "keras")
    rows = []
    found = {
        (work, turn, side): in_process(work, side)
        for work in dict.fromkeys(work for work, _ in names.values())
        for turn in range(ROUNDS)
        for side in sides
    }
    for label, (work, key) in names.items():
        ours, theirs = (statistics.median(found[work, turn, side][key] for turn in range(ROUNDS)) for side in sides)
        better = ours / theirs if key == "per_second" else theirs / ours
        rows.append({"measure": label, "ours": ours, "keras": theirs, "times better": better})
        print(label, round(ours, 3), round(theirs, 3), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    from recipes import RECIPES

    names = sys.argv[1:] or list(RECIPES)
    if unknown := set(names) - set(RECIPES):
        raise SystemExit(f"no recipe {sorted(unknown)}; there are: {', '.join(RECIPES)}")
    peak = in_process("peak")
    trainings = training_table(names, peak["gflops"])
    if len(names) < len(RECIPES):
        return  # a look at some recipes, not a result
    others = other_table()
    profiles = pd.DataFrame([row for name in names for row in in_process("profile", name)])
    machine = f"{os.cpu_count()} cores {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    packages = ("torch", "keras", "tensorflow-cpu", "darts", "numpy")
    machine = ", ".join([machine, *(f"{name} {metadata.version(name)}" for name in packages)])
    peaks = pd.DataFrame(
        [{"measure": "peak, Gflop/s", "ours": peak["gflops"]}, {"measure": "copy, GB/s", "ours": peak["copy"]}]
    )
    others = pd.concat([others, peaks])
    header = f"# command: make bench\n# date: {datetime.date.today()}\n# machine: {machine}\n"
    for name, table in (("", trainings), ("_other", others), ("_profile", profiles)):
        text = table.to_csv(index=False, float_format="%.4g", lineterminator="\n")
        (RESULTS / f"benchmarks{name}.csv").write_text(header + text, encoding="utf-8")
    tables = [*training_tables(trainings), others]
    text = "\n\n".join([f"{datetime.date.today()}; {machine}.", *map(markdown, tables)])
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def training_tables(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The long table as four to be read: what, seconds an epoch, times Keras's speed, loss and memory."""
    order = list(dict.fromkeys(rows["recipe"]))
    sides = list(dict.fromkeys(rows["side"]))

    def wide(column: str, among: list[str]) -> pd.DataFrame:
        return rows.pivot_table(index="recipe", columns="side", values=column).loc[order, among]

    ratios = wide("keras_ratio", [side for side in sides if side != "keras"])
    ratios["of one core's rate"] = wide("core_share", ["ours"])["ours"]
    price = wide("loss", sides).add_suffix(", loss").join(wide("memory_mb", sides).add_suffix(", MB"))
    what = rows.drop_duplicates("recipe")[["recipe", "what"]]
    return [what, *(table.reset_index() for table in (wide("seconds", sides), ratios, price))]


def written(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    return "" if pd.isna(cell) else f"{cell:.3g}"


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, numbers to three digits."""
    rows = [list(table), ["---"] * table.shape[1]]
    rows += [[written(cell) for cell in row] for row in table.to_numpy()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        sys.path.insert(0, str(HERE))
        print(json.dumps(WORK[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
