"""Chapter 1's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from recording import in_parallel
from torch import nn
from torch.optim import LBFGS
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse import datasets, forecasting, models, training, windows

SINE = datasets.sine()
SINE_WINDOWS = windows.make_windows(SINE, lookback=50)
EPOCHS, BATCH = 20, 64
UPDATES = EPOCHS * math.ceil(len(SINE_WINDOWS.inputs) / BATCH)
ONE_CYCLE = partial(OneCycleLR, max_lr=1e-2, total_steps=UPDATES)
TIGHT = {
    "tolerance_grad": 1e-12,
    "tolerance_change": 1e-15,
}  # the defaults stop at losses near 1e-7
POLISH = partial(
    LBFGS, max_iter=20, history_size=20, line_search_fn="strong_wolfe", **TIGHT
)


def sine_loop_errors(model: nn.Module) -> dict[str, float]:
    """Judge a model in closed loop: as the thread did, beyond the training series, and for long."""
    early = datasets.sine(5050, start=-49 * 0.04)[
        :, np.newaxis
    ]  # the first 50 points end at x = 0
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
    late = datasets.sine(550, start=100 - 49 * 0.04)[
        :, np.newaxis
    ]  # the first 50 points end at x = 100
    return float(
        np.abs(forecasting.closed_loop(model, late[:50], 500) - late[50:]).max()
    )


def sine_loss(model: nn.Module) -> float:
    """Mean squared error one step ahead on the training windows."""
    return float(
        np.mean(
            (training.predict(model, SINE_WINDOWS.inputs) - SINE_WINDOWS.targets) ** 2
        )
    )


def sine_heads_run(
    readout: str, residual: bool, polish: bool, seeds: range
) -> list[dict[str, Any]]:
    """Train the thread's GRU(10) with one kind of head, and polish it with L-BFGS where asked."""
    rows = []
    for seed, model in zip(seeds, sine_models(seeds, readout, residual), strict=True):
        rows.append(
            {
                "lbfgs": False,
                "seed": seed,
                "loss": sine_loss(model),
                **sine_loop_errors(model),
            }
        )
        if polish:
            some = slice(None, None, 10)
            inputs, targets = SINE_WINDOWS.inputs[some], SINE_WINDOWS.targets[some]
            training.fit(
                model, inputs, targets, epochs=10, batch_size=None, optimizer=POLISH
            )
            rows.append(
                {
                    "lbfgs": True,
                    "seed": seed,
                    "loss": sine_loss(model),
                    **sine_loop_errors(model),
                }
            )
    return [{"readout": readout, "residual": residual, **row} for row in rows]


def sine_models(
    seeds: range, readout: str, residual: bool, hidden: int = 10, layers: int = 1
) -> list[nn.Module]:
    """Train the thread's network, or a variant of it, for each seed."""

    def make() -> nn.Module:
        core = nn.GRU(1, hidden, num_layers=layers, batch_first=True)
        return models.Forecaster(core, readout=readout, residual=residual, lookback=50)

    return sine_trained(make, seeds)


def sine_trained(make: Callable[[], nn.Module], seeds: range) -> list[nn.Module]:
    """Train what `make` makes as the thread trained its network, for each seed."""
    options = {"epochs": EPOCHS, "batch_size": BATCH, "scheduler": ONE_CYCLE}
    return training.fit_seeds(
        make, SINE_WINDOWS.inputs, SINE_WINDOWS.targets, seeds=seeds, **options
    )[0]


def sine_heads() -> pd.DataFrame:
    """Ten seeds of each head: all states or the last, value or change, with L-BFGS after."""
    settings = [
        {
            "readout": readout,
            "residual": residual,
            "polish": readout == "last",
            "seeds": seeds,
        }
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
    sizes = [
        {"layers": layers, "hidden": hidden}
        for layers in (1, 2)
        for hidden in (40, 20, 10, 5, 2)
    ]
    order = ["layers", "hidden_size", "seed"]
    return in_parallel(sine_layers_run, sizes).sort_values(order, ignore_index=True)


# kind: what the head reads, hidden units
ONE_STEP_KINDS = {
    "all states": ("all", 10),
    "all states, 6 units": ("all", 6),
    "last state": ("last", 10),
    "last state, 32 units": ("last", 32),
}


def sine_feed_forward() -> nn.Module:
    """Ten units that read the fifty points at once, and a linear layer."""
    inner = nn.Linear(50, 10), nn.Tanh(), nn.Linear(10, 1)
    return nn.Sequential(nn.Flatten(), *inner, nn.Unflatten(1, (1, 1)))


def sine_linear() -> nn.Module:
    """A weight for each of the fifty points, and a bias."""
    return nn.Sequential(nn.Flatten(), nn.Linear(50, 1), nn.Unflatten(1, (1, 1)))


WITHOUT_RECURRENCE = {"feed-forward": sine_feed_forward, "linear": sine_linear}


def sine_one_step_run(kind: str, seeds: range) -> list[dict[str, Any]]:
    """Train one kind of network; note its errors, one step and 500, and period."""
    early = datasets.sine(550, start=-49 * 0.04)[:, np.newaxis]  # 50 points up to x = 0
    rows = []
    if kind in WITHOUT_RECURRENCE:
        trained = sine_trained(WITHOUT_RECURRENCE[kind], seeds)
    else:
        readout, hidden = ONE_STEP_KINDS[kind]
        trained = sine_models(seeds, readout, False, hidden)
    for seed, model in zip(seeds, trained, strict=True):
        forecast = forecasting.closed_loop(model, early[:50], 500)
        rows.append(
            {
                "kind": kind,
                "weights": sum(weight.numel() for weight in model.parameters()),
                "seed": seed,
                "one_step_rmse": math.sqrt(sine_loss(model)),
                "max_error_500": np.abs(forecast - early[50:]).max(),
                "max_error_beyond": sine_error_beyond(model),
                "period": sine_period(forecast[:, 0]),
            }
        )
    return rows


def sine_period(track: np.ndarray) -> float:
    """Mean distance, in steps, of the places where a track crosses zero upwards."""
    up = np.flatnonzero((track[:-1] < 0) & (track[1:] >= 0))
    return float(np.diff(up - track[up] / (track[up + 1] - track[up])).mean())


def sine_one_step() -> pd.DataFrame:
    """Ten seeds of six networks: four with a GRU and two without recurrence."""
    settings = [
        {"kind": kind, "seeds": seeds}
        for kind in (*ONE_STEP_KINDS, *WITHOUT_RECURRENCE)
        for seeds in (range(5), range(5, 10))
    ]
    table = in_parallel(sine_one_step_run, settings)
    return table.round(10)  # what is smaller is the computer's rounding


FAMILY = np.round(np.arange(1, 21) * 0.1, 1)  # the question's A: 0.1, 0.2 … 2.0
TESTED = np.round(
    np.arange(1, 51) * 0.05, 2
)  # its members, those between, and those beyond
# name: step of the series, lookback, stride, core, head, residual, horizon, epochs
FAMILY_SETUPS: dict[str, tuple[float, int, int, str, str, bool, int, int]] = {
    "as asked": (0.04, 50, 10, "LSTM", "all", False, 1, 20),
    "longer window, 10 epochs": (0.4, 40, 2, "GRU", "last", True, 1, 10),
    "longer window, 60 epochs": (0.4, 40, 2, "GRU", "last", True, 1, 60),
    "40 steps at once": (0.4, 40, 2, "GRU", "last", False, 40, 60),
}


def sine_family_run(setup: str, seed: int) -> list[dict[str, Any]]:
    """Train one network on the sines of all A; forecast 16 units of x at A seen and unseen."""
    step, lookback, stride, core, readout, residual, horizon, epochs = FAMILY_SETUPS[
        setup
    ]
    steps = round(100 / step) + 1
    cut = partial(
        windows.make_windows, lookback=lookback, horizon=horizon, stride=stride
    )
    parts = [cut(datasets.sine(steps, step=step, angular_frequency=a)) for a in FAMILY]
    inputs, targets = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("inputs", "targets")
    )
    training.reproducible(seed)
    layer = (
        nn.LSTM(1, 10, batch_first=True)
        if core == "LSTM"
        else nn.GRU(1, 32, batch_first=True)
    )
    model = models.Forecaster(
        layer, horizon=horizon, readout=readout, lookback=lookback, residual=residual
    )
    schedule = partial(
        OneCycleLR, max_lr=1e-2, total_steps=epochs * math.ceil(len(inputs) / 64)
    )
    training.fit(
        model,
        inputs,
        targets,
        epochs=epochs,
        batch_size=64,
        scheduler=schedule,
        clip_norm=1.0,
    )
    ahead = round(16 / step)
    wave = partial(datasets.sine, lookback + ahead, step=step)
    starts = 100 + 1.7 * np.arange(10)
    tracks = np.array(
        [wave(angular_frequency=a, start=x) for a in TESTED for x in starts]
    )[..., np.newaxis]
    past, truth = tracks[:, :lookback], tracks[:, lookback:]
    forecast = (
        forecasting.closed_loop(model, past, ahead)
        if horizon == 1
        else training.predict(model, past)
    )
    rmse = np.sqrt(
        np.mean((forecast - truth) ** 2, axis=(1, 2))
        .reshape(len(TESTED), -1)
        .mean(axis=1)
    )
    row = {"setup": setup, "seed": seed}
    return [
        {**row, "angular_frequency": a, "rmse": error}
        for a, error in zip(TESTED, rmse, strict=True)
    ]


def sine_family() -> pd.DataFrame:
    """The thread's last comment: sin(A x) for twenty A with one network; three seeds a set-up."""
    settings = [
        {"setup": setup, "seed": seed}
        for setup in reversed(FAMILY_SETUPS)
        for seed in range(3)
    ]
    return in_parallel(sine_family_run, settings).sort_values(
        ["setup", "seed"], kind="stable", ignore_index=True
    )


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "sine_heads": sine_heads,
    "sine_layers": sine_layers,
    "sine_one_step": sine_one_step,
    "sine_family": sine_family,
}
