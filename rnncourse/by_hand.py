"""One step of an RNN, a GRU and an LSTM in NumPy, as the equations are printed.

Weights have PyTorch's shapes and PyTorch's order of gates, and a layer's parameters can be passed
in as they are. F features, H hidden units; states may also be batches, (B, H) for (H,).
Opened up in chapter 2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnncourse._checks import finite_floats


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), written with tanh so that no large x overflows.

    Parameters
    ----------
    x : ndarray
        Any shape.

    Returns
    -------
    ndarray
        Same shape, between 0 and 1.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1 + np.tanh(0.5 * x))


def rnn_step(
    x: ArrayLike,
    h: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike,
    bias_hh: ArrayLike,
    *,
    activation: Callable[[np.ndarray], np.ndarray] = np.tanh,
) -> np.ndarray:
    r"""Return the next state of an Elman network.

    .. math:: h_t = \phi(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Parameters
    ----------
    x : array_like, shape (F,)
        Input of this step.
    h : array_like, shape (H,)
        State after the step before.
    weight_ih, weight_hh : array_like, shapes (H, F) and (H, H)
        Weights of the input and of the state.
    bias_ih, bias_hh : array_like, shape (H,)
        Two biases, as in PyTorch; only their sum matters.
    activation : callable, default numpy.tanh
        φ, applied element by element.

    Returns
    -------
    ndarray, shape (H,)

    Raises
    ------
    TypeError, ValueError
        If an array is not real and finite or does not have the shape it should have.

    References
    ----------
    Elman (1990), "Finding structure in time", Cognitive Science 14.

    Examples
    --------
    >>> rnn_step([1.0], [0.0, 0.0], [[0.5], [-1.0]], np.eye(2), np.zeros(2), np.zeros(2)).round(4)
    array([ 0.4621, -0.7616])
    """
    x, h, w_ih, w_hh, b_ih, b_hh = _checked(1, x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return activation(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def gru_step(
    x: ArrayLike, h: ArrayLike, weight_ih: ArrayLike, weight_hh: ArrayLike, bias_ih: ArrayLike, bias_hh: ArrayLike
) -> np.ndarray:
    r"""Return the next state of a gated recurrent unit, in PyTorch's form.

    .. math::
        r &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
        z &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
        n &= \tanh(W_{in} x_t + b_{in} + r \odot (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z) \odot n + z \odot h_{t-1}

    The reset gate r acts *after* the product with the state, as in the first version of the paper's
    preprint. In the version printed at the conference it acts before: :math:`W_{hn} (r \odot h_{t-1})`.

    Parameters
    ----------
    x, h : array_like, shapes (F,) and (H,)
        Input of this step, state after the step before.
    weight_ih, weight_hh : array_like, shapes (3H, F) and (3H, H)
        Rows in the order r, z, n.
    bias_ih, bias_hh : array_like, shape (3H,)
        Likewise.

    Returns
    -------
    ndarray, shape (H,)

    Raises
    ------
    TypeError, ValueError
        As `rnn_step`.

    References
    ----------
    Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder", EMNLP.

    Examples
    --------
    >>> zeros = np.zeros(3)
    >>> gru_step([1.0], [0.8], np.zeros((3, 1)), np.zeros((3, 1)), zeros, zeros)
    array([0.4])
    """
    x, h, w_ih, w_hh, b_ih, b_hh = _checked(3, x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    from_input_r, from_input_z, from_input_n = np.split(x @ w_ih.T + b_ih, 3, axis=-1)
    from_state_r, from_state_z, from_state_n = np.split(h @ w_hh.T + b_hh, 3, axis=-1)
    r = sigmoid(from_input_r + from_state_r)
    z = sigmoid(from_input_z + from_state_z)
    n = np.tanh(from_input_n + r * from_state_n)
    return np.asarray((1 - z) * n + z * h)


def lstm_step(
    x: ArrayLike,
    h: ArrayLike,
    c: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike,
    bias_hh: ArrayLike,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the next hidden state and the next cell state of an LSTM.

    .. math::
        i, f, o &= \sigma(W_{i\cdot} x_t + b_{i\cdot} + W_{h\cdot} h_{t-1} + b_{h\cdot}) \\
        g &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg}) \\
        c_t &= f \odot c_{t-1} + i \odot g \\
        h_t &= o \odot \tanh(c_t)

    Parameters
    ----------
    x, h, c : array_like, shapes (F,), (H,) and (H,)
        Input of this step; hidden state and cell state after the step before.
    weight_ih, weight_hh : array_like, shapes (4H, F) and (4H, H)
        Rows in the order i, f, g, o.
    bias_ih, bias_hh : array_like, shape (4H,)
        Likewise.

    Returns
    -------
    h, c : ndarray, shape (H,) each

    Raises
    ------
    TypeError, ValueError
        As `rnn_step`.

    References
    ----------
    Hochreiter and Schmidhuber (1997); the forget gate f: Gers, Schmidhuber and Cummins (2000).

    Examples
    --------
    >>> zeros = np.zeros(4)
    >>> h, c = lstm_step([1.0], [0.0], [0.8], np.zeros((4, 1)), np.zeros((4, 1)), zeros, zeros)
    >>> h.round(4), c
    (array([0.19]), array([0.4]))
    """
    x, h, w_ih, w_hh, b_ih, b_hh = _checked(4, x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    cell = finite_floats("c", c, ndim=(1, 2))
    if cell.shape != h.shape:
        raise ValueError(f"c must have the shape of h, {h.shape}, got {cell.shape}")
    i, f, g, o = np.split(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, axis=-1)
    c_next = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_next), c_next


def unroll(step: Callable[..., Any], inputs: ArrayLike, state: Any, *weights: ArrayLike, **options: Any) -> np.ndarray:
    """Apply a step to each input in turn and return the hidden state after each.

    Parameters
    ----------
    step : callable
        `rnn_step`, `gru_step` or `lstm_step`.
    inputs : array_like, shape (L, F)
        The sequence.
    state : array_like, shape (H,), or a pair of them for `lstm_step`
        The state before the first step.
    *weights : array_like
        Passed on to `step`, as are the options.
    **options
        Such as ``activation=`` of `rnn_step`.

    Returns
    -------
    ndarray, shape (L, H)

    Raises
    ------
    TypeError, ValueError
        If `inputs` is not a finite (L, F) array of at least one step, or as raised by `step`.

    Examples
    --------
    >>> weights = np.eye(1), np.eye(1), np.zeros(1), np.zeros(1)
    >>> unroll(rnn_step, [[1.0], [2.0], [3.0]], [0.0], *weights, activation=lambda a: a)
    array([[1.],
           [3.],
           [6.]])
    """
    states = state if isinstance(state, tuple) else (state,)
    hidden = []
    for x in finite_floats("inputs", inputs, ndim=(2, 3), empty=False):
        result = step(x, *states, *weights, **options)
        states = result if isinstance(result, tuple) else (result,)
        hidden.append(states[0])
    return np.stack(hidden)


def _checked(gates: int, x: ArrayLike, h: ArrayLike, *weights: ArrayLike) -> list[np.ndarray]:
    """Return x, h and the four weights as float arrays of shapes that belong together."""
    x, h = finite_floats("x", x, ndim=(1, 2)), finite_floats("h", h, ndim=(1, 2))
    if x.shape[:-1] != h.shape[:-1]:
        raise ValueError(f"x and h must be of one batch, got shapes {x.shape} and {h.shape}")
    features, hidden, rows = x.shape[-1], h.shape[-1], gates * h.shape[-1]
    shapes = {"weight_ih": (rows, features), "weight_hh": (rows, hidden), "bias_ih": (rows,), "bias_hh": (rows,)}
    checked = [x, h]
    for (name, shape), values in zip(shapes.items(), weights, strict=True):
        checked.append(finite_floats(name, values, ndim=(len(shape),)))
        if (got := checked[-1].shape) != shape:
            raise ValueError(f"{name} must have shape {shape} for F = {features} and H = {hidden}, got {got}")
    return checked
