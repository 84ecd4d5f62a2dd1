"""Record the runs that are too long for a notebook: ``python data/record.py [name ...]``.

Each function below is one result: it returns a table with a row a run, which is written to
``data/results/<name>.csv`` under three comment lines (command, date, machine). The chapters show
these tables as recorded and run one row of each again, live.
"""

import datetime
import math
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
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim import LBFGS, Adam
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from rnncourse import datasets, forecasting, models, training, windows

RESULTS = Path(__file__).parent / "results"


def in_parallel(run: Callable[..., list[dict[str, Any]]], settings: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Call `run` with each setting, on all cores with one thread each; the rows keep their order."""
    parts = Parallel(n_jobs=-1, verbose=5)(delayed(run)(**setting) for setting in settings)
    return pd.DataFrame([row for rows in parts for row in rows])


# --- chapter 1 -----------------------------------------------------------------------------------

SINE = datasets.sine()
SINE_WINDOWS = windows.make_windows(SINE, lookback=50)
EPOCHS, BATCH = 20, 64
UPDATES = EPOCHS * math.ceil(len(SINE_WINDOWS.inputs) / BATCH)
ONE_CYCLE = partial(OneCycleLR, max_lr=1e-2, total_steps=UPDATES)
TIGHT = {"tolerance_grad": 1e-12, "tolerance_change": 1e-15}  # the defaults stop at losses near 1e-7
POLISH = partial(LBFGS, max_iter=20, history_size=20, line_search_fn="strong_wolfe", **TIGHT)


def sine_loop_errors(model: nn.Module) -> dict[str, float]:
    """Judge a model in closed loop: as the thread did, beyond the training series, and for long."""
    early = datasets.sine(5050, start=-49 * 0.04)[:, np.newaxis]  # the first 50 points end at x = 0
    forecast = forecasting.closed_loop(model, early[:50], 5000)
    error = np.abs(forecast - early[50:])[:, 0]
    x = 0.04 * np.arange(4686, 5001)  # the last two periods
    wave = np.column_stack([np.sin(x), np.cos(x)])
    (a, b), *_ = np.linalg.lstsq(wave, forecast[-len(x) :, 0], rcond=None)
    return {
        "max_error_500": error[:500].max(),
        "max_error_beyond": sine_error_beyond(model),
        "max_error_5000": error.max(),
        "end_amplitude": np.hypot(a, b),
        "end_phase": np.arctan2(b, a),
    }


def sine_error_beyond(model: nn.Module) -> float:
    """Largest error over the 500 steps after the training series."""
    late = datasets.sine(550, start=100 - 49 * 0.04)[:, np.newaxis]  # the first 50 points end at x = 100
    return float(np.abs(forecasting.closed_loop(model, late[:50], 500) - late[50:]).max())


def sine_loss(model: nn.Module) -> float:
    """Mean squared error one step ahead on the training windows."""
    return float(np.mean((training.predict(model, SINE_WINDOWS.inputs) - SINE_WINDOWS.targets) ** 2))


def sine_heads_run(readout: str, residual: bool, polish: bool, seeds: range) -> list[dict[str, Any]]:
    """Train the thread's GRU(10) with one kind of head, and polish it with L-BFGS where asked."""
    rows = []
    for seed, model in zip(seeds, sine_models(seeds, readout, residual), strict=True):
        rows.append({"lbfgs": False, "seed": seed, "loss": sine_loss(model), **sine_loop_errors(model)})
        if polish:
            some = slice(None, None, 10)
            inputs, targets = SINE_WINDOWS.inputs[some], SINE_WINDOWS.targets[some]
            training.fit(model, inputs, targets, epochs=10, batch_size=None, optimizer=POLISH)
            rows.append({"lbfgs": True, "seed": seed, "loss": sine_loss(model), **sine_loop_errors(model)})
    return [{"readout": readout, "residual": residual, **row} for row in rows]


def sine_models(seeds: range, readout: str, residual: bool, hidden: int = 10, layers: int = 1) -> list[nn.Module]:
    """Train the thread's network, or a variant of it, for each seed."""

    def make() -> nn.Module:
        core = nn.GRU(1, hidden, num_layers=layers, batch_first=True)
        return models.Forecaster(core, readout=readout, residual=residual, lookback=50)

    options = {"epochs": EPOCHS, "batch_size": BATCH, "scheduler": ONE_CYCLE}
    return training.fit_seeds(make, SINE_WINDOWS.inputs, SINE_WINDOWS.targets, seeds=seeds, **options)[0]


def sine_heads() -> pd.DataFrame:
    """Ten seeds of each head: on all states or the last, of the value or the change, with L-BFGS after."""
    settings = [
        {"readout": readout, "residual": residual, "polish": readout == "last", "seeds": seeds}
        for readout in ("all", "last")
        for residual in (False, True)
        for seeds in (range(5), range(5, 10))
    ]
    order = ["readout", "residual", "lbfgs", "seed"]
    return in_parallel(sine_heads_run, settings).sort_values(order, ignore_index=True)


def sine_layers_run(layers: int, hidden: int) -> list[dict[str, Any]]:
    """Train five seeds of one size and judge each beyond the training series."""
    trained = sine_models(range(5), "all", False, hidden, layers)
    weights = sum(weight.numel() for weight in trained[0].parameters())
    return [
        {
            "layers": layers,
            "hidden_size": hidden,
            "weights": weights,
            "seed": seed,
            "loss": sine_loss(model),
            "max_error_beyond": sine_error_beyond(model),
        }
        for seed, model in enumerate(trained)
    ]


def sine_layers() -> pd.DataFrame:
    """Layers times hidden units, the thread's open question, five seeds each."""
    sizes = [{"layers": layers, "hidden": hidden} for layers in (1, 2) for hidden in (40, 20, 10, 5, 2)]
    return in_parallel(sine_layers_run, sizes).sort_values(["layers", "hidden_size", "seed"], ignore_index=True)


FAMILY = np.round(np.arange(1, 21) * 0.1, 1)  # the question's A: 0.1, 0.2 … 2.0
TESTED = np.round(np.arange(1, 51) * 0.05, 2)  # its members, those between, and those beyond
# name: step of the series, lookback, stride, core, head, residual, horizon, epochs
FAMILY_SETUPS: dict[str, tuple[float, int, int, str, str, bool, int, int]] = {
    "as asked": (0.04, 50, 10, "LSTM", "all", False, 1, 20),
    "longer window, 10 epochs": (0.4, 40, 2, "GRU", "last", True, 1, 10),
    "longer window, 60 epochs": (0.4, 40, 2, "GRU", "last", True, 1, 60),
    "40 steps at once": (0.4, 40, 2, "GRU", "last", False, 40, 60),
}


def sine_family_run(setup: str, seed: int) -> list[dict[str, Any]]:
    """Train one network on the sines of all A; forecast 16 units of x at frequencies seen and unseen."""
    step, lookback, stride, core, readout, residual, horizon, epochs = FAMILY_SETUPS[setup]
    steps = round(100 / step) + 1
    cut = partial(windows.make_windows, lookback=lookback, horizon=horizon, stride=stride)
    parts = [cut(datasets.sine(steps, step=step, angular_frequency=a)) for a in FAMILY]
    inputs, targets = (np.concatenate([getattr(part, name) for part in parts]) for name in ("inputs", "targets"))
    training.reproducible(seed)
    layer = nn.LSTM(1, 10, batch_first=True) if core == "LSTM" else nn.GRU(1, 32, batch_first=True)
    model = models.Forecaster(layer, horizon=horizon, readout=readout, lookback=lookback, residual=residual)
    schedule = partial(OneCycleLR, max_lr=1e-2, total_steps=epochs * math.ceil(len(inputs) / 64))
    training.fit(model, inputs, targets, epochs=epochs, batch_size=64, scheduler=schedule, clip_norm=1.0)
    ahead = round(16 / step)
    wave = partial(datasets.sine, lookback + ahead, step=step)
    starts = 100 + 1.7 * np.arange(10)
    tracks = np.array([wave(angular_frequency=a, start=x) for a in TESTED for x in starts])[..., np.newaxis]
    past, truth = tracks[:, :lookback], tracks[:, lookback:]
    forecast = forecasting.closed_loop(model, past, ahead) if horizon == 1 else training.predict(model, past)
    rmse = np.sqrt(np.mean((forecast - truth) ** 2, axis=(1, 2)).reshape(len(TESTED), -1).mean(axis=1))
    row = {"setup": setup, "seed": seed}
    return [{**row, "angular_frequency": a, "rmse": error} for a, error in zip(TESTED, rmse, strict=True)]


def sine_family() -> pd.DataFrame:
    """The thread's last comment: sin(A x) for twenty A with one network; three seeds of each set-up."""
    settings = [{"setup": setup, "seed": seed} for setup in reversed(FAMILY_SETUPS) for seed in range(3)]
    return in_parallel(sine_family_run, settings).sort_values(["setup", "seed"], kind="stable", ignore_index=True)


# --- chapter 3 -----------------------------------------------------------------------------------

# Indices in the series of 3,126 months: first validation month 1890-01, first test month 1937-01, first later month.
VALIDATION, TEST, LATER, CYCLE = 1692, 2256, 2820, 132
BASE = {"cell": "GRU", "hidden_size": 16, "num_layers": 1, "lookback": 36, "root": True, "residual": True}
# The lowest median of each kind of error in sunspots_choice.
CHOSEN = {"one step": {**BASE, "lookback": 132}, "closed loop": {**BASE, "num_layers": 2}}


class FittedSunspots:
    """The mended model, trained for each seed on all months before `stop`."""

    def __init__(
        self,
        stop: int,
        *,
        seeds: Iterable[int],
        cell: str,
        hidden_size: int,
        num_layers: int,
        lookback: int,
        root: bool,
        residual: bool,
        epochs: int = 20,
    ) -> None:
        self.numbers = datasets.sunspots(until="2009-06").to_numpy()
        values = np.sqrt(self.numbers) if root else self.numbers
        self.root, self.scaler = root, StandardScaler().fit(values[:stop, np.newaxis])
        self.windows = windows.make_windows(self.scaler.transform(values[:, np.newaxis]), lookback=lookback)
        train = self.windows.between(lookback, stop)

        def make() -> nn.Module:
            core = getattr(nn, cell)(1, hidden_size, num_layers=num_layers, batch_first=True)
            return models.Forecaster(core, residual=residual)

        updates = epochs * math.ceil(len(train.targets) / 64)
        self.models, _ = training.fit_seeds(
            make,
            train.inputs,
            train.targets,
            seeds=seeds,
            epochs=epochs,
            batch_size=64,
            optimizer=partial(Adam, lr=1e-2, fused=True),
            scheduler=partial(CosineAnnealingLR, T_max=updates),
        )

    def back(self, scaled: np.ndarray) -> np.ndarray:
        """Return scaled values, shape (..., 1), as sunspot numbers, shape (...)."""
        values = np.maximum(scaled[..., 0] * self.scaler.scale_[0] + self.scaler.mean_[0], 0)
        return values**2 if self.root else values

    def one_step(self, start: int, stop: int) -> np.ndarray:
        """Return forecasts one month ahead for the months [start, stop): (seeds, months)."""
        inputs = self.windows.between(start, stop).inputs
        return np.array([self.back(training.predict(model, inputs))[:, 0] for model in self.models])

    def closed_loop(self, origins: np.ndarray) -> np.ndarray:
        """Return forecasts over a cycle from each origin, the first month forecast: (seeds, origins, 132)."""
        past = self.windows.inputs[origins - self.windows.inputs.shape[1]]
        return np.array([self.back(forecasting.closed_loop(model, past, CYCLE)) for model in self.models])

    def cycle_errors(self, origins: np.ndarray) -> np.ndarray:
        """Return the errors of those forecasts, in sunspot numbers."""
        return self.closed_loop(origins) - self.numbers[origins[:, np.newaxis] + np.arange(CYCLE)]


def rms(errors: np.ndarray, axis: Any = -1) -> np.ndarray:
    """Return the root mean square over the given axes."""
    return np.sqrt(np.mean(errors**2, axis=axis))


def origins_between(start: int, stop: int) -> np.ndarray:
    """Every twelfth month from which a whole cycle lies before `stop`."""
    return np.arange(start, stop - CYCLE + 1, 12)


def sunspots_choice_run(**setting: Any) -> list[dict[str, Any]]:
    """Train one setting on 1749 to 1889, judge it on 1890 to 1936."""
    seeds = range(5)
    fitted = FittedSunspots(VALIDATION, seeds=seeds, **setting)
    one_step = rms(fitted.one_step(VALIDATION, TEST) - fitted.numbers[VALIDATION:TEST])
    cycle = rms(fitted.cycle_errors(origins_between(VALIDATION, TEST)), axis=(1, 2))
    return [{**setting, "seed": k, "one_step": one_step[k], "closed_loop": cycle[k]} for k in seeds]


def sunspots_choice() -> pd.DataFrame:
    """Compare settings on the validation years 1890 to 1936, five seeds each."""
    changes: list[dict[str, Any]] = [
        {"lookback": 132},
        {"lookback": 132, "cell": "RNN"},
        {"hidden_size": 32},
        {"num_layers": 2},
        {"num_layers": 2, "cell": "RNN"},
        {"cell": "LSTM"},
        {},
        {"lookback": 12},
        {"hidden_size": 8},
        {"cell": "RNN"},
        {"root": False},
        {"residual": False},
        {"cell": "RNN", "lookback": 12},
        {"cell": "RNN", "lookback": 12, "hidden_size": 3},
        {"cell": "RNN", "lookback": 12, "hidden_size": 3, "root": False, "residual": False},
    ]
    return in_parallel(sunspots_choice_run, [{**BASE, **change} for change in changes])


def sunspots_run(use: str, stop: int, until: int, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train before `stop` and forecast up to `until`, one month ahead and over whole cycles.

    A row holds the training error one month ahead on the source's targets (`train`), the forecast of
    each month one month ahead ("1937-01" …), and the closed loop's error at each lead ("1" … "132").
    """
    seeds = list(seeds)
    fitted = FittedSunspots(stop, seeds=seeds, **CHOSEN[use])
    months = datasets.sunspots(until="2009-06").index[stop:until].astype(str)
    every_twelfth = fitted.one_step(CYCLE, stop)[:, ::12] - fitted.numbers[CYCLE:stop:12]
    rows = zip(rms(every_twelfth), fitted.one_step(stop, until), strict=True)
    by_lead = rms(fitted.cycle_errors(origins_between(stop, until)), axis=1)
    leads = [str(lead) for lead in range(1, CYCLE + 1)]
    return [
        {"use": use, "seed": seed, "train": train, **dict(zip(months, ahead, strict=True))}
        | dict(zip(leads, errors, strict=True))
        for seed, (train, ahead), errors in zip(seeds, rows, by_lead, strict=True)
    ]


def sunspots_test() -> pd.DataFrame:
    """Train both chosen settings on 1749 to 1936 and forecast 1937 to 1983, twelve seeds each."""
    return in_parallel(
        sunspots_run,
        [
            {"use": use, "stop": TEST, "until": LATER, "seeds": part}
            for use in CHOSEN
            for part in (range(6), range(6, 12))
        ],
    )


def sunspots_origins_run(origin: int, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train before `origin`, judge one month ahead on the 141 months that follow."""
    seeds = list(seeds)
    fitted = FittedSunspots(origin, seeds=seeds, **CHOSEN["one step"])
    errors = rms(fitted.one_step(origin, origin + 141) - fitted.numbers[origin : origin + 141])
    return [{"origin": origin, "seed": seed, "one_step": error} for seed, error in zip(seeds, errors, strict=True)]


def sunspots_origins() -> pd.DataFrame:
    """Train again at three later origins, each time on everything before, ten seeds each."""
    origins = range(TEST + 141, LATER, 141)
    halves = range(5), range(5, 10)
    return in_parallel(sunspots_origins_run, [{"origin": o, "seeds": part} for o in origins for part in halves])


def sunspots_later() -> pd.DataFrame:
    """Train both settings on 1749 to 1983 and forecast 1984 to 2009-06, twelve seeds each."""
    end = len(datasets.sunspots(until="2009-06"))
    return in_parallel(
        sunspots_run,
        [
            {"use": use, "stop": LATER, "until": end, "seeds": part}
            for use in CHOSEN
            for part in (range(6), range(6, 12))
        ],
    )


# -------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "sine_heads": sine_heads,
    "sine_layers": sine_layers,
    "sine_family": sine_family,
    "sunspots_choice": sunspots_choice,
    "sunspots_test": sunspots_test,
    "sunspots_origins": sunspots_origins,
    "sunspots_later": sunspots_later,
}


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
