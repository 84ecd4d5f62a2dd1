"""Record the runs that are too long for a notebook: ``python data/record.py [name ...]``.

Each function below is one result: it returns a table with a row a run, which is written to
``data/results/<name>.csv`` under three comment lines (command, date, machine). The chapters show
these tables as recorded and run one row of each again, live. A recording that is broken off goes on where it stopped
when it is started again; if the code has changed since, remove ``data/results/unfinished`` first.
"""

import datetime
import importlib
import math
import os
import platform
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from torch import nn
from torch.nn.functional import binary_cross_entropy, cross_entropy
from torch.optim import LBFGS, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from rnncourse import datasets, forecasting, layers, models, training, two_inputs, windows
from rnncourse.datasets import read_droughted
from rnncourse.drought import LATITUDES, DroughtWindows, drought_windows
from rnncourse.intervals import conformal_margin, interval_score, pinball_loss
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


def sunspots_calibration_run(use: str, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train before the validation years; forecast each month of those and the test years one month ahead."""
    seeds = list(seeds)
    months = datasets.sunspots().index[VALIDATION:LATER].astype(str)
    forecasts = FittedSunspots(VALIDATION, seeds=seeds, **CHOSEN[use]).one_step(VALIDATION, LATER)
    rows = zip(seeds, forecasts, strict=True)
    return [{"use": use, "seed": seed, **dict(zip(months, row, strict=True))} for seed, row in rows]


def sunspots_calibration() -> pd.DataFrame:
    """Forecast 1890 to 1983 from 1749 to 1889: for intervals, errors of years that no weight was fitted on."""
    return in_parallel(sunspots_calibration_run, [{"use": use, "seeds": range(6)} for use in CHOSEN])


PATHS = 99  # the 5th and the 95th of 99 bound nine tenths of what may come


def sunspots_fans_run(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Sample paths over a cycle from each origin in the test years; judge the middle 90 % of them by year of lead.

    The models are trained on 1749 to 1936; the errors drawn are those of 1890 to 1936 in sunspots_calibration.
    """
    seeds = list(seeds)
    earlier = datasets.recorded("sunspots_calibration").set_index(["use", "seed"]).loc["closed loop"]
    fitted = FittedSunspots(TEST, seeds=seeds, **CHOSEN["closed loop"])
    rows = []
    for seed, model in zip(seeds, fitted.models, strict=True):
        forecast = earlier.loc[seed].to_numpy(np.float64)[: TEST - VALIDATION]
        errors = (np.sqrt(forecast) - np.sqrt(fitted.numbers[VALIDATION:TEST])) / fitted.scaler.scale_[0]
        for origin in origins_between(TEST, LATER):
            past = fitted.windows.inputs[origin - fitted.windows.inputs.shape[1]]
            drawn = forecasting.sampled_paths(model, past, CYCLE, errors, paths=PATHS, seed=origin)
            lower, upper = np.quantile(fitted.back(drawn), [0.05, 0.95], axis=0, method="weibull")
            judged = interval_by_part(lower, upper, fitted.numbers[origin : origin + CYCLE], parts=11)
            rows.append({"seed": seed, "origin": int(origin), **judged})
    return rows


def interval_by_part(lower: np.ndarray, upper: np.ndarray, truth: np.ndarray, parts: int) -> dict[str, float]:
    """Return coverage, share above, mean width and interval score (level 0.9) of each part of a forecast."""
    inside = (lower <= truth) & (truth <= upper)
    misses = np.maximum(np.maximum(lower - truth, truth - upper), 0)
    columns = {"coverage": inside, "above": truth > upper, "width": upper - lower}
    columns["score"] = upper - lower + 20 * misses
    by_part = {name: values.reshape(parts, -1).mean(axis=1) for name, values in columns.items()}
    return {f"{name}_{part + 1}": values[part] for name, values in by_part.items() for part in range(parts)}


def sunspots_fans() -> pd.DataFrame:
    """Fans of the network in closed loop over 37 origins, three seeds."""
    return in_parallel(sunspots_fans_run, [{"seeds": [seed]} for seed in range(3)])


# --- chapter 4 -----------------------------------------------------------------------------------

KNOWN, AHEAD = 700, 300  # steps of leading_parameters: to learn from, and to forecast


def observable_source() -> pd.DataFrame:
    """The thread's own configuration, in float32: its closed-loop forecast after every 20 epochs."""
    table = datasets.leading_parameters()
    largest = table[:KNOWN].max()
    scaled = (table[:KNOWN] / largest).to_numpy()
    train = windows.make_windows(scaled, lookback=300)
    training.reproducible(0)
    torch.set_default_dtype(torch.float32)
    core = layers.VariationalGRU(4, 300, input_dropout=0.1, state_dropout=0.5)
    model = models.Forecaster(core, targets=4, readout="all", lookback=300)
    optimiser = Adam(model.parameters(), lr=1e-4)  # one for all rounds, so that its averages live on
    rows, seconds = [], 0.0
    for epochs in range(20, 141, 20):
        options = {"epochs": 20, "batch_size": 64, "optimizer": lambda _: optimiser}
        history = training.fit(model, train.inputs, train.targets, **options)
        seconds += sum(history.seconds)
        forecast = forecasting.closed_loop(model, scaled[-300:], AHEAD)[:, 3] * largest["obs"]
        row = {"epochs": epochs, "train_loss": history.train_loss[-1], "seconds": seconds}
        rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


def by_step(values: Iterable[float]) -> dict[str, float]:
    """Columns "1", "2", … of a row: a forecast, or errors, by step ahead."""
    return {str(step): value for step, value in enumerate(values, 1)}


def observable_fit(
    table: pd.DataFrame,
    stop: int,
    *,
    seeds: Iterable[int],
    lookback: int = 20,
    readout: str = "all",
    residual: bool = True,
    epochs: int = 25,
    thrown: Iterable[int] = (),
) -> tuple[list[np.ndarray], list[training.History]]:
    """Train a GRU(24) on the rows before `stop`, without windows that hold a kick; forecast the observable after it."""
    scaler = StandardScaler().fit(table[:stop])
    series = scaler.transform(table)
    every = windows.make_windows(series[:stop], lookback=lookback)
    start = every.target_start
    # A kick shows in the parameters up to 14 steps before its row.
    calm = np.ones(len(start), dtype=bool)
    for row in thrown:
        calm &= (start < row - 14) | (start - lookback >= row)

    def make() -> nn.Module:
        core = nn.GRU(4, 24, batch_first=True)
        return models.Forecaster(core, targets=4, readout=readout, residual=residual, lookback=lookback)

    updates = epochs * math.ceil(calm.sum() / 64)
    trained, histories = training.fit_seeds(
        make,
        every.inputs[calm],
        every.targets[calm],
        seeds=seeds,
        epochs=epochs,
        batch_size=64,
        optimizer=partial(Adam, lr=1e-2, fused=True),
        scheduler=partial(OneCycleLR, max_lr=1e-2, total_steps=updates),
    )
    past, ahead = series[stop - lookback : stop], KNOWN - stop or AHEAD  # to the end of what is known, or beyond it
    loops = [forecasting.closed_loop(model, past, ahead) for model in trained]
    return [loop[:, 3] * scaler.scale_[3] + scaler.mean_[3] for loop in loops], histories


def observable_heads() -> pd.DataFrame:
    """Heads and lookbacks: trained on 500 steps to choose (200 ahead), on 700 to judge (300 ahead)."""
    table, rows = datasets.leading_parameters(), []
    for stop, seeds in ((500, range(4)), (KNOWN, range(8))):
        for lookback in (20, 40):
            for readout in ("all", "last"):
                for residual in (True, False):
                    setting = {"lookback": lookback, "readout": readout, "residual": residual}
                    forecasts, histories = observable_fit(table, stop, seeds=seeds, **setting)
                    for seed, forecast, history in zip(seeds, forecasts, histories, strict=True):
                        row = {"stop": stop, **setting, "seed": seed, "train_loss": history.train_loss[-1]}
                        rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


KICKS = (90, 180, 270, 360, 450, 540, 620, 680)


def observable_kicks() -> pd.DataFrame:
    """The driver thrown off its cycle eight times: six generator seeds, four seeds of each network."""
    rows = []
    for generator in range(20, 26):
        table = datasets.leading_parameters(seed=generator, kicks=KICKS)
        for readout, residual in (("last", False), ("all", True)):
            options = {"readout": readout, "residual": residual, "epochs": 40, "thrown": KICKS}
            forecasts, _ = observable_fit(table, KNOWN, seeds=range(4), **options)
            for seed, forecast in enumerate(forecasts):
                row = {"generator": generator, "readout": readout, "residual": residual, "seed": seed}
                rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


def observable_drift() -> pd.DataFrame:
    """All four series climb by 0.01 a step: eight seeds of two heads."""
    table, rows = datasets.leading_parameters().add(0.01 * np.arange(1000), axis=0), []
    for readout, residual in (("all", True), ("last", False)):
        forecasts, _ = observable_fit(table, KNOWN, seeds=range(8), readout=readout, residual=residual)
        for seed, forecast in enumerate(forecasts):
            row = {"readout": readout, "residual": residual, "seed": seed}
            rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


def observable_dropout_run(input_dropout: float, state_dropout: float, lr: float, seed: int) -> dict[str, Any]:
    """Train on 500 steps with a VariationalGRU at a constant rate, judge the closed loop on the 200 that follow."""
    table = datasets.leading_parameters()
    scaler = StandardScaler().fit(table[:500])
    series = scaler.transform(table[:KNOWN])
    train = windows.make_windows(series[:500], lookback=20)
    training.reproducible(seed)
    core = layers.VariationalGRU(4, 24, input_dropout=input_dropout, state_dropout=state_dropout)
    model = models.Forecaster(core, targets=4, readout="all", lookback=20)
    setting = {"input_dropout": input_dropout, "state_dropout": state_dropout, "lr": lr, "seed": seed}
    training.fit(
        model, train.inputs, train.targets, epochs=40, batch_size=64, optimizer=partial(Adam, lr=lr, fused=True)
    )
    one_step = training.predict(model, train.inputs) - train.targets  # without dropout
    loop = forecasting.closed_loop(model, series[480:500], 200)[:, 3] * scaler.scale_[3] + scaler.mean_[3]
    error = loop - table["obs"].to_numpy()[500:KNOWN]
    return {**setting, "one_step": np.sqrt(np.mean(one_step**2)), "closed_loop": np.sqrt(np.mean(error**2))}


def observable_dropout() -> pd.DataFrame:
    """The comment's advice: dropout rates times learning rates, four seeds each."""
    rates = ((0.0, 0.0), (0.1, 0.0), (0.0, 0.25), (0.0, 0.5), (0.1, 0.5))
    settings = [
        {"input_dropout": on_input, "state_dropout": on_state, "lr": lr, "seed": seed}
        for on_input, on_state in rates
        for lr in (0.1, 0.01, 1e-3, 1e-4)
        for seed in range(4)
    ]
    return in_parallel(observable_dropout_run, settings)


def fulda_rain() -> pd.DataFrame:
    """Discharge 1 to 7 days ahead, with the weather of those days known, or forecast along; five seeds."""
    table, lookback, days = datasets.fulda(), 30, 7
    columns = [np.log(table["discharge"]), np.log1p(table["rain"]), table["tmean"]]
    first, second = (int((table.index.year < year).sum()) for year in (1986, 1987))
    scaler = StandardScaler().fit(np.column_stack(columns)[:first])
    series, flow, rows = scaler.transform(np.column_stack(columns)), table["discharge"].to_numpy(), []
    for targets in (1, 3):
        train = windows.make_windows(series[:first], lookback=lookback, targets=range(targets))
        for epochs in (10, 30):

            def make(targets: int = targets) -> nn.Module:
                return models.Forecaster(nn.GRU(3, 16, batch_first=True), targets=targets, residual=True)

            updates = epochs * math.ceil(len(train.targets) / 64)
            trained, _ = training.fit_seeds(
                make,
                train.inputs,
                train.targets,
                seeds=range(5),
                epochs=epochs,
                batch_size=64,
                optimizer=partial(Adam, lr=1e-2, fused=True),
                scheduler=partial(OneCycleLR, max_lr=1e-2, total_steps=updates),
            )
            for part, start, stop in (("validation", first, second), ("test", second, len(flow))):
                origins = np.arange(start, stop - days + 1)
                past = series[origins[:, np.newaxis] + np.arange(-lookback, 0)]
                ahead = origins[:, np.newaxis] + np.arange(days)
                weather = {"known": series[ahead][..., 1:], "average": 0 * series[ahead][..., 1:]}
                for name, known in weather.items() if targets == 1 else [("forecast along", None)]:
                    for seed, model in enumerate(trained):
                        loop = forecasting.closed_loop(model, past, days, known=known)[..., 0]
                        error = np.exp(loop * scaler.scale_[0] + scaler.mean_[0]) - flow[ahead]
                        row = {"part": part, "weather": name, "epochs": epochs, "seed": seed}
                        rows.append(row | by_step(rms(error, axis=0)))
    return pd.DataFrame(rows)


# --- chapter 5 -----------------------------------------------------------------------------------

WEEKS = 6
ADAMAX = partial(torch.optim.Adamax, lr=0.01)


class DroughtParts:
    """The drought windows and which of them train, validate, judge; inputs scaled as their training part is.

    Parts: "fit" and "validation" together are the training years of each site but for windows across the border,
    "train" is all of them, "test" the years after.
    """

    def __init__(self) -> None:
        table = datasets.drought()
        self.windows = drought_windows(table)
        self.site, dates = self.windows.site, self.windows.target_date
        end = pd.to_datetime(pd.Series(table.attrs["training_end"]))
        years = end.dt.year - table.groupby("site")["date"].min().dt.year + 1
        held = (0.2 * years).round().astype(int)
        fit_end = pd.to_datetime((end.dt.year - held).astype(str) + "-12-31")
        self.end, stop = (each[self.site].to_numpy("datetime64[D]") for each in (end, fit_end))
        self.part = {"fit": dates[:, -1] <= stop, "train": dates[:, -1] <= self.end, "test": dates[:, 0] > self.end}
        self.part["validation"] = self.part["train"] & (dates[:, 0] > stop)

    def scaled(self, known: np.ndarray) -> np.ndarray:
        """Return all inputs, scaled as those of the known windows are."""
        return drought_scaled(self.windows.inputs, known)


def drought_scaled(inputs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return all inputs, each feature less its mean and divided by its standard deviation in the known windows."""
    return (inputs - inputs[known].mean(axis=(0, 1))) / inputs[known].std(axis=(0, 1))


@cache
def drought_parts() -> DroughtParts:
    """Return the windows, cut once."""
    return DroughtParts()


def drought_errors(forecast: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return RMSE and MAE of each week ahead."""
    errors = forecast - truth
    by_week = {"rmse": rms(errors, axis=0), "mae": np.abs(errors).mean(axis=0)}
    return {f"{kind}_{week + 1}": value[week] for kind, value in by_week.items() for week in range(WEEKS)}


def drought_source_run(part: str, precision: str, seed: int, epochs: int) -> list[dict[str, Any]]:
    """Train the source's recipe on a part of the windows; judge it after each epoch on the years that follow."""
    parts = drought_parts()
    known, unseen = parts.part[part], parts.part["validation" if part == "fit" else "test"]
    inputs, targets = parts.scaled(known), parts.windows.targets
    training.reproducible(seed)
    torch.set_default_dtype(getattr(torch, precision))
    model = models.Forecaster(nn.LSTM(21, 60, batch_first=True), horizon=WEEKS)
    judged: list[dict[str, float]] = []

    def look(model: nn.Module, _: training.History) -> None:
        forecast = training.predict(model, inputs[unseen])[..., 0]
        judged.append(drought_errors(forecast, targets[unseen]))

    history = training.fit(
        model,
        inputs[known],
        targets[known, :, np.newaxis],
        epochs=epochs,
        optimizer=ADAMAX,
        after_epoch=look,
    )
    row = {"part": part, "precision": precision, "seed": seed}
    losses = enumerate(history.train_loss, start=1)
    return [{**row, "epoch": k, "train_loss": loss, **judged[k - 1]} for k, loss in losses]


def drought_source() -> pd.DataFrame:
    """The source's recipe in float32, five seeds: on all training years, and on all but the validation years.

    One epoch in float64 too, which can be compared from machine to machine.
    """
    settings = [{"part": "train", "precision": "float64", "seed": 0, "epochs": 1}]
    settings += [
        {"part": part, "precision": "float32", "seed": seed, "epochs": epochs}
        for seed in range(5)
        for part, epochs in (("train", 30), ("fit", 15))
    ]
    return in_parallel(drought_source_run, settings)


# --- chapter 6 -----------------------------------------------------------------------------------

INPUTS_LEADS = {"par1": 5, "par2": 9, "par3": 14}


def independent_parameters(steps: int = 1000, seed: int = 0) -> np.ndarray:
    """The observable of `datasets.leading_parameters`, of three parameters that know nothing of each other."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(steps + 14, 3))
    for t in range(1, len(z)):
        z[t] = 0.8 * z[t - 1] + 0.6 * z[t]  # variance 1
    z1, z2, z3 = (z[14 - lead :][:steps, k] for k, lead in enumerate(INPUTS_LEADS.values()))
    obs = 4 + np.exp(0.4 * z1) + np.tanh(z2) + 0.25 * z2 * z3**2 + 0.01 * random.normal(size=steps)
    return np.column_stack([z[14:], obs])


class ThreeCores(nn.Module):
    """One GRU(10) for each of three series; a linear head reads their states side by side."""

    def __init__(self, readout: str = "last") -> None:
        super().__init__()
        self.cores = nn.ModuleList(nn.GRU(1, 10, batch_first=True) for _ in range(3))
        self.readout = readout
        self.head = nn.Linear(30 if readout == "last" else 50 * 30, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict: (B, 50, 3) -> (B, 1, 1)."""
        states = torch.cat([core(inputs[:, :, [k]])[0] for k, core in enumerate(self.cores)], dim=2)
        read = states[:, -1] if self.readout == "last" else states.flatten(start_dim=1)
        return self.head(read)[:, :, None]


def inputs_ways_run(data: str, readout: str, way: str, epochs: int = 40) -> list[dict[str, Any]]:
    """Feed three series to five seeds of one way; train on the first 700 steps, test on the next 300."""
    series = datasets.leading_parameters().to_numpy() if data == "leading" else independent_parameters()
    scaler = StandardScaler().fit(series[:700])
    cut = windows.make_windows(scaler.transform(series), lookback=50, targets=3)
    parts = {"train": cut.between(50, 700), "test": cut.between(700, 1000)}
    inputs = {part: found.inputs[:, :, :3] for part, found in parts.items()}
    if way == "long":
        inputs = {part: x.transpose(0, 2, 1).reshape(len(x), 150, 1) for part, x in inputs.items()}
    if way == "turns":
        inputs = {part: x.reshape(len(x), 150, 1) for part, x in inputs.items()}

    def make() -> nn.Module:
        if way == "branches":
            return ThreeCores(readout)
        core = nn.GRU(3 if way == "features" else 1, 10, batch_first=True)
        return models.Forecaster(core, readout=readout, lookback=inputs["train"].shape[1])

    schedule = partial(OneCycleLR, max_lr=1e-2, total_steps=epochs * 11)
    options = {"epochs": epochs, "batch_size": 64, "scheduler": schedule}
    trained, _ = training.fit_seeds(make, inputs["train"], parts["train"].targets, seeds=range(5), **options)
    rows = []
    for seed, model in enumerate(trained):
        row = {"data": data, "readout": readout, "way": way, "seed": seed}
        row["parameters"] = sum(weight.numel() for weight in model.parameters())
        for part, x in inputs.items():
            row[part] = float(rms((training.predict(model, x) - parts[part].targets).ravel())) * scaler.scale_[3]
        rows.append(row)
    return rows


def inputs_ways() -> pd.DataFrame:
    """Three ways to feed three series, read at the last state and at all, five seeds each."""
    ways = ("features", "long", "branches")
    pairs = product(("leading", "independent"), ("last", "all"))
    return in_parallel(inputs_ways_run, [{"data": d, "readout": r, "way": way} for d, r in pairs for way in ways])


def inputs_exercises() -> pd.DataFrame:
    """Two exercises of chapter 6, five seeds each: the series take turns; five times as many epochs."""
    turns = {"data": "leading", "readout": "last", "way": "turns"}
    longer = {"data": "independent", "readout": "last", "way": "features", "epochs": 200}
    return in_parallel(inputs_ways_run, [turns, longer])


SITE_FACTS = ["latitude", "temp_mean", "temp_sd", "rain_mean", "wet_share"]
SEASON_FACTS = ["sin", "cos", "daylight", "temp_normal", "rain_normal"]


def inputs_tokens(table: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    """Ten times the class of rain plus the class of temperature of each day; edges from the known days."""
    wet = known["rain"][known["rain"] >= 1]
    rain = np.searchsorted([1, *wet.quantile([0.25, 0.5, 0.75])], table["rain"], side="right")
    temp = np.searchsorted(known["tmean"].quantile(np.arange(1, 10) / 10), table["tmean"], side="right")
    return 10 * rain + temp


def inputs_facts(table: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Five facts about the site and five about the season, from the known days."""
    sites, month = known.groupby("site"), table["date"].dt.month.rename("month")
    of_site = pd.DataFrame({"latitude": pd.Series(LATITUDES), "temp_mean": sites["tmean"].mean()})
    of_site["temp_sd"], of_site["rain_mean"] = sites["tmean"].std(), sites["rain"].mean()
    of_site["wet_share"] = known["rain"].ge(1).groupby(known["site"]).mean()
    normal = known.groupby(["site", month])[["tmean", "rain"]].mean()
    facts = table.join(of_site, on="site").assign(month=month)
    facts = facts.join(normal.set_axis(["temp_normal", "rain_normal"], axis=1), on=["site", "month"])
    angle = 2 * np.pi * table["date"].dt.day_of_year / 366
    return facts.assign(sin=np.sin(angle), cos=np.cos(angle))[SITE_FACTS + SEASON_FACTS]


Parts = dict[str, tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]


@cache
def inputs_parts(branches: str = "whole") -> Parts:
    """Cut every other Tuesday: 50 tokens, 10 facts, and the answers: drought in four weeks, frost within two."""
    table = datasets.drought()
    end = pd.to_datetime(table["site"].map(table.attrs["training_end"]))
    known = table[table["date"] <= end]
    first = table.groupby("site")["date"].transform("min")
    table["end"], table["middle"] = end, first + 0.75 * (end - first)
    table["token"] = inputs_tokens(table, known)
    tokens, facts, answers, day, until, middle, last = [], [], [], [], [], [], []
    for _, rows in inputs_facts(table, known).groupby(table["site"], sort=False):
        days = table.loc[rows.index]
        score = days["score"].to_numpy()
        at = np.flatnonzero(~np.isnan(score))[7::2]
        at = at[at + 28 < len(days)]
        coldest = days["tmin"].to_numpy()[at[:, None] + np.arange(1, 15)].min(axis=1)
        tokens.append(days["token"].to_numpy()[at[:, None] + np.arange(-49, 1)])
        facts.append(rows.to_numpy()[at])
        answers.append(np.column_stack([score[at + 28] >= 1, coldest < 0]).astype(float))
        for found, column, rows_at in (
            (day, "date", at),
            (until, "date", at + 28),
            (middle, "middle", at),
            (last, "end", at),
        ):
            found.append(days[column].to_numpy()[rows_at])
    t, f, y, now, then, mid, stop = map(np.concatenate, (tokens, facts, answers, day, until, middle, last))
    masks = {"train": then <= mid, "validation": (now > mid) & (then <= stop), "test": now > stop}
    f = StandardScaler().fit(f[masks["train"]]).transform(f)
    parts = {part: ((t[mask], f[mask]), y[mask]) for part, mask in masks.items()}
    return {part: inputs_counted(found) for part, found in parts.items()} if branches == "counts + facts" else parts


BRANCHES = {
    "whole": (0, 1, 2),
    "memory": (0,),
    "deep": (1,),
    "facts": (2,),
    "memory + facts": (0, 2),
    "counts + facts": (1, 2),
}


def inputs_counted(part: tuple[tuple[np.ndarray, np.ndarray], np.ndarray]) -> Any:
    """On how many of the 50 days each token occurs, in place of the tokens."""
    (tokens, facts), answers = part
    return ((tokens[:, :, None] == np.arange(50)).sum(axis=1), facts), answers


class Branches(two_inputs.FunctionalTwoInput):
    """The source's network with some of its branches; zeros stand for what the others would give."""

    def __init__(self, keep: tuple[int, ...], *, dropout: bool = True) -> None:
        super().__init__()
        self.keep = keep
        for part in self.modules():
            if isinstance(part, nn.Dropout) and not dropout:
                part.p = 0.0

    def forward(self, tokens: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
        """Return probabilities: tokens (B, 50) and facts (B, 10) -> (B, 2)."""
        given = [facts.new_zeros(len(facts), size) for size in (2, 5, 10)]
        if 0 in self.keep:
            given[0] = self.memory_output(self.memory(tokens)[0][:, -1])
        if 1 in self.keep:
            given[1] = self.deep(tokens.to(facts.dtype))
        if 2 in self.keep:
            given[2] = self.from_facts(facts)
        joined: torch.Tensor = self.main(torch.cat(given, dim=1))
        return joined


@cache
def inputs_train(branches: str, dropout: bool, seed: int) -> tuple[nn.Module, training.History]:
    """Train with early stopping; in 32 bits where there is an LSTM, to save time."""
    parts = inputs_parts(branches)
    training.reproducible(seed)
    model = Branches(BRANCHES[branches], dropout=dropout)
    if 0 in model.keep:
        model.float()
    options: dict[str, Any] = {"epochs": 25, "batch_size": 64, "loss": binary_cross_entropy, "patience": 4}
    return model, training.fit(model, *parts["train"], validation=parts["validation"], **options)


def inputs_embedding_of(model: nn.Module) -> np.ndarray:
    """The vectors of the 50 tokens, (50, 64)."""
    vectors: np.ndarray = model.get_submodule("memory.0").weight.detach().double().numpy()
    return vectors


def inputs_cosines(vectors: np.ndarray) -> tuple[float, float]:
    """Mean cosine of tokens of one rain class and neighbouring temperature classes, and of all other pairs."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rain, temp = np.divmod(np.arange(50), 10)
    first, second = np.triu_indices(50, 1)
    near = (rain[first] == rain[second]) & (abs(temp[first] - temp[second]) == 1)
    cosine = (unit[first] * unit[second]).sum(axis=1)
    return float(cosine[near].mean()), float(cosine[~near].mean())


def inputs_branches_run(branches: str, dropout: bool, seed: int) -> list[dict[str, Any]]:
    """Train one network, judge both answers on the test years, and look at its embedding."""
    model, history = inputs_train(branches, dropout, seed)
    row: dict[str, Any] = {"branches": branches, "dropout": dropout, "seed": seed}
    row["epochs"], row["validation"] = history.best_epoch, min(history.validation_loss)
    inputs, answers = inputs_parts(branches)["test"]
    chances = training.predict(model, inputs).astype(np.float64)
    for k, name in enumerate(("drought", "frost")):
        row[f"{name}_loss"] = log_loss(answers[:, k], chances[:, k])
        row[f"{name}_auc"] = roc_auc_score(answers[:, k], chances[:, k])
    training.reproducible(seed)
    start = inputs_embedding_of(Branches(BRANCHES[branches]).float())
    after = inputs_embedding_of(model)
    if 0 in BRANCHES[branches]:
        for name, vectors in {"start": start, "end": after, "change": after - start}.items():
            row[f"near_{name}"], row[f"far_{name}"] = inputs_cosines(vectors)
    return [row]


INPUTS_NETWORKS = [
    *(("facts", True), ("deep", True), ("whole", True)),
    *(("memory", True), ("memory + facts", False), ("whole", False)),
    *(("counts + facts", True), ("counts + facts", False)),
]


def inputs_branches() -> pd.DataFrame:
    """The source's network with a job: whole, branch by branch, with and without dropout; five seeds each."""
    settings = [{"branches": b, "dropout": d, "seed": seed} for b, d in INPUTS_NETWORKS for seed in range(5)]
    return in_parallel(inputs_branches_run, settings)


def inputs_embedding_run(branches: str, dropout: bool) -> list[dict[str, Any]]:
    """The embedding that seed 0 has learnt, a row a token."""
    vectors = inputs_embedding_of(inputs_train(branches, dropout, 0)[0])
    names = {"branches": branches, "dropout": dropout}
    return [{**names, "token": k, **{str(i): x for i, x in enumerate(v)}} for k, v in enumerate(vectors)]


def inputs_embedding() -> pd.DataFrame:
    """The embeddings of two of these networks."""
    which = (("whole", True), ("memory + facts", False))
    return in_parallel(inputs_embedding_run, [{"branches": b, "dropout": d} for b, d in which])


# --- chapter 7 -----------------------------------------------------------------------------------

MISSED, NEEDLESS = 5.0, 1.0  # cost of a failure that was missed, and of an inspection that was not needed
FORMULA = NEEDLESS / (NEEDLESS + MISSED)  # the threshold that is right for calibrated probabilities


class YesNoNetwork(ClassifierMixin, BaseEstimator):
    """The thread's network on (N, 3, 8), used as scikit-learn's classifiers are."""

    def __init__(self, seed: int, lr: float = 1e-2) -> None:
        self.seed, self.lr = seed, lr

    def fit(self, x: np.ndarray, y: np.ndarray) -> "YesNoNetwork":
        """Find the number of epochs with a fifth of the devices, then train on all of them."""
        self.mean_, self.std_ = x.mean((0, 1)), x.std((0, 1))
        z = self.scaled(x)
        z_fit, z_stop, y_fit, y_stop = train_test_split(z, y, test_size=0.2, stratify=y, random_state=self.seed)
        history = self.trained(z_fit, y_fit, 200, patience=10, validation=(z_stop, y_stop))
        if history.best_epoch is None:
            raise RuntimeError("training kept no best epoch")
        self.trained(z, y, history.best_epoch)
        return self

    def trained(self, z: np.ndarray, y: np.ndarray, epochs: int, **stop: Any) -> training.History:
        """Train from the start, on scaled inputs."""
        training.reproducible(self.seed)
        self.model_ = models.SequenceClassifier(nn.LSTM(z.shape[2], 32, batch_first=True), 2)
        adam = partial(Adam, lr=self.lr, fused=True)
        return training.fit(self.model_, z, y, epochs=epochs, loss=cross_entropy, optimizer=adam, **stop)

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Return inputs with mean 0 and standard deviation 1 in the training devices."""
        return (x - self.mean_) / self.std_

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities of "no" and "yes": (N, 2)."""
        return torch.softmax(torch.tensor(training.predict(self.model_, self.scaled(x))), 1).numpy()


def yes_no_flat(x: np.ndarray) -> np.ndarray:
    """(N, L, F) -> (N, L·F)."""
    return x.reshape(len(x), -1)


def yes_no_logistic(*steps: Any) -> Any:
    """Logistic regression after some steps; its penalty is chosen by cross-validation within the training devices."""
    pipeline = make_pipeline(*steps, LogisticRegression(solver="newton-cholesky", tol=1e-10))
    grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1.0]}
    return GridSearchCV(pipeline, grid, scoring="neg_log_loss")


def yes_no_peers(seed: int) -> dict[str, Any]:
    """The chapter's classifiers by name: each takes (N, 3, 8)."""
    flat, means = FunctionTransformer(yes_no_flat), FunctionTransformer(partial(np.mean, axis=1))
    changes, scale = FunctionTransformer(partial(np.diff, axis=1)), StandardScaler()
    forest = RandomForestClassifier(200, random_state=seed)
    return {
        "always no": DummyClassifier(strategy="prior"),
        "logistic, 8 means": yes_no_logistic(means, scale),
        "logistic, 24 numbers": yes_no_logistic(flat, scale),
        "logistic, and products": yes_no_logistic(flat, scale, PolynomialFeatures(2, include_bias=False)),
        "forest, 24 numbers": make_pipeline(flat, forest),
        "LSTM, 3 × 8": YesNoNetwork(seed),
        "logistic, 16 changes": yes_no_logistic(changes, flat, scale),
        "forest, 16 changes": make_pipeline(changes, flat, forest),
        "LSTM, changes 2 × 8": make_pipeline(changes, YesNoNetwork(seed)),
    }


def yes_no_cost(y: np.ndarray, yes: np.ndarray) -> float:
    """Mean cost of acting on `yes`, for 100 devices."""
    return float(100 * np.mean(np.where(y == 1, MISSED * ~yes, NEEDLESS * yes)))


def yes_no_sets(seeds: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Join several sets of made-up devices."""
    parts = [datasets.device_failures(seed=seed) for seed in seeds]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def yes_no_rates_run(lr: float, data_seed: int) -> list[dict[str, Any]]:
    """Cross-validate the network with one learning rate on one set of 195 devices."""
    x, y = datasets.device_failures(seed=data_seed)
    out = np.zeros(len(y))
    for fold, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)):
        out[test] = YesNoNetwork(fold, lr).fit(x[train], y[train]).predict_proba(x[test])[:, 1]
    return [{"lr": lr, "data_seed": data_seed, "auc": roc_auc_score(y, out), "log_loss": log_loss(y, out)}]


def yes_no_rates() -> pd.DataFrame:
    """Three learning rates on ten sets of devices that serve for nothing else."""
    settings = [{"lr": lr, "data_seed": data} for lr in (0.003, 0.01, 0.03) for data in range(1000, 1010)]
    return in_parallel(yes_no_rates_run, settings)


def yes_no_folds_run(data_seed: int, repeat: int) -> list[dict[str, Any]]:
    """Cross-validate each classifier on one set of 195 devices, and judge it on 3,900 others too."""
    x, y = datasets.device_failures(seed=data_seed)
    fresh_x, fresh_y = yes_no_sets(range(2000, 2020))
    folds = list(StratifiedKFold(5, shuffle=True, random_state=repeat).split(x, y))
    rows = []
    for name in yes_no_peers(0):
        out, fresh = np.zeros(len(y)), []
        for fold, (train, test) in enumerate(folds):
            peer = yes_no_peers(10 * repeat + fold)[name].fit(x[train], y[train])
            out[test] = peer.predict_proba(x[test])[:, 1]
            fresh.append(peer.predict_proba(fresh_x)[:, 1])
        row = {
            "auc": roc_auc_score(y, out),
            "average_precision": average_precision_score(y, out),
            "accuracy": np.mean((out >= 0.5) == y),
            "log_loss": log_loss(y, out),
            "brier": brier_score_loss(y, out),
            "cost_half": yes_no_cost(y, out >= 0.5),
            "cost_formula": yes_no_cost(y, out >= FORMULA),
            "fresh_auc": np.mean([roc_auc_score(fresh_y, p) for p in fresh]),
            "fresh_brier": np.mean([brier_score_loss(fresh_y, p) for p in fresh]),
            "fresh_cost_half": np.mean([yes_no_cost(fresh_y, p >= 0.5) for p in fresh]),
            "fresh_cost_formula": np.mean([yes_no_cost(fresh_y, p >= FORMULA) for p in fresh]),
        }
        rows.append({"data_seed": data_seed, "repeat": repeat, "model": name, **row})
    return rows


def yes_no_folds() -> pd.DataFrame:
    """Ten sets of 195 devices, two repeats of stratified five-fold cross-validation each."""
    settings = [{"data_seed": data, "repeat": repeat} for data in range(10) for repeat in range(2)]
    return in_parallel(yes_no_folds_run, settings)


def yes_no_sizes_run(devices: int, draw: int) -> list[dict[str, Any]]:
    """Train on so many made-up devices; judge on 3,900 others."""
    x, y = yes_no_sets(range(3000 + 20 * draw, 3000 + 20 * draw + math.ceil(devices / 195)))
    fresh_x, fresh_y = yes_no_sets(range(2000, 2020))
    names = ["logistic, 24 numbers", "forest, 24 numbers", "LSTM, 3 × 8", "forest, 16 changes", "LSTM, changes 2 × 8"]
    peers = {name: yes_no_peers(draw)[name].fit(x[:devices], y[:devices]) for name in names}
    return [
        {"devices": devices, "draw": draw, "model": name, "auc": roc_auc_score(fresh_y, p.predict_proba(fresh_x)[:, 1])}
        for name, p in peers.items()
    ]


def yes_no_sizes() -> pd.DataFrame:
    """What more devices would be worth: from 100 to 1,560 of them, five draws each."""
    sizes = (1560, 780, 390, 195, 100)
    settings = [{"devices": devices, "draw": draw} for devices in sizes for draw in range(5)]
    order = ["devices", "draw"]
    return in_parallel(yes_no_sizes_run, settings).sort_values(order, kind="stable", ignore_index=True)


def each_seventh(inputs: np.ndarray) -> np.ndarray:
    """Keep of 180 days each seventh, the last one included: 26 steps."""
    return inputs[:, (inputs.shape[1] - 1) % 7 :: 7]


# name: loss, whether the change from the last score is predicted
DROUGHT_RECIPES: dict[str, tuple[Callable[..., torch.Tensor], bool]] = {
    "squared": (nn.functional.mse_loss, False),
    "absolute": (nn.functional.l1_loss, False),
    "squared, change": (nn.functional.mse_loss, True),
    "absolute, change": (nn.functional.l1_loss, True),
    "yes or no": (nn.functional.binary_cross_entropy_with_logits, False),
}


class FittedDrought:
    """An LSTM(32) that reads each seventh day, trained on the known windows; its forecast of the others.

    After each epoch `look` gets the forecast of the unseen windows, as a score or as the probability of one of at
    least 1.
    """

    def __init__(
        self,
        parts: DroughtParts,
        recipe: str,
        known: np.ndarray,
        unseen: np.ndarray,
        *,
        seed: int,
        epochs: int,
        look: Callable[[np.ndarray], None] = lambda _: None,
        precision: torch.dtype = torch.float64,
    ) -> None:
        loss, change = DROUGHT_RECIPES[recipe]
        self.yes_or_no = recipe == "yes or no"
        self.inputs, self.unseen = each_seventh(parts.scaled(known)), unseen
        self.last = parts.windows.inputs[:, -1, [18]] if change else np.zeros((len(known), 1))
        scores = parts.windows.targets
        targets = (scores >= 1).astype(np.float64) if self.yes_or_no else scores - self.last
        training.reproducible(seed)
        torch.set_default_dtype(precision)
        self.model = models.Forecaster(nn.LSTM(21, 32, batch_first=True), horizon=WEEKS)
        self.history = training.fit(
            self.model,
            self.inputs[known],
            targets[known, :, np.newaxis],
            epochs=epochs,
            loss=loss,
            optimizer=ADAMAX,
            after_epoch=lambda *_: look(self.forecast()),
        )

    def forecast(self) -> np.ndarray:
        """Return the forecast of the unseen windows, (N, 6)."""
        output = training.predict(self.model, self.inputs[self.unseen])[..., 0]
        return 1 / (1 + np.exp(-output)) if self.yes_or_no else output + self.last[self.unseen]


def drought_recipes_run(recipe: str, part: str, seed: int, epochs: int) -> list[dict[str, Any]]:
    """Train one recipe on a part of the windows; judge it after each epoch on the years that follow."""
    parts = drought_parts()
    known, unseen = parts.part[part], parts.part["validation" if part == "fit" else "test"]
    truth = parts.windows.targets[unseen]
    yes_or_no = recipe == "yes or no"
    judged: list[dict[str, float]] = []

    def look(forecast: np.ndarray) -> None:
        judged.append(drought_errors(forecast, (truth >= 1).astype(np.float64) if yes_or_no else truth))

    fitted = FittedDrought(parts, recipe, known, unseen, seed=seed, epochs=epochs, look=look)
    losses = enumerate(fitted.history.train_loss, start=1)
    row = {"recipe": recipe, "part": part, "seed": seed}
    return [{**row, "epoch": k, "train_loss": loss, **judged[k - 1]} for k, loss in losses]


def drought_recipes() -> pd.DataFrame:
    """Losses, the change, and yes or no, read each seventh day; five seeds, 12 epochs (16 for absolute errors)."""
    settings = [
        {"recipe": recipe, "part": part, "seed": seed, "epochs": 16 if recipe == "absolute" else 12}
        for recipe in DROUGHT_RECIPES
        for part in ("fit", "train")
        for seed in range(5)
    ]
    return in_parallel(drought_recipes_run, settings)


ENGLAND = ("cambridge", "lincolnshire", "norfolk", "north_yorks", "northumberland", "suffolk")


def drought_sites_run(setup: str, seed: int, site: str | None = None) -> list[dict[str, Any]]:
    """Train with a site's own past or on other sites, on all their dates; judge on the site's test years."""
    parts = drought_parts()
    known = parts.part["train"]
    if setup == "other sites":
        known = parts.site != site
    if setup == "other countries":
        known = ~np.isin(parts.site, ENGLAND)
    fitted = FittedDrought(parts, "squared", known, parts.part["test"], seed=seed, epochs=5, precision=torch.float32)
    errors = fitted.forecast() - parts.windows.targets[fitted.unseen]
    where = parts.site[fitted.unseen]
    judged = {"own past": np.unique(where), "other sites": [site], "other countries": ENGLAND}[setup]
    row = {"setup": setup, "seed": seed}
    return [
        {**row, "site": name, "rmse": rms(errors[where == name], None), "mae": np.abs(errors[where == name]).mean()}
        for name in judged
    ]


def drought_sites() -> pd.DataFrame:
    """Held-out years against held-out sites, with and without neighbours; three seeds in float32."""
    settings: list[dict[str, Any]] = []
    for seed in range(3):
        settings += [{"setup": setup, "seed": seed} for setup in ("own past", "other countries")]
        settings += [{"setup": "other sites", "seed": seed, "site": site} for site in sorted(set(drought_parts().site))]
    return in_parallel(drought_sites_run, settings)


DROUGHT_LEVELS = (0.05, 0.5, 0.95)


def drought_intervals_run(recipe: str, seed: int, epochs: int) -> list[dict[str, Any]]:
    """Train on the fit years; after each epoch calibrate on the validation years and judge on the test years.

    A row for the intervals as the network gives them (of quantiles only), one for those widened by a margin a week,
    and one with such margins for last scores of 0 and for those above it.
    """
    parts = drought_parts()
    fit, validation, test = (parts.part[name] for name in ("fit", "validation", "test"))
    inputs, scores = each_seventh(parts.scaled(fit)), parts.windows.targets
    last = parts.windows.inputs[:, -1, [18]]
    quantiles, change = recipe.startswith("quantiles"), recipe.endswith("change")
    levels = DROUGHT_LEVELS if quantiles else (0.5,)
    loss = partial(pinball_loss, levels=levels) if quantiles else nn.functional.mse_loss
    start = last[..., np.newaxis] if change else np.zeros((len(last), 1, 1))
    repeated = np.repeat(scores[..., np.newaxis], len(levels), axis=2)
    training.reproducible(seed)
    model = models.Forecaster(nn.LSTM(21, 32, batch_first=True), horizon=WEEKS, targets=len(levels))
    rows: list[dict[str, Any]] = []
    zero = last[:, 0] == 0
    groups = {"plain": []} if quantiles else {}
    groups |= {"one margin": [np.ones_like(zero)], "by state": [zero, ~zero]}

    def forecast(which: np.ndarray) -> np.ndarray:
        return np.sort(training.predict(model, inputs[which]) + start[which], axis=2).clip(0, 5)

    def look() -> None:
        found, known = forecast(test), forecast(validation)
        value = float(loss(torch.from_numpy(known), torch.from_numpy(repeated[validation])))
        row = {"recipe": recipe, "seed": seed, "epoch": len(rows) // len(groups) + 1, "validation_loss": value}
        for form, parted in groups.items():
            wider = np.zeros((len(found), WEEKS))
            for group in parted:
                ends, which = known[group[validation]], group[test]
                wider[which] = conformal_margin(ends[..., 0], ends[..., -1], scores[validation & group])
            judged = drought_interval(found[..., 0] - wider, found[..., -1] + wider, scores[test], last[test, 0])
            rows.append(row | {"form": form} | judged)

    training.fit(
        model,
        inputs[fit],
        repeated[fit] - start[fit],
        epochs=epochs,
        loss=loss,
        optimizer=ADAMAX,
        after_epoch=lambda *_: look(),
    )
    return rows


def drought_interval(lower: np.ndarray, upper: np.ndarray, truth: np.ndarray, last: np.ndarray) -> dict[str, float]:
    """Return coverage, mean width and score of each week's 90 % interval, and of all weeks after a last score of 0."""
    lower, upper = lower.clip(0, 5), upper.clip(0, 5)
    upper = np.maximum(lower, upper)  # a negative margin may turn a narrow interval round
    inside, zero = (lower <= truth) & (truth <= upper), last == 0
    scored = interval_score(lower, upper, truth)
    row: dict[str, float] = {}
    for week in range(WEEKS):
        row[f"coverage_{week + 1}"] = inside[:, week].mean()
        row[f"width_{week + 1}"] = (upper - lower)[:, week].mean()
        row[f"score_{week + 1}"] = scored[week]
    for name, which in (("zero", zero), ("above", ~zero)):
        row |= {f"coverage_{name}": inside[which].mean(), f"width_{name}": (upper - lower)[which].mean()}
    return row


def drought_intervals() -> pd.DataFrame:
    """90 % intervals of five seeds: around *squared, change*, and from quantiles of the score or of its change."""
    recipes = {"squared, change": 1, "quantiles": 12, "quantiles, change": 12}
    settings = [
        {"recipe": recipe, "seed": seed, "epochs": epochs} for recipe, epochs in recipes.items() for seed in range(5)
    ]
    order = ["recipe", "form", "seed", "epoch"]
    return in_parallel(drought_intervals_run, settings).sort_values(order, ignore_index=True)


# Chapter 5 on the real data set, which is no part of the book: the environment variable DROUGHTED names a file of it.

# Targets before the first date fit; from there to the second they validate; from there on they test.
DROUGHTED_DATES = (np.datetime64("2018-07-01"), np.datetime64("2019-07-01"))
DROUGHTED_SEEDS = range(5)
DROUGHTED_EPOCHS = 8  # at most; validation chooses, as it does the two below
DROUGHTED_SIZES, DROUGHTED_DECAYS = (8, 16), (0.0, 0.1, 1.0)  # of the LSTM; AdamW's weight decay
DROUGHTED_RECIPES = ("squared", "absolute", "squared, change", "absolute, change")


@cache
def droughted_parts() -> tuple[DroughtWindows, dict[str, np.ndarray]]:
    """Return a window for each week and county of Oregon, 2017 to 2020, and which of them fit, validate, train, test.

    Two years of targets before the test leave no year to spare: one fits, one validates, both train.
    """
    table = read_droughted(os.environ["DROUGHTED"])
    table = table[table["site"].str.startswith("41") & table["date"].between("2017-01-01", "2020-12-31")]
    cut = drought_windows(table, stride=7)
    first, last = cut.target_date[:, 0], cut.target_date[:, -1]
    validation, test = DROUGHTED_DATES
    parts = {"fit": last < validation, "validation": (first >= validation) & (last < test)}
    return cut, {**parts, "train": last < test, "test": first >= test}


def droughted_blend(forecast: np.ndarray, last: np.ndarray, truth: np.ndarray, absolute: bool) -> np.ndarray:
    """Return each week's weight of the forecast, the rest being persistence, with the lowest error: 0, 0.05 … 1."""
    tried = np.arange(21)[:, np.newaxis, np.newaxis] / 20
    errors = tried * forecast + (1 - tried) * last - truth
    size = np.abs(errors) if absolute else np.square(errors)
    return np.asarray(tried[size.mean(axis=1).argmin(axis=0), 0, 0])


def droughted_rows(
    name: str, validated: np.ndarray, tested: np.ndarray, absolute: bool = False, blend: bool = True, **about: Any
) -> list[dict[str, Any]]:
    """Judge a forecast in the validation and the test year, as it is and blended with persistence."""
    cut, parts = droughted_parts()
    last, truth = cut.inputs[:, -1, [18]], cut.targets
    validation = parts["validation"]
    weights = droughted_blend(validated, last[validation], truth[validation], absolute)
    rows = []
    for known, part, forecast in (("fit", "validation", validated), ("train", "test", tested)):
        seen, unseen = cut.target_date[parts[known]], cut.target_date[parts[part]]
        row: dict[str, Any] = {**about, "part": part, "trained_on": len(seen), "trained_until": str(seen.max())}
        row |= {"windows": len(unseen), "weeks": len(np.unique(unseen[:, 0]))}
        row |= {"first_target": str(unseen.min()), "last_target": str(unseen.max())}
        rows.append({"forecast": name, **row, **drought_errors(forecast, truth[parts[part]])})
        if blend:
            errors = drought_errors(weights * forecast + (1 - weights) * last[parts[part]], truth[parts[part]])
            shares = {f"weight_{week + 1}": share for week, share in enumerate(weights.tolist())}
            rows.append({"forecast": f"{name}, blended", **row, **errors, **shares})
    return rows


def droughted_simple_run(ridge_alphas: Iterable[float]) -> list[dict[str, Any]]:
    """Judge the forecasts without a network. No climatology: two years give each week of the year two scores."""
    cut, parts = droughted_parts()
    last, scores = cut.inputs[:, -1, [18]], cut.targets
    found: dict[str, list[np.ndarray]] = {"persistence": [], "damped persistence": [], "always 0": []}
    for known, unseen in ((parts["fit"], parts["validation"]), (parts["train"], parts["test"])):
        mean = scores[known].mean()
        x, y = last[known] - mean, scores[known] - mean
        found["persistence"].append(np.repeat(last[unseen], WEEKS, axis=1))
        found["damped persistence"].append(mean + (x * y).sum(axis=0) / (x**2).sum() * (last[unseen] - mean))
        found["always 0"].append(np.zeros((unseen.sum(), WEEKS)))
    rows = [row for name, pair in found.items() for row in droughted_rows(name, *pair, blend=False)]

    def means(known: np.ndarray) -> np.ndarray:
        z = drought_scaled(cut.inputs, known)
        return np.hstack([z[:, -k:].mean(axis=1) for k in (1, 7, 30, 90, 180)])

    fit, validation, train, test = (parts[name] for name in ("fit", "validation", "train", "test"))
    views = means(fit), means(train)
    for name, start in (("ridge, means", np.zeros_like(last)), ("ridge, means, change", last)):
        target = scores - start
        tried = {a: Ridge(a).fit(views[0][fit], target[fit]).predict(views[0][validation]) for a in ridge_alphas}
        alpha = min(tried, key=lambda a: float(np.square(tried[a] - target[validation]).mean()))
        tested = Ridge(alpha).fit(views[1][train], target[train]).predict(views[1][test])
        rows += droughted_rows(name, tried[alpha] + start[validation], tested + start[test], alpha=alpha)
    return rows


def droughted_networks(
    recipe: str, known: str, unseen: str, hidden_size: int, decay: float, epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train an LSTM that reads each seventh day, from several seeds.

    Returns the forecasts of the unseen windows (S, N, 6), and the loss there after each epoch, median of the seeds.
    """
    cut, parts = droughted_parts()
    loss, change = DROUGHT_RECIPES[recipe]
    start = cut.inputs[:, -1, [18]] if change else np.zeros((len(cut.inputs), 1))
    x, y = each_seventh(drought_scaled(cut.inputs, parts[known])), (cut.targets - start)[..., np.newaxis]
    fitted, histories = training.fit_seeds(
        lambda: models.Forecaster(nn.LSTM(x.shape[2], hidden_size, batch_first=True), horizon=WEEKS),
        x[parts[known]],
        y[parts[known]],
        seeds=DROUGHTED_SEEDS,
        epochs=epochs,
        loss=loss,
        optimizer=partial(AdamW, lr=0.003, weight_decay=decay),
        validation=(x[parts[unseen]], y[parts[unseen]]),
    )
    forecasts = [training.predict(model, x[parts[unseen]])[..., 0] + start[parts[unseen]] for model in fitted]
    return np.array(forecasts), np.median([history.validation_loss for history in histories], axis=0)


def droughted_choice_run(recipe: str, hidden_size: int, decay: float) -> list[dict[str, Any]]:
    """Say after which epoch one size and decay does best in the validation year, and how well."""
    _, losses = droughted_networks(recipe, "fit", "validation", hidden_size, decay, DROUGHTED_EPOCHS)
    setting = {"recipe": recipe, "hidden_size": hidden_size, "decay": decay}
    return [{**setting, "epochs": int(losses.argmin()) + 1, "loss": float(losses.min())}]


def droughted_run(recipe: str, hidden_size: int, decay: float, epochs: int) -> list[dict[str, Any]]:
    """Judge what validation chose: each seed, and the mean of all seeds' forecasts."""
    chosen = {"hidden_size": hidden_size, "decay": decay, "epochs": epochs}
    validated, _ = droughted_networks(recipe, "fit", "validation", **chosen)
    tested, _ = droughted_networks(recipe, "train", "test", **chosen)
    name, absolute = f"LSTM, {recipe}", recipe.startswith("absolute")
    rows = []
    for seed, pair in zip(DROUGHTED_SEEDS, zip(validated, tested, strict=True), strict=True):
        rows += droughted_rows(name, *pair, absolute=absolute, seed=seed, **chosen)
    pair = validated.mean(axis=0), tested.mean(axis=0)
    return rows + droughted_rows(f"{name}, mean of seeds", *pair, absolute=absolute, **chosen)


def droughted() -> pd.DataFrame:
    """Chapter 5's forecasts on 36 counties of the real data set, everything chosen in the validation year."""
    simple = in_parallel(droughted_simple_run, [{"ridge_alphas": [10.0**power for power in range(-1, 7)]}])
    tried = in_parallel(
        droughted_choice_run,
        [
            {"recipe": recipe, "hidden_size": size, "decay": decay}
            for recipe, size, decay in product(DROUGHTED_RECIPES, DROUGHTED_SIZES, DROUGHTED_DECAYS)
        ],
    )
    best = tried.loc[tried.groupby("recipe", sort=False)["loss"].idxmin()].drop(columns="loss")
    networks = in_parallel(droughted_run, best.to_dict("records"))
    table = pd.concat([simple, networks], ignore_index=True)
    whole = ["seed", "hidden_size", "epochs"]
    table[whole] = table[whole].astype("Int64")
    figures = [name for name in table if name.startswith(("rmse_", "mae_", "weight_"))]
    return table[[name for name in table if name not in figures] + sorted(figures)]


# --- errata --------------------------------------------------------------------------------------


def errata(chapters: str) -> pd.DataFrame:
    """Measure what the errata page reports, by the module of that name beside this one."""
    table: pd.DataFrame = importlib.import_module(f"errata_{chapters}").measure()
    return table


# -------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "sine_heads": sine_heads,
    "sine_layers": sine_layers,
    "sine_family": sine_family,
    "sunspots_choice": sunspots_choice,
    "sunspots_test": sunspots_test,
    "sunspots_origins": sunspots_origins,
    "sunspots_later": sunspots_later,
    "sunspots_calibration": sunspots_calibration,
    "sunspots_fans": sunspots_fans,
    "drought_source": drought_source,
    "drought_recipes": drought_recipes,
    "drought_sites": drought_sites,
    "drought_intervals": drought_intervals,
    "droughted": droughted,
    "observable_source": observable_source,
    "observable_heads": observable_heads,
    "observable_kicks": observable_kicks,
    "observable_drift": observable_drift,
    "observable_dropout": observable_dropout,
    "fulda_rain": fulda_rain,
    "inputs_ways": inputs_ways,
    "inputs_branches": inputs_branches,
    "inputs_embedding": inputs_embedding,
    "inputs_exercises": inputs_exercises,
    "yes_no_rates": yes_no_rates,
    "yes_no_folds": yes_no_folds,
    "yes_no_sizes": yes_no_sizes,
    "errata_sine_to_sunspots": partial(errata, "sine_to_sunspots"),
    "errata_observable_to_yes_no": partial(errata, "observable_to_yes_no"),
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
    sys.modules["record"] = sys.modules["__main__"]  # so that the errata's modules import this one, not a second
    names = sys.argv[1:] or list(EXPERIMENTS)
    if unknown := set(names) - set(EXPERIMENTS):
        raise SystemExit(f"no experiment {sorted(unknown)}; there are: {', '.join(EXPERIMENTS)}")
    for chosen in names:
        record(chosen)
    for path in KEPT:
        path.unlink(missing_ok=True)
