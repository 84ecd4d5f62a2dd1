"""Chapter 1's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from recording import in_parallel
from torch import nn
from torch.optim import LBFGS
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse import datasets, forecasting, models, training, windows

SINE = datasets.sine()
SINE_WINDOWS = windows.make_windows(SINE, lookback=50)
EPOCHS, BATCH = 20, 64
UPDATES = EPOCHS * math.ceil(len(SINE_WINDOWS.inputs) / BATCH)
ONE_CYCLE = partial(OneCycleLR, max_lr=1e-2, total_steps=UPDATES)
TIGHT = {
    "tolerance_grad": 1e-12,
    "tolerance_change": 1e-15,
}  # the defaults stop at losses near 1e-7
POLISH = partial(
    LBFGS, max_iter=20, history_size=20, line_search_fn="strong_wolfe", **TIGHT
)


def sine_loop_errors(model: nn.Module) -> dict[str, float]:
    """Judge a model in closed loop: as the thread did, beyond the training series, and for long."""
    early = datasets.sine(5050, start=-49 * 0.04)[
        :, np.newaxis
    ]  # the first 50 points end at x = 0
    forecast = forecasting.closed_loop(model, early[:50], 5000)
    error = np.abs(forecast - early[50:])[:, 0]
    x = 0.04 * np.arange(4686, 5001)  # the last two periods
    wave = np.column_stack([np.sin(x), np.cos(x)])
    (a, b), *_ = np.linalg.lstsq(wave, forecast[-len(x) :, 0], rcond=None)
    return {
        "max_error_500": error[:500].max(),
        "max_error_beyond": sine_error_beyond(model),
        "max_error_5000": error.max(),
        "end_amplitude": np.hypot(a, b),
        "end_phase": np.arctan2(b, a),
    }


def sine_error_beyond(model: nn.Module) -> float:
    """Largest error over the 500 steps after the training series."""
    late = datasets.sine(550, start=100 - 49 * 0.04)[
        :, np.newaxis
    ]  # the first 50 points end at x = 100
    return float(
        np.abs(forecasting.closed_loop(model, late[:50], 500) - late[50:]).max()
    )


def sine_loss(model: nn.Module) -> float:
    """Mean squared error one step ahead on the training windows."""
    return float(
        np.mean(
            (training.predict(model, SINE_WINDOWS.inputs) - SINE_WINDOWS.targets) ** 2
        )
    )


def sine_heads_run(
    readout: str, residual: bool, polish: bool, seeds: range
) -> list[dict[str, Any]]:
    """Train the thread's GRU(10) with one kind of head, and polish it with L-BFGS where asked."""
    rows = []
    for seed, model in zip(seeds, sine_models(seeds, readout, residual), strict=True):
        rows.append(
            {
                "lbfgs": False,
                "seed": seed,
                "loss": sine_loss(model),
                **sine_loop_errors(model),
            }
        )
        if polish:
            some = slice(None, None, 10)
            inputs, targets = SINE_WINDOWS.inputs[some], SINE_WINDOWS.targets[some]
            training.fit(
                model, inputs, targets, epochs=10, batch_size=None, optimizer=POLISH
            )
            rows.append(
                {
                    "lbfgs": True,
                    "seed": seed,
                    "loss": sine_loss(model),
                    **sine_loop_errors(model),
                }
            )
    return [{"readout": readout, "residual": residual, **row} for row in rows]


def sine_models(
    seeds: range, readout: str, residual: bool, hidden: int = 10, layers: int = 1
) -> list[nn.Module]:
    """Train the thread's network, or a variant of it, for each seed."""

    def make() -> nn.Module:
        core = nn.GRU(1, hidden, num_layers=layers, batch_first=True)
        return models.Forecaster(core, readout=readout, residual=residual, lookback=50)

    return sine_trained(make, seeds)


def sine_trained(make: Callable[[], nn.Module], seeds: range) -> list[nn.Module]:
    """Train what `make` makes as the thread trained its network, for each seed."""
    options = {"epochs": EPOCHS, "batch_size": BATCH, "scheduler": ONE_CYCLE}
    return training.fit_seeds(
        make, SINE_WINDOWS.inputs, SINE_WINDOWS.targets, seeds=seeds, **options
    )[0]


def sine_heads() -> pd.DataFrame:
    """Ten seeds of each head: all states or the last, value or change, with L-BFGS after."""
    settings = [
        {
            "readout": readout,
            "residual": residual,
            "polish": readout == "last",
            "seeds": seeds,
        }
        for readout in ("all", "last")
        for residual in (False, True)
        for seeds in (range(5), range(5, 10))
    ]
    order = ["readout", "residual", "lbfgs", "seed"]
    return in_parallel(sine_heads_run, settings).sort_values(order, ignore_index=True)


def sine_layers_run(layers: int, hidden: int) -> list[dict[str, Any]]:
    """Train five seeds of one size and judge each beyond the training series."""
    trained = sine_models(range(5), "all", False, hidden, layers)
    weights = sum(weight.numel() for weight in trained[0].parameters())
    return [
        {
            "layers": layers,
            "hidden_size": hidden,
            "weights": weights,
            "seed": seed,
            "loss": sine_loss(model),
            "max_error_beyond": sine_error_beyond(model),
        }
        for seed, model in enumerate(trained)
    ]


def sine_layers() -> pd.DataFrame:
    """Layers times hidden units, the thread's open question, five seeds each."""
    sizes = [
        {"layers": layers, "hidden": hidden}
        for layers in (1, 2)
        for hidden in (40, 20, 10, 5, 2)
    ]
    order = ["layers", "hidden_size", "seed"]
    return in_parallel(sine_layers_run, sizes).sort_values(order, ignore_index=True)


# kind: what the head reads, hidden units
ONE_STEP_KINDS = {
    "all states": ("all", 10),
    "all states, 6 units": ("all", 6),
    "last state": ("last", 10),
    "last state, 32 units": ("last", 32),
}


def sine_feed_forward() -> nn.Module:
    """Ten units that read the fifty points at once, and a linear layer."""
    inner = nn.Linear(50, 10), nn.Tanh(), nn.Linear(10, 1)
    return nn.Sequential(nn.Flatten(), *inner, nn.Unflatten(1, (1, 1)))


def sine_linear() -> nn.Module:
    """A weight for each of the fifty points, and a bias."""
    return nn.Sequential(nn.Flatten(), nn.Linear(50, 1), nn.Unflatten(1, (1, 1)))


WITHOUT_RECURRENCE = {"feed-forward": sine_feed_forward, "linear": sine_linear}


def sine_one_step_run(kind: str, seeds: range) -> list[dict[str, Any]]:
    """Train one kind of network; note its errors, one step and 500, and period."""
    early = datasets.sine(550, start=-49 * 0.04)[:, np.newaxis]  # 50 points up to x = 0
    rows = []
    if kind in WITHOUT_RECURRENCE:
        trained = sine_trained(WITHOUT_RECURRENCE[kind], seeds)
    else:
        readout, hidden = ONE_STEP_KINDS[kind]
        trained = sine_models(seeds, readout, False, hidden)
    for seed, model in zip(seeds, trained, strict=True):
        forecast = forecasting.closed_loop(model, early[:50], 500)
        rows.append(
            {
                "kind": kind,
                "weights": sum(weight.numel() for weight in model.parameters()),
                "seed": seed,
                "one_step_rmse": math.sqrt(sine_loss(model)),
                "max_error_500": np.abs(forecast - early[50:]).max(),
                "max_error_beyond": sine_error_beyond(model),
                "period": sine_period(forecast[:, 0]),
            }
        )
    return rows


def sine_period(track: np.ndarray) -> float:
    """Mean distance, in steps, of the places where a track crosses zero upwards."""
    up = np.flatnonzero((track[:-1] < 0) & (track[1:] >= 0))
    return float(np.diff(up - track[up] / (track[up + 1] - track[up])).mean())


def sine_one_step() -> pd.DataFrame:
    """Ten seeds of six networks: four with a GRU and two without recurrence."""
    settings = [
        {"kind": kind, "seeds": seeds}
        for kind in (*ONE_STEP_KINDS, *WITHOUT_RECURRENCE)
        for seeds in (range(5), range(5, 10))
    ]
    table = in_parallel(sine_one_step_run, settings)
    return table.round(10)  # what is smaller is the computer's rounding


FAMILY = np.round(0.1 * np.arange(1, 21), 1)  # the question's A: 0.1, 0.2 … 2.0
# Its members, those half-way and one below, those beyond; then new ones, 0.125 … 1.925.
TESTED = np.round([*0.05 * np.arange(1, 51), *0.025 + 0.1 * np.arange(1, 20)], 3)
# kind, units, what the head reads, what it predicts, step, points in the window, epochs
FAMILY_SETUPS: list[tuple[str, int, str, str, float, int, int]] = [
    ("LSTM", 10, "all", "value", 0.04, 50, 20),  # as asked
    ("LSTM", 10, "all", "value", 0.4, 5, 20),
    ("LSTM", 10, "all", "value", 0.4, 40, 20),
    ("LSTM", 10, "all", "value", 0.4, 40, 60),
    ("LSTM", 10, "last", "change", 0.4, 40, 20),
    ("GRU", 32, "all", "value", 0.4, 40, 20),
    ("GRU", 32, "all", "change", 0.4, 40, 20),
    ("GRU", 32, "last", "value", 0.4, 40, 20),
    ("GRU", 32, "last", "change", 0.4, 40, 20),
    ("GRU", 32, "last", "change", 0.4, 5, 20),
    ("GRU", 32, "last", "change", 0.4, 5, 60),
    ("GRU", 32, "last", "change", 0.4, 40, 60),
    ("feed-forward", 32, "all", "value", 0.04, 50, 20),
    ("feed-forward", 32, "all", "value", 0.04, 400, 20),
    ("feed-forward", 32, "all", "value", 0.4, 5, 20),
    ("feed-forward", 32, "all", "value", 0.4, 10, 20),
    ("feed-forward", 32, "all", "value", 0.4, 20, 20),
    ("feed-forward", 32, "all", "value", 0.4, 40, 20),
]


def family_windows(step: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut 105 windows out of each of the twenty waves; they start at x = 0, 0.8 … 83.2."""
    starts = np.tile(0.8 * np.arange(105), len(FAMILY))
    x = starts[:, np.newaxis] + step * np.arange(points + 1)
    waves = np.sin(np.repeat(FAMILY, 105)[:, np.newaxis] * x)[..., np.newaxis]
    return waves[:, :points], waves[:, points:]


def family_network(
    kind: str, units: int, head: str, predicts: str, points: int
) -> nn.Module:
    """Make a network for windows of so many points."""
    if kind == "feed-forward":
        inner = nn.Linear(points, units), nn.Tanh(), nn.Linear(units, 1)
        return nn.Sequential(nn.Flatten(), *inner, nn.Unflatten(1, (1, 1)))
    core = {"LSTM": nn.LSTM, "GRU": nn.GRU}[kind](1, units, batch_first=True)
    residual = predicts == "change"
    return models.Forecaster(core, readout=head, residual=residual, lookback=points)


def family_errors(model: nn.Module, step: float, points: int) -> dict[str, float]:
    """Return the RMSE over 16 units of x in closed loop at each A: four windows of other phases."""
    ahead, phases = round(16 / step), 100 + 2.4 * np.arange(4)
    x = step * np.arange(points + ahead)
    waves = np.sin(TESTED[:, np.newaxis, np.newaxis] * x + phases[:, np.newaxis])
    tracks = waves.reshape(-1, points + ahead, 1)
    loop = forecasting.closed_loop(model, tracks[:, :points], ahead)
    squares = (loop - tracks[:, points:]) ** 2
    rmse = np.sqrt(squares.reshape(len(TESTED), -1).mean(axis=1))
    return dict(zip(TESTED.astype(str), rmse.round(4), strict=True))


def sine_family_run(
    kind: str,
    units: int,
    head: str,
    predicts: str,
    step: float,
    points: int,
    epochs: int,
) -> list[dict[str, Any]]:
    """Train one network on the sines of all A, five seeds; forecast 16 units of x at each A."""
    inputs, targets = family_windows(step, points)
    updates = epochs * math.ceil(len(inputs) / BATCH)
    cycle = partial(OneCycleLR, max_lr=1e-2, total_steps=updates)
    make = partial(family_network, kind, units, head, predicts, points)
    options = {"epochs": epochs, "batch_size": BATCH, "scheduler": cycle}
    trained, _ = training.fit_seeds(make, inputs, targets, seeds=range(5), **options)
    setup = {"kind": kind, "units": units, "head": head, "predicts": predicts}
    setup |= {"step": step, "points": points, "epochs": epochs}
    rows = []
    for seed, model in enumerate(trained):
        error = training.predict(model, inputs) - targets
        one_step = {"seed": seed, "one_step": np.sqrt(np.mean(error**2))}
        rows.append({**setup, **one_step, **family_errors(model, step, points)})
    return rows


def sine_family() -> pd.DataFrame:
    """The thread's last comment: sin(A x) for twenty A with one network, one change at a time."""
    names = "kind", "units", "head", "predicts", "step", "points", "epochs"
    settings = [dict(zip(names, setup, strict=True)) for setup in FAMILY_SETUPS]
    return in_parallel(sine_family_run, settings)


NOISY = range(10)  # realisations


def noisy_series(noise: float, realisation: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the thread's series and the 2,000 points after it, with noise; then without."""
    clean = np.sin(0.04 * np.arange(4501))
    drawn = np.random.default_rng(realisation).normal(size=len(clean))
    return clean + noise * drawn, clean


def wave_frequency(series: np.ndarray) -> float:
    """Find the angle per step at which a sine fits best, to a millionth."""

    def fit(omega: float) -> float:
        angle = omega * np.arange(len(series))
        wave = np.column_stack([np.sin(angle), np.cos(angle)])
        return float(np.sum((wave @ np.linalg.lstsq(wave, series)[0]) ** 2))

    return max(np.linspace(0.039, 0.041, 2001), key=fit)


def noisy_rules(series: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Fit what takes no training; each reads windows (N, 50) and gives the next points (N,)."""
    cut = windows.make_windows(series, lookback=50)
    past, following = cut.inputs[:, :, 0], cut.targets[:, 0, 0]
    two, fifty = (np.linalg.lstsq(past[:, -n:], following)[0] for n in (2, 50))
    angle = wave_frequency(series) * np.arange(51)
    wave = np.column_stack([np.sin(angle), np.cos(angle)])
    to_height = np.linalg.pinv(wave[:50]).T

    def height_known(past: np.ndarray) -> np.ndarray:
        found = past @ to_height
        return found @ wave[50] / np.linalg.norm(found, axis=1)

    return {
        "two points": lambda past: past[:, -2:] @ two,
        "fifty points": lambda past: past @ fifty,
        "period known": lambda past: past @ to_height @ wave[50],
        "height known, too": height_known,
    }


def noisy_networks(series: np.ndarray, seed: int) -> dict[str, nn.Module]:
    """Train the thread's network and one without recurrence on a series, as the thread did."""
    cut = windows.make_windows(series, lookback=50)
    cycle = partial(OneCycleLR, max_lr=1e-2, total_steps=UPDATES)
    makers = {
        "feed-forward": sine_feed_forward,
        "thread's GRU": lambda: models.Forecaster(
            nn.GRU(1, 10, batch_first=True), readout="all", lookback=50
        ),
    }
    found = {}
    for name, make in makers.items():
        training.reproducible(seed)
        found[name] = make()
        options = {"epochs": EPOCHS, "batch_size": BATCH, "scheduler": cycle}
        training.fit(found[name], cut.inputs, cut.targets, **options)
    return found


def sine_noise_run(noise: float, realisation: int) -> list[dict[str, Any]]:
    """Fit and train all on one noisy series; judge one step ahead and over 500 steps after it."""
    series, clean = noisy_series(noise, realisation)
    known = series[:2501]
    cut = windows.make_windows(series, lookback=50)
    past, following = cut.inputs[:, :, 0], cut.targets[:, 0, 0]
    starts = np.arange(
        2451, 3951, 75
    )  # twenty windows, the first at the end of what is known
    truth = np.array([clean[start + 50 : start + 550] for start in starts])
    rules = noisy_rules(known)
    for name, model in noisy_networks(known, realisation).items():
        rules[name] = lambda past, model=model: training.predict(
            model, past[..., np.newaxis]
        ).reshape(len(past))
    rows = []
    for name, rule in rules.items():
        error = rule(past) - following
        track = past[starts].T
        for _ in range(500):
            track = np.vstack([track, rule(track[-50:].T)])
        rows.append(
            {
                "rule": name,
                "train": np.sqrt(np.mean(error[:2451] ** 2)),
                "new": np.sqrt(np.mean(error[2451:] ** 2)),
                "loop": np.sqrt(np.mean((track[50:].T - truth) ** 2)),
                "height": np.abs(track[-157:]).max(axis=0).mean(),
            }
        )
    rows.append(noisy_whole(series, clean, starts))
    return [{"noise": noise, "realisation": realisation, **row} for row in rows]


def noisy_whole(
    series: np.ndarray, clean: np.ndarray, starts: np.ndarray
) -> dict[str, Any]:
    """Fit one wave to the whole training series and continue it; it reads no window."""
    angle = wave_frequency(series[:2501]) * np.arange(len(series))
    wave = np.column_stack([np.sin(angle), np.cos(angle)])
    weights = np.linalg.lstsq(wave[:2501], series[:2501])[0]
    error, off = wave @ weights - series, wave @ weights - clean
    loops = np.array([off[start + 50 : start + 550] for start in starts])
    return {
        "rule": "one wave, whole series",
        "train": np.sqrt(np.mean(error[50:2501] ** 2)),
        "new": np.sqrt(np.mean(error[2501:] ** 2)),
        "loop": np.sqrt(np.mean(loops**2)),
        "height": np.linalg.norm(weights),
    }


def sine_noise() -> pd.DataFrame:
    """The thread's sine with noise: ten series for each of two strengths."""
    settings = [
        {"noise": noise, "realisation": realisation}
        for noise in (0.05, 0.2)
        for realisation in NOISY
    ]
    return in_parallel(sine_noise_run, settings).round(6)


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "sine_heads": sine_heads,
    "sine_layers": sine_layers,
    "sine_one_step": sine_one_step,
    "sine_family": sine_family,
    "sine_noise": sine_noise,
}
