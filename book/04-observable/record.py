"""Chapter 4's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import in_parallel, rms
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from torch import nn
from torch.optim import Adam, AdamW
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


# ---- The leading parameters on many realisations

TUNED, JUDGED = range(50, 54), range(100, 116)  # generators: to choose on, to judge on
CONDITIONS = ("calm", "kicked", "climbing")
# Kicks: none from 481 to 679, none after 680.
APART = (80, 160, 240, 320, 400, 480, 680)
PENALTIES = (1e-4, 1e-2, 1.0, 10.0)


def options(
    count: int, *, epochs: int, batch_size: int, decay: float
) -> dict[str, Any]:
    """Return how all networks of these records are trained on `count` windows."""
    updates = epochs * math.ceil(count / batch_size)
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "clip_norm": 1.0,
        "optimizer": partial(AdamW, lr=1e-2, weight_decay=decay, fused=True),
        "scheduler": partial(OneCycleLR, max_lr=1e-2, total_steps=updates),
    }


def feed_forward(inputs: int, outputs: tuple[int, ...]) -> nn.Module:
    """Return a network with one hidden layer of 32 units: (B, ...) -> (B, *outputs)."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, 32),
        nn.Tanh(),
        nn.Linear(32, math.prod(outputs)),
        nn.Unflatten(1, outputs),
    )


def ridge(inputs: np.ndarray, targets: np.ndarray, penalty: float) -> nn.Module:
    """Fit ridge regression; return it as a module (B, L, F) -> (B, h, K)."""
    flat = targets.reshape(len(targets), -1)
    fitted = Ridge(alpha=penalty).fit(inputs.reshape(len(inputs), -1), flat)
    linear = nn.Linear(fitted.n_features_in_, flat.shape[1])
    linear.weight.data = torch.tensor(fitted.coef_)
    linear.bias.data = torch.tensor(fitted.intercept_)
    return nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, targets.shape[1:]))


class Added(nn.Module):
    """A module whose output is the change from the last step."""

    def __init__(self, change: nn.Module) -> None:
        super().__init__()
        self.change = change

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Add the last step: (B, L, 4) -> (B, 1, 4)."""
        output: torch.Tensor = inputs[:, -1:] + self.change(inputs)
        return output


def world(condition: str, generator: int) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Return a realisation, calm, kicked or climbing by 0.01 a step, and its kicks."""
    kicks = APART if condition == "kicked" else ()
    table = datasets.leading_parameters(seed=generator, kicks=kicks)
    climb = 0.01 if condition == "climbing" else 0.0
    return table.add(climb * np.arange(len(table)), axis=0), kicks


def next_step(
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    kind: str,
    readout: str,
    change: bool,
    penalty: float,
) -> nn.Module:
    """Fit a model of one of three kinds to the next step, or to the change to it."""
    lookback = inputs.shape[1]
    training.reproducible(0)
    how = options(len(inputs), epochs=25, batch_size=64, decay=0.0)
    if kind == "GRU":
        core = nn.GRU(4, 24, batch_first=True)
        model = models.Forecaster(
            core, targets=4, readout=readout, residual=change, lookback=lookback
        )
        training.fit(model, inputs, targets, **how)
        return model
    goals = targets - inputs[:, -1:] if change else targets
    if kind == "ridge":
        inner = ridge(inputs, goals, penalty)
    else:
        inner = feed_forward(4 * lookback, (1, 4))
        training.fit(inner, inputs, goals, **how)
    return Added(inner) if change else inner


def observable_realisations_run(
    part: str, condition: str, generator: int, lookback: int, **model: Any
) -> dict[str, Any]:
    """Fit one model to one realisation; record the errors of its closed loop, by stretch.

    To choose: 500 steps to learn from, 200 ahead; to judge: 700 and 300.
    """
    table, kicks = world(condition, generator)
    stop, end = (500, KNOWN) if part == "choose" else (KNOWN, KNOWN + AHEAD)
    if part == "choose" and kicks:
        end = kicks[-1] - 14  # what shows of the next kick nobody can foresee
    scaler = StandardScaler().fit(table[:stop])
    series = scaler.transform(table)
    cut = windows.make_windows(series[:stop], lookback=lookback)
    # A kick shows in the parameters up to 14 steps before its row. These rows are no targets.
    learnt = np.ones(len(cut.target_start), dtype=bool)
    for row in kicks:
        learnt &= (cut.target_start < row - 14) | (cut.target_start > row)
    fitted = next_step(cut.inputs[learnt], cut.targets[learnt], **model)
    past = series[stop - lookback : stop]
    loop = forecasting.closed_loop(fitted, past, end - stop, targets=range(4))
    forecast = loop[:, 3] * scaler.scale_[3] + scaler.mean_[3]
    truth = table["obs"].to_numpy()[stop:end]
    setting = {"part": part, "condition": condition, "generator": generator}
    row = {**setting, "lookback": lookback, **model, "rmse": rms(forecast - truth)}
    for first, last in ((0, 50), (50, 100), (100, 200), (200, 300)):
        some = (forecast - truth)[first:last]
        row[f"{first + 1}-{last}"] = rms(some) if len(some) else np.nan
    # The widths of the last 50 steps, which hold a period: does it keep its amplitude?
    return row | {"width": np.ptp(forecast[-50:]), "true_width": np.ptp(truth[-50:])}


def observable_models() -> list[dict[str, Any]]:
    """The kinds of model, by head, target and penalty."""
    kinds = [("GRU", "all", 0.0), ("GRU", "last", 0.0), ("feed-forward", "all", 0.0)]
    kinds += [("ridge", "all", penalty) for penalty in PENALTIES]
    return [
        {"kind": kind, "readout": readout, "change": change, "penalty": penalty}
        for kind, readout, penalty in kinds
        for change in (False, True)
    ]


def observable_realisations() -> pd.DataFrame:
    """GRU, feed-forward network and ridge: chosen on 4 realisations, judged on 16 others.

    Calm, kicked and climbing. For each kind, head and target the lookback and the penalty with
    the lowest median error on the 4 go on.
    """
    settings = [
        {"part": "choose", "condition": condition, "generator": generator}
        | {"lookback": lookback, **model}
        for condition in CONDITIONS
        for generator in TUNED
        for lookback in (20, 40, 80)
        for model in observable_models()
    ]
    tried = in_parallel(observable_realisations_run, settings)
    names = ["condition", "kind", "readout", "change", "penalty", "lookback"]
    medians = tried.groupby(names)["rmse"].median().reset_index()
    best = medians.loc[medians.groupby(names[:4])["rmse"].idxmin(), names]
    settings = [
        {"part": "judge", "generator": generator, **choice}
        for choice in best.to_dict("records")
        for generator in JUDGED
    ]
    return pd.concat([tried, in_parallel(observable_realisations_run, settings)])


# ---- The river

# Each is judged by what was learnt before it; 1983 only to choose.
YEARS = range(1983, 1989)
EVERY = 3  # one day in three is learnt from: neighbours are alike
# Ends of spans of days, counted backwards from the last.
EDGES = (0, 1, 2, 3, 4, 8, 16, 30, 60, 90, 120, 240, 365)
DAYS = 7  # ahead
FORMS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "root": (np.sqrt, lambda root: np.maximum(root, 0) ** 2),
    "log": (np.log, np.exp),
}


def spans(days: np.ndarray) -> np.ndarray:
    """Return means over longer and longer spans into the past: (N, L, F) -> (N, S·F)."""
    steps = days.shape[1]
    edges = [steps - edge for edge in EDGES if edge <= steps]
    pairs = pairwise(edges)
    return np.hstack([days[:, start:stop].mean(axis=1) for stop, start in pairs])


def hydrologist(
    forecast: np.ndarray, truth: np.ndarray, learnt: np.ndarray
) -> dict[str, float]:
    """Return the scores of a year in m³/s: all days, high and low water, and quarters.

    From `mean`, `sd` and `r` (the correlation) follow KGE, of one year and of several. High and low
    are days above 95 and below 30 % of what was learnt from; at low water logarithms are compared.
    """
    error = forecast - truth
    high, low = truth > np.quantile(learnt, 0.95), truth < np.quantile(learnt, 0.3)
    ratio = np.log(np.maximum(forecast, 1) / truth)
    row = {"rmse": rms(error), "mean": forecast.mean(), "sd": forecast.std()}
    row |= {"r": np.corrcoef(forecast, truth)[0, 1]}
    row |= {"high": rms(error[high]) if high.any() else np.nan, "high_days": high.sum()}
    row |= {"low": rms(ratio[low]) if low.any() else np.nan, "low_days": low.sum()}
    quarters = enumerate(np.array_split(error, 4), 1)
    return row | {f"q{number}": rms(part) for number, part in quarters}


def scaled_by(columns: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Scale columns by the mean and standard deviation of the rows `learnt`."""
    return StandardScaler().fit(columns[learnt]).transform(columns)


def scaling(kind: str) -> Pipeline:
    """Return what scales columns; for `products` it puts squares and products beside them."""
    steps: list[Any] = [StandardScaler()]
    if kind == "products":
        steps += [PolynomialFeatures(2, include_bias=False), StandardScaler()]
    return make_pipeline(*steps)


def boosting(leaves: float) -> MultiOutputRegressor:
    """Return 200 boosted trees for each output."""
    trees = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.05, max_leaf_nodes=int(leaves), random_state=0
    )
    return MultiOutputRegressor(trees)


def fulda_flow_run(
    kind: str, reads: str, lookback: int, form: str, strength: float, year: int
) -> list[dict[str, Any]]:
    """Learn flow from observed weather in the years before `year`; score that year.

    `strength` is the penalty, the number of leaves, or the weight decay.
    """
    table = datasets.fulda()
    days = np.arange(365, len(table))  # from 1980 on, for all lookbacks
    years, flow = table.index.year.to_numpy()[days], table["discharge"].to_numpy()[days]
    learn, judge = np.flatnonzero(years < year)[::EVERY], years == year
    weather = scaled_by(table[["rain", "tmean"]].to_numpy(), table.index.year < year)
    inputs = weather[days[:, np.newaxis] + np.arange(1 - lookback, 1)]
    if reads == "spans":
        inputs = scaled_by(spans(inputs), learn)
    there, back = FORMS[form]
    scaler = StandardScaler().fit(there(flow[learn, np.newaxis]))
    goals = scaler.transform(there(flow[learn, np.newaxis]))

    def make() -> nn.Module:
        if kind == "GRU":
            return models.Forecaster(nn.GRU(2, 16, batch_first=True))
        return feed_forward(inputs[0].size, (1, 1))

    if kind in ("GRU", "feed-forward"):
        how = options(len(learn), epochs=20, batch_size=32, decay=strength)
        networks, _ = training.fit_seeds(
            make, inputs[learn], goals[..., np.newaxis], seeds=range(2), **how
        )
        found = [training.predict(each, inputs[judge])[:, 0] for each in networks]
    else:
        flat = inputs.reshape(len(inputs), -1)
        if kind == "products":
            flat = scaling(kind).fit(flat[learn]).transform(flat)
        model = boosting(strength) if kind == "boosting" else Ridge(alpha=strength)
        found = [model.fit(flat[learn], goals).predict(flat[judge]).reshape(-1, 1)]
    setting = {"kind": kind, "reads": reads, "lookback": lookback, "form": form}
    rows = []
    for seed, each in enumerate(found):
        forecast = back(scaler.inverse_transform(each))[:, 0]
        row = setting | {"strength": strength, "year": year, "seed": seed}
        rows.append(row | hydrologist(forecast, flow[judge], flow[learn]))
    return rows


def fulda_flow() -> pd.DataFrame:
    """The flow of a day from the weather of 30, 90 and 365 days: five kinds of model, six years."""
    kinds = [("GRU", "days", (0.01,)), ("boosting", "spans", (4, 8, 16))]
    kinds += [("products", "spans", (10, 100, 1000))]
    for reads in ("days", "spans"):
        kinds += [("feed-forward", reads, (0.01, 1.0)), ("ridge", reads, (1, 10, 100))]
    settings = [
        {"kind": kind, "reads": reads, "lookback": lookback}
        | {"form": form, "strength": strength, "year": year}
        for kind, reads, strengths in kinds
        for lookback in (30, 90, 365)
        for form in FORMS
        for strength in strengths
        for year in YEARS
    ]
    return in_parallel(fulda_flow_run, settings)


class EncoderDecoder(nn.Module):
    """One GRU reads the past, another goes on from its state through the weather ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(3, 16, batch_first=True)
        self.decoder = nn.GRU(2, 16, batch_first=True)
        self.head = nn.Linear(16, 1)

    def forward(self, past: torch.Tensor, ahead: torch.Tensor) -> torch.Tensor:
        """Return changes of the flow: (B, L, 3), (B, 7, 2) -> (B, 7)."""
        return self.decode(self.encoder(past)[1], ahead)

    def decode(self, state: torch.Tensor, ahead: torch.Tensor) -> torch.Tensor:
        """Go on from the encoder's state: (1, B, 16), (B, 7, 2) -> (B, 7)."""
        output: torch.Tensor = self.head(self.decoder(ahead, state)[0])[..., 0]
        return output

    def answers(self, past: np.ndarray, futures: np.ndarray) -> np.ndarray:
        """Answer many futures: (B, L, 3), (M, B, 7, 2) -> (M, B, 7)."""
        with torch.no_grad():
            state = self.encoder(torch.tensor(past))[1]
            found = [self.decode(state, torch.tensor(ahead)) for ahead in futures]
        return torch.stack(found).numpy()


class OfFeatures:
    """Ridge with or without products, boosting or a feed-forward network on past and ahead."""

    def __init__(self, kind: str, reads: str, strength: float, seed: int) -> None:
        self.kind, self.reads, self.strength, self.seed = kind, reads, strength, seed

    def columns(self, past: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Put past and ahead side by side: (N, features)."""
        read = spans(past) if self.reads == "spans" else past.reshape(len(past), -1)
        return np.hstack([read, ahead.reshape(len(ahead), -1)])

    def fit(
        self, past: np.ndarray, ahead: np.ndarray, goals: np.ndarray
    ) -> "OfFeatures":
        """Fit to changes of the flow, (N, 7)."""
        self.scale = scaling(self.kind)
        columns = self.scale.fit_transform(self.columns(past, ahead))
        if self.kind == "feed-forward":
            training.reproducible(self.seed)
            network = feed_forward(columns.shape[1], (DAYS,))
            how = options(len(past), epochs=20, batch_size=32, decay=self.strength)
            training.fit(network, columns, goals, **how)
            self.predict: Callable[..., np.ndarray] = partial(training.predict, network)
        else:
            boosted = self.kind == "boosting"
            model = boosting(self.strength) if boosted else Ridge(alpha=self.strength)
            self.predict = model.fit(columns, goals).predict
        return self

    def answers(self, past: np.ndarray, futures: np.ndarray) -> np.ndarray:
        """Answer many futures: (B, L, 3), (M, B, 7, 2) -> (M, B, 7)."""
        found = [self.columns(past, ahead) for ahead in futures]
        return np.stack([self.predict(self.scale.transform(each)) for each in found])


def past_weather(table: pd.DataFrame, origins: np.ndarray, year: int) -> np.ndarray:
    """Return rain and temperature of the same days in past years: (M, N, 7, 2).

    From each year before `year` three members: the same dates, ten days earlier and ten days later.
    """
    weather, members = table[["rain", "tmean"]].to_numpy(), []
    here = np.argmax(table.index.year == year)
    for before in range(1979, year):
        begin = np.argmax(table.index.year == before)
        for shift in (-10, 0, 10):
            first = np.clip(origins - here + begin + shift, 0, here - DAYS)
            members.append(weather[first[:, np.newaxis] + np.arange(DAYS)])
    return np.stack(members)


def crps(members: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean CRPS of an ensemble, (M, N) against (N,); of one member the MAE."""
    apart = np.abs(members[:, np.newaxis] - members).mean(axis=(0, 1))
    return float(np.mean(np.abs(members - truth).mean(axis=0) - apart / 2))


def fulda_ensemble_run(
    kind: str,
    reads: str,
    lookback: int,
    strength: float,
    told: bool,
    seed: int,
    year: int,
) -> list[dict[str, Any]]:
    """Learn 1 to 7 days ahead, with (`told`) or without their weather; score one year.

    The told model is then given the known weather, past years' as an ensemble, its mean for the
    time of year, and the mean of all days (of the logarithm of rain), as the first edition did.
    """
    table = datasets.fulda()
    years, flow = table.index.year.to_numpy(), table["discharge"].to_numpy()
    columns = np.column_stack(
        [np.log(flow), np.log1p(table["rain"].to_numpy()), table["tmean"].to_numpy()]
    )
    scaler = StandardScaler().fit(columns[years < year])
    series = scaler.transform(columns)
    starts = np.arange(365, len(table) - DAYS + 1)
    learn = starts[(years[starts + DAYS - 1] < year)][::EVERY]
    judge = starts[(years[starts] == year) & (years[starts + DAYS - 1] == year)]
    steps, to_come = np.arange(-lookback, 0), np.arange(DAYS)

    def cut(origins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = origins[:, np.newaxis]
        ahead, last = series[at + to_come], series[at - 1, 0]
        return series[at + steps], told * ahead[..., 1:], ahead[..., 0] - last

    def scaled(weather: np.ndarray) -> np.ndarray:
        rain = (np.log1p(weather[..., 0]) - scaler.mean_[1]) / scaler.scale_[1]
        warmth = (weather[..., 1] - scaler.mean_[2]) / scaler.scale_[2]
        return np.stack([rain, warmth], axis=-1)

    past, ahead, goals = cut(learn)
    if kind == "GRU":
        training.reproducible(seed)
        model: Any = EncoderDecoder()
        how = options(len(learn), epochs=20, batch_size=32, decay=strength)
        training.fit(model, (past, ahead), goals, **how)
    else:
        model = OfFeatures(kind, reads, strength, seed).fit(past, ahead, goals)
    past, ahead, _ = cut(judge)
    members = past_weather(table, judge, year)
    futures = {"known": ahead[np.newaxis], "none": 0 * ahead[np.newaxis]}
    if told:
        futures |= {
            "ensemble": scaled(members),
            "season": scaled(members.mean(axis=0, keepdims=True)),
            "old average": futures.pop("none"),
        }
    else:
        futures.pop("known")
    last, truth = series[judge - 1, :1], flow[judge[:, np.newaxis] + to_come]
    setting = {"kind": kind, "reads": reads, "lookback": lookback, "strength": strength}
    setting |= {"told": told, "seed": seed, "year": year}
    rows = []
    for weather, future in futures.items():
        logs = (last + model.answers(past, future)) * scaler.scale_[0] + scaler.mean_[0]
        flows = np.exp(logs)  # (M, N, 7)
        for day in range(DAYS):
            mean = flows[..., day].mean(axis=0)
            row = setting | {"weather": weather, "day": day + 1}
            row |= {"crps": crps(flows[..., day], truth[:, day])}
            rows.append(row | hydrologist(mean, truth[:, day], flow[learn]))
    return rows


def fulda_ensemble() -> pd.DataFrame:
    """Flow 1 to 7 days ahead, the weather known, unknown, or that of past years; six years."""
    kinds = [("GRU", "days", (0.01,), range(2))]
    kinds += [("feed-forward", "spans", (0.01, 1.0), range(2))]
    kinds += [("products", "spans", (100, 1000), range(1))]
    kinds += [("boosting", "spans", (4, 8), range(1))]
    kinds += [("ridge", reads, (1, 10, 100), range(1)) for reads in ("days", "spans")]
    settings = [
        {"kind": kind, "reads": reads, "lookback": lookback, "strength": strength}
        | {"told": told, "seed": seed, "year": year}
        for kind, reads, strengths, seeds in kinds
        for lookback in (30, 90)
        for strength in strengths
        for told in (True, False)
        for seed in seeds
        for year in YEARS
    ]
    return in_parallel(fulda_ensemble_run, settings)


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "observable_source": observable_source,
    "observable_heads": observable_heads,
    "observable_kicks": observable_kicks,
    "observable_drift": observable_drift,
    "observable_dropout": observable_dropout,
    "fulda_rain": fulda_rain,
    "observable_realisations": observable_realisations,
    "fulda_flow": fulda_flow,
    "fulda_ensemble": fulda_ensemble,
}
