"""Chapter 3's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from recording import in_parallel, rms
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR

from rnncourse import datasets, forecasting, models, training, windows

# Indices in the series of 3,126 months: the first validation month 1890-01, the first test month
# 1937-01, the first later month.
VALIDATION, TEST, LATER, CYCLE = 1692, 2256, 2820, 132
BASE = {
    "cell": "GRU",
    "hidden_size": 16,
    "num_layers": 1,
    "lookback": 36,
    "root": True,
    "residual": True,
}
# The lowest median of each kind of error in sunspots_choice.
CHOSEN = {
    "one step": {**BASE, "lookback": 132},
    "closed loop": {**BASE, "num_layers": 2},
}


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
        self.windows = windows.make_windows(
            self.scaler.transform(values[:, np.newaxis]), lookback=lookback
        )
        train = self.windows.between(lookback, stop)

        def make() -> nn.Module:
            core = getattr(nn, cell)(
                1, hidden_size, num_layers=num_layers, batch_first=True
            )
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
        values = np.maximum(
            scaled[..., 0] * self.scaler.scale_[0] + self.scaler.mean_[0], 0
        )
        return values**2 if self.root else values

    def one_step(self, start: int, stop: int) -> np.ndarray:
        """Return forecasts one month ahead for the months [start, stop): (seeds, months)."""
        inputs = self.windows.between(start, stop).inputs
        return np.array(
            [self.back(training.predict(model, inputs))[:, 0] for model in self.models]
        )

    def closed_loop(self, origins: np.ndarray) -> np.ndarray:
        """Return forecasts over a cycle, each origin the first month: (seeds, origins, 132)."""
        past = self.windows.inputs[origins - self.windows.inputs.shape[1]]
        return np.array(
            [
                self.back(forecasting.closed_loop(model, past, CYCLE))
                for model in self.models
            ]
        )

    def cycle_errors(self, origins: np.ndarray) -> np.ndarray:
        """Return the errors of those forecasts, in sunspot numbers."""
        return (
            self.closed_loop(origins)
            - self.numbers[origins[:, np.newaxis] + np.arange(CYCLE)]
        )


def origins_between(start: int, stop: int) -> np.ndarray:
    """Every twelfth month from which a whole cycle lies before `stop`."""
    return np.arange(start, stop - CYCLE + 1, 12)


def sunspots_choice_run(**setting: Any) -> list[dict[str, Any]]:
    """Train one setting on 1749 to 1889, judge it on 1890 to 1936."""
    seeds = range(5)
    fitted = FittedSunspots(VALIDATION, seeds=seeds, **setting)
    one_step = rms(fitted.one_step(VALIDATION, TEST) - fitted.numbers[VALIDATION:TEST])
    cycle = rms(fitted.cycle_errors(origins_between(VALIDATION, TEST)), axis=(1, 2))
    return [
        {**setting, "seed": k, "one_step": one_step[k], "closed_loop": cycle[k]}
        for k in seeds
    ]


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
        {
            "cell": "RNN",
            "lookback": 12,
            "hidden_size": 3,
            "root": False,
            "residual": False,
        },
    ]
    return in_parallel(sunspots_choice_run, [{**BASE, **change} for change in changes])


def sunspots_run(
    use: str, stop: int, until: int, seeds: Iterable[int]
) -> list[dict[str, Any]]:
    """Train before `stop` and forecast up to `until`, one month ahead and over whole cycles.

    A row holds the training error one month ahead on the source's targets (`train`), the forecast
    of each month one month ahead ("1937-01" …), and the closed loop's error at each lead
    ("1" … "132").
    """
    seeds = list(seeds)
    fitted = FittedSunspots(stop, seeds=seeds, **CHOSEN[use])
    months = datasets.sunspots(until="2009-06").index[stop:until].astype(str)
    every_twelfth = (
        fitted.one_step(CYCLE, stop)[:, ::12] - fitted.numbers[CYCLE:stop:12]
    )
    rows = zip(rms(every_twelfth), fitted.one_step(stop, until), strict=True)
    by_lead = rms(fitted.cycle_errors(origins_between(stop, until)), axis=1)
    leads = [str(lead) for lead in range(1, CYCLE + 1)]
    return [
        {
            "use": use,
            "seed": seed,
            "train": train,
            **dict(zip(months, ahead, strict=True)),
        }
        | dict(zip(leads, errors, strict=True))
        for seed, (train, ahead), errors in zip(seeds, rows, by_lead, strict=True)
    ]


def sunspots_chosen(stop: int, until: int) -> pd.DataFrame:
    """Train both chosen settings before `stop` and forecast until `until`, twelve seeds each."""
    return in_parallel(
        sunspots_run,
        [
            {"use": use, "stop": stop, "until": until, "seeds": part}
            for use in CHOSEN
            for part in (range(6), range(6, 12))
        ],
    )


def sunspots_test() -> pd.DataFrame:
    """Train both chosen settings on 1749 to 1936 and forecast 1937 to 1983, twelve seeds each."""
    return sunspots_chosen(TEST, LATER)


def sunspots_origins_run(origin: int, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train before `origin`, judge one month ahead on the 141 months that follow."""
    seeds = list(seeds)
    fitted = FittedSunspots(origin, seeds=seeds, **CHOSEN["one step"])
    errors = rms(
        fitted.one_step(origin, origin + 141) - fitted.numbers[origin : origin + 141]
    )
    return [
        {"origin": origin, "seed": seed, "one_step": error}
        for seed, error in zip(seeds, errors, strict=True)
    ]


def sunspots_origins() -> pd.DataFrame:
    """Train again at three later origins, each time on everything before, ten seeds each."""
    origins = range(TEST + 141, LATER, 141)
    halves = range(5), range(5, 10)
    return in_parallel(
        sunspots_origins_run,
        [{"origin": o, "seeds": part} for o in origins for part in halves],
    )


def sunspots_later() -> pd.DataFrame:
    """Train both settings on 1749 to 1983 and forecast 1984 to 2009-06, twelve seeds each."""
    end = len(datasets.sunspots(until="2009-06"))
    return sunspots_chosen(LATER, end)


def sunspots_calibration_run(use: str, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train before the validation years; forecast those and the test years one month ahead."""
    seeds = list(seeds)
    months = datasets.sunspots().index[VALIDATION:LATER].astype(str)
    forecasts = FittedSunspots(VALIDATION, seeds=seeds, **CHOSEN[use]).one_step(
        VALIDATION, LATER
    )
    rows = zip(seeds, forecasts, strict=True)
    return [
        {"use": use, "seed": seed, **dict(zip(months, row, strict=True))}
        for seed, row in rows
    ]


def sunspots_calibration() -> pd.DataFrame:
    """Forecast 1890 to 1983 from 1749 to 1889: errors, for intervals, of years not fitted on."""
    return in_parallel(
        sunspots_calibration_run, [{"use": use, "seeds": range(6)} for use in CHOSEN]
    )


PATHS = 99  # the 5th and the 95th of 99 bound nine tenths of what may come


def sunspots_fans_run(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Sample paths over a cycle from each origin in the test years; judge the middle 90 % of them.

    They are judged by year of lead. The models are trained on 1749 to 1936; the errors drawn are
    those of 1890 to 1936 in sunspots_calibration.
    """
    seeds = list(seeds)
    earlier = (
        datasets.recorded("sunspots_calibration")
        .set_index(["use", "seed"])
        .loc["closed loop"]
    )
    fitted = FittedSunspots(TEST, seeds=seeds, **CHOSEN["closed loop"])
    rows = []
    for seed, model in zip(seeds, fitted.models, strict=True):
        forecast = earlier.loc[seed].to_numpy(np.float64)[: TEST - VALIDATION]
        errors = (
            np.sqrt(forecast) - np.sqrt(fitted.numbers[VALIDATION:TEST])
        ) / fitted.scaler.scale_[0]
        for origin in origins_between(TEST, LATER):
            past = fitted.windows.inputs[origin - fitted.windows.inputs.shape[1]]
            drawn = forecasting.sampled_paths(
                model, past, CYCLE, errors, paths=PATHS, seed=origin
            )
            lower, upper = np.quantile(
                fitted.back(drawn), [0.05, 0.95], axis=0, method="weibull"
            )
            judged = interval_by_part(
                lower, upper, fitted.numbers[origin : origin + CYCLE], parts=11
            )
            rows.append({"seed": seed, "origin": int(origin), **judged})
    return rows


def interval_by_part(
    lower: np.ndarray, upper: np.ndarray, truth: np.ndarray, parts: int
) -> dict[str, float]:
    """Return coverage, share above, mean width and score (level 0.9) of each part of a forecast."""
    inside = (lower <= truth) & (truth <= upper)
    misses = np.maximum(np.maximum(lower - truth, truth - upper), 0)
    columns = {"coverage": inside, "above": truth > upper, "width": upper - lower}
    columns["score"] = upper - lower + 20 * misses
    by_part = {
        name: values.reshape(parts, -1).mean(axis=1) for name, values in columns.items()
    }
    return {
        f"{name}_{part + 1}": values[part]
        for name, values in by_part.items()
        for part in range(parts)
    }


def sunspots_fans() -> pd.DataFrame:
    """Fans of the network in closed loop over 37 origins, three seeds."""
    return in_parallel(sunspots_fans_run, [{"seeds": [seed]} for seed in range(3)])


PEER_LOOKBACKS = 12, 36, 132
PEER_UNITS = {"feed-forward": (4, 16, 64), "GRU": (4, 8, 16)}
VALIDATION_ORIGINS = range(VALIDATION, TEST, 188)  # 1890-01, 1905-09, 1921-05
TEST_ORIGINS = range(TEST, LATER, 120)  # every tenth January from 1937
# The lowest mean "corrected" of each kind in sunspots_tuned.
CHOSEN_PEERS = {
    "feed-forward": {"lookback": 36, "units": 64},
    "GRU": {"lookback": 132, "units": 16},
}


def fit_network(
    kind: str, *, lookback: int, units: int, stop: int, until: int, seed: int
) -> np.ndarray:
    """Train on all months before `stop`; forecast the roots of the months from there to `until`.

    The feed-forward network is the plain recurrent cell that reads the whole window, the newest
    month first, as one step: its state is zero before that, so nothing recurs.
    """
    roots = np.sqrt(datasets.sunspots().to_numpy())
    mean, spread = roots[:stop].mean(), roots[:stop].std()
    cut = windows.make_windows((roots - mean)[:, None] / spread, lookback=lookback)
    train, ahead = cut.between(lookback, stop), cut.between(stop, until)
    training.reproducible(seed)
    if kind == "GRU":
        core, read = nn.GRU(1, units, batch_first=True), np.positive
    else:
        core, read = nn.RNN(lookback, units, batch_first=True), newest_first
        for weight in core.parameters():  # as nn.Linear draws them
            nn.init.uniform_(weight, -(lookback**-0.5), lookback**-0.5)
    model = models.Forecaster(core, residual=True)
    updates = 20 * math.ceil(len(train.targets) / 64)
    training.fit(
        model,
        read(train.inputs),
        train.targets,
        epochs=20,
        batch_size=64,
        optimizer=partial(Adam, lr=1e-2, fused=True),
        scheduler=partial(CosineAnnealingLR, T_max=updates),
    )
    scaled: np.ndarray = training.predict(model, read(ahead.inputs))[:, 0, 0]
    return np.maximum(scaled * spread + mean, 0)


def newest_first(inputs: np.ndarray) -> np.ndarray:
    """Turn windows of L steps, (N, L, 1), into one step of L numbers, (N, 1, L)."""
    return inputs.transpose(0, 2, 1)[:, :, ::-1].copy()


def sunspots_tuned_run(kind: str, lookback: int, units: int) -> list[dict[str, Any]]:
    """Train one setting before each validation origin; judge it on 1890 to 1936 together."""
    numbers = datasets.sunspots().to_numpy()[VALIDATION:TEST]
    rows = []
    for seed in range(2):
        parts = [
            fit_network(
                kind, lookback=lookback, units=units, stop=o, until=o + 188, seed=seed
            )
            for o in VALIDATION_ORIGINS
        ]
        forecast = np.concatenate(parts)
        variance = np.var(forecast - np.sqrt(numbers))
        rows.append(
            {
                "seed": seed,
                "variance": variance,
                "squared": rms(forecast**2 - numbers),
                "corrected": rms(forecast**2 + variance - numbers),
            }
        )
    return [{"kind": kind, "lookback": lookback, "units": units, **row} for row in rows]


def sunspots_tuned() -> pd.DataFrame:
    """Nine settings each of a feed-forward network and a GRU, on validation years, two seeds."""
    return in_parallel(
        sunspots_tuned_run,
        [
            {"kind": kind, "lookback": lookback, "units": units}
            for lookback in PEER_LOOKBACKS
            for kind, choices in PEER_UNITS.items()
            for units in choices
        ],
    )


def sunspots_rolled_run(kind: str, origin: int) -> list[dict[str, Any]]:
    """Train the chosen setting before `origin`; forecast the roots of ten years."""
    until = min(origin + 120, LATER)
    months = datasets.sunspots().index[origin:until].astype(str)
    rows = []
    for seed in range(3):
        ahead = fit_network(
            kind, **CHOSEN_PEERS[kind], stop=origin, until=until, seed=seed
        )
        rows.append(
            {"kind": kind, "seed": seed, **dict(zip(months, ahead, strict=True))}
        )
    return rows


def sunspots_rolled() -> pd.DataFrame:
    """Forecast the roots of 1937 to 1983, trained again every ten years, three seeds."""
    settings = [{"kind": k, "origin": o} for k in CHOSEN_PEERS for o in TEST_ORIGINS]
    parts = in_parallel(sunspots_rolled_run, settings)
    return parts.groupby(["kind", "seed"], sort=False).first().reset_index()


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "sunspots_tuned": sunspots_tuned,
    "sunspots_rolled": sunspots_rolled,
    "sunspots_choice": sunspots_choice,
    "sunspots_test": sunspots_test,
    "sunspots_origins": sunspots_origins,
    "sunspots_later": sunspots_later,
    "sunspots_calibration": sunspots_calibration,
    "sunspots_fans": sunspots_fans,
}
