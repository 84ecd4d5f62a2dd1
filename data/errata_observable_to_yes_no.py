"""What the errata of chapters 4 to 7 measure: ``python data/record.py errata_observable_to_yes_no``.

One function for each statement that does not hold. Each returns rows of one form (see `found`), which are written to
``data/results/errata_observable_to_yes_no.csv``; *Errata* shows them. Nothing is chosen on test years.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from torch import nn

import record
from rnncourse import datasets, models, training
from rnncourse.intervals import conformal_margin, pinball_loss
from rnncourse.weather import DAYS, PERCENTILES

Rows = list[dict[str, Any]]


def found(row: str, what: str, quantity: str, value: float, **about: Any) -> dict[str, Any]:
    """One measured number: `row` is the erratum, `what` was judged by `quantity`; perhaps low, high, n and a unit."""
    return {"row": row, "what": what, "quantity": quantity, "value": value, **about}


def drawn_years(difference: np.ndarray, year: np.ndarray, power: float = 1.0) -> tuple[float, float]:
    """5 % and 95 % points of a difference of mean errors, the years drawn 2,000 times with replacement.

    `difference` holds the two forecasts' errors of each window, (2, N), as chapter 5 draws them; with `power` 0.5
    they are squares, and roots are taken of the means.
    """
    years = np.unique(year)
    total = np.array([difference[:, year == each].sum(axis=1) for each in years])  # (Y, 2)
    count = np.array([(year == each).sum() for each in years])
    drawn = np.random.default_rng(0).integers(len(years), size=(2000, len(years)))
    mean = (total[drawn].sum(axis=1) / count[drawn].sum(axis=1)[:, np.newaxis]) ** power
    low, high = np.quantile(mean[:, 0] - mean[:, 1], [0.05, 0.95])
    return float(low), float(high)


# --- chapter 5: what the score's definition gives away --------------------------------------------

AROUND = 10  # days: past years lend the days ahead from so many days around the same date


class Score:
    """The score of chapter 5 at one site, from the 90-day balance: ranked as `weather.drought_score` does it."""

    def __init__(self, days: pd.DataFrame, training_end: np.datetime64) -> None:
        self.date = days["date"].to_numpy("datetime64[D]")
        self.balance = (days["rain"] - days["et0"]).to_numpy(np.float64)
        self.upto = np.concatenate([[0.0], np.cumsum(self.balance)])  # [b] - [a]: the sum of days a to b - 1
        self.end = int(np.searchsorted(self.date, training_end)) + 1  # days before it are of training years
        calendar = pd.DatetimeIndex(self.date)
        self.place = calendar.day_of_year.to_numpy() + ((calendar.month > 2) & ~calendar.is_leap_year)
        ranked = np.arange(DAYS - 1, self.end)
        sums = self.upto[ranked + 1] - self.upto[ranked + 1 - DAYS]
        apart = np.abs(self.place[ranked] - np.arange(367)[:, np.newaxis])
        near = np.minimum(apart, 366 - apart) <= 7
        self.peers = [np.sort(sums[which]) for which in near]  # by place in a leap year

    def rank(self, sums: np.ndarray, day: int) -> np.ndarray:
        """Return the scores of 90-day balances that end on a day (its number)."""
        peers = self.peers[self.place[day]]
        below, up_to = np.searchsorted(peers, sums), np.searchsorted(peers, sums, side="right")
        return np.interp((below + up_to) / (2 * len(peers)), PERCENTILES, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0])

    def ensemble(self, today: int, weeks: int = 6) -> np.ndarray:
        """Return the scores of the next weeks, (weeks, members), one member for each past start day that lends.

        Past starts: the training years' days within `AROUND` days of the same date. Their own 42 days ahead lie in
        the training years too, and not within 180 days of today.
        """
        ahead = 7 * np.arange(1, weeks + 1)
        start = np.arange(self.end - ahead[-1])
        apart = np.abs(self.place[start] - self.place[today])
        start = start[(np.minimum(apart, 366 - apart) <= AROUND) & (np.abs(start - today) > 180)]
        return np.array([self.rank(self.known(today, k) + self.upto[start + k + 1] - self.upto[start + 1], today + k)
                         for k in ahead])  # fmt: skip

    def known(self, today: int, k: int) -> float:
        """Sum of those of the 90 days up to `k` days ahead that are known today."""
        return float(self.upto[today + 1] - self.upto[today + 1 - DAYS + k])


def drought_ensemble(which: np.ndarray) -> list[np.ndarray]:
    """Return the members of each of chapter 5's windows in `which`: (weeks, members)."""
    table, cut = datasets.drought(), record.drought_parts().windows
    weather = pd.read_csv(Path(__file__).parent / "weather.csv.gz", parse_dates=["date"])
    ends = {site: np.datetime64(day) for site, day in table.attrs["training_end"].items()}
    sites = {site: Score(days, ends[str(site)]) for site, days in weather.groupby("site")}
    members = []
    for at in np.flatnonzero(which):
        site = sites[cut.site[at]]
        today = int(np.searchsorted(site.date, cut.target_date[at, 0])) - 7
        members.append(site.ensemble(today))
    return members
def drought_scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the truth of chapter 5's test windows (888, 6), their last known score (888,), and the year of each."""
    parts = record.drought_parts()
    test = parts.part["test"]
    year = parts.windows.target_date[test, 0].astype("datetime64[Y]").astype(int) + 1970
    return parts.windows.targets[test], parts.windows.inputs[test, -1, 18], year


def drought_means(known: np.ndarray) -> np.ndarray:
    """Return chapter 5's 105 means of all windows, scaled as the known windows are."""
    z = record.drought_parts().scaled(known)
    x = np.hstack([z[:, -k:].mean(axis=1) for k in (1, 7, 30, 90, 180)])
    return np.asarray((x - x[known].mean(axis=0)) / x[known].std(axis=0))


def drought_ridge(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the forecast of ridge on means as the chapter has it: penalty 1, inputs scaled once."""
    parts = record.drought_parts()
    z = parts.scaled(train)
    x = np.hstack([z[:, -k:].mean(axis=1) for k in (1, 7, 30, 90, 180)])
    forecast: np.ndarray = Ridge(1.0).fit(x[train], parts.windows.targets[train]).predict(x[test])
    return forecast


def logistic(x: np.ndarray, y: np.ndarray, c: float) -> LogisticRegression:
    """Fit logistic regression to far more digits than are shown."""
    return LogisticRegression(C=c, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(x, y)


def drought_chances() -> np.ndarray:
    """Return logistic regression's probabilities of a score of at least 1, (888, 6); C chosen in validation years."""
    parts = record.drought_parts()
    yes = parts.windows.targets >= 1
    fit, validation, train, test = (parts.part[name] for name in ("fit", "validation", "train", "test"))

    def chances(c: float, known: np.ndarray, unseen: np.ndarray) -> np.ndarray:
        z = parts.scaled(known)
        x = np.hstack([z[:, -k:].mean(axis=1) for k in (1, 7, 30, 90, 180)])
        return np.column_stack([logistic(x[known], o[known], c).predict_proba(x[unseen])[:, 1] for o in yes.T])

    brier = {c: np.mean((chances(c, fit, validation) - yes[validation]) ** 2) for c in (0.003, 0.03, 0.3, 3.0)}
    return chances(min(brier, key=lambda c: float(brier[c])), train, test)


def drought_networks() -> np.ndarray:
    """Return the forecasts of five seeds of *absolute, change*, which validation chose for the MAE: (5, 888, 6)."""
    parts = record.drought_parts()
    train, test = parts.part["train"], parts.part["test"]
    runs = [record.FittedDrought(parts, "absolute, change", train, test, seed=seed, epochs=1) for seed in range(5)]
    return np.array([run.forecast() for run in runs])


def widened(known: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Widen the interval in (N, 6, 3) quantiles by chapter 5's margins by state; returns both ends in the test years."""
    parts = record.drought_parts()
    validation, test = parts.part["validation"], parts.part["test"]
    known, new = known.clip(0, 5), new.clip(0, 5)
    zero = parts.windows.inputs[:, -1, 18] == 0
    wider = np.zeros(new.shape[:2])
    for group in (zero, ~zero):
        ends = known[group[validation]]
        wider[group[test]] = conformal_margin(ends[..., 0], ends[..., -1], parts.windows.targets[validation & group])
    low, high = (new[..., 0] - wider).clip(0, 5), (new[..., -1] + wider).clip(0, 5)
    return low, np.maximum(low, high)


def fines(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the interval score of each window, the mean over its weeks."""
    outside = np.maximum(np.maximum(low - truth, truth - high), 0)
    return np.asarray((high - low + 20 * outside).mean(axis=1))


def network_quantiles() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the widened intervals of five seeds of the LSTM of quantiles: 11 epochs, as validation chose."""
    parts = record.drought_parts()
    fit, validation, test = (parts.part[name] for name in ("fit", "validation", "test"))
    inputs = record.each_seventh(parts.scaled(fit))
    repeated = np.repeat(parts.windows.targets[..., np.newaxis], 3, axis=2)
    trained, _ = training.fit_seeds(
        lambda: models.Forecaster(nn.LSTM(21, 32, batch_first=True), horizon=record.WEEKS, targets=3),
        inputs[fit],
        repeated[fit],
        seeds=range(5),
        epochs=11,
        loss=partial(pinball_loss, levels=record.DROUGHT_LEVELS),
        optimizer=record.ADAMAX,
    )
    quantiles = [[np.sort(training.predict(model, inputs[at]), axis=2) for at in (validation, test)] for model in trained]
    return [widened(*pair) for pair in quantiles]


def drought_known_part() -> Rows:
    """Compare the known part of the balance and past years' days ahead with the best of chapter 5."""
    parts = record.drought_parts()
    train, test = parts.part["train"], parts.part["test"]
    truth, last, year = drought_scores()
    members = drought_ensemble(test)
    mean, median = (np.array([f(each, axis=1) for each in members]) for f in (np.mean, np.median))
    chance = np.array([(each >= 1).mean(axis=1) for each in members])
    low, high = (np.array([np.quantile(each, q, axis=1) for each in members]) for q in (0.05, 0.95))
    row, ours = "drought: known part", "known part and past years"
    again = np.repeat(last[:, np.newaxis], record.WEEKS, axis=1)
    squares = {"ridge, means": (drought_ridge(train, test) - truth) ** 2, "persistence": (again - truth) ** 2}
    sizes = {
        "LSTM(32), absolute, change": np.abs(drought_networks() - truth).mean(axis=0),
        "persistence": np.abs(again - truth),
    }
    yes = (truth >= 1).astype(np.float64)
    briers = {"logistic regression": (drought_chances() - yes) ** 2, "persistence": ((again >= 1) - yes) ** 2}
    spans = {"LSTM(32), quantiles, by state": np.mean([fines(*ends, truth) for ends in network_quantiles()], axis=0)}
    kinds = {
        "RMSE": ((mean - truth) ** 2, squares, 0.5),
        "MAE": (np.abs(median - truth), sizes, 1.0),
        "MAE, week 1": (np.abs(median - truth)[:, :1], {k: v[:, :1] for k, v in sizes.items()}, 1.0),
        "Brier score": ((chance - yes) ** 2, briers, 1.0),
        "interval score": (fines(low, high, truth)[:, np.newaxis], {k: v[:, np.newaxis] for k, v in spans.items()}, 1.0),
    }
    rows = []
    for quantity, (errors, rivals, power) in kinds.items():
        unit = "" if quantity == "Brier score" else "points"
        rows.append(found(row, ours, quantity, errors.mean() ** power, n=len(truth), unit=unit))
        for name, theirs in rivals.items():
            both = np.array([errors.mean(axis=1), theirs.mean(axis=1)])
            less, (down, up) = errors.mean() ** power - theirs.mean() ** power, drawn_years(both, year, power)
            rows.append(found(row, name, quantity, theirs.mean() ** power, n=len(truth), unit=unit))
            about = {"low": down, "high": up, "n": len(np.unique(year)), "unit": unit}
            rows.append(found(row, f"{ours}, less {name}", quantity, less, **about))
    inside = (low <= truth) & (truth <= high)
    shares = {"all": inside, "after 0": inside[last == 0], "after more": inside[last > 0]}
    return rows + [found(row, ours, f"coverage, {name}", part.mean(), n=len(part)) for name, part in shares.items()]


ALPHAS = (0.0, 0.001, 0.003, 0.01)  # L1 penalties on the weights of scaled inputs


def drought_linear_quantiles() -> Rows:
    """Give a linear model the loss and the intervals that chapter 5 gave the network alone."""
    parts = record.drought_parts()
    fit, validation, train, test = (parts.part[name] for name in ("fit", "validation", "train", "test"))
    scores, row = parts.windows.targets, "drought: tuned for the network only"
    truth, _, year = drought_scores()

    def lines(level: float, alpha: float, known: np.ndarray) -> np.ndarray:
        x = drought_means(known)
        fits = [QuantileRegressor(quantile=level, alpha=alpha).fit(x[known], y) for y in scores[known].T]
        return np.column_stack([fitted.predict(x) for fitted in fits])

    def loss(forecast: np.ndarray, level: float) -> float:
        over = scores[validation] - forecast[validation]
        return float(np.where(over >= 0, level * over, (level - 1) * over).mean())

    best, chosen = [], {}
    for level in record.DROUGHT_LEVELS:
        tried = {alpha: lines(level, alpha, fit) for alpha in ALPHAS}
        chosen[level] = min(tried, key=lambda alpha: loss(tried[alpha], level))
        best.append(tried[chosen[level]])
    quantiles = np.sort(np.stack(best, axis=2), axis=2)
    ours = fines(*widened(quantiles[validation], quantiles[test]), truth)
    theirs = np.mean([fines(*ends, truth) for ends in network_quantiles()], axis=0)
    median = np.abs(lines(0.5, chosen[0.5], train)[test].clip(0, 5) - truth)
    network = np.abs(drought_networks() - truth).mean(axis=0)
    rows = []
    pairs = {"interval score": (ours, theirs), "MAE": (median.mean(axis=1), network.mean(axis=1))}
    for quantity, (linear, net) in pairs.items():
        down, up = drawn_years(np.array([linear, net]), year)
        rows += [
            found(row, "linear quantile regression", quantity, linear.mean(), n=len(truth), unit="points"),
            found(row, "LSTM(32)", quantity, net.mean(), n=len(truth), unit="points"),
            found(row, "linear, less LSTM", quantity, linear.mean() - net.mean(), low=down, high=up,
                  n=len(np.unique(year)), unit="points"),
        ]  # fmt: skip
    ridge = drought_ridge(train, test)
    for name, forecast in {"ridge, as in the table": ridge, "ridge, clipped to 0 to 5": ridge.clip(0, 5)}.items():
        size = {"RMSE": record.rms(forecast - truth, None), "MAE": np.abs(forecast - truth).mean()}
        rows += [found(row, name, quantity, value, n=len(truth), unit="points") for quantity, value in size.items()]
    return rows
