"""Weights carried over by `from_keras` give what Keras's own layers give. Runs in the benchmarks' environment."""

import numpy as np
import pytest
import torch
from torch import nn

from rnncourse import by_hand
from rnncourse.keras import from_keras
from rnncourse.layers import ElmanRNN, VariationalGRU

keras = pytest.importorskip("keras")
SHAPES = [(1, 1, 1, 1), (4, 12, 1, 3), (2, 50, 3, 10), (3, 7, 21, 60)]  # B, L, F, H


def filled(layer, features):
    """A Keras layer with random weights, biases included: as built, its biases would be zeros and ones."""
    random = np.random.default_rng(0)
    layer.build((None, None, features))
    layer.set_weights([0.4 * random.normal(size=each.shape) for each in layer.get_weights()])
    return layer


def both(theirs, ours, shape):
    """States of all steps from Keras and from PyTorch, in float64."""
    batch, steps, features, _ = shape
    inputs = np.random.default_rng(1).normal(size=(batch, steps, features))
    filled(theirs, features)
    from_keras(ours.double(), theirs.get_weights())
    with torch.no_grad():
        found, _ = ours(torch.from_numpy(inputs))
    return found.numpy(), keras.ops.convert_to_numpy(theirs(inputs))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear", "sigmoid"])
def test_simple_rnn(shape, activation):
    *_, features, hidden = shape
    options = {"return_sequences": True, "dtype": "float64"}
    theirs = keras.layers.SimpleRNN(hidden, activation=activation, **options)
    found, wanted = both(theirs, ElmanRNN(features, hidden, activation=activation), shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("kind", "ours"), [("SimpleRNN", nn.RNN), ("GRU", nn.GRU), ("LSTM", nn.LSTM), ("GRU", VariationalGRU)]
)
def test_pytorch_layers(shape, kind, ours):
    *_, features, hidden = shape
    theirs = getattr(keras.layers, kind)(hidden, return_sequences=True, dtype="float64")
    layer = ours(features, hidden) if ours is VariationalGRU else ours(features, hidden, batch_first=True)
    np.testing.assert_allclose(*both(theirs, layer, shape), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_gru_that_resets_before_the_product(shape):
    """`nn.GRU` cannot do it and `from_keras` says so; written out, it is Keras's other variant."""
    batch, steps, features, hidden = shape
    theirs = filled(keras.layers.GRU(hidden, reset_after=False, return_sequences=True, dtype="float64"), features)
    kernel, recurrent, bias = theirs.get_weights()
    with pytest.raises(ValueError, match="reset_after=False"):
        from_keras(nn.GRU(features, hidden, batch_first=True), [kernel, recurrent, bias])

    def step(x, h):
        z, r, n = np.split(x @ kernel + bias, 3)
        u_z, u_r, u_n = np.split(recurrent, 3, axis=1)
        z, r = (1 / (1 + np.exp(-each)) for each in (z + h @ u_z, r + h @ u_r))
        return z * h + (1 - z) * np.tanh(n + (r * h) @ u_n)

    inputs = np.random.default_rng(1).normal(size=(batch, steps, features))
    found = np.stack([by_hand.unroll(step, each, np.zeros(hidden)) for each in inputs])
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(theirs(inputs)), rtol=1e-6, atol=1e-6)


def test_dense():
    theirs = filled(keras.layers.Dense(4, dtype="float64"), 3)
    inputs = np.random.default_rng(1).normal(size=(5, 3))
    ours = from_keras(nn.Linear(3, 4).double(), theirs.get_weights())
    found = ours(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(theirs(inputs)), rtol=1e-6, atol=1e-6)
