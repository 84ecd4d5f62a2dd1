"""What the errata page reports for chapter 3: ``python data/record.py errata_sine_to_sunspots``.

Each function is an item of the page and returns its figures. Where a figure has a range, it is the lowest and the
highest of the runs; where it is a difference, a 95 % interval. Nothing is chosen by its result.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.tsa.api as tsa
import torch
from chapters import sunspots
from recording import in_parallel, rms
from scipy.stats import t
from torch import nn

from rnncourse import baselines, datasets, forecasting, intervals, models, training, windows

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


# --- chapter 3 -----------------------------------------------------------------------------------

VALIDATION, TEST, LATER, CYCLE = sunspots.VALIDATION, sunspots.TEST, sunspots.LATER, sunspots.CYCLE
NUMBERS = datasets.sunspots(until="2009-06").to_numpy()
ROOTS, AHEAD = np.sqrt(NUMBERS), np.arange(CYCLE)


@cache
def autoregression(order: int, stop: int) -> Any:
    """Fit AR(order) to the roots before `stop`."""
    return tsa.AutoReg(ROOTS[:stop], order).fit()


def ar_roots(order: int, stop: int, origins: np.ndarray, steps: int = 1) -> np.ndarray:
    """Forecast roots, (origins, steps), none below 0."""
    weights = autoregression(order, stop).params
    track = ROOTS[origins[:, None] + np.arange(-order, 0)]
    for _ in range(steps):
        track = np.column_stack([track, weights[0] + track[:, : -order - 1 : -1] @ weights[1:]])
    return track[:, order:].clip(min=0)


def ar_variance(order: int, stop: int, steps: int) -> np.ndarray:
    """Return the variance of the root at each lead, from that of the residuals."""
    fitted = autoregression(order, stop)
    psi = np.zeros(steps)
    for k in range(steps):
        past = psi[max(k - order, 0) : k][::-1]
        psi[k] = 1.0 if k == 0 else fitted.params[1 : len(past) + 1] @ past
    return np.asarray(fitted.sigma2 * np.cumsum(psi**2))


def gain(worse: np.ndarray, better: np.ndarray, block: int, moving: bool = False) -> tuple[float, np.ndarray]:
    """Return the gain in RMSE and its 95 % interval from squared errors, resampled together in blocks.

    Blocks of months do not overlap; blocks of origins, whose forecasts overlap, may begin at any of them (`moving`).
    """
    rng, n = np.random.default_rng(0), len(worse)
    starts = np.arange(n) if moving else np.arange(0, n, block)
    members = [
        (first + np.arange(block)) % n if moving else np.arange(first, min(first + block, n)) for first in starts
    ]
    sums = np.array([[one[index].sum() for one in (worse, better)] + [len(index)] for index in members])
    chosen = rng.integers(len(members), size=(5000, -(-n // block)))
    total = sums[chosen].sum(axis=1)
    draws = np.sqrt(total[:, :2] / total[:, 2:])
    return np.sqrt(worse.mean()) - np.sqrt(better.mean()), np.quantile(draws[:, 0] - draws[:, 1], [0.025, 0.975])


@cache
def cycle_networks(stop: int) -> sunspots.FittedSunspots:
    """Train the network chosen for the closed loop, GRU(16, 16), two seeds."""
    return sunspots.FittedSunspots(stop, seeds=range(2), **sunspots.CHOSEN["closed loop"])


def sunspots_fan() -> Rows:
    """Sample paths of AR(36), with the network's lookback, and of AR(132); count what they cover."""
    item, origins = Item("sunspots-fan"), sunspots.origins_between(TEST, LATER)
    months, truth = np.arange(VALIDATION, TEST), NUMBERS[origins[:, None] + AHEAD]
    inside = {}
    for order in (36, 132):
        linear = nn.Sequential(nn.Flatten(), nn.Linear(order, 1), nn.Unflatten(1, (1, 1)))
        weights = torch.tensor(np.asarray(autoregression(order, TEST).params))
        linear[1].load_state_dict({"weight": weights[1:].flip(0)[None], "bias": weights[:1]})
        errors = ar_roots(order, VALIDATION, months)[:, 0] - ROOTS[months]
        known = ROOTS[origins[:, None] + np.arange(-order, 0)][..., None]
        fan = forecasting.sampled_paths(linear.double(), known, CYCLE, errors, paths=sunspots.PATHS)[..., 0]
        low, high = np.quantile(fan.clip(min=0) ** 2, [0.05, 0.95], axis=-2, method="weibull")
        inside[order] = ((low <= truth) & (truth <= high)).mean(axis=1)
        item.add("coverage of 90 % fans over a cycle", f"AR({order})", inside[order].mean(), "share", "37 origins")
    fans = datasets.recorded("sunspots_fans")
    covered = fans.filter(like="coverage").mean(axis=1).groupby(fans["seed"]).mean()
    item.runs("coverage of 90 % fans over a cycle", "GRU(16, 16)", covered, "share")
    lost = inside[132] - inside[36]
    rng = np.random.default_rng(0)
    index = (rng.integers(37, size=(5000, 4))[..., None] + np.arange(11)) % 37
    ends = np.quantile(lost[index].mean(axis=(1, 2)), [0.025, 0.975])
    item.add(
        "AR(132)'s coverage less AR(36)'s", "AR(132) less AR(36)", lost.mean(), "share", "blocks of 11 origins", ends
    )
    return item.rows


def sunspots_direct() -> Rows:
    """Train for all 132 leads at once, a GRU and a linear map, and compare with closed loops."""
    item, origins = Item("sunspots-direct"), sunspots.origins_between(TEST, LATER)
    truth = NUMBERS[origins[:, None] + AHEAD]
    scale, shift = ROOTS[:TEST].std(), ROOTS[:TEST].mean()
    cut = windows.make_windows(((ROOTS[:LATER] - shift) / scale)[:, None], lookback=CYCLE, horizon=CYCLE)
    known, past = cut.between(CYCLE, TEST), cut.inputs[origins - CYCLE]
    updates = 20 * -(-len(known.inputs) // 64)
    trained, _ = training.fit_seeds(
        lambda: models.Forecaster(nn.GRU(1, 16, batch_first=True), horizon=CYCLE, residual=True),
        known.inputs,
        known.targets,
        seeds=range(2),
        epochs=20,
        batch_size=64,
        optimizer=partial(torch.optim.Adam, lr=1e-2, fused=True),
        scheduler=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=updates),
    )

    def squares(scaled: np.ndarray) -> np.ndarray:  # (origins, 132), scaled roots -> mean squared error of each origin
        return np.asarray(((((scaled * scale + shift).clip(min=0)) ** 2 - truth) ** 2).mean(axis=1))

    network = np.array([squares(training.predict(model, past)[..., 0]) for model in trained])
    inputs = np.column_stack([np.ones(len(known.inputs)), known.inputs[..., 0]])
    weights, *_ = np.linalg.lstsq(inputs, known.targets[..., 0], rcond=None)
    linear = squares(np.column_stack([np.ones(len(past)), past[..., 0]]) @ weights)
    loop = ((ar_roots(132, TEST, origins, CYCLE) ** 2 - truth) ** 2).mean(axis=1)
    what = "RMSE over 132 leads and 37 origins"
    item.runs(what, "GRU(16), direct", np.sqrt(network.mean(axis=1)), "sunspots")
    item.add(what, "linear, direct", np.sqrt(linear.mean()), "sunspots")
    item.add(what, "AR(132), closed loop", np.sqrt(loop.mean()), "sunspots")
    runs = datasets.recorded("sunspots_test").set_index(["use", "seed"])
    leads = [str(lead) for lead in range(1, CYCLE + 1)]
    item.runs(what, "GRU(16), closed loop", rms(runs.loc["one step", leads].to_numpy(float)), "sunspots")
    value, ends = gain(network.mean(axis=0), loop, 11, moving=True)
    item.add(
        "RMSE of the direct GRU less that of AR(132)",
        "GRU(16), direct, less AR(132)",
        value,
        "sunspots",
        "blocks of 11 origins",
        ends,
    )
    return item.rows


def sunspots_squared() -> Rows:
    """Add the variance that squaring a forecast of a root leaves out."""
    item, months = Item("sunspots-squared"), np.arange(TEST, LATER)
    one = ar_roots(36, TEST, months)[:, 0]
    forecasts = {"AR(36), one month": (one**2, one**2 + autoregression(36, TEST).sigma2, NUMBERS[months], 12, False)}
    origins = sunspots.origins_between(TEST, LATER)
    loop = ar_roots(132, TEST, origins, CYCLE) ** 2
    truth = NUMBERS[origins[:, None] + AHEAD]
    forecasts["AR(132), a cycle"] = loop, loop + ar_variance(132, TEST, CYCLE), truth, 11, True
    names = list(datasets.sunspots().index.astype(str))
    old = datasets.recorded("sunspots_calibration").set_index(["use", "seed"]).loc["one step"]
    variance = np.square(np.sqrt(old[names[VALIDATION:TEST]].to_numpy(float)) - ROOTS[VALIDATION:TEST]).mean()
    network = datasets.recorded("sunspots_test").set_index("use").loc["one step", names[TEST:LATER]].to_numpy(float)
    forecasts["GRU(16), one month"] = network, network + variance, NUMBERS[months], 12, False
    for name, (plain, mended, target, block, moving) in forecasts.items():
        axis = 1 if moving else 0
        before, after = (np.atleast_2d((forecast - target) ** 2).mean(axis=axis) for forecast in (plain, mended))
        item.add("RMSE, squared back", f"{name}, squared", np.sqrt(before.mean()), "sunspots")
        item.add("RMSE, with the variance added", f"{name}, with variance", np.sqrt(after.mean()), "sunspots")
        value, ends = gain(before, after, block, moving)
        count = "blocks of 11 origins" if moving else "blocks of 12 months"
        item.add("what adding it gains", f"{name}, gain", value, "sunspots", count, ends)
    return item.rows


def sunspots_margins() -> Rows:
    """Give intervals where the chapter has none, and calibrate on years on which nothing was chosen."""
    item, end = Item("sunspots-margins"), len(NUMBERS)
    names = list(datasets.sunspots(until="2009-06").index.astype(str))
    later = datasets.recorded("sunspots_later").set_index("use").loc["one step", names[LATER:]].to_numpy(float)
    months = np.arange(LATER, end)
    network = ((later - NUMBERS[months]) ** 2).mean(axis=0)
    linear = (ar_roots(36, LATER, months)[:, 0] ** 2 - NUMBERS[months]) ** 2
    value, ends = gain(linear, network, 12)
    item.add(
        "gain of GRU(16) over AR(36), 1984 to 2009", "one month, later", value, "sunspots", "blocks of 12 months", ends
    )
    choice = datasets.recorded("sunspots_choice").query("hidden_size == 16 and num_layers == 1 and root and residual")
    plain = choice.set_index(["cell", "lookback", "seed"]).sort_index()
    for lookback in (12, 36, 132):
        errors = {cell: plain.loc[(cell, lookback), "one_step"].to_numpy(float) for cell in ("RNN", "GRU")}
        item.paired(
            "validation error of the plain cell less that of the GRU",
            f"gates, {lookback} months",
            errors["RNN"] - errors["GRU"],
            "sunspots",
        )
        for cell, found in errors.items():
            item.runs("validation error one month ahead", f"{cell}, {lookback} months", found, "sunspots")
    what = "gain of AR(132) over GRU(16, 16), a cycle"
    origins = sunspots.origins_between(TEST, LATER)
    truth = NUMBERS[origins[:, None] + AHEAD]
    loops = (cycle_networks(TEST).cycle_errors(origins) ** 2).mean(axis=(0, 2))
    of_ar = ((ar_roots(132, TEST, origins, CYCLE) ** 2 - truth) ** 2).mean(axis=1)
    value, ends = gain(loops, of_ar, 11, moving=True)
    item.add(what, "a cycle, 1937 to 1983", value, "sunspots", "37 origins in blocks of 11", ends)
    origins = sunspots.origins_between(LATER, end)
    found = rms(ar_roots(132, LATER, origins, CYCLE) ** 2 - NUMBERS[origins[:, None] + AHEAD], axis=None)
    runs = datasets.recorded("sunspots_later").set_index("use").loc["closed loop", [str(k + 1) for k in AHEAD]]
    item.add(what, "a cycle, 1984 to 2009", np.median(rms(runs.to_numpy(float))) - found, "sunspots", "15 origins")
    untouched = np.arange(VALIDATION - (TEST - VALIDATION), VALIDATION)  # 1843 to 1889
    for name, years, stop in (
        ("1890 to 1936", np.arange(VALIDATION, TEST), VALIDATION),
        ("1843 to 1889", untouched, untouched[0]),
    ):
        errors = np.abs(ar_roots(36, stop, years)[:, 0] - ROOTS[years])
        margin = np.sort(errors)[int(np.ceil(0.9 * (len(errors) + 1))) - 1]
        tested = np.arange(TEST, LATER)
        forecast = ar_roots(36, stop, tested)[:, 0]
        covered = intervals.coverage((forecast - margin).clip(min=0) ** 2, (forecast + margin) ** 2, NUMBERS[tested])
        item.add(
            "coverage of AR(36)'s 90 % intervals, 1937 to 1983", f"calibrated on {name}", covered, "share", "564 months"
        )
    return item.rows


def sunspots_numbers() -> Rows:
    """Print what the chapter asserts: the first half year, and how many targets a lookback leaves."""
    item, origins = Item("sunspots-numbers"), sunspots.origins_between(TEST, LATER)
    truth, half = NUMBERS[origins[:, None] + AHEAD], slice(0, 6)
    past = NUMBERS[origins[:, None] + np.arange(-CYCLE, 0)][..., None]
    errors = {
        "persistence": np.asarray(baselines.persistence(past, horizon=CYCLE)).reshape(truth.shape) - truth,
        "AR(36)": ar_roots(36, TEST, origins, CYCLE) ** 2 - truth,
        "AR(132)": ar_roots(132, TEST, origins, CYCLE) ** 2 - truth,
    }
    what = "mean RMSE of the leads 1 to 6"
    for name, found in errors.items():
        item.add(what, name, rms(found, axis=0)[half].mean(), "sunspots", "37 origins")
    runs = datasets.recorded("sunspots_test").set_index(["use", "seed"])
    for name, use in (("GRU(16)", "one step"), ("GRU(16, 16)", "closed loop")):
        by_lead = np.median(runs.loc[use, [str(lead) for lead in range(1, 7)]].to_numpy(float), axis=0)
        item.add(what, name, by_lead.mean(), "sunspots", "37 origins, median of 12 seeds")
    network = cycle_networks(TEST).cycle_errors(origins)[..., half]
    value, ends = gain((errors["AR(132)"][:, half] ** 2).mean(axis=1), (network**2).mean(axis=(0, 2)), 1)
    item.add("gain of GRU(16, 16) over AR(132), leads 1 to 6", "first half year", value, "sunspots", "37 origins", ends)
    for name, lookback in (("GRU(16)", CYCLE), ("AR(36)", 36)):
        targets = np.arange(12, TEST, 12)
        item.add(
            "training targets with a whole window before them",
            f"targets, {name}",
            (targets >= lookback).sum(),
            "of 187",
        )
    return item.rows


# -------------------------------------------------------------------------------------------------

ITEMS: dict[str, Callable[[], Rows]] = {
    "sunspots-fan": sunspots_fan,
    "sunspots-direct": sunspots_direct,
    "sunspots-squared": sunspots_squared,
    "sunspots-margins": sunspots_margins,
    "sunspots-numbers": sunspots_numbers,
}


def sine_to_sunspots(item: str) -> Rows:
    """Measure one item."""
    return ITEMS[item]()


def measure() -> pd.DataFrame:
    """Measure every item."""
    return in_parallel(sine_to_sunspots, [{"item": item} for item in ITEMS])
