"""Chapter 4's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import in_parallel, rms
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse import datasets, forecasting, layers, models, training, windows

KNOWN, AHEAD = 700, 300  # steps of leading_parameters: to learn from, and to forecast


def observable_source() -> pd.DataFrame:
    """The thread's own network, in float32: its closed-loop forecast after every 20 epochs."""
    table = datasets.leading_parameters()
    largest = table[:KNOWN].max()
    scaled = (table[:KNOWN] / largest).to_numpy()
    train = windows.make_windows(scaled, lookback=300)
    training.reproducible(0)
    torch.set_default_dtype(torch.float32)
    core = layers.VariationalGRU(4, 300, input_dropout=0.1, state_dropout=0.5)
    model = models.Forecaster(core, targets=4, readout="all", lookback=300)
    # One for all rounds, so that its averages live on.
    optimiser = Adam(model.parameters(), lr=1e-4)
    rows, seconds = [], 0.0
    for epochs in range(20, 141, 20):
        options = {"epochs": 20, "batch_size": 64, "optimizer": lambda _: optimiser}
        history = training.fit(model, train.inputs, train.targets, **options)
        seconds += sum(history.seconds)
        forecast = (
            forecasting.closed_loop(model, scaled[-300:], AHEAD)[:, 3] * largest["obs"]
        )
        row = {
            "epochs": epochs,
            "train_loss": history.train_loss[-1],
            "seconds": seconds,
        }
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
    """Train a GRU(24) on the rows before `stop`; forecast the observable after it.

    Windows that hold a kick are left out.
    """
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
        return models.Forecaster(
            core, targets=4, readout=readout, residual=residual, lookback=lookback
        )

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
    past = series[stop - lookback : stop]
    ahead = KNOWN - stop or AHEAD  # to the end of what is known, or beyond it
    loops = [forecasting.closed_loop(model, past, ahead) for model in trained]
    return [
        loop[:, 3] * scaler.scale_[3] + scaler.mean_[3] for loop in loops
    ], histories


def observable_heads() -> pd.DataFrame:
    """Heads and lookbacks: 500 steps to choose (200 ahead), 700 to judge (300 ahead)."""
    table, rows = datasets.leading_parameters(), []
    for stop, seeds in ((500, range(4)), (KNOWN, range(8))):
        for lookback in (20, 40):
            for readout in ("all", "last"):
                for residual in (True, False):
                    setting = {
                        "lookback": lookback,
                        "readout": readout,
                        "residual": residual,
                    }
                    forecasts, histories = observable_fit(
                        table, stop, seeds=seeds, **setting
                    )
                    for seed, forecast, history in zip(
                        seeds, forecasts, histories, strict=True
                    ):
                        row = {
                            "stop": stop,
                            **setting,
                            "seed": seed,
                            "train_loss": history.train_loss[-1],
                        }
                        rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


KICKS = (90, 180, 270, 360, 450, 540, 620, 680)


def observable_kicks() -> pd.DataFrame:
    """The driver thrown off its cycle eight times: six generators, four seeds of each network."""
    rows = []
    for generator in range(20, 26):
        table = datasets.leading_parameters(seed=generator, kicks=KICKS)
        for readout, residual in (("last", False), ("all", True)):
            options = {
                "readout": readout,
                "residual": residual,
                "epochs": 40,
                "thrown": KICKS,
            }
            forecasts, _ = observable_fit(table, KNOWN, seeds=range(4), **options)
            for seed, forecast in enumerate(forecasts):
                row = {
                    "generator": generator,
                    "readout": readout,
                    "residual": residual,
                    "seed": seed,
                }
                rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


def observable_drift() -> pd.DataFrame:
    """All four series climb by 0.01 a step: eight seeds of two heads."""
    table, rows = datasets.leading_parameters().add(0.01 * np.arange(1000), axis=0), []
    for readout, residual in (("all", True), ("last", False)):
        forecasts, _ = observable_fit(
            table, KNOWN, seeds=range(8), readout=readout, residual=residual
        )
        for seed, forecast in enumerate(forecasts):
            row = {"readout": readout, "residual": residual, "seed": seed}
            rows.append(row | by_step(forecast))
    return pd.DataFrame(rows)


def observable_dropout_run(
    input_dropout: float, state_dropout: float, lr: float, seed: int
) -> dict[str, Any]:
    """Train a VariationalGRU on 500 steps at a constant rate; judge the loop on the next 200."""
    table = datasets.leading_parameters()
    scaler = StandardScaler().fit(table[:500])
    series = scaler.transform(table[:KNOWN])
    train = windows.make_windows(series[:500], lookback=20)
    training.reproducible(seed)
    core = layers.VariationalGRU(
        4, 24, input_dropout=input_dropout, state_dropout=state_dropout
    )
    model = models.Forecaster(core, targets=4, readout="all", lookback=20)
    setting = {
        "input_dropout": input_dropout,
        "state_dropout": state_dropout,
        "lr": lr,
        "seed": seed,
    }
    training.fit(
        model,
        train.inputs,
        train.targets,
        epochs=40,
        batch_size=64,
        optimizer=partial(Adam, lr=lr, fused=True),
    )
    one_step = training.predict(model, train.inputs) - train.targets  # without dropout
    loop = (
        forecasting.closed_loop(model, series[480:500], 200)[:, 3] * scaler.scale_[3]
        + scaler.mean_[3]
    )
    error = loop - table["obs"].to_numpy()[500:KNOWN]
    return {
        **setting,
        "one_step": np.sqrt(np.mean(one_step**2)),
        "closed_loop": np.sqrt(np.mean(error**2)),
    }


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
    """Discharge 1 to 7 days ahead, the weather of those days known, or forecast along."""
    table, lookback, days = datasets.fulda(), 30, 7
    columns = [np.log(table["discharge"]), np.log1p(table["rain"]), table["tmean"]]
    first, second = (int((table.index.year < year).sum()) for year in (1986, 1987))
    scaler = StandardScaler().fit(np.column_stack(columns)[:first])
    series, flow, rows = (
        scaler.transform(np.column_stack(columns)),
        table["discharge"].to_numpy(),
        [],
    )
    for targets in (1, 3):
        train = windows.make_windows(
            series[:first], lookback=lookback, targets=range(targets)
        )
        for epochs in (10, 30):

            def make(targets: int = targets) -> nn.Module:
                return models.Forecaster(
                    nn.GRU(3, 16, batch_first=True), targets=targets, residual=True
                )

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
            for part, start, stop in (
                ("validation", first, second),
                ("test", second, len(flow)),
            ):
                origins = np.arange(start, stop - days + 1)
                past = series[origins[:, np.newaxis] + np.arange(-lookback, 0)]
                ahead = origins[:, np.newaxis] + np.arange(days)
                weather = {
                    "known": series[ahead][..., 1:],
                    "average": 0 * series[ahead][..., 1:],
                }
                for name, known in (
                    weather.items() if targets == 1 else [("forecast along", None)]
                ):
                    for seed, model in enumerate(trained):
                        loop = forecasting.closed_loop(model, past, days, known=known)[
                            ..., 0
                        ]
                        error = (
                            np.exp(loop * scaler.scale_[0] + scaler.mean_[0])
                            - flow[ahead]
                        )
                        row = {
                            "part": part,
                            "weather": name,
                            "epochs": epochs,
                            "seed": seed,
                        }
                        rows.append(row | by_step(rms(error, axis=0)))
    return pd.DataFrame(rows)


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "observable_source": observable_source,
    "observable_heads": observable_heads,
    "observable_kicks": observable_kicks,
    "observable_drift": observable_drift,
    "observable_dropout": observable_dropout,
    "fulda_rain": fulda_rain,
}
