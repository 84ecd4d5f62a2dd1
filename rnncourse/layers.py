"""Recurrent layers that PyTorch lacks, as plain loops over time, and weights brought over from Keras.

They are called as PyTorch's layers are, batch first: ``layer(inputs, state)`` returns the
hidden states of all steps, (B, L, H), and the last state. Opened up in chapter 2.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from rnncourse._checks import whole_number

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "linear": lambda x: x,
    "sigmoid": torch.sigmoid,
}


class ElmanRNN(nn.Module):
    r"""An Elman network with a choice of activation, as a plain loop.

    .. math:: h_t = \phi(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Parameters
    ----------
    input_size : int
        F.
    hidden_size : int
        H.
    activation : {"tanh", "relu", "linear", "sigmoid"}
        φ. ``nn.RNN`` has the first two.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1, or the activation is not one of the four.

    Notes
    -----
    Parameters have the names, shapes and initial values of ``nn.RNN``: state dictionaries fit both.

    Examples
    --------
    >>> layer = ElmanRNN(3, 4)
    >>> states, last = layer(torch.zeros(2, 5, 3))  # (B, L, F)
    >>> states.shape, last.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    num_layers = 1
    batch_first = True
    weight_ih_l0: nn.Parameter  # (H, F)
    weight_hh_l0: nn.Parameter  # (H, H)
    bias_ih_l0: nn.Parameter  # (H,)
    bias_hh_l0: nn.Parameter  # (H,)

    def __init__(self, input_size: int, hidden_size: int, *, activation: str = "tanh") -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(_ACTIVATIONS)}, got {activation!r}")
        self.input_size = whole_number("input_size", input_size)
        self.hidden_size = whole_number("hidden_size", hidden_size)
        self.activation = activation
        reference = nn.RNN(input_size, hidden_size, batch_first=True)
        for name, parameter in reference.named_parameters():
            self.register_parameter(name, parameter)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return all hidden states (B, L, H) and the last one (1, B, H)."""
        if inputs.ndim != 3 or inputs.shape[-1] != self.input_size:
            raise ValueError(f"inputs must have shape (B, L, {self.input_size}), got {tuple(inputs.shape)}")
        batch = inputs.shape[0]
        if state is None:
            state = inputs.new_zeros(1, batch, self.hidden_size)
        if state.shape != (1, batch, self.hidden_size):
            raise ValueError(f"state must have shape {(1, batch, self.hidden_size)}, got {tuple(state.shape)}")
        activation = _ACTIVATIONS[self.activation]
        h = state[0]  # (B, H)
        states = []
        for x in inputs.unbind(dim=1):  # (B, F)
            from_input = x @ self.weight_ih_l0.T + self.bias_ih_l0
            h = activation(from_input + h @ self.weight_hh_l0.T + self.bias_hh_l0)
            states.append(h)
        return torch.stack(states, dim=1), h.unsqueeze(0)

    def extra_repr(self) -> str:
        """Return what the constructor was given."""
        return f"{self.input_size}, {self.hidden_size}, activation={self.activation!r}"


def from_keras(layer: nn.Module, weights: Sequence[ArrayLike]) -> nn.Module:
    """Load the weights of a Keras layer, as ``get_weights()`` lists them.

    Keras keeps kernels transposed, has one bias where PyTorch has two, and orders a GRU's gates
    z, r, n where PyTorch has r, z, n.

    Parameters
    ----------
    layer : nn.RNN, nn.GRU, nn.LSTM, ElmanRNN or nn.Linear
        The layer to fill; recurrent ones with a single layer.
    weights : sequence of array_like
        Kernel (F, G·H), recurrent kernel (H, G·H) and bias, where G is the number of gates (Dense:
        kernel and bias). The bias of a GRU is (2, 3H), as ``reset_after=True`` gives.

    Returns
    -------
    nn.Module
        The same layer, filled.

    Raises
    ------
    TypeError
        If the layer is of another kind.
    ValueError
        If the number of arrays or a shape is not right. A GRU trained with ``reset_after=False`` is
        refused: its reset gate acts before the product with the state, which ``nn.GRU`` cannot do.

    Examples
    --------
    >>> layer = from_keras(ElmanRNN(1, 2, activation="linear"), [[[1, 2]], np.eye(2), [0, 0]])
    >>> layer(torch.tensor([[[3.0], [1.0]]]))[0].detach().numpy()
    array([[[3., 6.],
            [4., 8.]]], dtype=float32)
    """
    arrays = [np.asarray(array, dtype=np.float64) for array in weights]
    if isinstance(layer, nn.Linear):
        shapes: list[tuple[int, ...]] = [(layer.in_features, layer.out_features), (layer.out_features,)]
        _check_shapes(layer, arrays, shapes)
        loaded = {"weight": arrays[0].T, "bias": arrays[1]}
    elif isinstance(layer, nn.RNN | nn.GRU | nn.LSTM | ElmanRNN):
        loaded = _recurrent_from_keras(layer, arrays)
    else:
        raise TypeError(f"layer must be nn.RNN, nn.GRU, nn.LSTM, ElmanRNN or nn.Linear, got {type(layer).__name__}")
    layer.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in loaded.items()})
    return layer


def _recurrent_from_keras(layer: Any, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    if layer.num_layers != 1 or getattr(layer, "bidirectional", False):
        raise ValueError(f"layer must have a single layer and direction, got {layer}")
    features, hidden = layer.input_size, layer.hidden_size
    gru = isinstance(layer, nn.GRU)
    gates = 3 if gru else 4 if isinstance(layer, nn.LSTM) else 1
    if gru and len(arrays) == 3 and arrays[2].shape == (3 * hidden,):
        raise ValueError(
            f"weights has a GRU bias of shape {arrays[2].shape}: it was trained with reset_after=False; wanted (2,"
            f" {3 * hidden}), because nn.GRU applies the reset gate after the product with the state"
        )
    bias = (2, 3 * hidden) if gru else (gates * hidden,)
    _check_shapes(layer, arrays, [(features, gates * hidden), (hidden, gates * hidden), bias])
    if gru:
        order = np.r_[hidden : 2 * hidden, :hidden, 2 * hidden : 3 * hidden]  # z, r, n -> r, z, n
        arrays = [array[..., order] for array in arrays]
    kernel, recurrent, biases = arrays
    bias_ih, bias_hh = biases if gru else (biases, np.zeros_like(biases))
    return {
        "weight_ih_l0": kernel.T,
        "weight_hh_l0": recurrent.T,
        "bias_ih_l0": bias_ih,
        "bias_hh_l0": bias_hh,
    }


def _check_shapes(layer: nn.Module, arrays: list[np.ndarray], wanted: list[tuple[int, ...]]) -> None:
    shapes = [array.shape for array in arrays]
    if shapes != wanted:
        raise ValueError(f"weights for {layer} must have shapes {wanted}, got {shapes}")
