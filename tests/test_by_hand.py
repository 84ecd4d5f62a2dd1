"""The steps in NumPy against PyTorch's layers, a tutorial's printed figures and sums done by hand."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rnncourse import by_hand
from rnncourse.by_hand import gru_step, lstm_step, rnn_step, sigmoid, unroll

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
CELLS = [
    pytest.param(nn.RNN, rnn_step, id="rnn"),
    pytest.param(nn.GRU, gru_step, id="gru"),
    pytest.param(nn.LSTM, lstm_step, id="lstm"),
]
SHAPES = [(1, 1, 1), (3, 1, 2), (7, 4, 3), (30, 2, 8)]  # L, F, H

# "Understanding simple recurrent neural networks in Keras", Machine Learning Mastery, 2022.
WX = np.float32([[0.18662322, -1.2369459]])
WH = np.float32([[0.86981213, -0.49338293], [0.49338293, 0.8698122]])
WY = np.float32([[-0.4635998], [0.6538409]])
STATES = [[0.18662322, -1.23694587], [-0.07471441, -3.64187904], [-1.30195881, -6.84172557]]


def identity(a: np.ndarray) -> np.ndarray:
    return a


def weights_of(layer: nn.Module) -> list[np.ndarray]:
    return [getattr(layer, f"{name}_l0").detach().numpy() for name in NAMES]


def layer_and_inputs(kind: type[nn.Module], steps: int, features: int, hidden: int, batch: int | None = None) -> Any:
    generator = torch.Generator().manual_seed(steps + 100 * features + 10_000 * hidden)
    layer = kind(features, hidden, dtype=torch.float64)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    middle = () if batch is None else (batch,)
    inputs = torch.randn(steps, *middle, features, generator=generator, dtype=torch.float64)
    states = torch.randn(2, 1, *middle, hidden, generator=generator, dtype=torch.float64)
    return layer, inputs, states


def assert_equals_pytorch(kind: type[nn.Module], step: Callable[..., Any], *sizes: int | None) -> None:
    layer, inputs, (h, c) = layer_and_inputs(kind, *sizes)  # type: ignore[arg-type]
    theirs, _ = layer(inputs, (h, c) if kind is nn.LSTM else h)
    start = (h[0].numpy(), c[0].numpy()) if kind is nn.LSTM else h[0].numpy()
    ours = unroll(step, inputs.numpy(), start, *weights_of(layer))
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "step"), CELLS)
@pytest.mark.parametrize("sizes", SHAPES)
def test_equals_pytorch_from_a_state_that_is_not_zero(kind: Any, step: Any, sizes: tuple[int, int, int]) -> None:
    assert_equals_pytorch(kind, step, *sizes)


@pytest.mark.parametrize(("kind", "step"), CELLS)
@pytest.mark.parametrize("batch", [1, 5])
def test_batches_equal_pytorch(kind: Any, step: Any, batch: int) -> None:
    assert_equals_pytorch(kind, step, 6, 3, 4, batch)


@pytest.mark.parametrize(("kind", "step"), CELLS)
@settings(max_examples=20, deadline=None)
@given(sizes=st.tuples(*[st.integers(1, 9)] * 3), batch=st.none() | st.integers(1, 4))
def test_any_shape_equals_pytorch(kind: Any, step: Any, sizes: tuple[int, int, int], batch: int | None) -> None:
    assert_equals_pytorch(kind, step, *sizes, batch)


def test_relu_equals_pytorch() -> None:
    layer, inputs, (h, _) = layer_and_inputs(nn.RNN, 8, 2, 3)
    relu = nn.RNN(2, 3, nonlinearity="relu", dtype=torch.float64)
    relu.load_state_dict(layer.state_dict())
    ours = unroll(rnn_step, inputs, h[0], *weights_of(layer), activation=lambda a: np.maximum(a, 0))
    np.testing.assert_allclose(ours, relu(inputs, h)[0].detach().numpy(), rtol=1e-12)


# The tutorial's network.


def tutorial_states(dtype: type, start: list[float]) -> np.ndarray:
    weights = WX.T.astype(dtype), WH.T.astype(dtype), np.zeros(2, dtype), np.zeros(2, dtype)
    inputs = np.array([[1], [2], [3]], dtype)
    return unroll(rnn_step, inputs, np.array(start, dtype), *weights, activation=identity)


def test_tutorial_states_to_every_printed_digit() -> None:
    states = tutorial_states(np.float64, [0, 0])
    assert states.round(8).tolist() == STATES
    assert (states[-1] @ WY.astype(np.float64)).round(8).tolist() == [-3.86981216]


def test_tutorial_prediction_in_its_own_precision() -> None:
    states = tutorial_states(np.float32, [0, 0])
    assert states.dtype == np.float32
    assert f"{(states[-1] @ WY).item():.7g}" == f"{-3.8698118:.7g}"


def test_first_state_goes_through_weight_hh() -> None:
    """The tutorial adds h0 without its weights, which zeros hide: by hand, with h0 = (1, 2)."""
    step = rnn_step([3.0], [1.0, 2.0], [[10.0], [20.0]], [[1, 2], [3, 4]], [0.1, 0.2], [0.3, 0.4], activation=identity)
    np.testing.assert_allclose(step, [30 + 1 * 1 + 2 * 2 + 0.4, 60 + 3 * 1 + 4 * 2 + 0.6])
    turned = tutorial_states(np.float64, [1, 0])[0] - tutorial_states(np.float64, [0, 0])[0]
    np.testing.assert_allclose(turned, WH[0], rtol=1e-7)  # not (1, 0)


# What each gate does, with weights of zero and biases that open or close it.


def gates(**biases: float) -> list[np.ndarray]:
    count = len(biases)
    return [np.zeros((count, 1)), np.zeros((count, 1)), np.array(list(biases.values())), np.zeros(count)]


def test_gru_gates_by_hand() -> None:
    assert gru_step([0.0], [0.7], *gates(r=0, z=1000, n=5)).item() == 0.7  # z open: kept
    np.testing.assert_allclose(gru_step([0.0], [0.7], *gates(r=0, z=-1000, n=0.5)), np.tanh([0.5]))  # replaced


def test_reset_acts_after_the_product() -> None:
    """With bias_hh only: r · b_hn after the product, b_hn alone if it acted before."""
    weight_hh = np.array([[0.0], [0.0], [2.0]])
    step = gru_step([0.0], [0.5], np.zeros((3, 1)), weight_hh, [0, -1000, 0], [0, 0, 0.3])
    np.testing.assert_allclose(step, np.tanh([0.5 * (2 * 0.5 + 0.3)]))


def test_lstm_gates_by_hand() -> None:
    h, c = lstm_step([0.0], [0.0], [0.7], *gates(i=-1000, f=1000, g=5, o=1000))
    assert c.item() == 0.7
    assert h.item() == np.tanh(0.7)
    h, c = lstm_step([0.0], [0.0], [0.7], *gates(i=1000, f=-1000, g=0.5, o=-1000))
    assert c.item() == np.tanh(0.5)
    assert h.item() == 0


def test_sigmoid() -> None:
    x = np.linspace(-30, 30, 61)
    np.testing.assert_allclose(sigmoid(x), torch.sigmoid(torch.tensor(x)).numpy(), rtol=1e-12, atol=1e-15)
    assert sigmoid(np.array([-1e308, 1e308])).tolist() == [0, 1]


# The loop.


def test_unroll_passes_inputs_states_and_options_in_order() -> None:
    calls = []

    def step(x: np.ndarray, h: float, c: float, weight: str, *, option: str) -> tuple[float, float]:
        calls.append((x.tolist(), h, c, weight, option))
        return h + 1, c * 2

    states = unroll(step, [[1.0], [2.0]], (0.0, 1.0), "weight", option="given")
    assert states.tolist() == [1, 2]
    assert calls == [([1], 0.0, 1.0, "weight", "given"), ([2], 1.0, 2.0, "weight", "given")]


@pytest.mark.parametrize(("kind", "step"), CELLS)
def test_inputs_and_weights_are_left_alone(kind: Any, step: Any) -> None:
    layer, inputs, (h, c) = layer_and_inputs(kind, 4, 2, 3)
    arrays = [inputs.numpy(), h[0].numpy(), c[0].numpy(), *weights_of(layer)]
    before = [array.copy() for array in arrays]
    state = tuple(arrays[1:3]) if kind is nn.LSTM else arrays[1]
    unroll(step, arrays[0], state, *arrays[3:])
    for array, copy in zip(arrays, before, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize(("kind", "step"), CELLS)
def test_a_layer_s_parameters_as_they_are(kind: Any, step: Any) -> None:
    layer, inputs, (h, c) = layer_and_inputs(kind, 4, 2, 3)
    state = (h[0], c[0]) if kind is nn.LSTM else h[0]
    np.testing.assert_array_equal(
        unroll(step, inputs.requires_grad_(), state, *layer.parameters()),
        unroll(step, inputs.detach().numpy(), state, *weights_of(layer)),
    )


def test_it_needs_numpy_alone() -> None:
    script = "import sys, rnncourse.by_hand; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "'numpy'" in loaded
    assert not any(f"'{name}'" in loaded for name in ("torch", "pandas", "scipy", "sklearn", "matplotlib"))


# Bad input: message and type.


def good(count: int = 1) -> dict[str, Any]:
    rows = 2 * count
    return {
        "x": np.zeros(3),
        "h": np.zeros(2),
        "weight_ih": np.zeros((rows, 3)),
        "weight_hh": np.zeros((rows, 2)),
        "bias_ih": np.zeros(rows),
        "bias_hh": np.zeros(rows),
    }


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("x", np.zeros((3, 1, 1)), ValueError, r"x must be 1-D or 2-D, got shape \(3, 1, 1\)"),
        ("x", np.zeros((4, 3)), ValueError, r"x and h must be of one batch, got shapes \(4, 3\) and \(2,\)"),
        ("x", [0, np.nan, 0], ValueError, "x must be finite, got nan at index 1"),
        ("x", ["a", "b", "c"], TypeError, "x must hold real numbers"),
        ("x", [1j, 0, 0], TypeError, "x must hold real numbers, got dtype complex128"),
        ("h", [0, np.inf], ValueError, "h must be finite, got inf at index 1"),
        ("h", np.ma.masked_array([0.0, 1.0], mask=[0, 1]), TypeError, "h must be a plain array, got a masked array"),
        ("weight_ih", np.zeros((3, 2)), ValueError, r"weight_ih must have shape \(2, 3\) .* got \(3, 2\)"),
        ("weight_ih", np.zeros(3), ValueError, "weight_ih must be 2-D"),
        ("weight_hh", np.zeros((2, 3)), ValueError, r"weight_hh must have shape \(2, 2\) .* got \(2, 3\)"),
        ("bias_ih", np.zeros(1), ValueError, r"bias_ih must have shape \(2,\) .* got \(1,\)"),
        ("bias_hh", np.zeros((2, 1)), ValueError, r"bias_hh must be 1-D, got shape \(2, 1\)"),
        ("bias_hh", [0, -np.inf], ValueError, "bias_hh must be finite, got -inf"),
    ],
)
def test_bad_input_to_a_step(name: str, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rnn_step(**(good() | {name: value}))


@pytest.mark.parametrize(("step", "count"), [(gru_step, 3), (lstm_step, 4)])
def test_weights_of_another_cell_are_refused(step: Any, count: int) -> None:
    cell = {"c": np.zeros(2)} if step is lstm_step else {}
    step(**good(count), **cell)
    with pytest.raises(ValueError, match=rf"weight_ih must have shape \({2 * count}, 3\)"):
        step(**good(1), **cell)


@pytest.mark.parametrize(
    ("cell", "error", "message"),
    [
        (np.zeros(3), ValueError, r"c must have the shape of h, \(2,\), got \(3,\)"),
        ([0, np.nan], ValueError, "c must be finite"),
        (None, TypeError, "c must hold real numbers"),
    ],
)
def test_bad_cell_state(cell: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lstm_step(**good(4), c=cell)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (np.zeros(3), ValueError, r"inputs must be 2-D or 3-D, got shape \(3,\)"),
        ([[0, 0, np.nan]], ValueError, r"inputs must be finite, got nan at index \(0, 2\)"),
        ([["a"]], TypeError, "inputs must hold real numbers"),
        (np.zeros((4, 2)), ValueError, r"weight_ih must have shape \(2, 2\)"),
        (np.zeros((0, 3)), ValueError, r"inputs must hold at least one value, got shape \(0, 3\)"),
    ],
)
def test_bad_inputs_to_unroll(inputs: Any, error: type[Exception], message: str) -> None:
    weights = [good()[name] for name in NAMES]
    with pytest.raises(error, match=message):
        unroll(rnn_step, inputs, np.zeros(2), *weights)


def test_integers_become_floats() -> None:
    assert by_hand.rnn_step([1], [0], [[1]], [[1]], [0], [0]).dtype == np.float64
