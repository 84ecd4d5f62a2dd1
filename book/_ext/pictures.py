"""Make the pictures of the front: ``python book/_ext/pictures.py``; the repository keeps them.

- ``card.svg`` in a chapter's folder: its picture on the home page, from the data of one of its
  figures (named beside each function below), without axes, in the colours of the diagrams;
- ``book/_static/home.svg``: what stands on the home page where no script runs;
- ``book/_static/readme.png`` and ``social-card.png``: the same forecasts, with words.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import nn

from rnncourse import datasets, forecasting, models

BOOK = Path(__file__).parents[1]
STATIC = BOOK / "_static"
INK, GREY = "#333333", "#8a8a8a"
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
Line = tuple[np.ndarray, np.ndarray, str, float]  # x, y, colour, width


def forecasts(steps: int = 500) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Run the home page's networks in closed loop: the truth, and each forecast by its name."""
    torch.set_default_dtype(torch.float64)
    script = (STATIC / "play" / "sine-networks.js").read_text(encoding="utf-8")
    track = datasets.sine(50 + steps, start=-49 * 0.04)
    found = {}
    for name, network in json.loads(script.partition(" = ")[2].rstrip(";\n")).items():
        if "weights" not in network:
            continue
        core = nn.GRU(1, 10, batch_first=True)
        options = {"readout": network["readout"], "residual": network["residual"], "lookback": 50}
        model = models.Forecaster(core, **options)
        model.load_state_dict({key: torch.tensor(w) for key, w in network["weights"].items()})
        found[name] = forecasting.closed_loop(model, track[:50, np.newaxis], steps)[:, 0]
    return track[50:], found


# The chapters' pictures: lines, the last ones on top.


def from_nothing() -> Iterator[Line]:
    """fig-start-rules: a sine in noise, and the line through the last two points, one step on."""
    noise = np.random.default_rng(0).normal(size=1200)[:102]
    series = np.sin(2 * np.pi * np.arange(102) / 25) + 0.2 * noise
    x = np.arange(100.0)
    yield x, series[2:], GREY, 3
    yield x, 2 * series[1:-1] - series[:-2], ORANGE, 1.4


def sine() -> Iterator[Line]:
    """fig-one-step-thread: the truth, and the network with the head on the last state."""
    truth, found = forecasts()
    x = np.arange(500.0)
    yield x, truth, GREY, 4
    yield x, found["last state"], ORANGE, 2


def by_hand() -> Iterator[Line]:
    """fig-byhand-carried: the gradient's length by steps back, with tanh, for four of its radii."""
    for radius, colour in ((0.8, BLUE), (1.0, BLUE), (1.2, INK), (1.5, ORANGE)):
        lengths = [carried(radius, seed) for seed in range(20)]
        yield np.arange(201.0), np.log10(np.median(lengths, axis=0)), colour, 2


def carried(radius: float, seed: int) -> np.ndarray:
    """Carry a gradient back through 200 steps of 32 units; its length after each, 1 at first."""
    rng = np.random.default_rng(seed)
    matrix = radius * np.linalg.qr(rng.normal(size=(32, 32)))[0]
    states = [np.zeros(32)]
    for _ in range(200):
        states.append(np.tanh(matrix @ states[-1] + 0.1 * rng.normal(size=32)))
    back = [rng.normal(size=32)]
    for state in states[:0:-1]:
        back.append(matrix.T @ ((1 - state**2) * back[-1]))
    lengths = np.linalg.norm(back, axis=1)
    return lengths / lengths[0]


def sunspots() -> Iterator[Line]:
    """fig-recipe-series, in means of a quarter of a year."""
    numbers = datasets.sunspots(until="1983").to_numpy(dtype=float)
    quarters = numbers[: len(numbers) // 3 * 3].reshape(-1, 3).mean(axis=1)
    last = len(quarters) - 47 * 4  # the test years
    yield np.arange(last + 1.0), quarters[: last + 1], GREY, 1.2
    yield np.arange(last, len(quarters), dtype=float), quarters[last:], BLUE, 1.4


def observable() -> Iterator[Line]:
    """fig-observable-data: the observable above its three parameters."""
    table = datasets.leading_parameters()
    scaled = ((table - table.mean()) / table.std()).iloc[450:750]
    for name, down, colour in (
        ("par3", 6, PINK),
        ("par2", 6, GREEN),
        ("par1", 6, BLUE),
        ("obs", 0, INK),
    ):
        yield np.arange(300.0), scaled[name].to_numpy() - down, colour, 1.8


def drought() -> Iterator[Line]:
    """fig-drought-score: the weekly score of Champion, Nebraska, 2010 to 2014."""
    table = datasets.drought()
    days = table[table["site"] == "champion"].set_index("date")
    score = days.loc["2010":"2014", "score"].dropna().to_numpy()
    weeks = np.arange(float(len(score)))
    yield weeks, np.zeros(len(score)), GREY, 1
    yield np.repeat(weeks, 2)[1:], np.repeat(score, 2)[:-1], ORANGE, 1.8


def several_inputs() -> Iterator[Line]:
    """fig-inputs-series: four series of their own, one below the other."""
    table = datasets.leading_parameters().to_numpy()[:120]
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    for k, colour in enumerate((BLUE, ORANGE, GREEN, INK)):
        yield np.arange(120.0), scaled[:, k] - 3.4 * k, colour, 1.8


def yes_no() -> Iterator[Line]:
    """fig-yes-no-data: sensor 1 at three inspections, 25 devices of each class, and their means."""
    x, y = datasets.device_failures()
    for label, colour, start in ((1, ORANGE, 0), (0, BLUE, 3)):
        some = x[y == label, :, 0]
        for device in some[:25]:
            yield start + np.arange(3.0), device, colour, 0.7
        yield start + np.arange(3.0), some.mean(axis=0), INK, 3


CARDS: dict[str, Callable[[], Iterator[Line]]] = {
    "start": from_nothing,
    "01-sine": sine,
    "02-by-hand": by_hand,
    "03-sunspots": sunspots,
    "04-observable": observable,
    "05-drought": drought,
    "06-several-inputs": several_inputs,
    "07-yes-no": yes_no,
}


def as_svg(lines: list[Line], *, width: int, height: int, margin: int = 6) -> str:
    """Write lines as a drawing that fills its frame."""
    xs, ys = (np.concatenate([line[k] for line in lines]) for k in (0, 1))

    def scale(values: np.ndarray, over: np.ndarray, low: float, high: float) -> np.ndarray:
        return low + (values - over.min()) * (high - low) / (over.max() - over.min())

    drawn = []
    for x, y, colour, stroke in lines:
        across = scale(x, xs, margin, width - margin)
        down = scale(y, ys, height - margin, margin)
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, down, strict=True))
        drawn.append(f'<path d="{path}" stroke="{colour}" stroke-width="{stroke:g}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' fill="none" stroke-linejoin="round" style="background: #ffffff">\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def draw(ax: Axes) -> None:
    """Draw two networks and the truth, with their names on the lines."""
    truth, found = forecasts()
    ax.axhline(0, color=GREY, linewidth=0.6)
    ax.plot(truth, color=INK, alpha=0.35, linewidth=7)
    ax.plot(found["last state, mended"], color=BLUE, linewidth=2.2)
    ax.plot(found["last state"], color=ORANGE, linewidth=2.6)
    words: dict[str, Any] = {"fontsize": 15, "weight": "bold", "va": "bottom"}
    ax.text(112, 1.06, "the truth, and a network that was mended", color="#00609A", **words)
    ax.text(
        232, -1.52, "the same network, before: trained to a loss of 10⁻⁴", color="#A84300", **words
    )
    ax.set(xlim=(0, 500), ylim=(-1.6, 1.35))
    ax.set_axis_off()


def main() -> None:
    """Write all of them."""
    for folder, lines in CARDS.items():
        (BOOK / folder / "card.svg").write_text(
            as_svg(list(lines()), width=320, height=130), encoding="utf-8"
        )
    (STATIC / "home.svg").write_text(as_svg(list(sine()), width=760, height=220), encoding="utf-8")

    plain = {"Software": None}  # no version in the file: the same picture from any Matplotlib
    figure = plt.figure(figsize=(12, 4.2), dpi=100, facecolor="white")
    draw(figure.add_axes((0.02, 0.02, 0.96, 0.96)))
    figure.savefig(STATIC / "readme.png", metadata=plain)

    card = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    card.text(
        0.05, 0.87, "Recurrent Networks for Time Series", fontsize=36, weight="bold", color=INK
    )
    card.text(0.05, 0.79, "An executable textbook, in PyTorch", fontsize=23, color="#00609A")
    draw(card.add_axes((0.04, 0.04, 0.92, 0.7)))
    card.savefig(STATIC / "social-card.png", metadata=plain)


if __name__ == "__main__":
    main()
