"""The figures of the page on the sources: the cell that shows each, and a function that reads it.

Nothing is typed in. A figure comes from the recorded results (``data/results/*.csv``), or from an
output that is stored in a chapter and that the tests compare. What cannot be found raises an error,
so that the build stops.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
WEEKS = [f"rmse_{week}" for week in range(1, 7)]


class Figure(NamedTuple):
    """The identifier of the cell that shows a figure, and how to read it."""

    cell: str
    text: Callable[[], str]


# --- where figures are read ----------------------------------------------------------------------


@cache
def table_at(path: Path) -> pd.DataFrame:
    """Read a file of results once."""
    with path.open(encoding="utf-8") as lines:
        header = sum(1 for _ in takewhile(lambda line: line.startswith("#"), lines))
    return pd.read_csv(path, skiprows=header)


def recorded(name: str, **wanted: object) -> pd.DataFrame:
    """Rows of a recorded result with the wanted values; it is an error if there are none."""
    rows = table_at(ROOT / "data" / "results" / f"{name}.csv")
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    if rows.empty:
        raise LookupError(f"no rows with {wanted} in the recorded result {name!r}")
    return rows


@cache
def cells_of(folder: Path) -> dict[str, tuple[str, str]]:
    """For each code cell of the book: its page below the folder, and its outputs as text."""
    cells = {}
    for path in sorted(folder.rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            outputs = cell.get("outputs", [])
            texts = [
                "".join(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in outputs
            ]
            page = path.relative_to(folder).with_suffix("").as_posix()
            cells[cell["id"]] = (page, "\n".join(texts))
    return cells


def chapter_of(cell: str) -> str:
    """Page that holds a cell: 01-sine/1-sine, or 07-yes-no/solutions."""
    return cells_of(ROOT / "book")[cell][0]


def found(cell: str, pattern: str) -> str:
    """What the first group of a pattern matches in a cell's outputs."""
    match = re.search(pattern, cells_of(ROOT / "book")[cell][1], flags=re.MULTILINE | re.DOTALL)
    if not match:
        raise LookupError(f"the output of the cell {cell!r} does not match {pattern!r}")
    return match[1]


def row(cell: str, label: str) -> list[str]:
    """Entries of a row of a printed table; where the table is folded, of all its parts."""
    lines = re.findall(
        rf"^{re.escape(label)} +(.*)$", cells_of(ROOT / "book")[cell][1], flags=re.MULTILINE
    )
    if not lines:
        raise LookupError(f"the output of the cell {cell!r} has no row {label!r}")
    return " ".join(lines).split()


# --- how they are written ------------------------------------------------------------------------


def spread(values: Iterable[float], digits: int = 3) -> str:
    """Median and range: 0.0957 (0.0781–0.1362)."""
    several = np.asarray(list(values), dtype=float)
    middle, low, high = (
        f"{value:.{digits}f}" for value in (np.median(several), several.min(), several.max())
    )
    return f"{middle} ({low}–{high})"


def thousands(number: str) -> str:
    """53815 as 53,815."""
    return f"{int(number.replace(',', '')):,}"


def percent(fraction: str) -> str:
    """0.138 as 13.8 %."""
    return f"{100 * float(fraction):.1f} %"


def power(number: str) -> str:
    """4e+03 as 4 × 10³."""
    digits, exponent = f"{float(number):.0e}".split("e")
    return f"{digits} × 10" + str(int(exponent)).translate(
        str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    )


def minus(number: str) -> str:
    """Write a real minus sign."""
    return number.replace("-", "−")


SPEED_RECIPES = {
    "sine": "sine",
    "last": "sine, last state",
    "sunspots": "sunspots",
    "observable": "observable",
    "drought": "drought",
    "inputs": "two inputs",
}
SPEED_SIDES = {"one": "ours", "all": "ours, all cores", "double": "ours, float64"}

# --- what is computed from the records -----------------------------------------------------------


def sine(readout: str, residual: bool, lbfgs: bool, column: str = "max_error_500") -> str:
    """A column of one variant of the thread's network, over its seeds."""
    return spread(recorded("sine_heads", readout=readout, residual=residual, lbfgs=lbfgs)[column])


def speed(recipe: str, side: str) -> str:
    """How many times as fast as Keras an epoch is."""
    (ratio,) = recorded("benchmarks", recipe=recipe, side=side)["keras_ratio"]
    return f"{ratio:.1f}"


def droughted(kind: str, *, blended: bool = False) -> str:
    """Lowest mean absolute error over all weeks that forecasts of a kind get on the real rows."""
    rows = recorded("droughted", part="test")
    names = rows["forecast"]
    rows = rows[names.str.startswith(kind) & (names.str.endswith("blended") == blended)]
    errors = rows[[f"mae_{week}" for week in range(1, 7)]].mean(axis=1)
    return f"{errors.groupby(rows['forecast']).median().min():.3f}"


def seeds(name: str, **wanted: object) -> str:
    """How many seeds were recorded."""
    return str(recorded(name, **wanted)["seed"].nunique())


def sine_size(layers: int, hidden: int) -> str:
    """Largest error beyond the training series, of a number of layers and units."""
    return spread(recorded("sine_layers", layers=layers, hidden_size=hidden)["max_error_beyond"], 4)


def family(setup: str, part: str) -> str:
    """Median over all frequencies of a part and all seeds; range of the seeds' own medians."""
    rows = recorded("sine_family", setup=setup)
    twentieth = (rows["angular_frequency"] * 20).round().astype(int)
    groups = np.select([twentieth > 40, twentieth % 2 == 1], ["beyond", "between"], "trained")
    rows = rows[groups == part]
    by_seed = rows.groupby("seed")["rmse"].median()
    return f"{rows['rmse'].median():.3f} ({by_seed.min():.3f}–{by_seed.max():.3f})"


def way(readout: str, name: str) -> str:
    """Test error of one way to feed three independent parameters, with one head."""
    return spread(recorded("inputs_ways", data="independent", readout=readout, way=name)["test"])


def stages() -> list[float]:
    """Amplitude deviation of the thread's large network at each recorded stage."""
    epochs = recorded("observable_source")["epochs"]
    return [float(row("observable-source", f"{count} epochs")[0]) for count in epochs]


def dropout(input_rate: float, state_rate: float, lr: float, column: str = "closed_loop") -> str:
    """Error of a pair of rates at a learning rate."""
    rows = recorded("observable_dropout", input_dropout=input_rate, state_dropout=state_rate, lr=lr)
    return spread(rows[column], 3 if column == "one_step" else 2)


def auc(model: str) -> str:
    """AUC of a model over the sets of devices, each the mean of its repeats."""
    return spread(recorded("yes_no_folds", model=model).groupby("data_seed")["auc"].mean(), 2)


def sums(label: str, digits: int) -> str:
    """Median and range of a printed list."""
    values = found("yes-no-s8-judge", rf"{label}: \[([^\]]+)\]").split()
    return spread(map(float, values), digits)


def sunspots_choice(
    cell: str, hidden: int, layers: int, lookback: int, column: str, mended: bool = True
) -> str:
    """Validation error of a setting."""
    settings = {"cell": cell, "hidden_size": hidden, "num_layers": layers, "lookback": lookback}
    return spread(recorded("sunspots_choice", **settings, root=mended, residual=mended)[column], 2)


def sunspots_test() -> str:
    """RMSE of the mended network one month ahead in the test years, in sunspot numbers."""
    forecasts = recorded("sunspots_test", use="one step").filter(regex=r"^\d{4}-\d\d$")
    months = table_at(ROOT / "data" / "sunspots.csv").set_index("month")["sunspots"]
    errors = forecasts.to_numpy() - months.loc[forecasts.columns].to_numpy()
    return spread(np.sqrt(np.mean(errors**2, axis=1)), 2)


def recipe(epoch: int, column: str = "train_loss") -> str:
    """The drought recipe in single precision, as the source: training loss or test RMSE."""
    rows = recorded("drought_source", part="train", precision="float32", epoch=epoch)
    test = np.sqrt((rows[WEEKS] ** 2).mean(axis=1))
    return spread(rows["train_loss"], 4) if column == "train_loss" else spread(test)


def epochs() -> pd.Series:
    """Median test error of the drought recipe after each epoch."""
    rows = recorded("drought_source", part="train", precision="float32")
    return (rows[WEEKS] ** 2).mean(axis=1).groupby(rows["epoch"]).median()


def parameters() -> str:
    """Parameters of each layer, in the source's order."""
    parts = "deep.1 memory.0 memory.1 deep.4 deep.6 memory_output.1 "
    parts += "deep.8 from_facts.1 main.1 main.4 main.6"
    return " · ".join(thousands(row("inputs-count", part)[-1]) for part in parts.split())


def modules() -> str:
    """Parameters of each part, in the source's order."""
    parts = ("from_facts", "memory", "memory_output", "deep", "main")
    return " · ".join(
        found("inputs-torchinfo", rf"\({part}\) +\[[^\]]+\] +([\d,]+)") for part in parts
    )


def agreements() -> str:
    """How many of the printed comparisons of gradients hold."""
    lines = re.findall(
        r"equal to .*: (True|False)", cells_of(ROOT / "book")["by-hand-bptt-check"][1]
    )
    if not lines:
        raise LookupError("the check of the gradients prints no comparison")
    return f"{lines.count('True')} of {len(lines)}"


def length(units: str, radius: str) -> str:
    """Length of the gradient after 200 steps, of linear or tanh units with a spectral radius."""
    return power(found("by-hand-lengths-table", rf"^{units}.*?{re.escape(radius)} +(\S+)"))


def entry(cell: str, label: str, column: int) -> str:
    """An entry of a row of a printed table."""
    return row(cell, label)[column]


def one_month() -> str:
    """Coverage of the GRU's intervals one month ahead: median and range of the seeds."""
    low, high = found("sunspots-interval-table", r"coverage (0\.\d+ to 0\.\d+)").split(" to ")
    return f"{entry('sunspots-interval-table', 'GRU(16), roots', 0)} ({low}–{high})"


def fan(kind: str, years: Iterable[int]) -> str:
    """Of the GRU's fans, over the origins and some years of lead: median and range of the seeds."""
    by_seed = recorded("sunspots_fans").groupby("seed").mean()
    values = by_seed[[f"{kind}_{year}" for year in years]].mean(axis=1)
    return spread(values, 2 if kind == "coverage" else 0)


def span(recipe: str, form: str, kind: str, weeks: Sequence[int], digits: int) -> str:
    """A network's drought intervals: median of the seeds; over several weeks their range, too."""
    epoch = 1
    if recipe == "quantiles":
        epoch = int(found("drought-quantiles", r"quantiles: (\d+) epochs"))
    rows = recorded("drought_intervals", recipe=recipe, form=form, epoch=epoch)
    values = rows[[f"{kind}_{week}" for week in weeks]].mean(axis=1)
    return spread(values, digits) if len(weeks) > 1 else f"{values.median():.{digits}f}"


# --- the figures of the page ---------------------------------------------------------------------

LSTM = "LSTM, 3 × 8"
RECIPE = "source's recipe, 12 seeds"
MENDED = "longer window, 60 epochs"

FIGURES = {
    # S1
    "s1-points": Figure("sine-data", lambda: thousands(found("sine-data", r"(\d+) points,"))),
    "s1-windows": Figure(
        "sine-windows", lambda: thousands(found("sine-windows", r"inputs \((\d+), 50, 1\)"))
    ),
    "s1-seeds": Figure("sine-table", lambda: seeds("sine_heads")),
    "s1-all": Figure("sine-table", lambda: sine("all", residual=False, lbfgs=False)),
    "s1-beyond": Figure("sine-table", lambda: sine("all", False, False, "max_error_beyond")),
    "s1-last": Figure("sine-table", lambda: sine("last", residual=False, lbfgs=False)),
    "s1-mended": Figure("sine-table", lambda: sine("last", residual=True, lbfgs=True)),
    "s1-long": Figure("sine-long", lambda: sine("all", False, False, "max_error_5000")),
    "s1-naive": Figure(
        "sine-baselines", lambda: found("sine-baselines", r"seasonal naive (\d\.\d+)")
    ),
    # S2
    "s2-seeds": Figure("sine-sizes", lambda: seeds("sine_layers")),
    "s2-thread": Figure("sine-sizes", lambda: sine_size(1, 10)),
    "s2-wide": Figure("sine-sizes", lambda: sine_size(1, 40)),
    "s2-two": Figure("sine-sizes", lambda: sine_size(2, 10)),
    "s2-narrow": Figure("sine-sizes", lambda: sine_size(1, 2)),
    # S3
    "s3-seeds": Figure("sine-family", lambda: seeds("sine_family", setup="as asked")),
    "s3-asked": Figure("sine-family", lambda: family("as asked", "trained")),
    "s3-trained": Figure("sine-family", lambda: family(MENDED, "trained")),
    "s3-between": Figure("sine-family", lambda: family(MENDED, "between")),
    "s3-beyond": Figure("sine-family", lambda: family(MENDED, "beyond")),
    # S4
    "s4-seeds": Figure("inputs-recorded", lambda: seeds("inputs_ways")),
    "s4-last-long": Figure("inputs-recorded", lambda: way("last", "long")),
    "s4-last-features": Figure("inputs-recorded", lambda: way("last", "features")),
    "s4-last-branches": Figure("inputs-recorded", lambda: way("last", "branches")),
    "s4-all-long": Figure("inputs-recorded", lambda: way("all", "long")),
    "s4-all-features": Figure("inputs-recorded", lambda: way("all", "features")),
    "s4-all-branches": Figure("inputs-recorded", lambda: way("all", "branches")),
    "s4-ridge": Figure("inputs-peers", lambda: row("inputs-peers", "ridge")[1]),
    # S5
    "s5-weights": Figure(
        "observable-source", lambda: thousands(found("observable-source", r"weights: (\d+)"))
    ),
    "s5-stages": Figure("observable-source", lambda: str(len(stages()))),
    "s5-first": Figure("observable-source", lambda: percent(str(stages()[0]))),
    "s5-range": Figure(
        "observable-source", lambda: f"{100 * min(stages()):.1f}–{percent(str(max(stages())))}"
    ),
    "s5-small": Figure(
        "observable-table", lambda: percent(row("observable-table", "GRU, all states")[0])
    ),
    "s5-small-worst": Figure(
        "observable-table", lambda: percent(row("observable-table", "GRU, all states")[6])
    ),
    "s5-small-seeds": Figure(
        "observable-table", lambda: row("observable-table", "GRU, all states")[7]
    ),
    "s5-ridge": Figure(
        "observable-table", lambda: percent(row("observable-table", "ridge, 100 steps")[0])
    ),
    "s5-naive": Figure(
        "observable-table", lambda: percent(row("observable-table", "seasonal naive")[0])
    ),
    "s5-naive-rmse": Figure(
        "observable-table", lambda: row("observable-table", "seasonal naive")[5]
    ),
    "s5-small-rmse": Figure(
        "observable-table", lambda: row("observable-table", "GRU, all states")[5]
    ),
    "s5-ridge-rmse": Figure(
        "observable-table", lambda: row("observable-table", "ridge, 100 steps")[5]
    ),
    # S6
    "s6-seeds": Figure("observable-dropout-plot", lambda: seeds("observable_dropout", lr=0.1)),
    "s6-rate-1": Figure("observable-dropout-plot", lambda: dropout(0, 0, 0.1)),
    "s6-rate-2": Figure("observable-dropout-plot", lambda: dropout(0, 0, 0.01)),
    "s6-rate-3": Figure("observable-dropout-plot", lambda: dropout(0, 0, 0.001)),
    "s6-rate-4": Figure("observable-dropout-plot", lambda: dropout(0, 0, 0.0001)),
    "s6-state": Figure("observable-dropout-plot", lambda: dropout(0, 0.5, 0.1)),
    "s6-state-good": Figure("observable-dropout-plot", lambda: dropout(0, 0.5, 0.001)),
    "s6-both-good": Figure("observable-dropout-plot", lambda: dropout(0.1, 0.5, 0.001)),
    # S7
    "s7-shape": Figure("yes-no-data", lambda: found("yes-no-data", r"sensors \(([\d, ]+)\)")),
    "s7-sets": Figure("yes-no-table", lambda: str(recorded("yes_no_folds")["data_seed"].nunique())),
    "s7-lstm": Figure("yes-no-table", lambda: auc(LSTM)),
    "s7-logistic": Figure("yes-no-table", lambda: auc("logistic, 24 numbers")),
    "s7-changes": Figure("yes-no-changes", lambda: auc("LSTM, changes 2 × 8")),
    "s7-forest": Figure("yes-no-changes", lambda: auc("forest, 16 changes")),
    "s7-no": Figure("yes-no-table", lambda: row("yes-no-table", "always no")[4]),
    "s7-accuracy": Figure("yes-no-table", lambda: row("yes-no-table", LSTM)[4]),
    # S8
    "s8-unseen": Figure("yes-no-s8-judge", lambda: sums("unseen pairs", 2)),
    "s8-seeds": Figure(
        "yes-no-s8-train",
        lambda: str(len(found("yes-no-s8-judge", r"unseen pairs: \[([^\]]+)\]").split())),
    ),
    "s8-mean": Figure(
        "yes-no-s8-judge", lambda: found("yes-no-s8-judge", r"sums' mean: (\d+\.\d)")
    ),
    "s8-long": Figure("yes-no-s8-judge", lambda: sums("three digits", 0)),
    "s8-long-mean": Figure(
        "yes-no-s8-judge", lambda: thousands(found("yes-no-s8-judge", r"mean sum (\d+)"))
    ),
    # S9
    "s9-output": Figure("by-hand-s9-table", lambda: minus(row("by-hand-s9-table", "output")[1])),
    "s9-difference": Figure(
        "by-hand-s9-table", lambda: power(row("by-hand-s9-table", "output, by Keras")[2])
    ),
    "s9-h1": Figure("by-hand-s9-table", lambda: minus(row("by-hand-s9-table", "h1[1]")[1])),
    "s9-h2": Figure("by-hand-s9-table", lambda: minus(row("by-hand-s9-table", "h2[1]")[1])),
    "s9-h3": Figure("by-hand-s9-table", lambda: minus(row("by-hand-s9-table", "h3[1]")[1])),
    # S10
    "s10-windows": Figure("sunspots-windows", lambda: found("sunspots-windows", r"(\d+) training")),
    "s10-tests": Figure(
        "sunspots-windows", lambda: found("sunspots-windows", r"and (\d+) test targets")
    ),
    "s10-seeds": Figure(
        "sunspots-lucky-plot", lambda: found("sunspots-lucky-plot", r"of (\d+) seeds")
    ),
    "s10-train": Figure("sunspots-table-shown", lambda: row("sunspots-table-shown", RECIPE)[0]),
    "s10-train-range": Figure(
        "sunspots-lucky-plot",
        lambda: found("sunspots-lucky-plot", r"train: [^;]*from ([^;]+);").replace(" to ", "–"),
    ),
    "s10-test": Figure(
        "sunspots-table-shown",
        lambda: "{} ({}–{})".format(*row("sunspots-table-shown", RECIPE)[1:4]),
    ),
    "s10-naive-train": Figure(
        "sunspots-baseline", lambda: found("sunspots-baseline", r"train (\d\.\d+)")
    ),
    "s10-naive-test": Figure(
        "sunspots-baseline", lambda: found("sunspots-baseline", r"test (\d\.\d+)")
    ),
    "s10-beating": Figure(
        "sunspots-lucky-plot", lambda: found("sunspots-lucky-plot", r"test: [^;]*; (\d+) of")
    ),
    "s10-gru": Figure(
        "sunspots-table-shown",
        lambda: "{} ({}–{})".format(*row("sunspots-table-shown", "GRU(16), 12 seeds")[1:4]),
    ),
    "s10-cycle": Figure(
        "sunspots-cycle-plot", lambda: found("sunspots-cycle-plot", r"period: (\d+) months")
    ),
    # S11
    "s11-seeds": Figure("sunspots-choice-table", lambda: seeds("sunspots_choice")),
    "s11-source": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("RNN", 3, 1, 12, "one_step", mended=False)
    ),
    "s11-units": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("GRU", 16, 1, 12, "one_step")
    ),
    "s11-steps": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("GRU", 16, 1, 132, "one_step")
    ),
    "s11-rnn-1": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("RNN", 16, 1, 36, "one_step")
    ),
    "s11-rnn-2": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("RNN", 16, 2, 36, "one_step")
    ),
    "s11-loop-1": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("RNN", 16, 1, 36, "closed_loop")
    ),
    "s11-loop-2": Figure(
        "sunspots-choice-table", lambda: sunspots_choice("RNN", 16, 2, 36, "closed_loop")
    ),
    "s11-test": Figure("sunspots-table-shown", sunspots_test),
    "s11-naive": Figure(
        "sunspots-table-shown", lambda: row("sunspots-table-shown", "persistence")[4]
    ),
    "s11-ar": Figure("sunspots-table-shown", lambda: row("sunspots-table-shown", "AR(36)")[4]),
    # S12
    "s12-seeds": Figure("drought-column", lambda: seeds("drought_source", precision="float32")),
    "s12-loss-1": Figure("drought-column", lambda: recipe(1)),
    "s12-loss-2": Figure("drought-column", lambda: recipe(2)),
    "s12-loss-3": Figure("drought-column", lambda: recipe(3)),
    "s12-loss-30": Figure("drought-column", lambda: recipe(30)),
    "s12-best-epoch": Figure("drought-column", lambda: str(epochs().idxmin())),
    "s12-best": Figure("drought-recipe-plot", lambda: recipe(int(epochs().idxmin()), "test")),
    "s12-end": Figure("drought-recipe-plot", lambda: recipe(30, "test")),
    "s12-naive": Figure("drought-table", lambda: row("drought-table", "persistence")[6]),
    "s12-ridge": Figure("drought-table", lambda: row("drought-table", "ridge, means")[6]),
    "s12-naive-mae": Figure(
        "drought-table-mae", lambda: row("drought-table-mae", "persistence")[6]
    ),
    "s12-recipe-mae": Figure(
        "drought-table-mae", lambda: row("drought-table-mae", "LSTM(60), source's recipe")[6]
    ),
    # S13, S14
    "s13-total": Figure("inputs-count", lambda: thousands(row("inputs-count", "total")[-1])),
    "s13-rows": Figure("inputs-count", parameters),
    "s14-total": Figure(
        "inputs-compared",
        lambda: row("inputs-compared", "parameters, second version")[-1],
    ),
    "s14-rows": Figure("inputs-torchinfo", modules),
    "s14-more": Figure(
        "inputs-torchinfo", lambda: found("inputs-torchinfo", r"more than the first: (\d+)")
    ),
    # S15
    "s15-checks": Figure("by-hand-bptt-check", agreements),
    "s15-linear-low": Figure("by-hand-lengths-table", lambda: length("linear", "0.80")),
    "s15-linear-high": Figure("by-hand-lengths-table", lambda: length("linear", "1.20")),
    "s15-tanh-low": Figure("by-hand-lengths-table", lambda: length("tanh", "0.80")),
    "s15-tanh-high": Figure("by-hand-lengths-table", lambda: length("tanh", "1.20")),
    # Beyond the sources
    "droughted-naive": Figure("drought-real", lambda: droughted("persistence")),
    "droughted-best": Figure("drought-real", lambda: droughted("LSTM")),
    "droughted-ridge": Figure("drought-real", lambda: droughted("ridge")),
    "droughted-blended": Figure("drought-real", lambda: droughted("LSTM", blended=True)),
    "speed-loop": Figure(
        "speed-others", lambda: row("speed-others", "closed-loop steps a second")[-1]
    ),
    "speed-windows": Figure("speed-others", lambda: row("speed-others", "windows a second")[-1]),
    "speed-import": Figure("speed-others", lambda: row("speed-others", "import, s")[-1]),
    "speed-memory": Figure(
        "speed-others", lambda: row("speed-others", "memory after import, MB")[-1]
    ),
    **{
        f"speed-{slug}-{column}": Figure("speed-seconds", partial(speed, recipe, side))
        for slug, recipe in SPEED_RECIPES.items()
        for column, side in SPEED_SIDES.items()
    },
}

# Intervals: columns of the printed tables, by what the page calls them.
MONTH = {"all": 0, "low": 1, "high": 2, "width": 3, "score": 6}
CYCLE = {"year-1": 0, "year-5": 3, "year-11": 5, "all": 6, "width": 8, "score": 9}
WEEKLY = {f"week-{week}": week - 1 for week in range(1, 7)} | {"all": 6, "width": 9, "score": 10}
PRINTED = [
    ("month-naive", "sunspots-interval-table", "persistence, roots", MONTH),
    ("month-ar", "sunspots-interval-table", "AR(36), roots", MONTH),
    ("month-ar-numbers", "sunspots-interval-table", "AR(36), numbers", MONTH),
    ("month-gru", "sunspots-interval-table", "GRU(16), roots", MONTH),
    ("cycle-ar", "sunspots-fan-table", "AR(132), sampled", CYCLE),
    ("cycle-naive", "sunspots-fan-table", "last cycle again, margins", CYCLE),
    ("week-naive", "drought-spans-table", "damped persistence, by state", WEEKLY),
    ("week-ridge", "drought-spans-table", "ridge, means, by state", WEEKLY),
]
FIGURES |= {
    f"{name}-{key}": Figure(cell, partial(entry, cell, label, column))
    for name, cell, label, columns in PRINTED
    for key, column in columns.items()
}
FIGURES["month-gru-all"] = Figure("sunspots-interval-table", one_month)
FIGURES |= {
    f"cycle-gru-{key}": Figure("sunspots-fan-table", partial(fan, kind, years))
    for key, kind, years in [
        ("year-1", "coverage", [1]),
        ("year-5", "coverage", [5]),
        ("year-11", "coverage", [11]),
        ("all", "coverage", range(1, 12)),
        ("width", "width", range(1, 12)),
        ("score", "score", range(1, 12)),
    ]
}
WEEKLY_PARTS = [(f"week-{week}", "coverage", [week], 3) for week in range(1, 7)]
WEEKLY_PARTS += [("all", "coverage", range(1, 7), 3)]
WEEKLY_PARTS += [(kind, kind, range(1, 7), 2) for kind in ("width", "score")]
FIGURES |= {
    f"{name}-{key}": Figure(
        "drought-spans-table", partial(span, recipe, "by state", kind, weeks, digits)
    )
    for name, recipe in {"week-change": "squared, change", "week-net": "quantiles"}.items()
    for key, kind, weeks, digits in WEEKLY_PARTS
}


def text_of(key: str) -> str:
    """Read a figure as the page shows it."""
    return FIGURES[key].text()
