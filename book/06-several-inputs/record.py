"""Chapter 6's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import in_parallel, rms
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.functional import binary_cross_entropy
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse import datasets, models, training, two_inputs, windows
from rnncourse.drought import LATITUDES

INPUTS_LEADS = {"par1": 5, "par2": 9, "par3": 14}


def independent_parameters(steps: int = 1000, seed: int = 0) -> np.ndarray:
    """The observable of `datasets.leading_parameters`, of three independent parameters."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(steps + 14, 3))
    for t in range(1, len(z)):
        z[t] = 0.8 * z[t - 1] + 0.6 * z[t]  # variance 1
    z1, z2, z3 = (
        z[14 - lead :][:steps, k] for k, lead in enumerate(INPUTS_LEADS.values())
    )
    obs = (
        4
        + np.exp(0.4 * z1)
        + np.tanh(z2)
        + 0.25 * z2 * z3**2
        + 0.01 * random.normal(size=steps)
    )
    return np.column_stack([z[14:], obs])


class ThreeCores(nn.Module):
    """One GRU(10) for each of three series; a linear head reads their states side by side."""

    def __init__(self, readout: str = "last") -> None:
        super().__init__()
        self.cores = nn.ModuleList(nn.GRU(1, 10, batch_first=True) for _ in range(3))
        self.readout = readout
        self.head = nn.Linear(30 if readout == "last" else 50 * 30, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict: (B, 50, 3) -> (B, 1, 1)."""
        states = torch.cat(
            [core(inputs[:, :, [k]])[0] for k, core in enumerate(self.cores)], dim=2
        )
        read = states[:, -1] if self.readout == "last" else states.flatten(start_dim=1)
        return self.head(read)[:, :, None]


def inputs_ways_run(
    data: str, readout: str, way: str, epochs: int = 40
) -> list[dict[str, Any]]:
    """Feed three series to five seeds of one way; train on 700 steps, test on the next 300."""
    series = (
        datasets.leading_parameters().to_numpy()
        if data == "leading"
        else independent_parameters()
    )
    scaler = StandardScaler().fit(series[:700])
    cut = windows.make_windows(scaler.transform(series), lookback=50, targets=3)
    parts = {"train": cut.between(50, 700), "test": cut.between(700, 1000)}
    inputs = {part: found.inputs[:, :, :3] for part, found in parts.items()}
    if way == "long":
        inputs = {
            part: x.transpose(0, 2, 1).reshape(len(x), 150, 1)
            for part, x in inputs.items()
        }
    if way == "turns":
        inputs = {part: x.reshape(len(x), 150, 1) for part, x in inputs.items()}

    def make() -> nn.Module:
        if way == "branches":
            return ThreeCores(readout)
        core = nn.GRU(3 if way == "features" else 1, 10, batch_first=True)
        return models.Forecaster(
            core, readout=readout, lookback=inputs["train"].shape[1]
        )

    schedule = partial(OneCycleLR, max_lr=1e-2, total_steps=epochs * 11)
    options = {"epochs": epochs, "batch_size": 64, "scheduler": schedule}
    trained, _ = training.fit_seeds(
        make, inputs["train"], parts["train"].targets, seeds=range(5), **options
    )
    rows = []
    for seed, model in enumerate(trained):
        row = {"data": data, "readout": readout, "way": way, "seed": seed}
        row["parameters"] = sum(weight.numel() for weight in model.parameters())
        for part, x in inputs.items():
            row[part] = (
                float(rms((training.predict(model, x) - parts[part].targets).ravel()))
                * scaler.scale_[3]
            )
        rows.append(row)
    return rows


def inputs_ways() -> pd.DataFrame:
    """Three ways to feed three series, read at the last state and at all, five seeds each."""
    ways = ("features", "long", "branches")
    pairs = product(("leading", "independent"), ("last", "all"))
    return in_parallel(
        inputs_ways_run,
        [{"data": d, "readout": r, "way": way} for d, r in pairs for way in ways],
    )


def inputs_exercises() -> pd.DataFrame:
    """Two exercises, five seeds each: the series take turns; five times as many epochs."""
    turns = {"data": "leading", "readout": "last", "way": "turns"}
    longer = {
        "data": "independent",
        "readout": "last",
        "way": "features",
        "epochs": 200,
    }
    return in_parallel(inputs_ways_run, [turns, longer])


SITE_FACTS = ["latitude", "temp_mean", "temp_sd", "rain_mean", "wet_share"]
SEASON_FACTS = ["sin", "cos", "daylight", "temp_normal", "rain_normal"]


def inputs_tokens(table: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    """Ten times the class of rain plus that of temperature of each day; edges from known days."""
    wet = known["rain"][known["rain"] >= 1]
    rain = np.searchsorted(
        [1, *wet.quantile([0.25, 0.5, 0.75])], table["rain"], side="right"
    )
    temp = np.searchsorted(
        known["tmean"].quantile(np.arange(1, 10) / 10), table["tmean"], side="right"
    )
    return 10 * rain + temp


def inputs_facts(table: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Five facts about the site and five about the season, from the known days."""
    sites, month = known.groupby("site"), table["date"].dt.month.rename("month")
    of_site = pd.DataFrame(
        {"latitude": pd.Series(LATITUDES), "temp_mean": sites["tmean"].mean()}
    )
    of_site["temp_sd"], of_site["rain_mean"] = (
        sites["tmean"].std(),
        sites["rain"].mean(),
    )
    of_site["wet_share"] = known["rain"].ge(1).groupby(known["site"]).mean()
    normal = known.groupby(["site", month])[["tmean", "rain"]].mean()
    facts = table.join(of_site, on="site").assign(month=month)
    facts = facts.join(
        normal.set_axis(["temp_normal", "rain_normal"], axis=1), on=["site", "month"]
    )
    angle = 2 * np.pi * table["date"].dt.day_of_year / 366
    return facts.assign(sin=np.sin(angle), cos=np.cos(angle))[SITE_FACTS + SEASON_FACTS]


Parts = dict[str, tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]


@cache
def inputs_parts(branches: str = "whole") -> Parts:
    """Cut every other Tuesday: 50 tokens, 10 facts, and the answers.

    They are: drought in four weeks, frost within two.
    """
    table = datasets.drought()
    end = pd.to_datetime(table["site"].map(table.attrs["training_end"]))
    known = table[table["date"] <= end]
    first = table.groupby("site")["date"].transform("min")
    table["end"], table["middle"] = end, first + 0.75 * (end - first)
    table["token"] = inputs_tokens(table, known)
    tokens, facts, answers, day, until, middle, last = [], [], [], [], [], [], []
    for _, rows in inputs_facts(table, known).groupby(table["site"], sort=False):
        days = table.loc[rows.index]
        score = days["score"].to_numpy()
        at = np.flatnonzero(~np.isnan(score))[7::2]
        at = at[at + 28 < len(days)]
        coldest = days["tmin"].to_numpy()[at[:, None] + np.arange(1, 15)].min(axis=1)
        tokens.append(days["token"].to_numpy()[at[:, None] + np.arange(-49, 1)])
        facts.append(rows.to_numpy()[at])
        answers.append(
            np.column_stack([score[at + 28] >= 1, coldest < 0]).astype(float)
        )
        for found, column, rows_at in (
            (day, "date", at),
            (until, "date", at + 28),
            (middle, "middle", at),
            (last, "end", at),
        ):
            found.append(days[column].to_numpy()[rows_at])
    t, f, y, now, then, mid, stop = map(
        np.concatenate, (tokens, facts, answers, day, until, middle, last)
    )
    masks = {
        "train": then <= mid,
        "validation": (now > mid) & (then <= stop),
        "test": now > stop,
    }
    f = StandardScaler().fit(f[masks["train"]]).transform(f)
    parts = {part: ((t[mask], f[mask]), y[mask]) for part, mask in masks.items()}
    return (
        {part: inputs_counted(found) for part, found in parts.items()}
        if branches == "counts + facts"
        else parts
    )


BRANCHES = {
    "whole": (0, 1, 2),
    "memory": (0,),
    "deep": (1,),
    "facts": (2,),
    "memory + facts": (0, 2),
    "counts + facts": (1, 2),
}


def inputs_counted(part: tuple[tuple[np.ndarray, np.ndarray], np.ndarray]) -> Any:
    """On how many of the 50 days each token occurs, in place of the tokens."""
    (tokens, facts), answers = part
    return ((tokens[:, :, None] == np.arange(50)).sum(axis=1), facts), answers


class Branches(two_inputs.FunctionalTwoInput):
    """The source's network with some of its branches; zeros stand for the others."""

    def __init__(self, keep: tuple[int, ...], *, dropout: bool = True) -> None:
        super().__init__()
        self.keep = keep
        for part in self.modules():
            if isinstance(part, nn.Dropout) and not dropout:
                part.p = 0.0

    def forward(self, tokens: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
        """Return probabilities: tokens (B, 50) and facts (B, 10) -> (B, 2)."""
        given = [facts.new_zeros(len(facts), size) for size in (2, 5, 10)]
        if 0 in self.keep:
            given[0] = self.memory_output(self.memory(tokens)[0][:, -1])
        if 1 in self.keep:
            given[1] = self.deep(tokens.to(facts.dtype))
        if 2 in self.keep:
            given[2] = self.from_facts(facts)
        joined: torch.Tensor = self.main(torch.cat(given, dim=1))
        return joined


@cache
def inputs_train(
    branches: str, dropout: bool, seed: int
) -> tuple[nn.Module, training.History]:
    """Train with early stopping; in 32 bits where there is an LSTM, to save time."""
    parts = inputs_parts(branches)
    training.reproducible(seed)
    model = Branches(BRANCHES[branches], dropout=dropout)
    if 0 in model.keep:
        model.float()
    options: dict[str, Any] = {
        "epochs": 25,
        "batch_size": 64,
        "loss": binary_cross_entropy,
        "patience": 4,
    }
    return model, training.fit(
        model, *parts["train"], validation=parts["validation"], **options
    )


def inputs_embedding_of(model: nn.Module) -> np.ndarray:
    """The vectors of the 50 tokens, (50, 64)."""
    vectors: np.ndarray = (
        model.get_submodule("memory.0").weight.detach().double().numpy()
    )
    return vectors


def inputs_cosines(vectors: np.ndarray) -> tuple[float, float]:
    """Mean cosine of tokens of one rain class and neighbouring temperatures, and of other pairs."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rain, temp = np.divmod(np.arange(50), 10)
    first, second = np.triu_indices(50, 1)
    near = (rain[first] == rain[second]) & (abs(temp[first] - temp[second]) == 1)
    cosine = (unit[first] * unit[second]).sum(axis=1)
    return float(cosine[near].mean()), float(cosine[~near].mean())


def inputs_branches_run(
    branches: str, dropout: bool, seed: int
) -> list[dict[str, Any]]:
    """Train one network, judge both answers on the test years, and look at its embedding."""
    model, history = inputs_train(branches, dropout, seed)
    row: dict[str, Any] = {"branches": branches, "dropout": dropout, "seed": seed}
    row["epochs"], row["validation"] = history.best_epoch, min(history.validation_loss)
    inputs, answers = inputs_parts(branches)["test"]
    chances = training.predict(model, inputs).astype(np.float64)
    for k, name in enumerate(("drought", "frost")):
        row[f"{name}_loss"] = log_loss(answers[:, k], chances[:, k])
        row[f"{name}_auc"] = roc_auc_score(answers[:, k], chances[:, k])
    training.reproducible(seed)
    start = inputs_embedding_of(Branches(BRANCHES[branches]).float())
    after = inputs_embedding_of(model)
    if 0 in BRANCHES[branches]:
        for name, vectors in {
            "start": start,
            "end": after,
            "change": after - start,
        }.items():
            row[f"near_{name}"], row[f"far_{name}"] = inputs_cosines(vectors)
    return [row]


INPUTS_NETWORKS = [
    *(("facts", True), ("deep", True), ("whole", True)),
    *(("memory", True), ("memory + facts", False), ("whole", False)),
    *(("counts + facts", True), ("counts + facts", False)),
]


def inputs_branches() -> pd.DataFrame:
    """The source's network: whole, branch by branch, with and without dropout; five seeds each."""
    settings = [
        {"branches": b, "dropout": d, "seed": seed}
        for b, d in INPUTS_NETWORKS
        for seed in range(5)
    ]
    return in_parallel(inputs_branches_run, settings)


def inputs_embedding_run(branches: str, dropout: bool) -> list[dict[str, Any]]:
    """The embedding that seed 0 has learnt, a row a token."""
    vectors = inputs_embedding_of(inputs_train(branches, dropout, 0)[0])
    names = {"branches": branches, "dropout": dropout}
    return [
        {**names, "token": k, **{str(i): x for i, x in enumerate(v)}}
        for k, v in enumerate(vectors)
    ]


def inputs_embedding() -> pd.DataFrame:
    """The embeddings of two of these networks."""
    which = (("whole", True), ("memory + facts", False))
    return in_parallel(
        inputs_embedding_run, [{"branches": b, "dropout": d} for b, d in which]
    )


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "inputs_ways": inputs_ways,
    "inputs_branches": inputs_branches,
    "inputs_embedding": inputs_embedding,
    "inputs_exercises": inputs_exercises,
}
