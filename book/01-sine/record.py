"""Chapter 1's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import in_parallel
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.optim import LBFGS, Adam
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse import datasets, forecasting, models, training, windows
from rnncourse._unrolled import Unrolled

SINE = datasets.sine()
SINE_WINDOWS = windows.make_windows(SINE, lookback=50)
EPOCHS, BATCH = 20, 64
UPDATES = EPOCHS * math.ceil(len(SINE_WINDOWS.inputs) / BATCH)
ONE_CYCLE = partial(OneCycleLR, max_lr=1e-2, total_steps=UPDATES)
PERIOD = 157  # steps, less 0.08
# The defaults stop at losses near 1e-7.
TIGHT = {"tolerance_grad": 1e-12, "tolerance_change": 1e-15}
POLISH = partial(
    LBFGS, max_iter=20, history_size=20, line_search_fn="strong_wolfe", **TIGHT
)


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


# kind: what the head reads, hidden units
ONE_STEP_KINDS = {
    "all states": ("all", 10),
    "all states, 6 units": ("all", 6),
    "last state": ("last", 10),
    "last state, 32 units": ("last", 32),
}


def sine_feed_forward(points: int = 50, units: int = 10) -> nn.Module:
    """Units that read all points at once, and a linear layer: (…, B, points, 1) -> (…, B, 1, 1)."""
    inner = nn.Linear(points, units), nn.Tanh(), nn.Linear(units, 1)
    return nn.Sequential(nn.Flatten(-2), *inner, nn.Unflatten(-1, (1, 1)))


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


def sine_networks() -> pd.DataFrame:
    """Return the weights of three seeds of the thread's network and of the small head."""
    rows = []
    for head in ("all", "last"):
        for seed, model in enumerate(sine_models(range(3), head, False)):
            weights = nn.utils.parameters_to_vector(model.parameters()).tolist()
            text = " ".join(f"{weight:.9g}" for weight in weights)
            rows.append({"head": head, "seed": seed, "weights": text})
    return pd.DataFrame(rows)


# --- why it drifts, and what mends it ------------------------------------------------------------

# What a network reads of the window of 50: all of it, its ten newest points, or every fifth.
PLACES = {"50": range(50), "10 newest": range(40, 50), "10 spread": range(4, 50, 5)}
# core, points, head, units, change, and whether the trainings of MORE follow
STUDY: list[tuple[str, str, str, int, bool, bool]] = [
    ("GRU", "50", "last", 10, False, True),
    ("GRU", "50", "last", 10, True, True),
    ("GRU", "50", "last", 32, False, False),
    ("GRU", "50", "last", 32, True, False),
    ("GRU", "50", "all", 32, False, False),
    ("GRU", "50", "all", 32, True, False),
    ("GRU", "50", "all", 10, False, False),
    ("GRU", "50", "all", 10, True, False),
    ("GRU", "10 newest", "last", 10, False, False),
    ("GRU", "10 spread", "last", 10, False, False),
    ("GRU", "10 newest", "all", 10, False, False),
    ("GRU", "10 spread", "all", 10, False, False),
    ("feed-forward", "50", "", 10, False, False),
    ("feed-forward", "10 newest", "", 10, False, False),
    ("feed-forward", "10 spread", "", 10, False, False),
]
STUDY_SEEDS = range(8)
# As many readings of a window: 100 epochs of one step, 10 epochs of ten.
MORE_EPOCHS, ROLLOUT, ROLLOUT_EPOCHS = 100, 10, 10
MORE_RATE = 3e-3


# What the columns are called on the page.
STUDY_COLUMNS = {
    "one_step_rmse": "one step",
    "first_multiplier": "multiplier",
    "second_multiplier": "second multiplier",
    "predicted_500": "carried on",
    "error_500": "from x = 0",
    "error_100": "from x = 100",
    "error_140": "from x = 140",
    "error_5000": "5000 steps",
    "end_height": "end height",
    "end_period": "end period",
}


class Reads(nn.Module):
    """A network that reads some places of the window."""

    def __init__(self, network: nn.Module, places: range) -> None:
        super().__init__()
        self.network, self.places = network, places

    def forward(self, window: Tensor) -> Tensor:
        """(…, B, 50, 1) -> (…, B, 1, 1)."""
        some = slice(self.places.start, self.places.stop, self.places.step)
        return self.network(window[..., some, :])  # type: ignore[no-any-return]


def study_networks(
    core: str, points: str, head: str, units: int, change: bool
) -> list[nn.Module]:
    """Train one kind of network as the thread trained its own, for each seed."""
    places = PLACES[points]
    length = len(places)

    def make() -> nn.Module:
        if core == "GRU":
            layer = nn.GRU(1, units, batch_first=True)
            return models.Forecaster(
                layer, readout=head, residual=change, lookback=length
            )
        return sine_feed_forward(length, units)

    options = {"epochs": EPOCHS, "batch_size": BATCH, "scheduler": ONE_CYCLE}
    inputs = SINE_WINDOWS.inputs[:, list(places)]
    return training.fit_seeds(
        make, inputs, SINE_WINDOWS.targets, seeds=STUDY_SEEDS, **options
    )[0]


def stacked(networks: list[nn.Module]) -> nn.Module:
    """Return networks of one kind as one, whose weights are theirs, stacked along a first axis."""
    if isinstance(networks[0], Reads):
        inner = [network.network for network in networks if isinstance(network, Reads)]
        return Reads(stacked(inner), networks[0].places)
    together: Any = copy.deepcopy(networks[0])
    for name, weight in stack_module_state(networks)[0].items():
        owner, _, attribute = name.rpartition(".")
        setattr(
            together.get_submodule(owner),
            attribute,
            nn.Parameter(weight.detach().clone()),
        )
    together.core = Unrolled(together.core)
    return together  # type: ignore[no-any-return]


def more_epochs(networks: list[nn.Module]) -> None:
    """Train on, with the loss of one step."""
    again = iter(networks)
    schedule = partial(
        OneCycleLR, max_lr=MORE_RATE, total_steps=UPDATES // EPOCHS * MORE_EPOCHS
    )
    options = {
        "epochs": MORE_EPOCHS,
        "batch_size": BATCH,
        "scheduler": schedule,
        "clip_norm": 1.0,
    }
    data = SINE_WINDOWS.inputs, SINE_WINDOWS.targets
    training.fit_seeds(
        lambda: next(again), *data, seeds=range(len(networks)), **options
    )


def rolled(networks: list[nn.Module]) -> None:
    """Train on, with the loss of ten steps of closed loop; gradients go through the loop."""
    together = stacked(networks)
    weights = list(together.parameters())
    optimiser = Adam(weights, fused=True)
    total = UPDATES // EPOCHS * ROLLOUT_EPOCHS
    schedule = OneCycleLR(optimiser, max_lr=MORE_RATE, total_steps=total)
    cut = windows.make_windows(SINE, lookback=50, horizon=ROLLOUT)
    inputs, targets = torch.tensor(cut.inputs), torch.tensor(cut.targets)
    draws = [torch.Generator().manual_seed(seed) for seed in range(len(networks))]
    for _ in range(ROLLOUT_EPOCHS):
        orders = torch.stack(
            [torch.randperm(len(inputs), generator=draw) for draw in draws]
        )
        for index in orders.split(BATCH, dim=1):
            track = inputs[index]  # (S, B, 50, 1)
            for _ in range(ROLLOUT):
                track = torch.cat([track, together(track[:, :, -50:])], dim=2)
            optimiser.zero_grad()
            (track[:, :, 50:] - targets[index]).square().mean(
                dim=(1, 2, 3)
            ).sum().backward()
            clip_each([weight.grad for weight in weights if weight.grad is not None])
            optimiser.step()
            schedule.step()
    for number, network in enumerate(networks):
        for weight, stack in zip(network.parameters(), weights, strict=True):
            weight.detach().copy_(stack[number].detach())


def clip_each(gradients: list[Tensor]) -> None:
    """Shrink the gradient of each network of a stack to norm 1 where it is longer."""
    squares = torch.stack(
        [gradient.flatten(1).square().sum(1) for gradient in gradients]
    )
    factor = (1 / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient *= factor.reshape(-1, *[1] * (gradient.ndim - 1))


def polished(networks: list[nn.Module]) -> None:
    """Train on with L-BFGS, on every tenth window."""
    some = slice(None, None, 10)
    data = SINE_WINDOWS.inputs[some], SINE_WINDOWS.targets[some]
    for network in networks:
        training.fit(network, *data, epochs=10, batch_size=None, optimizer=POLISH)


MORE: dict[str, Callable[[list[nn.Module]], None]] = {
    "100 epochs more": more_epochs,
    "loss of 10 steps": rolled,
    "L-BFGS": polished,
}


def study_loops(
    networks: list[nn.Module], start: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Run networks of one kind in closed loop: forecasts (S, steps) and the truth (steps,)."""
    track = datasets.sine(50 + steps, start=start - 49 * 0.04)
    window, truth = track[:50, np.newaxis], track[50:]
    if not hasattr(getattr(networks[0], "network", networks[0]), "core"):
        loops = [
            forecasting.closed_loop(network, window, steps)[:, 0]
            for network in networks
        ]
        return np.array(loops), truth
    together, path = stacked(networks), torch.empty(len(networks), 1, 50 + steps, 1)
    path[:, 0, :50] = torch.tensor(window)
    with torch.no_grad():
        for step in range(steps):
            path[:, :, 50 + step : 51 + step] = together(path[:, :, step : 50 + step])
    return path[:, 0, 50:, 0].numpy(), truth


def along(network: nn.Module, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of one step (steps,) and slopes by each input (steps, 50), along the true wave."""
    track = datasets.sine(50 + steps, start=-49 * 0.04)
    cut = windows.make_windows(track, lookback=50)
    batch = torch.tensor(cut.inputs).requires_grad_()
    forecast = network(batch)
    (slopes,) = torch.autograd.grad(forecast.sum(), batch)
    errors = forecast.detach().numpy() - cut.targets
    return errors[:, 0, 0], slopes[..., 0].numpy()


def mechanism(network: nn.Module) -> dict[str, float]:
    """What the network makes of an error, to first order, along the true wave."""
    errors, slopes = along(network, 500)
    product, off, predicted = np.eye(50), np.zeros(50), []
    for slope in slopes[:PERIOD]:
        product = np.vstack(
            [product[1:], slope @ product]
        )  # the window moves on by one
    multipliers = np.sort(np.abs(np.linalg.eigvals(product)))[::-1]
    for error, slope in zip(errors, slopes, strict=True):
        off = np.append(off[1:], slope @ off + error)
        predicted.append(off[-1])
    kicked = np.zeros((PERIOD, 50))  # one kick of 1 at each place of a period
    kicked[:, -1] = 1
    for step in range(PERIOD):
        moved = (slopes[step : step + PERIOD] * kicked).sum(axis=1, keepdims=True)
        kicked = np.hstack([kicked[:, 1:], moved])
    return {
        "one_step_rmse": float(np.sqrt(np.mean(errors[:PERIOD] ** 2))),
        "first_multiplier": multipliers[0],
        "second_multiplier": multipliers[1],
        "kick": float(np.abs(kicked).max(axis=1).mean()),
        "predicted_500": float(np.abs(predicted).max()),
    }


def study_rows(
    networks: list[nn.Module], settings: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Judge networks of one kind."""
    long, truth = study_loops(networks, 0.0, 5000)
    from_100, truth_100 = study_loops(networks, 100.0, 500)
    from_140, truth_140 = study_loops(networks, 140.0, 500)
    rows = []
    for number, (network, setting) in enumerate(zip(networks, settings, strict=True)):
        end = long[number, -3 * PERIOD :]
        row = {
            **setting,
            "weights": sum(weight.numel() for weight in network.parameters()),
        }
        row |= mechanism(network)
        row |= {
            "error_500": np.abs(long[number] - truth)[:500].max(),
            "error_100": np.abs(from_100[number] - truth_100).max(),
            "error_140": np.abs(from_140[number] - truth_140).max(),
            "error_5000": np.abs(long[number] - truth).max(),
            "end_height": np.ptp(end) / 2,
            "end_period": sine_period(end - end.mean())
            if np.ptp(end) > 0.01
            else math.nan,
        }
        rows.append(row)
    return rows


def sine_study_run(kind: dict[str, Any], more: bool) -> list[dict[str, Any]]:
    """Train one kind of network, and train on where asked; judge all."""
    points = kind["points"]
    trained = {"20 epochs": study_networks(**kind)}
    if more:
        for name, go_on in MORE.items():
            trained[name] = copy.deepcopy(trained["20 epochs"])
            go_on(trained[name])
    runs = [
        {"training": name, "seed": seed} for name in trained for seed in STUDY_SEEDS
    ]
    every = [network for networks in trained.values() for network in networks]
    if len(PLACES[points]) < 50:
        every = [Reads(network, PLACES[points]) for network in every]
    return study_rows(every, [kind | run for run in runs])


def sine_study() -> pd.DataFrame:
    """Eight seeds of each kind: what they err, what becomes of an error, and where that leads."""
    names = ("core", "points", "head", "units", "change")
    settings = [
        {"kind": dict(zip(names, kind, strict=True)), "more": more}
        for *kind, more in STUDY
    ]
    table = in_parallel(sine_study_run, settings)
    table.insert(0, "kind", [study_name(row) for row in table.to_dict("records")])
    table.insert(0, "family", table["kind"].str.partition(",")[0])
    named = table.drop(
        columns=["core", "points", "head", "units", "change", "training"]
    )
    return named.rename(columns=STUDY_COLUMNS)


def study_name(row: dict[str, Any]) -> str:
    """Name a kind of network by what sets it apart from the thread's and from the small head."""
    name = {"last": "last state", "all": "all states", "": "feed-forward"}[row["head"]]
    reads = {
        "50": "",
        "10 newest": "ten newest points",
        "10 spread": "every fifth point",
    }
    parts = [name, reads[row["points"]], "32 units" if row["units"] == 32 else ""]
    parts += ["change" if row["change"] else ""]
    parts += [row["training"] if row["training"] != "20 epochs" else ""]
    return ", ".join(part for part in parts if part)


SIZES = [(2, 20), (1, 40), (1, 20), (2, 10), (1, 10), (2, 5), (1, 5), (2, 2), (1, 2)]


def sine_sizes_run(layers: int, units: int) -> list[dict[str, Any]]:
    """Train five seeds of one size of the thread's network; judge each from three starts."""
    trained = sine_models(range(5), "all", False, units, layers)
    late = windows.make_windows(datasets.sine(1051, start=100 - 49 * 0.04), lookback=50)
    rows = []
    for seed, model in enumerate(trained):
        row = {"layers": layers, "units": units, "seed": seed}
        row["weights"] = sum(weight.numel() for weight in model.parameters())
        row["one step"] = math.sqrt(sine_loss(model))
        wrong = training.predict(model, late.inputs) - late.targets
        row["one step, new start"] = float(np.sqrt(np.mean(wrong**2)))
        for start in (0, 100, 140):
            loop, truth = study_loops([model], start, 500)
            row[f"from x = {start}"] = np.abs(loop[0] - truth).max()
        rows.append(row)
    return rows


def sine_sizes() -> pd.DataFrame:
    """Layers times units, the thread's open question, five seeds each."""
    sizes = [{"layers": layers, "units": units} for layers, units in SIZES]
    order = ["layers", "units", "seed"]
    return in_parallel(sine_sizes_run, sizes).sort_values(order, ignore_index=True)


# --- many frequencies ----------------------------------------------------------------------------

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
        return sine_feed_forward(points, units)
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
    "sine_one_step": sine_one_step,
    "sine_networks": sine_networks,
    "sine_study": sine_study,
    "sine_sizes": sine_sizes,
    "sine_family": sine_family,
    "sine_noise": sine_noise,
}
