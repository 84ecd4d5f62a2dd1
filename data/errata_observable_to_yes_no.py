"""What the errata page reports for chapters 4 to 7: ``python data/record.py errata_observable_to_yes_no``.

Each function is an item of the page and returns its figures. Where a figure has a range, it is the lowest and the
highest of the runs; where it is a difference, a 95 % interval. Nothing is chosen by its result, or on test years.
"""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from chapters import drought, observable, several_inputs, yes_no
from recording import in_parallel, rms
from scipy.stats import t
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse import datasets, forecasting, models, training, windows
from rnncourse.drought import DAYS, PERCENTILES
from rnncourse.intervals import conformal_margin, pinball_loss

Rows = list[dict[str, Any]]


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


def drawn_blocks(ours: np.ndarray, theirs: np.ndarray, block: np.ndarray, power: float = 1.0) -> tuple[float, float]:
    """95 % interval of the difference of two mean errors, the blocks (years, mostly) drawn 2,000 times.

    `ours` and `theirs` are the errors of each window, (N,); with `power` 0.5 squares, and roots are taken of the means.
    """
    blocks, errors = np.unique(block), np.stack([ours, theirs])
    total = np.array([errors[:, block == each].sum(axis=1) for each in blocks])  # (blocks, 2)
    count = np.array([(block == each).sum() for each in blocks])
    drawn = np.random.default_rng(0).integers(len(blocks), size=(2000, len(blocks)))
    mean = (total[drawn].sum(axis=1) / count[drawn].sum(axis=1)[:, np.newaxis]) ** power
    low, high = np.quantile(mean[:, 0] - mean[:, 1], [0.025, 0.975])
    return float(low), float(high)


def compare(
    item: Item,
    quantity: str,
    unit: str,
    ours: tuple[str, np.ndarray],
    rivals: dict[str, np.ndarray],
    block: np.ndarray,
    power: float = 1.0,
    blocks: str = "years",
) -> None:
    """Note our mean error, each rival's, and the difference with an interval over blocks; errors are (N,)."""
    name, errors = ours
    count = f"{len(errors)} windows"
    item.add(name, quantity, errors.mean() ** power, unit, count)
    for rival, theirs in rivals.items():
        item.add(rival, f"{quantity}, {rival}", theirs.mean() ** power, unit, count)
        less, ends = errors.mean() ** power - theirs.mean() ** power, drawn_blocks(errors, theirs, block, power)
        what = f"{name}, less {rival}"
        item.add(what, f"{quantity}, less {rival}", less, unit, f"{len(np.unique(block))} {blocks}", ends)


# --- chapter 4 -----------------------------------------------------------------------------------

OTHERS = range(100, 116)  # seeds of sixteen other realisations of chapter 4's series
PERIOD = 44


def observable_leads() -> Rows:
    """Look how often the highest rank correlation finds the true lead, and how far the next period's is from 1."""
    item, right, ratios = Item("observable-leads"), [], []
    for seed in OTHERS:
        known = datasets.leading_parameters(seed=seed)[: observable.KNOWN].rank()
        for name, lead in several_inputs.INPUTS_LEADS.items():
            cross = np.array([known[name].corr(known["obs"].shift(-k), method="spearman") for k in range(70)])
            right.append(cross.argmax() == lead)
            ratios.append((1 - cross[30:].max()) / (1 - cross.max()))
    item.add("leads found by the highest rank correlation", "found", sum(right), f"of {len(right)}", "16 series")
    item.runs("1 − ρ one period later, over 1 − ρ at the lead", "ratio", ratios, "ratio", "leads")
    return item.rows


def ridge_loop(series: np.ndarray, stop: int, steps: int, lookback: int, alpha: float) -> np.ndarray:
    """Fit ridge to the rows before `stop` and run it on its own output: (steps, 4)."""
    cut = windows.make_windows(series[:stop], lookback=lookback)
    fitted = Ridge(alpha).fit(cut.inputs.reshape(len(cut.inputs), -1), cut.targets[:, 0])
    window, forecast = series[stop - lookback : stop], []
    for _ in range(steps):
        forecast.append(fitted.coef_ @ window.ravel() + fitted.intercept_)
        window = np.vstack([window[1:], forecast[-1]])
    return np.array(forecast)


def observable_ridge(table: pd.DataFrame, lookback: int) -> np.ndarray:
    """Forecast the observable after step 700, the penalty chosen on steps 500 to 699 as in the chapter."""
    forecasts = {}
    for stop, steps in ((500, 200), (observable.KNOWN, observable.AHEAD)):
        scaler = StandardScaler().fit(table[:stop])
        for alpha in (1e-4, 1e-2, 1.0, 10.0):
            loop = ridge_loop(scaler.transform(table), stop, steps, lookback, alpha)[:, 3]
            forecasts[stop, alpha] = loop * scaler.scale_[3] + scaler.mean_[3]
    truth = table["obs"].to_numpy()[500 : observable.KNOWN]
    alpha = min((1e-4, 1e-2, 1.0, 10.0), key=lambda a: float(rms(forecasts[500, a] - truth)))
    return np.asarray(forecasts[observable.KNOWN, alpha])


def observable_peers() -> Rows:
    """Ridge with 40 and with 100 steps on sixteen other realisations, the network with 40 on eight of them."""
    item, errors = Item("observable-peers"), {}
    for seed in OTHERS:
        table = datasets.leading_parameters(seed=seed)
        truth = table["obs"].to_numpy()[observable.KNOWN :]
        for lookback in (40, 100):
            error = float(rms(observable_ridge(table, lookback) - truth))
            errors.setdefault(f"ridge, {lookback} steps", []).append(error)
        if seed in OTHERS[:8]:
            options = {"lookback": 40, "readout": "last", "residual": False}
            (loop,), _ = observable.observable_fit(table, observable.KNOWN, seeds=range(1), **options)
            errors.setdefault("GRU, 40 steps", []).append(float(rms(loop - truth)))
    for name, values in errors.items():
        item.runs("RMSE over 300 steps in closed loop", name, values, "units of obs", "series")
    pairs = {"100 against 40": ("ridge, 100 steps", "ridge, 40 steps")}
    pairs["ridge against GRU"] = ("ridge, 40 steps", "GRU, 40 steps")
    for pair, (one, other) in pairs.items():
        ratio = np.log(errors[one][: len(errors[other])]) - np.log(errors[other])
        count = len(ratio)
        item.add(f"series on which {one} errs less than {other}", f"{pair}, ahead", (ratio < 0).sum(), f"of {count}")
        half = t.ppf(0.975, count - 1) * ratio.std(ddof=1) / np.sqrt(count)
        ends = np.exp(ratio.mean() - half), np.exp(ratio.mean() + half)
        what = f"{one} over {other}, geometric mean"
        item.add(what, f"{pair}, ratio", np.exp(ratio.mean()), "ratio", f"{count} series", ends)
    return item.rows


def observable_head() -> Rows:
    """After the kicks: which states the head reads, and whether it predicts the value or the change, one by one."""
    item, seeds = Item("observable-head"), range(2)
    stored = datasets.recorded("observable_kicks")
    steps = [str(step) for step in range(1, observable.AHEAD + 1)]
    for readout in ("last", "all"):
        for residual in (False, True):
            sizes, ends = [], []
            for generator in range(20, 23):
                table = datasets.leading_parameters(seed=generator, kicks=observable.KICKS)
                truth = table["obs"].to_numpy()[observable.KNOWN :]
                same = "generator == @generator and readout == @readout and residual == @residual and seed in @seeds"
                loops = stored.query(same)[steps].to_numpy()
                if not len(loops):
                    options = {"readout": readout, "residual": residual, "epochs": 40, "thrown": observable.KICKS}
                    loops, _ = observable.observable_fit(table, observable.KNOWN, seeds=seeds, **options)
                sizes += [amplitude(loop, truth) for loop in loops]
                ends += [float(rms((loop - truth)[200:])) for loop in loops]
            name = f"{readout}, {'change' if residual else 'value'}"
            item.runs("amplitude deviation", f"{name}, amplitude", sizes, "share", "runs")
            item.runs("RMSE of steps 201 to 300", f"{name}, end", ends, "units of obs", "runs")
    return item.rows


def amplitude(forecast: np.ndarray, truth: np.ndarray) -> float:
    """Return chapter 4's largest amplitude deviation of any block of a period."""
    last = len(truth) - PERIOD
    blocks = np.array([*range(0, last, PERIOD), last])[:, np.newaxis] + np.arange(PERIOD)
    return float(np.abs(np.ptp(forecast[blocks], axis=1) / np.ptp(truth[blocks], axis=1) - 1).max())


class River:
    """The Fulda as chapter 4 has it: three scaled columns, training years to 1985, the test from 1987."""

    def __init__(self) -> None:
        self.table = datasets.fulda()
        columns = [np.log(self.table["discharge"]), np.log1p(self.table["rain"]), self.table["tmean"]]
        self.learn, self.test = (int((self.table.index.year < year).sum()) for year in (1986, 1987))
        self.scaler = StandardScaler().fit(np.column_stack(columns)[: self.learn])
        self.series = self.scaler.transform(np.column_stack(columns))
        self.flow = self.table["discharge"].to_numpy()

    def origins(self, part: str) -> np.ndarray:
        """Return the first days of the forecasts of a part."""
        start, stop = (self.learn, self.test) if part == "validation" else (self.test, len(self.flow))
        return np.arange(start, stop - 6)

    def past(self, origins: np.ndarray) -> np.ndarray:
        """Return the 30 days before each origin: (N, 30, 3)."""
        return np.asarray(self.series[origins[:, np.newaxis] + np.arange(-30, 0)])

    def ahead(self, origins: np.ndarray) -> np.ndarray:
        """Return the seven days from each origin on: (N, 7, 3)."""
        return np.asarray(self.series[origins[:, np.newaxis] + np.arange(7)])

    def truth(self, origins: np.ndarray) -> np.ndarray:
        """Return the discharge of those days: (N, 7)."""
        return np.asarray(self.flow[origins[:, np.newaxis] + np.arange(7)])

    def lenders(self, origins: np.ndarray) -> np.ndarray:
        """Return the first days of the same week in each of the seven training years: (N, 7)."""
        date = self.table.index[origins]
        day = np.minimum(date.day, np.where(date.month == 2, 28, 31))
        years = [
            pd.to_datetime({"year": [year] * len(date), "month": date.month, "day": day}) for year in range(1979, 1986)
        ]
        starts = np.column_stack([self.table.index.get_indexer(pd.DatetimeIndex(each)) for each in years])
        return np.minimum(starts, self.learn - 7)  # the last days of 1985 lend the last week of 1985

    def back(self, scaled: np.ndarray) -> np.ndarray:
        """Return scaled logarithms as m³/s."""
        return np.asarray(np.exp(scaled * self.scaler.scale_[0] + self.scaler.mean_[0]))

    def networks(self, epochs: int) -> list[nn.Module]:
        """Train two seeds of the chapter's network that is told the weather."""
        train = windows.make_windows(self.series[: self.learn], lookback=30, targets=[0])
        updates = epochs * -(-len(train.targets) // 64)
        return training.fit_seeds(
            lambda: models.Forecaster(nn.GRU(3, 16, batch_first=True), residual=True),
            train.inputs,
            train.targets,
            seeds=range(2),
            epochs=epochs,
            batch_size=64,
            optimizer=partial(Adam, lr=1e-2, fused=True),
            scheduler=partial(OneCycleLR, max_lr=1e-2, total_steps=updates),
        )[0]


def river_weather() -> Rows:
    """In place of average weather: that of the same week in each training year, and the mean of the seven forecasts."""
    item, river = Item("river-weather"), River()
    rain = river.table["rain"].to_numpy()[: river.learn]
    item.add("mean rain of the training years", "mean rain", rain.mean(), "mm a day")
    item.add("rain that the mean logarithm stands for", "average rain", np.expm1(np.log1p(rain).mean()), "mm a day")
    origins = river.origins("test")
    past, ahead, truth = river.past(origins), river.ahead(origins)[..., 1:], river.truth(origins)
    lent = river.series[river.lenders(origins)[..., np.newaxis] + np.arange(7)][..., 1:]  # (N, 7 years, 7 days, 2)
    lent, repeated = lent.reshape(-1, 7, 2), np.repeat(past, 7, axis=0)
    month = river.table.index[origins].to_period("M").astype(str).to_numpy()
    for epochs in (10, 30):
        known, average, years = [], [], []
        for model in river.networks(epochs):
            loop = partial(forecasting.closed_loop, model, steps=7)
            known.append(river.back(loop(past, known=ahead)[..., 0]) - truth)
            average.append(river.back(loop(past, known=0 * ahead)[..., 0]) - truth)
            members = river.back(loop(repeated, known=lent)[..., 0]).reshape(len(origins), 7, 7)
            years.append(members.mean(axis=1) - truth)
        for name, errors in {"known": known, "average": average, "past years": years}.items():
            seventh = np.array(errors)[..., 6]
            item.runs("RMSE at seven days", f"{name}, {epochs} epochs", rms(seventh), "m³/s")
            item.runs("mean error at seven days", f"{name}, {epochs} epochs, bias", seventh.mean(axis=1), "m³/s")
        squares = [np.mean(np.square(errors)[..., 6], axis=0) for errors in (years, average)]
        less, ends = np.sqrt(squares[0].mean()) - np.sqrt(squares[1].mean()), drawn_blocks(*squares, month, 0.5)
        what = "past years' weather, less average weather: RMSE at seven days"
        item.add(what, f"past years less average, {epochs} epochs", less, "m³/s", "24 months", ends)
    return item.rows


def river_product() -> Rows:
    """Give ridge products of ten summaries of the window, and see whether that makes up for the network's lead."""
    item, river = Item("river-product"), River()
    train = windows.make_windows(river.series[: river.learn], lookback=30, targets=[0])
    products = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler())
    products.fit(river_summaries(train.inputs))

    def view(past: np.ndarray, multiplied: bool) -> np.ndarray:
        flat = past.reshape(len(past), -1)
        return np.hstack([flat, products.transform(river_summaries(past))]) if multiplied else flat

    def seven_days(fitted: Ridge, part: str, multiplied: bool) -> np.ndarray:
        past, ahead = river.past(river.origins(part)), river.ahead(river.origins(part))
        forecast = []
        for day in range(7):
            forecast.append(fitted.predict(view(past, multiplied)))
            new = np.concatenate([forecast[-1][:, np.newaxis, np.newaxis], ahead[:, [day], 1:]], axis=2)
            past = np.concatenate([past[:, 1:], new], axis=1)
        return np.asarray(river.back(np.column_stack(forecast)) - river.truth(river.origins(part)))

    errors = {}
    for name, multiplied in {"ridge": False, "ridge and products": True}.items():
        x, y = view(train.inputs, multiplied), train.targets[:, 0, 0]
        fits = [Ridge(10.0**power).fit(x, y) for power in range(5)]
        tried = [rms(seven_days(fit, "validation", multiplied), 0).mean() for fit in fits]
        errors[name] = seven_days(fits[int(np.argmin(tried))], "test", multiplied)
    known = river.origins("test")
    loops = [
        forecasting.closed_loop(model, river.past(known), 7, known=river.ahead(known)[..., 1:])
        for model in river.networks(30)
    ]
    networks = np.array([river.back(loop[..., 0]) - river.truth(known) for loop in loops])
    month = river.table.index[known].to_period("M").astype(str).to_numpy()
    ours = "ridge and products", np.square(errors["ridge and products"][:, 6])
    rivals = {"ridge": np.square(errors["ridge"][:, 6]), "GRU": np.square(networks[..., 6]).mean(axis=0)}
    compare(item, "RMSE at seven days", "m³/s", ours, rivals, month, 0.5, "months")
    return item.rows


def river_summaries(past: np.ndarray) -> np.ndarray:
    """Return ten summaries of windows (N, 30, 3): the last days and means of flow, rain and temperature."""
    flow, rain, warm = (past[..., column] for column in range(3))
    means = [
        series[:, -days:].mean(axis=1) for series, days in ((flow, 7), (flow, 30), (rain, 7), (rain, 30), (warm, 7))
    ]
    return np.column_stack([flow[:, -1], rain[:, -1], rain[:, -2], rain[:, -3], warm[:, -1], *means])


# --- chapter 5: what the score's definition gives away --------------------------------------------

AROUND = 10  # days: past years lend the days ahead from so many days around the same date


class Score:
    """The score of chapter 5 at one site, from the 90-day balance: ranked as `drought.drought_score` does it.

    The year `without` is not ranked against.
    """

    def __init__(self, days: pd.DataFrame, training_end: np.datetime64, without: Any = None) -> None:
        self.date = days["date"].to_numpy("datetime64[D]")
        balance = (days["rain"] - days["et0"]).to_numpy(np.float64)
        self.upto = np.concatenate([[0.0], np.cumsum(balance)])  # [b] - [a]: the sum of days a to b - 1
        self.end = self.number(training_end) + 1  # days before it are of training years
        self.place = leap_places(pd.DatetimeIndex(self.date))
        ranked = np.arange(DAYS - 1, self.end)
        if without is not None:
            ranked = ranked[self.date[ranked].astype("datetime64[Y]") != without]
        sums = self.upto[ranked + 1] - self.upto[ranked + 1 - DAYS]
        apart = np.abs(self.place[ranked] - np.arange(367)[:, np.newaxis])
        near = np.minimum(apart, 366 - apart) <= 7
        self.peers = [np.sort(sums[which]) for which in near]  # by place in a leap year

    def number(self, day: Any) -> int:
        """Return the number of a day."""
        return int(np.searchsorted(self.date, np.datetime64(day, "D")))

    def rank(self, sums: Any, day: int) -> np.ndarray:
        """Return the scores of 90-day balances that end on a day (its number)."""
        peers = self.peers[self.place[day]]
        below, up_to = np.searchsorted(peers, sums), np.searchsorted(peers, sums, side="right")
        return np.interp((below + up_to) / (2 * len(peers)), PERCENTILES, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0])

    def known(self, today: int, ahead: int) -> float:
        """Return the sum of those of the 90 days up to `ahead` days from today that are known today."""
        return float(self.upto[today + 1] - self.upto[today + 1 - DAYS + ahead])

    def ensemble(self, today: int, weeks: int = drought.WEEKS) -> np.ndarray:
        """Return what the scores of the next weeks would be with past years' days ahead: (weeks, members).

        Past starts that lend: the training years' days within `AROUND` days of the same date, if their own days ahead
        lie in the training years too and they are not within 180 days of today.
        """
        start = np.arange(self.end - 7 * weeks)
        apart = np.abs(self.place[start] - self.place[today])
        start = start[(np.minimum(apart, 366 - apart) <= AROUND) & (np.abs(start - today) > 180)]
        scores = []
        for ahead in range(7, 7 * weeks + 1, 7):
            lent = self.upto[start + ahead + 1] - self.upto[start + 1]
            scores.append(self.rank(self.known(today, ahead) + lent, today + ahead))
        return np.array(scores)


def leap_places(days: pd.DatetimeIndex) -> np.ndarray:
    """Return the day of the year as in a leap year, so that a date has the same place every year."""
    return days.day_of_year.to_numpy() + ((days.month > 2) & ~days.is_leap_year)


@cache
def site_weather() -> pd.DataFrame:
    """Return the shipped weather, a row a day and site."""
    return pd.read_csv(Path(__file__).parent / "weather.csv.gz", parse_dates=["date"])


@cache
def drought_sites() -> dict[str, Score]:
    """Return each site's score."""
    ends = datasets.drought().attrs["training_end"]
    return {str(site): Score(days, np.datetime64(ends[str(site)])) for site, days in site_weather().groupby("site")}


def drought_ensemble(which: np.ndarray) -> list[np.ndarray]:
    """Return the members of each of chapter 5's windows in `which`: (weeks, members)."""
    cut, members = drought.drought_parts().windows, []
    for site, first in zip(cut.site[which], cut.target_date[which, 0], strict=True):
        score = drought_sites()[site]
        members.append(score.ensemble(score.number(first) - 7))
    return members


def drought_scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the truth of chapter 5's test windows (888, 6), their last known score (888,), and the year of each."""
    parts = drought.drought_parts()
    test = parts.part["test"]
    year = parts.windows.target_date[test, 0].astype("datetime64[Y]").astype(int) + 1970
    return parts.windows.targets[test], parts.windows.inputs[test, -1, 18], year


def drought_means(known: np.ndarray) -> np.ndarray:
    """Return chapter 5's 105 means of all windows, their days scaled as those of the known windows are."""
    return drought.drought_means(drought.drought_parts().scaled(known))


def drought_ridge(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the forecast of ridge on means as the chapter has it, with the penalty that validation chose."""
    x = drought_means(train)
    forecast: np.ndarray = Ridge(1.0).fit(x[train], drought.drought_parts().windows.targets[train]).predict(x[test])
    return forecast


def logistic(x: np.ndarray, y: np.ndarray, c: float) -> LogisticRegression:
    """Fit logistic regression to far more digits than are shown."""
    return LogisticRegression(C=c, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(x, y)


def drought_chances() -> np.ndarray:
    """Return logistic regression's probabilities of a score of at least 1, (888, 6); C chosen in validation years."""
    parts = drought.drought_parts()
    yes = parts.windows.targets >= 1
    fit, validation, train, test = (parts.part[name] for name in ("fit", "validation", "train", "test"))

    def chances(c: float, known: np.ndarray, unseen: np.ndarray) -> np.ndarray:
        x = drought_means(known)
        return np.column_stack([logistic(x[known], o[known], c).predict_proba(x[unseen])[:, 1] for o in yes.T])

    brier = {c: np.mean((chances(c, fit, validation) - yes[validation]) ** 2) for c in (0.003, 0.03, 0.3, 3.0)}
    return chances(min(brier, key=lambda c: float(brier[c])), train, test)


@cache
def drought_networks() -> np.ndarray:
    """Return the forecasts of five seeds of *absolute, change*, which validation chose for the MAE: (5, 888, 6)."""
    parts = drought.drought_parts()
    train, test = parts.part["train"], parts.part["test"]
    runs = [drought.FittedDrought(parts, "absolute, change", train, test, seed=seed, epochs=1) for seed in range(5)]
    return np.array([run.forecast() for run in runs])


def widened(known: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Widen quantiles (N, 6, 3) by chapter 5's margins by state, which `known` gives; return both ends of `new`."""
    parts = drought.drought_parts()
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


@cache
def network_quantiles() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the widened intervals of five seeds of the LSTM of quantiles: 11 epochs, as validation chose."""
    parts = drought.drought_parts()
    fit, validation, test = (parts.part[name] for name in ("fit", "validation", "test"))
    inputs = drought.each_seventh(parts.scaled(fit))
    repeated = np.repeat(parts.windows.targets[..., np.newaxis], 3, axis=2)
    trained, _ = training.fit_seeds(
        lambda: models.Forecaster(nn.LSTM(21, 32, batch_first=True), horizon=drought.WEEKS, targets=3),
        inputs[fit],
        repeated[fit],
        seeds=range(5),
        epochs=11,
        loss=partial(pinball_loss, levels=drought.DROUGHT_LEVELS),
        optimizer=drought.ADAMAX,
    )
    quantiles = [
        [np.sort(training.predict(model, inputs[at]), axis=2) for at in (validation, test)] for model in trained
    ]
    return [widened(*pair) for pair in quantiles]


def drought_known_part() -> Rows:
    """Compare the known part of the balance and past years' days ahead with the best of chapter 5."""
    item, parts = Item("drought-known-part"), drought.drought_parts()
    train, test = parts.part["train"], parts.part["test"]
    truth, last, year = drought_scores()
    members = drought_ensemble(test)
    mean, median = (np.array([f(each, axis=1) for each in members]) for f in (np.mean, np.median))
    chance = np.array([(each >= 1).mean(axis=1) for each in members])
    low, high = (np.array([np.quantile(each, q, axis=1) for each in members]) for q in (0.05, 0.95))
    again, yes = np.repeat(last[:, np.newaxis], drought.WEEKS, axis=1), (truth >= 1).astype(np.float64)
    sizes = {"LSTM": np.abs(drought_networks() - truth).mean(axis=0), "persistence": np.abs(again - truth)}
    judge = partial(compare, item, block=year)

    def by_window(errors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: each.mean(axis=1) for name, each in errors.items()}

    ours, name = np.abs(median - truth), "known part and past years"
    squares = {"ridge": (drought_ridge(train, test) - truth) ** 2, "persistence": (again - truth) ** 2}
    judge("RMSE", "points", (name, ((mean - truth) ** 2).mean(axis=1)), by_window(squares), power=0.5)
    judge("MAE", "points", (name, ours.mean(axis=1)), by_window(sizes))
    judge("MAE week 1", "points", (name, ours[:, 0]), {rival: each[:, 0] for rival, each in sizes.items()})
    briers = {"logistic": (drought_chances() - yes) ** 2, "persistence": ((again >= 1) - yes) ** 2}
    judge("Brier", "", (name, ((chance - yes) ** 2).mean(axis=1)), by_window(briers))
    spans = {"LSTM": np.mean([fines(*ends, truth) for ends in network_quantiles()], axis=0)}
    judge("interval score", "points", (name, fines(low, high, truth)), spans)
    inside = (low <= truth) & (truth <= high)
    for group, which in {"coverage": last >= 0, "coverage after 0": last == 0, "coverage after more": last > 0}.items():
        item.add("share of scores in the 90 % interval", group, inside[which].mean(), "share", f"{which.sum()} windows")
    lent = [each.shape[1] for each in members]
    item.runs("past starts that lend to a window", "members", lent, "starts", "windows")
    return item.rows


ALPHAS = (0.001, 0.003, 0.01)  # L1 penalties on the weights of scaled inputs


def drought_quantiles() -> Rows:
    """Give a linear model the loss and the intervals that chapter 5 gave the network alone."""
    item, parts = Item("drought-quantiles"), drought.drought_parts()
    fit, validation, train, test = (parts.part[name] for name in ("fit", "validation", "train", "test"))
    scores = parts.windows.targets
    truth, _, year = drought_scores()

    def lines(level: float, alpha: float, known: np.ndarray) -> np.ndarray:
        x = drought_means(known)
        x = (x - x[known].mean(axis=0)) / x[known].std(axis=0)
        fits = [QuantileRegressor(quantile=level, alpha=alpha).fit(x[known], y) for y in scores[known].T]
        return np.column_stack([fitted.predict(x) for fitted in fits])

    def loss(forecast: np.ndarray, level: float) -> float:
        over = scores[validation] - forecast[validation]
        return float(np.where(over >= 0, level * over, (level - 1) * over).mean())

    best, chosen = [], {}
    for level in drought.DROUGHT_LEVELS:
        tried = {alpha: lines(level, alpha, fit) for alpha in ALPHAS}
        chosen[level] = min(tried, key=lambda alpha: loss(tried[alpha], level))
        best.append(tried[chosen[level]])
    quantiles = np.sort(np.stack(best, axis=2), axis=2)
    name, judge = "linear quantile regression", partial(compare, item, unit="points", block=year)
    spans = {"LSTM": np.mean([fines(*ends, truth) for ends in network_quantiles()], axis=0)}
    judge("interval score", ours=(name, fines(*widened(quantiles[validation], quantiles[test]), truth)), rivals=spans)
    median = np.abs(lines(0.5, chosen[0.5], train)[test].clip(0, 5) - truth).mean(axis=1)
    judge("MAE", ours=(name, median), rivals={"LSTM": np.abs(drought_networks() - truth).mean(axis=(0, 2))})
    ridge = drought_ridge(train, test)
    for name, forecast in {"ridge": ridge, "ridge, clipped": ridge.clip(0, 5)}.items():
        errors = {"RMSE": rms(forecast - truth, None), "MAE": np.abs(forecast - truth).mean()}
        for quantity, error in errors.items():
            item.add(f"{name}, in the test years", f"{quantity}, {name}", error, "points", "888 windows")
    return item.rows


def drought_facts() -> Rows:
    """Count the years behind each site's percentiles, and see what one year less changes."""
    item, weather = Item("drought-facts"), site_weather()
    table = datasets.drought()
    for name, end in table.attrs["training_end"].items():
        days = weather[weather["site"] == name]
        whole = Score(days, np.datetime64(end))
        years = np.unique(whole.date[: whole.end].astype("datetime64[Y]"))
        tuesdays = np.arange(whole.end, len(whole.date))
        tuesdays = tuesdays[pd.DatetimeIndex(whole.date[tuesdays]).day_of_week == 1]
        scores = np.array([whole.rank(whole.known(day, 0), day) for day in tuesdays])
        moved = []
        for year in years:
            less = Score(days, np.datetime64(end), without=year)
            moved.append(np.abs(np.array([less.rank(less.known(day, 0), day) for day in tuesdays]) - scores))
        within = np.mean(moved, axis=0)[scores > 0]
        item.add("training years behind the percentiles", f"years, {name}", len(years), "years")
        item.add(
            "mean change of a test score above 0 when one training year is left out",
            f"change, {name}",
            within.mean(),
            "points",
            f"{len(within)} scores",
        )
    weekly = table["score"].dropna()
    item.add("scores of at least 1", "share, at least 1", (weekly >= 1).mean(), "share", f"{len(weekly)} weeks")
    item.add("scores of at least 2", "share, at least 2", (weekly >= 2).mean(), "share", f"{len(weekly)} weeks")
    return item.rows


# --- chapter 6 -----------------------------------------------------------------------------------


def inputs_windows() -> pd.DataFrame:
    """Return site, day, part and today's score of each of chapter 6's windows, in its order: by part, then by site."""
    table, pieces = datasets.drought(), []
    for site, days in table.groupby("site", sort=False):
        score, date = days["score"].to_numpy(), days["date"].to_numpy()
        end = np.datetime64(table.attrs["training_end"][str(site)])
        middle = date[0] + 0.75 * (end - date[0])
        at = np.flatnonzero(~np.isnan(score))[7::2]
        at = at[at + 28 < len(days)]
        now, then = date[at], date[at + 28]
        part = np.select(
            [then <= middle, (now > middle) & (then <= end), now > end], ["train", "validation", "test"], ""
        )
        frame = {"site": site, "day": now, "part": part, "today": score[at], "middle": middle}
        pieces.append(pd.DataFrame(frame))
    return pd.concat(pieces, ignore_index=True)


def log_losses(yes: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return minus the log of what each answer was given."""
    return -np.log(np.where(yes == 1, chance, 1 - chance))


def inputs_frost() -> Rows:
    """Ask how often there was frost at this site at this time of the year, in the training years."""
    item, cases = Item("inputs-frost"), inputs_windows()
    weather, spans, chances = site_weather(), (3, 7, 15), {}
    for span in spans:
        chance = np.full(len(cases), np.nan)
        for site, mine in cases.groupby("site"):
            days = weather[weather["site"] == site]
            day = pd.DatetimeIndex(days["date"])
            coldest = np.lib.stride_tricks.sliding_window_view(days["tmin"].to_numpy(), 14).min(axis=1)[1:]
            frost = coldest < 0  # of the 14 days after each day
            lends = np.asarray(day[14:] <= mine["middle"].iloc[0])
            of_day = leap_places(day)[: len(frost)][lends]
            apart = np.abs(of_day - leap_places(pd.DatetimeIndex(mine["day"]))[:, np.newaxis])
            near = np.minimum(apart, 366 - apart) <= span
            chance[mine.index] = (near @ frost[lends].astype(np.float64) + 0.5) / (near.sum(axis=1) + 1)
        chances[span] = chance
    parts = several_inputs.inputs_parts()
    yes = {part: answers[:, 1] for part, (_, answers) in parts.items()}
    where = {part: (cases["part"] == part).to_numpy() for part in yes}
    span = min(spans, key=lambda days: log_losses(yes["validation"], chances[days][where["validation"]]).mean())
    item.add("days around the date, chosen in the validation years", "span", span, "days")
    found = log_losses(yes["test"], chances[span][where["test"]])
    constant = np.full(len(found), yes["train"].mean())
    facts = {part: inputs[1] for part, (inputs, _) in parts.items()}
    penalty = min(
        10.0 ** np.arange(-2, 4),
        key=lambda c: log_losses(
            yes["validation"], logistic(facts["train"], yes["train"], c).predict_proba(facts["validation"])[:, 1]
        ).mean(),
    )
    rivals = {
        "constant": log_losses(yes["test"], constant),
        "logistic": log_losses(
            yes["test"], logistic(facts["train"], yes["train"], penalty).predict_proba(facts["test"])[:, 1]
        ),
    }
    year = pd.DatetimeIndex(cases["day"][where["test"]]).year.to_numpy()
    compare(item, "log loss", "", ("frost by site and day of the year", found), rivals, year)
    recorded = datasets.recorded("inputs_branches").query("branches == 'whole' and dropout")["frost_loss"]
    item.runs("the whole network, as recorded", "five seeds", recorded, "")
    return item.rows


def inputs_drought() -> Rows:
    """Answer chapter 6's drought question with the known part of the balance."""
    item, cases = Item("inputs-drought"), inputs_windows()
    test = (cases["part"] == "test").to_numpy()
    sites, chance = drought_sites(), []
    for site, day in cases.loc[test, ["site", "day"]].itertuples(index=False):
        members = sites[site].ensemble(sites[site].number(day), weeks=4)[3]
        chance.append(((members >= 1).sum() + 0.5) / (len(members) + 1))
    parts = several_inputs.inputs_parts()
    yes = {part: answers[:, 0] for part, (_, answers) in parts.items()}
    views: dict[str, np.ndarray] = {}
    for part, ((tokens, facts), _) in parts.items():
        counts = (tokens[:, :, np.newaxis] == np.arange(50)).mean(axis=1)
        today = cases["today"][cases["part"] == part].to_numpy()[:, np.newaxis]
        views[part] = np.hstack([facts, counts, today])
    rivals = {}
    for name, columns in {"facts + counts": slice(0, 60), "facts + counts + today": slice(0, 61)}.items():
        x = {part: view[:, columns] for part, view in views.items()}
        fits = [logistic(x["train"], yes["train"], c) for c in 10.0 ** np.arange(-2, 4)]
        best = min(fits, key=lambda fit: log_losses(yes["validation"], fit.predict_proba(x["validation"])[:, 1]).mean())
        rivals[name] = log_losses(yes["test"], best.predict_proba(x["test"])[:, 1])
    year = pd.DatetimeIndex(cases["day"][test]).year.to_numpy()
    ours = "known part and past years", log_losses(yes["test"], np.array(chance))
    compare(item, "log loss", "", ours, rivals, year)
    item.add("known part and past years", "AUC", roc_auc_score(yes["test"], chance), "", f"{test.sum()} windows")
    return item.rows


def led_parameters(leads: tuple[int, int, int], steps: int, seed: int = 0) -> np.ndarray:
    """Return chapter 6's independent parameters and their observable, with other leads."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(steps + 14, 3))
    for step in range(1, len(z)):
        z[step] = 0.8 * z[step - 1] + 0.6 * z[step]
    z1, z2, z3 = (z[14 - lead :][:steps, k] for k, lead in enumerate(leads))
    obs = 4 + np.exp(0.4 * z1) + np.tanh(z2) + 0.25 * z2 * z3**2 + 0.01 * random.normal(size=steps)
    return np.column_stack([z[14:], obs])


def inputs_state() -> Rows:
    """Give the network that reads the last state more units, more data, or less to hold."""
    item = Item("inputs-state")
    settings = {  # leads, steps to train on, units
        "as in the chapter": ((5, 9, 14), 700, 10),
        "64 units": ((5, 9, 14), 700, 64),
        "ten times the data": ((5, 9, 14), 7000, 10),
        "less to hold": ((1, 2, 3), 700, 10),
    }
    for name, (leads, stop, units) in settings.items():
        series = led_parameters(leads, 10_000)
        series = series[7000 - stop :]
        scaler = StandardScaler().fit(series[:stop])
        cut = windows.make_windows(scaler.transform(series), lookback=50, targets=3)
        known, unseen = cut.between(50, stop), cut.between(stop, len(series))
        x, x_test = known.inputs[..., :3], unseen.inputs[..., :3]
        # Larger batches where there is more data: the number of updates is the same.
        schedule = partial(OneCycleLR, max_lr=1e-2, total_steps=40 * -(-len(x) // (64 * stop // 700)))
        make = partial(last_state, units)
        options = {"epochs": 40, "batch_size": 64 * stop // 700, "scheduler": schedule}
        trained, _ = training.fit_seeds(make, x, known.targets, seeds=range(2), **options)
        for part, inputs, targets in (("training", x, known.targets), ("test", x_test, unseen.targets)):
            errors = [scaler.scale_[3] * rms(training.predict(m, inputs) - targets, None) for m in trained]
            item.runs(f"GRU({units}), {name}", f"{name}, {part}", errors, "RMSE of the observable")
        flat = [each.reshape(len(each), -1) for each in (x, x_test)]
        line = Ridge(10.0).fit(flat[0], known.targets[:, 0, 0]).predict(flat[1])
        error = scaler.scale_[3] * rms(line - unseen.targets[:, 0, 0], None)
        item.add("ridge on the 150 numbers", f"{name}, ridge", error, "RMSE of the observable")
    return item.rows


def last_state(units: int) -> nn.Module:
    """Return chapter 6's network on three features that reads the last state."""
    return models.Forecaster(nn.GRU(3, units, batch_first=True))


# --- chapter 7 -----------------------------------------------------------------------------------


def yes_no_peer() -> Rows:
    """Rank devices by the smaller of two changes: of sensor 1, along one direction, along the generator's weights."""
    item = Item("yes-no-peer")
    fresh, failed = yes_no.yes_no_sets(range(2000, 2020))
    sensor = np.eye(8)[0]
    own: dict[str, list[float]] = {"sensor 1": [], "direction": []}
    others = []
    for seed in range(10):
        x, y = datasets.device_failures(seed=seed)
        out = np.zeros(len(y))
        for inside, outside in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
            out[outside] = yes_no.smaller_change(x[outside], yes_no.main_direction(x[inside]))
        own["direction"].append(roc_auc_score(y, out))
        own["sensor 1"].append(roc_auc_score(y, yes_no.smaller_change(x, sensor)))
        others.append(roc_auc_score(failed, yes_no.smaller_change(fresh, yes_no.main_direction(x))))
    for name, values in own.items():
        item.runs("AUC on the 195 devices", f"195, {name}", values, "AUC", "sets")
    fixed = {"sensor 1": sensor, "generator": yes_no.WEIGHTS}
    for name, direction in fixed.items():
        value = roc_auc_score(failed, yes_no.smaller_change(fresh, direction))
        item.add("AUC on 3,900 other devices", f"3900, {name}", value, "AUC", "3900 devices")
    item.runs("AUC on 3,900 other devices", "3900, direction", others, "AUC", "sets")
    runs = datasets.recorded("yes_no_folds").groupby(["model", "data_seed"])[["auc", "fresh_auc"]].mean()
    named = {"LSTM": "LSTM, 3 × 8", "LSTM on changes": "LSTM, changes 2 × 8", "logistic": "logistic, 24 numbers"}
    for name, key in named.items():
        for column, which in (("auc", "195"), ("fresh_auc", "3900")):
            item.runs(f"AUC of {key}, as recorded", f"{which}, {name}", runs.loc[key, column], "AUC", "sets")
    for name in ("LSTM", "LSTM on changes"):
        gain = np.array(own["sensor 1"]) - runs.loc[named[name], "auc"].to_numpy()
        item.add(f"sets in which sensor 1 ranks better than {name}", f"ahead of {name}", (gain > 0).sum(), "of 10")
    return item.rows


# -------------------------------------------------------------------------------------------------

ITEMS: dict[str, Callable[[], Rows]] = {
    "observable-leads": observable_leads,
    "observable-peers": observable_peers,
    "observable-head": observable_head,
    "river-weather": river_weather,
    "river-product": river_product,
    "drought-known-part": drought_known_part,
    "drought-quantiles": drought_quantiles,
    "drought-facts": drought_facts,
    "inputs-frost": inputs_frost,
    "inputs-drought": inputs_drought,
    "inputs-state": inputs_state,
    "yes-no-peer": yes_no_peer,
}


def observable_to_yes_no(item: str) -> Rows:
    """Measure one item."""
    return ITEMS[item]()


def measure() -> pd.DataFrame:
    """Measure every item."""
    return in_parallel(observable_to_yes_no, [{"item": item} for item in ITEMS])
