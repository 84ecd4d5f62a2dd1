"""The published recipes, with the course's package, with Keras and one with Darts: same shapes, data and updates.

A recipe is a function that returns the arrays, and one for each side that builds something to train. Nothing
is imported for the side that is not asked for, so that import time and memory are those of one framework.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rnncourse import datasets, drought
from rnncourse.windows import make_windows

Arrays = tuple[Any, np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """One recipe; `flops` counts the multiplications and additions of a forward pass of one window."""

    what: str
    arrays: Callable[[], Arrays]
    ours: Callable[[], Any]
    keras: Callable[[Any], Any]
    optimizer: str
    rate: float
    batch_size: int
    epochs: int
    flops: float
    loss: str = "mse"
    darts: Callable[[Any], Any] | None = None


def sine_arrays() -> Arrays:
    cut = make_windows(datasets.sine(), lookback=50)
    return cut.inputs, cut.targets


def sunspot_arrays() -> Arrays:
    series = datasets.sunspots().to_numpy()
    cut = make_windows((series / series.max())[:2256], lookback=12, stride=12)
    return cut.inputs, cut.targets


def observable_arrays() -> Arrays:
    known = datasets.leading_parameters().to_numpy()[:700]
    cut = make_windows(known / known.max(0), lookback=300)
    return cut.inputs, cut.targets


def drought_arrays() -> Arrays:
    cut = drought.drought_windows(datasets.drought())
    inputs, targets = cut.inputs[:699], cut.targets[:699]
    return (inputs - inputs.mean((0, 1))) / inputs.std((0, 1)), targets[:, :, np.newaxis]


def two_input_arrays() -> Arrays:
    random = np.random.default_rng(0)
    tokens, facts = random.integers(0, 50, (2000, 50)), random.normal(size=(2000, 10))
    return (tokens, facts), random.integers(0, 2, (2000, 2)).astype(float)


def forecaster(core: str, features: int, hidden: int, *, tanh: bool = False, **head: Any) -> Callable[[], Any]:
    def make() -> Any:
        import torch
        from torch import nn

        from rnncourse import layers, models

        made: Any
        if core == "variational":
            made = layers.VariationalGRU(features, hidden, input_dropout=0.1, state_dropout=0.5)
        elif core == "elman":
            made = layers.ElmanRNN(features, hidden)
        else:
            made = {"gru": nn.GRU, "lstm": nn.LSTM}[core](features, hidden, batch_first=True)
        activation = {"output_activation": torch.tanh} if tanh else {}
        return models.Forecaster(made, **head, **activation)

    return make


def two_input() -> Any:
    from rnncourse import two_inputs

    return two_inputs.FunctionalTwoInput()


def keras_sine(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((50, 1)), layers.GRU(10, return_sequences=True), layers.Flatten(), layers.Dense(1)]
    )


def keras_last(keras: Any) -> Any:
    return keras.Sequential([keras.Input((50, 1)), keras.layers.GRU(10), keras.layers.Dense(1)])


def darts_last(models: Any) -> Any:
    """The options that the recipe itself does not fix are left to run.py."""
    return partial(models.BlockRNNModel, 50, 1, model="GRU", hidden_dim=10, n_rnn_layers=1)


def keras_sunspots(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((12, 1)), layers.SimpleRNN(3, activation="tanh"), layers.Dense(1, activation="tanh")]
    )


def keras_observable(keras: Any) -> Any:
    layers = keras.layers
    gru = layers.GRU(300, return_sequences=True, dropout=0.1, recurrent_dropout=0.5)
    return keras.Sequential([keras.Input((300, 4)), gru, layers.Flatten(), layers.Dense(4)])


def keras_drought(keras: Any) -> Any:
    return keras.Sequential([keras.Input((180, 21)), keras.layers.LSTM(60), keras.layers.Dense(6)])


def keras_two_input(keras: Any) -> Any:
    layers = keras.layers
    tokens, facts = keras.Input((50,)), keras.Input((10,))
    memory = layers.LSTM(64)(layers.Embedding(50, 64)(tokens))
    memory = layers.Dense(2, activation="sigmoid")(layers.Dropout(0.5)(memory))
    deep = layers.Dense(64, activation="relu")(layers.Dropout(0.5)(tokens))
    deep = layers.Dense(64, activation="relu")(layers.Dropout(0.3)(deep))
    deep = layers.Dense(5, activation="sigmoid")(layers.Dense(64, activation="relu")(deep))
    from_facts = layers.Dense(10, activation="gelu")(layers.Dropout(0.5)(facts))
    joined = layers.Dropout(0.25)(layers.Concatenate()([memory, deep, from_facts]))
    joined = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(joined))
    joined = layers.Dense(64, activation="relu")(joined)
    return keras.Model([tokens, facts], layers.Dense(2, activation="sigmoid")(joined))


def gates(count: int, features: int, hidden: int) -> int:
    """Multiplications and additions of one step of a recurrent layer with so many gates."""
    return 2 * count * hidden * (features + hidden)


RECIPES = {
    "sine": Recipe(
        "GRU(10), head on all 50 states; 2,451 windows",
        sine_arrays,
        forecaster("gru", 1, 10, readout="all", lookback=50),
        keras_sine,
        *("Adam", 1e-3, 64, 6),
        flops=50 * gates(3, 1, 10) + 2 * 500,
    ),
    "sine, last state": Recipe(
        "GRU(10), head on the last state; 2,451 windows",
        sine_arrays,
        forecaster("gru", 1, 10),
        keras_last,
        *("Adam", 1e-3, 64, 6),
        flops=50 * gates(3, 1, 10) + 2 * 10,
        darts=darts_last,
    ),
    "sunspots": Recipe(
        "SimpleRNN(3), tanh head; 187 windows of 12, one at a time",
        sunspot_arrays,
        forecaster("elman", 1, 3, tanh=True),
        keras_sunspots,
        *("Adam", 1e-3, 1, 20),
        flops=12 * gates(1, 1, 3) + 6,
    ),
    "observable": Recipe(
        "GRU(300) with variational dropout, head on all 300 states; 400 windows",
        observable_arrays,
        forecaster("variational", 4, 300, readout="all", lookback=300, targets=4),
        keras_observable,
        *("Adam", 1e-4, 64, 1),
        flops=300 * gates(3, 4, 300) + 2 * 4 * 90_000,
    ),
    "drought": Recipe(
        "LSTM(60), six weeks; 699 windows of 180 × 21",
        drought_arrays,
        forecaster("lstm", 21, 60, horizon=6),
        keras_drought,
        *("Adamax", 1e-2, 32, 4),
        flops=180 * gates(4, 21, 60) + 2 * 6 * 60,
    ),
    "two inputs": Recipe(
        "53,815 weights, three branches; 2,000 samples",
        two_input_arrays,
        two_input,
        keras_two_input,
        *("Adam", 1e-3, 32, 4),
        flops=50 * gates(4, 64, 64) + 2 * (50 * 64 + 2 * 64 * 64 + 64 * 5 + 17 * 64 + 64 * 64 + 128),
        loss="binary_crossentropy",
    ),
}
