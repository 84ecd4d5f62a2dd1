"""Chapter 5's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import os
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import in_parallel, rms
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import QuantileRegressor, Ridge
from torch import nn
from torch.optim import AdamW

from rnncourse import datasets, models, training
from rnncourse.datasets import read_droughted
from rnncourse.drought import (
    DroughtWindows,
    climatological_ensemble,
    drought_windows,
)
from rnncourse.intervals import conformal_margin, interval_score, pinball_loss

WEEKS = 6
ADAMAX = partial(torch.optim.Adamax, lr=0.01)


class DroughtParts:
    """The drought windows and which of them train, validate, judge.

    Parts: "fit" and "validation" together are the training years of each site but for windows
    across the border, "train" is all of them, "test" the years after.
    """

    def __init__(self) -> None:
        table = datasets.drought()
        self.windows = drought_windows(table)
        self.site, dates = self.windows.site, self.windows.target_date
        end = pd.to_datetime(pd.Series(table.attrs["training_end"]))
        years = end.dt.year - table.groupby("site")["date"].min().dt.year + 1
        held = (0.2 * years).round().astype(int)
        fit_end = pd.to_datetime((end.dt.year - held).astype(str) + "-12-31")
        self.end, stop = (
            each[self.site].to_numpy("datetime64[D]") for each in (end, fit_end)
        )
        self.part = {
            "fit": dates[:, -1] <= stop,
            "train": dates[:, -1] <= self.end,
            "test": dates[:, 0] > self.end,
        }
        self.part["validation"] = self.part["train"] & (dates[:, 0] > stop)

    def scaled(self, known: np.ndarray) -> np.ndarray:
        """Return all inputs, scaled as those of the known windows are."""
        return drought_scaled(self.windows.inputs, known)


def drought_scaled(inputs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return all inputs less the known windows' mean, divided by their standard deviation."""
    return (inputs - inputs[known].mean(axis=(0, 1))) / inputs[known].std(axis=(0, 1))


def drought_means(days: np.ndarray) -> np.ndarray:
    """Return means of the last day, week, month, quarter and half-year: (N, 180, F) -> (N, 5·F)."""
    return np.hstack([days[:, -k:].mean(axis=1) for k in (1, 7, 30, 90, 180)])


@cache
def drought_parts() -> DroughtParts:
    """Return the windows, cut once."""
    return DroughtParts()


def drought_errors(forecast: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return RMSE and MAE of each week ahead."""
    errors = forecast - truth
    by_week = {"rmse": rms(errors, axis=0), "mae": np.abs(errors).mean(axis=0)}
    return {
        f"{kind}_{week + 1}": value[week]
        for kind, value in by_week.items()
        for week in range(WEEKS)
    }


def drought_source_run(
    part: str, precision: str, seed: int, epochs: int
) -> list[dict[str, Any]]:
    """Train the source's recipe on a part; judge it after each epoch on the years that follow."""
    parts = drought_parts()
    known, unseen = (
        parts.part[part],
        parts.part["validation" if part == "fit" else "test"],
    )
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
    return [
        {**row, "epoch": k, "train_loss": loss, **judged[k - 1]} for k, loss in losses
    ]


def drought_source() -> pd.DataFrame:
    """The source's recipe in float32, five seeds: on all training years, and on the fit years.

    One epoch in float64 too, which can be compared from machine to machine.
    """
    settings = [{"part": "train", "precision": "float64", "seed": 0, "epochs": 1}]
    settings += [
        {"part": part, "precision": "float32", "seed": seed, "epochs": epochs}
        for seed in range(5)
        for part, epochs in (("train", 30), ("fit", 15))
    ]
    return in_parallel(drought_source_run, settings)


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
    """An LSTM(32) that reads each seventh day, trained on the known windows.

    After each epoch `look` gets the forecast of the unseen windows, as a score or as the
    probability of one of at least 1.
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
        self.last = (
            parts.windows.inputs[:, -1, [18]] if change else np.zeros((len(known), 1))
        )
        scores = parts.windows.targets
        targets = (
            (scores >= 1).astype(np.float64) if self.yes_or_no else scores - self.last
        )
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
        return (
            1 / (1 + np.exp(-output))
            if self.yes_or_no
            else output + self.last[self.unseen]
        )


def drought_recipes_run(
    recipe: str, part: str, seed: int, epochs: int
) -> list[dict[str, Any]]:
    """Train one recipe on a part; judge it after each epoch on the years that follow."""
    parts = drought_parts()
    known, unseen = (
        parts.part[part],
        parts.part["validation" if part == "fit" else "test"],
    )
    truth = parts.windows.targets[unseen]
    yes_or_no = recipe == "yes or no"
    judged: list[dict[str, float]] = []

    def look(forecast: np.ndarray) -> None:
        judged.append(
            drought_errors(
                forecast, (truth >= 1).astype(np.float64) if yes_or_no else truth
            )
        )

    fitted = FittedDrought(
        parts, recipe, known, unseen, seed=seed, epochs=epochs, look=look
    )
    losses = enumerate(fitted.history.train_loss, start=1)
    row = {"recipe": recipe, "part": part, "seed": seed}
    return [
        {**row, "epoch": k, "train_loss": loss, **judged[k - 1]} for k, loss in losses
    ]


def drought_recipes() -> pd.DataFrame:
    """Losses, the change, and yes or no, read each seventh day; five seeds of each."""
    settings = [
        {
            "recipe": recipe,
            "part": part,
            "seed": seed,
            "epochs": 16 if recipe == "absolute" else 12,
        }
        for recipe in DROUGHT_RECIPES
        for part in ("fit", "train")
        for seed in range(5)
    ]
    return in_parallel(drought_recipes_run, settings)


ENGLAND = (
    "cambridge",
    "lincolnshire",
    "norfolk",
    "north_yorks",
    "northumberland",
    "suffolk",
)


def drought_sites_run(
    setup: str, seed: int, site: str | None = None
) -> list[dict[str, Any]]:
    """Train with a site's own past or on all dates of others; judge on the site's test years."""
    parts = drought_parts()
    known = parts.part["train"]
    if setup == "other sites":
        known = parts.site != site
    if setup == "other countries":
        known = ~np.isin(parts.site, ENGLAND)
    fitted = FittedDrought(
        parts,
        "squared",
        known,
        parts.part["test"],
        seed=seed,
        epochs=5,
        precision=torch.float32,
    )
    errors = fitted.forecast() - parts.windows.targets[fitted.unseen]
    where = parts.site[fitted.unseen]
    judged = {
        "own past": np.unique(where),
        "other sites": [site],
        "other countries": ENGLAND,
    }[setup]
    row = {"setup": setup, "seed": seed}
    return [
        {
            **row,
            "site": name,
            "rmse": rms(errors[where == name], None),
            "mae": np.abs(errors[where == name]).mean(),
        }
        for name in judged
    ]


def drought_sites() -> pd.DataFrame:
    """Held-out years against held-out sites, with and without neighbours; in float32."""
    settings: list[dict[str, Any]] = []
    for seed in range(3):
        settings += [
            {"setup": setup, "seed": seed} for setup in ("own past", "other countries")
        ]
        settings += [
            {"setup": "other sites", "seed": seed, "site": site}
            for site in sorted(set(drought_parts().site))
        ]
    return in_parallel(drought_sites_run, settings)


DROUGHT_LEVELS = (0.05, 0.5, 0.95)


def drought_intervals_run(recipe: str, seed: int, epochs: int) -> list[dict[str, Any]]:
    """Train on the fit years; after each epoch judge all forms of intervals on the test years."""
    parts = drought_parts()
    fit, validation, test = (parts.part[name] for name in ("fit", "validation", "test"))
    inputs, scores = each_seventh(parts.scaled(fit)), parts.windows.targets
    last = parts.windows.inputs[:, -1, [18]]
    levels, loss, forms = drought_forms(recipe, last[:, 0] == 0)
    start = (
        last[..., np.newaxis]
        if recipe.endswith("change")
        else np.zeros((len(last), 1, 1))
    )
    targets = np.repeat(scores[..., np.newaxis], len(levels), axis=2)
    training.reproducible(seed)
    core = nn.LSTM(21, 32, batch_first=True)
    model = models.Forecaster(core, horizon=WEEKS, targets=len(levels))
    rows = []

    def forecast(which: np.ndarray) -> np.ndarray:
        return np.sort(
            training.predict(model, inputs[which]) + start[which], axis=2
        ).clip(0, 5)

    def look(_: nn.Module, history: training.History) -> None:
        known, found = forecast(validation), forecast(test)
        value = float(
            loss(torch.from_numpy(known), torch.from_numpy(targets[validation]))
        )
        row = {"recipe": recipe, "seed": seed, "epoch": len(history.train_loss)}
        for form, groups in forms.items():
            pairs = [(group[validation], group[test]) for group in groups]
            wider = drought_margins(known, scores[validation], pairs, len(found))
            lower, upper = found[..., 0] - wider, found[..., -1] + wider
            judged = drought_interval(lower, upper, scores[test], last[test, 0])
            rows.append({**row, "validation_loss": value, "form": form, **judged})

    options = {"epochs": epochs, "loss": loss, "optimizer": ADAMAX, "after_epoch": look}
    training.fit(model, inputs[fit], targets[fit] - start[fit], **options)
    return rows


def drought_forms(
    recipe: str, zero: np.ndarray
) -> tuple[tuple[float, ...], Callable[..., torch.Tensor], dict[str, list[np.ndarray]]]:
    """Return a recipe's levels, its loss, and the groups of windows with a margin in each form.

    The forms: the intervals as the network gives them ("plain", of quantiles only), those widened
    by a margin a week, and those with such margins for last scores of 0 and for those above it.
    """
    forms = {"one margin": [np.ones_like(zero)], "by state": [zero, ~zero]}
    if recipe.startswith("quantiles"):
        return (
            DROUGHT_LEVELS,
            partial(pinball_loss, levels=DROUGHT_LEVELS),
            {"plain": [], **forms},
        )
    return (0.5,), nn.functional.mse_loss, forms


def drought_margins(
    known: np.ndarray,
    truth: np.ndarray,
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
    count: int,
) -> np.ndarray:
    """Return the margin of each of `count` windows and weeks, calibrated on the known forecasts.

    A pair says which of the known belong to a group, and which of those that get its margin.
    """
    wider = np.zeros((count, WEEKS))
    for which, widened in pairs:
        ends = known[which]
        wider[widened] = conformal_margin(ends[..., 0], ends[..., -1], truth[which])
    return wider


def drought_interval(
    lower: np.ndarray, upper: np.ndarray, truth: np.ndarray, last: np.ndarray
) -> dict[str, float]:
    """Return coverage, mean width and score of each week's 90 % interval.

    Coverage and width of all weeks, too, after a last score of 0 and after one above it.
    """
    lower, upper = lower.clip(0, 5), upper.clip(0, 5)
    upper = np.maximum(
        lower, upper
    )  # a negative margin may turn a narrow interval round
    inside, zero = (lower <= truth) & (truth <= upper), last == 0
    scored = interval_score(lower, upper, truth)
    row: dict[str, float] = {}
    for week in range(WEEKS):
        row[f"coverage_{week + 1}"] = inside[:, week].mean()
        row[f"width_{week + 1}"] = (upper - lower)[:, week].mean()
        row[f"score_{week + 1}"] = scored[week]
    for name, which in (("zero", zero), ("above", ~zero)):
        row |= {
            f"coverage_{name}": inside[which].mean(),
            f"width_{name}": (upper - lower)[which].mean(),
        }
    return row


def drought_intervals() -> pd.DataFrame:
    """90 % intervals: around *squared, change*, and from quantiles of the score or its change."""
    recipes = {"squared, change": 1, "quantiles": 12, "quantiles, change": 12}
    settings = [
        {"recipe": recipe, "seed": seed, "epochs": epochs}
        for recipe, epochs in recipes.items()
        for seed in range(5)
    ]
    order = ["recipe", "form", "seed", "epoch"]
    return in_parallel(drought_intervals_run, settings).sort_values(
        order, ignore_index=True
    )


# What is left to learn, once the ensemble is given: measure, the ensemble's own forecast of it.
LEFT_MEASURES = ("squared", "absolute", "0.05", "0.95")
LEFT_SETTINGS: dict[str, list[tuple[float, ...]]] = {
    "ridge": [(10.0**power,) for power in range(7)],  # penalty
    "lines of quantiles": [(0.001,), (0.003,), (0.01,), (0.03,)],  # penalty
    "boosting": list(product((3, 8), (10, 30, 100))),  # leaves, trees
    "LSTM": list(product((8, 32), (1, 3, 6))),  # units, epochs
}


@cache
def left_known() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the ensemble's forecast by each measure, (N, 6), and all that it gives.

    That is 44 columns: for each week mean, five quantiles and the share of scores of at least 1;
    the last score and its percentile.
    """
    table, windows = datasets.drought(), drought_parts().windows
    ends = table.attrs["training_end"]
    members = climatological_ensemble(table, windows, members_until=ends)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    mean, found = np.nanmean(members, axis=2), np.nanquantile(members, levels, axis=2)
    share = (members >= 1).sum(axis=2) / (~np.isnan(members)).sum(axis=2)
    day = pd.MultiIndex.from_arrays(
        [windows.site, windows.target_date[:, 0] - np.timedelta64(7, "D")]
    )
    today = table.set_index(["site", "date"]).loc[day, ["score", "percentile"]]
    bases = dict(zip(LEFT_MEASURES, (mean, found[2], found[0], found[4]), strict=True))
    return bases, np.hstack([mean, *found, share, today.to_numpy()])


def left_inputs(inputs: str, known: np.ndarray) -> np.ndarray:
    """Return what the ensemble gives, with 105 means of the weather or without, scaled."""
    given = left_known()[1]
    if inputs == "ensemble and weather":
        given = np.hstack([given, drought_means(drought_parts().scaled(known))])
    return (given - given[known].mean(axis=0)) / given[known].std(axis=0)


def left_loss(measure: str, truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Return each week's loss: squared, absolute, or the pinball loss of a level."""
    over = truth - forecast.clip(0, 5)
    if measure == "squared":
        return over**2
    level = 0.5 if measure == "absolute" else float(measure)
    pinball = np.maximum(level * over, (level - 1) * over)
    return 2 * pinball if measure == "absolute" else pinball


def left_forecasts(
    forecast: str, inputs: str, measure: str, setting: tuple[float, ...], part: str
) -> np.ndarray:
    """Fit corrections of the ensemble on a part; return forecasts of the years that follow.

    One for each seed, (S, N, 6).
    """
    parts = drought_parts()
    known = parts.part[part]
    unseen = parts.part["validation" if part == "fit" else "test"]
    base = left_known()[0][measure]
    change, x = parts.windows.targets - base, left_inputs(inputs, known)
    if forecast == "LSTM":
        found = left_networks(x, change, measure, setting, known, unseen)
    else:
        level = 0.5 if measure in ("squared", "absolute") else float(measure)
        boosting = {"squared": "squared_error", "absolute": "absolute_error"}
        leaves, trees = (int(s) for s in (*setting, 0)[:2])
        model = {
            "ridge": lambda: Ridge(setting[0]),
            "lines of quantiles": lambda: QuantileRegressor(
                quantile=level, alpha=setting[0]
            ),
            "boosting": lambda: HistGradientBoostingRegressor(
                loss=boosting.get(measure, "quantile"),
                quantile=level,
                max_leaf_nodes=leaves,
                max_iter=trees,
                learning_rate=0.05,
                min_samples_leaf=30,
                early_stopping=False,
                random_state=0,
            ),
        }[forecast]
        fitted = [model().fit(x[known], week) for week in change[known].T]
        found = np.column_stack([week.predict(x[unseen]) for week in fitted])[None]
    return np.asarray((base[unseen] + found).clip(0, 5))


def left_networks(
    x: np.ndarray,
    change: np.ndarray,
    measure: str,
    setting: tuple[float, ...],
    known: np.ndarray,
    unseen: np.ndarray,
) -> np.ndarray:
    """Train five LSTMs that read each seventh day's weather beside what the ensemble gives."""
    units, epochs = (int(number) for number in setting)
    weather = each_seventh(drought_parts().scaled(known))
    beside = np.repeat(x[:, np.newaxis], weather.shape[1], axis=1)
    days, y = np.concatenate([weather, beside], axis=2), change[..., np.newaxis]
    losses = {"squared": nn.functional.mse_loss, "absolute": nn.functional.l1_loss}
    if measure not in losses:
        losses[measure] = partial(pinball_loss, levels=(float(measure),))
    fitted, _ = training.fit_seeds(
        lambda: models.Forecaster(
            nn.LSTM(days.shape[2], units, batch_first=True), horizon=WEEKS
        ),
        days[known],
        y[known],
        seeds=range(5),
        epochs=epochs,
        loss=losses[measure],
        optimizer=partial(AdamW, lr=0.003, weight_decay=0.1),
    )
    return np.array([training.predict(each, days[unseen])[..., 0] for each in fitted])


def left_difference(
    measure: str, ours: np.ndarray, theirs: np.ndarray
) -> dict[str, float]:
    """Compare two forecasts of the test years, whose years are drawn again 5,000 times."""
    parts = drought_parts()
    truth, date = parts.windows.targets, parts.windows.target_date
    years = date[parts.part["test"], 0].astype("datetime64[Y]").astype(int)
    power = 0.5 if measure == "squared" else 1.0
    sums = []
    for forecast in (ours, theirs):
        loss = left_loss(measure, truth[parts.part["test"]], forecast).mean(axis=1)
        sums.append([loss[years == year].sum() for year in np.unique(years)])
    counts = np.unique(years, return_counts=True)[1]
    draws = np.random.default_rng(0).integers(len(counts), size=(5000, len(counts)))
    drawn = [
        (np.array(s)[draws].sum(axis=1) / counts[draws].sum(axis=1)) ** power
        for s in sums
    ]
    loss, base = ((sum(s) / counts.sum()) ** power for s in sums)
    low, high = np.quantile(drawn[0] - drawn[1], [0.05, 0.95])
    return {
        "loss": loss,
        "ensemble": base,
        "difference": loss - base,
        "low": low,
        "high": high,
    }


def drought_left_run(forecast: str, inputs: str, measure: str) -> list[dict[str, Any]]:
    """Choose a setting in the validation years, and a weight; judge it in the test years."""
    parts, base = drought_parts(), left_known()[0][measure]
    validation, test = parts.part["validation"], parts.part["test"]
    truth = parts.windows.targets[validation]
    tried = {
        setting: left_forecasts(forecast, inputs, measure, setting, "fit")
        for setting in LEFT_SETTINGS[forecast]
    }
    losses = {
        setting: left_loss(measure, truth, found.mean(axis=0)).mean()
        for setting, found in tried.items()
    }
    best = min(losses, key=lambda setting: float(losses[setting]))
    weights = np.arange(21) / 20
    start, step = base[validation], tried[best].mean(axis=0) - base[validation]
    blended = [left_loss(measure, truth, start + w * step).mean() for w in weights]
    weight = weights[int(np.argmin(blended))]
    row = {
        "forecast": forecast,
        "inputs": inputs,
        "measure": measure,
        "setting": " ".join(f"{number:g}" for number in best),
        "validation": losses[best],
        "validation_ensemble": left_loss(measure, truth, start).mean(),
        "weight": weight,
    }
    tested = left_forecasts(forecast, inputs, measure, best, "train")
    forms = {"mean of seeds" if len(tested) > 1 else "": tested.mean(axis=0)}
    forms["blended"] = base[test] + weight * (tested.mean(axis=0) - base[test])
    if len(tested) > 1:
        forms |= {f"seed {seed}": each for seed, each in enumerate(tested)}
    return [
        {**row, "form": form, **left_difference(measure, each, base[test])}
        for form, each in forms.items()
    ]


def drought_left() -> pd.DataFrame:
    """Say whether anything that is fitted corrects the ensemble: by four measures.

    Squared errors are judged by their root mean, absolute ones by their mean, the ends of a 90 %
    interval by their mean pinball loss.
    """
    quantiles = LEFT_MEASURES[1:]
    simple = [("ridge", "squared"), *product(["lines of quantiles"], quantiles)]
    settings = [
        {"forecast": forecast, "inputs": inputs, "measure": measure}
        for forecast, measure in [*simple, *product(["boosting"], LEFT_MEASURES)]
        for inputs in ("ensemble", "ensemble and weather")
    ]
    settings += [
        {"forecast": "LSTM", "inputs": "ensemble and days", "measure": measure}
        for measure in LEFT_MEASURES
    ]
    return in_parallel(drought_left_run, settings)


# --- on the real data set, no part of the book: DROUGHTED, in the environment, names its file -----

# Targets before the first date fit, up to the second they validate, from there on they test.
DROUGHTED_DATES = (np.datetime64("2018-07-01"), np.datetime64("2019-07-01"))
DROUGHTED_SEEDS = range(5)
DROUGHTED_EPOCHS = 8  # at most; validation chooses, as it does the two below
DROUGHTED_SIZES, DROUGHTED_DECAYS = (
    (8, 16),
    (0.0, 0.1, 1.0),
)  # of the LSTM; AdamW's weight decay
DROUGHTED_RECIPES = ("squared", "absolute", "squared, change", "absolute, change")


@cache
def droughted_parts() -> tuple[DroughtWindows, dict[str, np.ndarray]]:
    """Return a window for each week and county of Oregon, 2017 to 2020, and their parts.

    Two years of targets before the test leave no year to spare: one fits, one validates, both
    train.
    """
    table = read_droughted(os.environ["DROUGHTED"])
    table = table[
        table["site"].str.startswith("41")
        & table["date"].between("2017-01-01", "2020-12-31")
    ]
    cut = drought_windows(table, stride=7)
    first, last = cut.target_date[:, 0], cut.target_date[:, -1]
    validation, test = DROUGHTED_DATES
    parts = {
        "fit": last < validation,
        "validation": (first >= validation) & (last < test),
    }
    return cut, {**parts, "train": last < test, "test": first >= test}


def droughted_blend(
    forecast: np.ndarray, last: np.ndarray, truth: np.ndarray, absolute: bool
) -> np.ndarray:
    """Return each week's best weight of the forecast, 0, 0.05 … 1; the rest is persistence."""
    tried = np.arange(21)[:, np.newaxis, np.newaxis] / 20
    errors = tried * forecast + (1 - tried) * last - truth
    size = np.abs(errors) if absolute else np.square(errors)
    return np.asarray(tried[size.mean(axis=1).argmin(axis=0), 0, 0])


def droughted_rows(
    name: str,
    validated: np.ndarray,
    tested: np.ndarray,
    absolute: bool = False,
    blend: bool = True,
    **about: Any,
) -> list[dict[str, Any]]:
    """Judge a forecast in the validation and the test year, as it is and blended."""
    cut, parts = droughted_parts()
    last, truth = cut.inputs[:, -1, [18]], cut.targets
    validation = parts["validation"]
    weights = droughted_blend(validated, last[validation], truth[validation], absolute)
    rows = []
    for known, part, forecast in (
        ("fit", "validation", validated),
        ("train", "test", tested),
    ):
        seen, unseen = cut.target_date[parts[known]], cut.target_date[parts[part]]
        row: dict[str, Any] = {
            **about,
            "part": part,
            "trained_on": len(seen),
            "trained_until": str(seen.max()),
        }
        row |= {"windows": len(unseen), "weeks": len(np.unique(unseen[:, 0]))}
        row |= {"first_target": str(unseen.min()), "last_target": str(unseen.max())}
        rows.append(
            {"forecast": name, **row, **drought_errors(forecast, truth[parts[part]])}
        )
        if blend:
            errors = drought_errors(
                weights * forecast + (1 - weights) * last[parts[part]],
                truth[parts[part]],
            )
            shares = {
                f"weight_{week + 1}": share
                for week, share in enumerate(weights.tolist())
            }
            rows.append({"forecast": f"{name}, blended", **row, **errors, **shares})
    return rows


def droughted_simple_run(ridge_alphas: Iterable[float]) -> list[dict[str, Any]]:
    """Judge the forecasts without a network.

    No climatology: two years give each week of the year two scores.
    """
    cut, parts = droughted_parts()
    last, scores = cut.inputs[:, -1, [18]], cut.targets
    found: dict[str, list[np.ndarray]] = {
        "persistence": [],
        "damped persistence": [],
        "always 0": [],
    }
    for known, unseen in (
        (parts["fit"], parts["validation"]),
        (parts["train"], parts["test"]),
    ):
        mean = scores[known].mean()
        x, y = last[known] - mean, scores[known] - mean
        found["persistence"].append(np.repeat(last[unseen], WEEKS, axis=1))
        found["damped persistence"].append(
            mean + (x * y).sum(axis=0) / (x**2).sum() * (last[unseen] - mean)
        )
        found["always 0"].append(np.zeros((unseen.sum(), WEEKS)))
    rows = [
        row
        for name, pair in found.items()
        for row in droughted_rows(name, *pair, blend=False)
    ]
    fit, validation, train, test = (
        parts[name] for name in ("fit", "validation", "train", "test")
    )
    views = [drought_means(drought_scaled(cut.inputs, known)) for known in (fit, train)]
    for name, start in (
        ("ridge, means", np.zeros_like(last)),
        ("ridge, means, change", last),
    ):
        target = scores - start
        tried = {
            a: Ridge(a).fit(views[0][fit], target[fit]).predict(views[0][validation])
            for a in ridge_alphas
        }
        alpha = min(
            tried, key=lambda a: float(np.square(tried[a] - target[validation]).mean())
        )
        tested = (
            Ridge(alpha).fit(views[1][train], target[train]).predict(views[1][test])
        )
        rows += droughted_rows(
            name, tried[alpha] + start[validation], tested + start[test], alpha=alpha
        )
    return rows


def droughted_networks(
    recipe: str, known: str, unseen: str, hidden_size: int, decay: float, epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train an LSTM that reads each seventh day, from several seeds.

    Returns the forecasts of the unseen windows (S, N, 6), and the loss there after each epoch,
    median of the seeds.
    """
    cut, parts = droughted_parts()
    loss, change = DROUGHT_RECIPES[recipe]
    start = cut.inputs[:, -1, [18]] if change else np.zeros((len(cut.inputs), 1))
    x, y = (
        each_seventh(drought_scaled(cut.inputs, parts[known])),
        (cut.targets - start)[..., np.newaxis],
    )
    fitted, histories = training.fit_seeds(
        lambda: models.Forecaster(
            nn.LSTM(x.shape[2], hidden_size, batch_first=True), horizon=WEEKS
        ),
        x[parts[known]],
        y[parts[known]],
        seeds=DROUGHTED_SEEDS,
        epochs=epochs,
        loss=loss,
        optimizer=partial(AdamW, lr=0.003, weight_decay=decay),
        validation=(x[parts[unseen]], y[parts[unseen]]),
    )
    forecasts = [
        training.predict(model, x[parts[unseen]])[..., 0] + start[parts[unseen]]
        for model in fitted
    ]
    return np.array(forecasts), np.median(
        [history.validation_loss for history in histories], axis=0
    )


def droughted_choice_run(
    recipe: str, hidden_size: int, decay: float
) -> list[dict[str, Any]]:
    """Say after which epoch one size and decay does best in the validation year, and how well."""
    _, losses = droughted_networks(
        recipe, "fit", "validation", hidden_size, decay, DROUGHTED_EPOCHS
    )
    setting = {"recipe": recipe, "hidden_size": hidden_size, "decay": decay}
    return [
        {**setting, "epochs": int(losses.argmin()) + 1, "loss": float(losses.min())}
    ]


def droughted_run(
    recipe: str, hidden_size: int, decay: float, epochs: int
) -> list[dict[str, Any]]:
    """Judge what validation chose: each seed, and the mean of all seeds' forecasts."""
    chosen = {"hidden_size": hidden_size, "decay": decay, "epochs": epochs}
    validated, _ = droughted_networks(recipe, "fit", "validation", **chosen)
    tested, _ = droughted_networks(recipe, "train", "test", **chosen)
    name, absolute = f"LSTM, {recipe}", recipe.startswith("absolute")
    rows = []
    for seed, pair in zip(
        DROUGHTED_SEEDS, zip(validated, tested, strict=True), strict=True
    ):
        rows += droughted_rows(name, *pair, absolute=absolute, seed=seed, **chosen)
    pair = validated.mean(axis=0), tested.mean(axis=0)
    return rows + droughted_rows(
        f"{name}, mean of seeds", *pair, absolute=absolute, **chosen
    )


def droughted() -> pd.DataFrame:
    """Forecasts for 36 counties of the real data, all of it chosen in the validation year."""
    simple = in_parallel(
        droughted_simple_run,
        [{"ridge_alphas": [10.0**power for power in range(-1, 7)]}],
    )
    tried = in_parallel(
        droughted_choice_run,
        [
            {"recipe": recipe, "hidden_size": size, "decay": decay}
            for recipe, size, decay in product(
                DROUGHTED_RECIPES, DROUGHTED_SIZES, DROUGHTED_DECAYS
            )
        ],
    )
    best = tried.loc[tried.groupby("recipe", sort=False)["loss"].idxmin()].drop(
        columns="loss"
    )
    networks = in_parallel(droughted_run, best.to_dict("records"))
    table = pd.concat([simple, networks], ignore_index=True)
    whole = ["seed", "hidden_size", "epochs"]
    table[whole] = table[whole].astype("Int64")
    figures = [name for name in table if name.startswith(("rmse_", "mae_", "weight_"))]
    return table[[name for name in table if name not in figures] + sorted(figures)]


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "drought_source": drought_source,
    "drought_recipes": drought_recipes,
    "drought_sites": drought_sites,
    "drought_intervals": drought_intervals,
    "drought_left": drought_left,
    "droughted": droughted,
}
