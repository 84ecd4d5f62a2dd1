"""What the errata page reports for chapter 1: ``python data/record.py errata_sine_to_sunspots``.

Each function is an item of the page and returns its figures. Where a figure has a range, it is the lowest and the
highest of the runs; where it is a difference, a 95 % interval. Nothing is chosen by its result.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from chapters import sine
from recording import in_parallel, rms
from scipy.stats import spearmanr, t
from torch import nn

from rnncourse import datasets, forecasting, models, training, windows

Rows = list[dict[str, Any]]
FEWER = range(4)  # where a training takes long


class Item:
    """The figures of one item, as they are found."""

    def __init__(self, row: str) -> None:
        self.row, self.rows = row, Rows()

    def add(self, what: str, quantity: str, value: Any, unit: str, count: str = "", ends: Any = (None, None)) -> None:
        """Note a figure, with both ends of its range or interval."""
        low, high = ends
        figure = {"quantity": quantity, "value": float(value), "low": low, "high": high, "unit": unit, "count": count}
        self.rows.append({"row": self.row, "what": what, **figure})

    def runs(self, what: str, quantity: str, values: Any, unit: str, of: str = "seeds") -> None:
        """Note the median of several runs, with the lowest and the highest."""
        ends = np.min(values), np.max(values)
        self.add(what, quantity, np.median(values), unit, f"{len(values)} {of}", ends)

    def paired(self, what: str, quantity: str, differences: Any, unit: str) -> None:
        """Note the mean of differences between pairs of seeds, with Student's interval."""
        mean, n = np.mean(differences), len(differences)
        half = t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / np.sqrt(n)
        self.add(what, quantity, mean, unit, f"{n} pairs of seeds", (mean - half, mean + half))


# --- chapter 1 -----------------------------------------------------------------------------------

HEADS = {"all states": ("all", False), "last state": ("last", False), "last state, change": ("last", True)}
PERIOD = 157


def sine_kick() -> Rows:
    """Move the newest input by 0.01, let both runs go, and see what is left of the kick after each period."""
    item = Item("sine-kick")
    starts = sine.SINE_WINDOWS.inputs[:PERIOD:40]  # four windows over one period
    x = 0.04 * (40 * np.arange(len(starts))[:, np.newaxis] + 50 + np.arange(3 * PERIOD))
    kicked = starts.copy()
    kicked[:, -1] += 0.01
    for name, (readout, residual) in HEADS.items():
        kept, along, wrong, newest = [], [], [], []
        for model in sine.sine_models(FEWER, readout, residual):
            loop = forecasting.closed_loop(model, np.concatenate([starts, kicked]), 3 * PERIOD)[..., 0]
            plain, moved = loop.reshape(2, len(starts), 3 * PERIOD)
            first, _, third = (rms(part, axis=None) for part in np.split(moved - plain, 3, axis=1))
            kept.append(np.sqrt(third / first))
            wrong.append(rms((plain - np.sin(x))[:, -PERIOD:], axis=None))
            batch = torch.tensor(sine.SINE_WINDOWS.inputs[:PERIOD]).requires_grad_()
            (gradient,) = torch.autograd.grad(model(batch).sum(), batch)
            along.append(multiplier(gradient[:, :, 0].numpy()))
            size = gradient[:, :, 0].abs().mean(dim=0)
            newest.append(float(size[-5:].sum() / size.sum()))
        item.runs("what a period leaves of a kick of 0.01", f"{name}, kick kept", kept, "factor a period")
        item.runs(
            "what a period on the true wave leaves of a small error", f"{name}, multiplier", along, "factor a period"
        )
        item.runs("error in the third period", f"{name}, error", wrong, "RMSE, amplitude 1")
        item.runs("share of the derivative on the five newest points", f"{name}, newest", newest, "share")
    return item.rows


def multiplier(gradients: np.ndarray) -> float:
    """Largest multiplier of one period, (steps, L), of a window fed back: the product of the steps' linear maps."""
    product = np.eye(gradients.shape[1])
    for gradient in gradients:
        product = np.vstack([product[1:], gradient @ product])  # the window moves on by one
    return float(np.abs(np.linalg.eigvals(product)).max())


def sine_width() -> Rows:
    """Train the last-state head on a wider core; beside it what is recorded for narrow ones."""
    item, what = Item("sine-width"), "largest error over 500 steps from x = 100"
    trained = sine.sine_models(FEWER, "last", False, 32)
    item.runs(what, "last state, 32 units", [sine.sine_error_beyond(model) for model in trained], "amplitude 1")
    narrow = datasets.recorded("sine_layers").query("layers == 1 and hidden_size == 5")
    item.runs(f"{what}, as recorded", "all states, 5 units", narrow["max_error_beyond"], "amplitude 1")
    item.add("weights in all", "all states, 5 units, weights", narrow["weights"].iloc[0], "weights")
    heads = datasets.recorded("sine_heads").query("not residual and not lbfgs and seed < 4")
    for readout in ("last", "all"):
        errors = heads.query("readout == @readout")["max_error_beyond"]
        name = "last state, 10 units" if readout == "last" else "all states, 10 units"
        item.runs(f"{what}, as recorded", name, errors, "amplitude 1")
    return item.rows


def sine_loss() -> Rows:
    """Rank correlation of the loss one step ahead with the error in closed loop, within and between variants."""
    item, what = Item("sine-loss"), "Spearman's correlation of one-step loss and closed-loop error"
    heads = datasets.recorded("sine_heads")
    ranked = {key: spearmanr(g["loss"], g["max_error_500"])[0] for key, g in heads.groupby(VARIANT)}
    item.runs(what, "within a variant", list(ranked.values()), "correlation", "variants of 10 seeds")
    last = heads.query("readout == 'last'")
    item.add(what, "last state", spearmanr(last["loss"], last["max_error_500"])[0], "correlation", f"{len(last)} runs")
    middle = heads.groupby(VARIANT)[["loss", "max_error_500"]].median()
    item.add(
        what, "between variants", spearmanr(middle["loss"], middle["max_error_500"])[0], "correlation", "6 medians"
    )
    return item.rows


VARIANT = ["readout", "residual", "lbfgs"]


def sine_overfitting() -> Rows:
    """Train two sizes on the first 80 % of the series, clean and with noise; look at the loss on the last 20 %."""
    item, stop = Item("sine-overfitting"), 2001
    for name, noise in (("clean", 0.0), ("noise 0.05", 0.05)):
        series = sine.SINE + noise * np.random.default_rng(0).normal(size=len(sine.SINE))
        cut = windows.make_windows(series, lookback=50)
        known, held = cut.between(50, stop), cut.between(stop, len(series))
        updates = sine.EPOCHS * -(-len(known.inputs) // sine.BATCH)
        schedule = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=1e-2, total_steps=updates)
        options = {"epochs": sine.EPOCHS, "batch_size": sine.BATCH, "scheduler": schedule}
        for hidden in (2, 20):
            make = partial(sine_network, hidden)
            trained, _ = training.fit_seeds(make, known.inputs, known.targets, seeds=range(3), **options)
            losses = {
                part: [float(np.mean((training.predict(m, w.inputs) - w.targets) ** 2)) for m in trained]
                for part, w in (("training", known), ("held out", held))
            }
            ratios = np.divide(losses["held out"], losses["training"])
            item.runs("held-out loss over training loss", f"{name}, {hidden} units", ratios, "ratio")
            item.runs("held-out loss", f"{name}, {hidden} units, held out", losses["held out"], "mean squared error")
    return item.rows


def sine_network(hidden: int) -> nn.Module:
    """Make the thread's network with other than 10 units."""
    return models.Forecaster(nn.GRU(1, hidden, batch_first=True), readout="all", lookback=50)


def sine_rule() -> Rows:
    """Say how exact the linear rule is, for one frequency and for an unknown one."""
    item = Item("sine-rule")
    series, truth = sine.SINE, datasets.sine(500, start=100.04)
    weights, *_ = np.linalg.lstsq(np.column_stack([series[1:-1], series[:-2]]), series[2:], rcond=None)
    track = list(series[-2:])
    for _ in range(500):
        track.append(weights[0] * track[-1] + weights[1] * track[-2])
    error = np.abs(np.array(track[2:]) - truth).max()
    item.add("largest error over 500 steps", "error, power of ten", np.ceil(np.log10(error)), "power of ten, at most")
    starts = 100 + 1.7 * np.arange(10)
    tracks = np.stack([datasets.sine(80, step=0.4, angular_frequency=1.05, start=x) for x in starts])
    past, future = tracks[:, :40], tracks[:, 40:]
    middle, around = past[:, 1:-1], past[:, 2:] + past[:, :-2]
    c, run = (middle * around).sum(axis=1) / (middle**2).sum(axis=1), [past[:, -2], past[:, -1]]
    for _ in range(40):
        run.append(c * run[-1] - run[-2])
    error = np.abs(np.stack(run[2:], axis=1) - future).max()
    item.add(
        "largest error over 40 steps", "any frequency, power of ten", np.ceil(np.log10(error)), "power of ten, at most"
    )
    return item.rows


# -------------------------------------------------------------------------------------------------

ITEMS: dict[str, Callable[[], Rows]] = {
    "sine-kick": sine_kick,
    "sine-width": sine_width,
    "sine-loss": sine_loss,
    "sine-overfitting": sine_overfitting,
    "sine-rule": sine_rule,
}


def sine_to_sunspots(item: str) -> Rows:
    """Measure one item."""
    return ITEMS[item]()


def measure() -> pd.DataFrame:
    """Measure every item."""
    return in_parallel(sine_to_sunspots, [{"item": item} for item in ITEMS])
