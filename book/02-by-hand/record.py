"""Chapter 2's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from recording import in_parallel
from torch import nn
from torch.optim import SGD, Adam

from rnncourse import models, training

WINDOWS, UPDATES, HIDDEN = 8000, 1000, 16
# SGD's rate is chosen, on seeds that are not counted and with batches of 16; Adam's is not.
RATES = {"SGD": (0.03, 0.1, 0.3), "Adam": (0.01,)}
CHOOSING, COUNTED = range(100, 104), range(8)
CELLS: dict[str, tuple[Any, float]] = {
    "RNN": (nn.RNN, 0.0),
    "GRU": (nn.GRU, 0.0),
    "LSTM": (nn.LSTM, 0.0),
    "LSTM, forget bias": (nn.LSTM, 4.0),
}
RADII = 0.5, 1.0, 1.5


def first_inputs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of 20 steps, the first uniform in (-1, 1), the others weak noise; and the first."""
    rng = np.random.default_rng(seed)
    series = 0.1 * rng.normal(size=(count, 20, 1))
    series[:, 0] = rng.uniform(-1, 1, size=(count, 1))
    return series, series[:, :1].copy()  # (N, L, F), (N, h, K)


def network(cell: str, radius: float) -> models.Forecaster:
    """Draw a network; each recurrent matrix, one a gate, is orthogonal times the radius."""
    kind, forget_bias = CELLS[cell]
    core = kind(1, HIDDEN, batch_first=True)
    for matrix in core.weight_hh_l0.data.split(HIDDEN):
        nn.init.orthogonal_(matrix, gain=radius)
    forget_rows = core.bias_ih_l0.data[HIDDEN : 2 * HIDDEN]  # an nn.RNN has none
    forget_rows += forget_bias
    return models.Forecaster(core)


def errors(
    cell: str,
    radius: float,
    optimiser: str,
    rate: float,
    *,
    batch: int,
    seeds: Sequence[int],
    judged_on: int,
    updates: int = UPDATES,
) -> np.ndarray:
    """Train a network for each seed; return its error on new windows, NaN where it diverged."""
    make = SGD if optimiser == "SGD" else partial(Adam, fused=True)
    train = partial(
        training.fit_seeds,
        partial(network, cell, radius),
        *first_inputs(WINDOWS, seed=0),
        epochs=updates * batch // WINDOWS,
        batch_size=batch,
        optimizer=partial(make, lr=rate),
        clip_norm=1.0,
    )
    try:
        trained = train(seeds=seeds)[0]
    except FloatingPointError:  # which of them?
        if len(seeds) == 1:
            return np.array([np.nan])
        how: dict[str, Any] = {
            "batch": batch,
            "judged_on": judged_on,
            "updates": updates,
        }
        each = partial(errors, cell, radius, optimiser, rate, **how)
        return np.concatenate([each(seeds=[seed]) for seed in seeds])
    inputs, targets = first_inputs(1000, seed=judged_on)
    forecasts = [training.predict(model, inputs) for model in trained]
    return np.array([np.mean((forecast - targets) ** 2) for forecast in forecasts])


def chosen(cell: str, radius: float, optimiser: str) -> float:
    """Return the rate with the smallest median error on seeds that are not counted."""
    rates = RATES[optimiser]
    if len(rates) == 1:
        return rates[0]
    how: dict[str, Any] = {
        "batch": 16,
        "seeds": CHOOSING,
        "judged_on": 1,
        "updates": 500,
    }
    found = [np.median(errors(cell, radius, optimiser, rate, **how)) for rate in rates]
    return rates[int(np.argmin(np.nan_to_num(found, nan=np.inf)))]


def by_hand_cures_run(cell: str, radius: float, optimiser: str) -> list[dict[str, Any]]:
    """Choose the rate; note the errors of eight seeds with two sizes of batch."""
    rate = chosen(cell, radius, optimiser)
    rows = []
    for batch in (8, 32):
        how: dict[str, Any] = {"batch": batch, "seeds": COUNTED, "judged_on": 2}
        found = errors(cell, radius, optimiser, rate, **how)
        row = {"cell": cell, "radius": radius, "optimiser": optimiser, "rate": rate}
        rows += [
            {**row, "batch": batch, "seed": seed, "mse": error}
            for seed, error in zip(COUNTED, found, strict=True)
        ]
    return rows


def by_hand_cures() -> pd.DataFrame:
    """Cell times radius times optimiser: who learns to name the first of twenty inputs."""
    settings = [
        {"cell": cell, "radius": radius, "optimiser": optimiser}
        for cell in CELLS
        for radius in RADII
        for optimiser in RATES
    ]
    return in_parallel(by_hand_cures_run, settings)


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {"by_hand_cures": by_hand_cures}
