"""What the errata page reports for chapters 1 and 3: ``python data/record.py errata_sine_to_sunspots``.

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
from chapters import sine, sunspots
from recording import in_parallel, rms
from scipy.stats import spearmanr, t
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
    "sine-kick": sine_kick,
    "sine-width": sine_width,
    "sine-loss": sine_loss,
    "sine-overfitting": sine_overfitting,
    "sine-rule": sine_rule,
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
