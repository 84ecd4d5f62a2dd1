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
        inner = nn.Linear(length, units), nn.Tanh(), nn.Linear(units, 1)
        return nn.Sequential(nn.Flatten(-2), *inner, nn.Unflatten(-1, (1, 1)))

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

FAMILY = np.round(np.arange(1, 21) * 0.1, 1)  # the question's A: 0.1, 0.2 … 2.0
TESTED = np.round(
    np.arange(1, 51) * 0.05, 2
)  # its members, those between, and those beyond
# name: step of the series, lookback, stride, core, head, residual, horizon, epochs
FAMILY_SETUPS: dict[str, tuple[float, int, int, str, str, bool, int, int]] = {
    "as asked": (0.04, 50, 10, "LSTM", "all", False, 1, 20),
    "longer window, 10 epochs": (0.4, 40, 2, "GRU", "last", True, 1, 10),
    "longer window, 60 epochs": (0.4, 40, 2, "GRU", "last", True, 1, 60),
    "40 steps at once": (0.4, 40, 2, "GRU", "last", False, 40, 60),
}


def sine_family_run(setup: str, seed: int) -> list[dict[str, Any]]:
    """Train one network on the sines of all A; forecast 16 units of x at A seen and unseen."""
    step, lookback, stride, core, readout, residual, horizon, epochs = FAMILY_SETUPS[
        setup
    ]
    steps = round(100 / step) + 1
    cut = partial(
        windows.make_windows, lookback=lookback, horizon=horizon, stride=stride
    )
    parts = [cut(datasets.sine(steps, step=step, angular_frequency=a)) for a in FAMILY]
    inputs, targets = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("inputs", "targets")
    )
    training.reproducible(seed)
    layer = (
        nn.LSTM(1, 10, batch_first=True)
        if core == "LSTM"
        else nn.GRU(1, 32, batch_first=True)
    )
    model = models.Forecaster(
        layer, horizon=horizon, readout=readout, lookback=lookback, residual=residual
    )
    schedule = partial(
        OneCycleLR, max_lr=1e-2, total_steps=epochs * math.ceil(len(inputs) / 64)
    )
    training.fit(
        model,
        inputs,
        targets,
        epochs=epochs,
        batch_size=64,
        scheduler=schedule,
        clip_norm=1.0,
    )
    ahead = round(16 / step)
    wave = partial(datasets.sine, lookback + ahead, step=step)
    starts = 100 + 1.7 * np.arange(10)
    tracks = np.array(
        [wave(angular_frequency=a, start=x) for a in TESTED for x in starts]
    )[..., np.newaxis]
    past, truth = tracks[:, :lookback], tracks[:, lookback:]
    forecast = (
        forecasting.closed_loop(model, past, ahead)
        if horizon == 1
        else training.predict(model, past)
    )
    rmse = np.sqrt(
        np.mean((forecast - truth) ** 2, axis=(1, 2))
        .reshape(len(TESTED), -1)
        .mean(axis=1)
    )
    row = {"setup": setup, "seed": seed}
    return [
        {**row, "angular_frequency": a, "rmse": error}
        for a, error in zip(TESTED, rmse, strict=True)
    ]


def sine_family() -> pd.DataFrame:
    """The thread's last comment: sin(A x) for twenty A with one network; three seeds a set-up."""
    settings = [
        {"setup": setup, "seed": seed}
        for setup in reversed(FAMILY_SETUPS)
        for seed in range(3)
    ]
    return in_parallel(sine_family_run, settings).sort_values(
        ["setup", "seed"], kind="stable", ignore_index=True
    )


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "sine_one_step": sine_one_step,
    "sine_study": sine_study,
    "sine_sizes": sine_sizes,
    "sine_family": sine_family,
}
