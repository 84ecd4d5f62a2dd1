"""What Keras has otherwise: weights, brought over in chapter 2, and an LSTM with one bias, of chapter 6."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from rnncourse._checks import finite_floats, whole_number
from rnncourse.layers import ElmanRNN


class OneBiasLSTM(nn.LSTM):
    """An LSTM with one bias vector, as Keras has it.

    PyTorch adds two bias vectors, ``bias_ih_l0`` and ``bias_hh_l0``, though one could hold their sum.
    Here the second is a buffer of zeros: the optimiser does not see it, it is not counted, and the
    state dictionary still fits ``nn.LSTM``.

    Parameters
    ----------
    input_size : int
        F, features of a step.
    hidden_size : int
        H, units. There are 4·H·(F + H + 1) parameters; ``nn.LSTM`` has 4·H more.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1.

    Examples
    --------
    >>> sum(p.numel() for p in OneBiasLSTM(64, 64).parameters())
    33024
    >>> sum(p.numel() for p in nn.LSTM(64, 64).parameters())
    33280
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        sizes = whole_number("input_size", input_size), whole_number("hidden_size", hidden_size)
        super().__init__(*sizes, batch_first=True)
        delattr(self, "bias_hh_l0")  # a buffer of the same name takes the parameter's place
        self.register_buffer("bias_hh_l0", torch.zeros(4 * self.hidden_size))


def from_keras(layer: nn.Module, weights: Sequence[ArrayLike]) -> nn.Module:
    """Load the weights of a Keras layer, as ``get_weights()`` lists them.

    Keras keeps kernels transposed, has one bias where PyTorch has two, and orders a GRU's gates
    z, r, n where PyTorch has r, z, n. The layer keeps its dtype and its device.

    Parameters
    ----------
    layer : nn.RNN, nn.GRU, nn.LSTM, ElmanRNN, VariationalGRU or nn.Linear
        The layer to fill, or one of a class that extends these and adds no weights; recurrent ones
        with a single layer and direction, without a projection.
    weights : sequence of array_like
        Kernel (F, G·H), recurrent kernel (H, G·H) and bias, where G is the number of gates (Dense:
        kernel and bias). The bias of a GRU is (2, 3H), as ``reset_after=True`` gives. There is no bias
        where Keras had ``use_bias=False`` and the layer has ``bias=False``.

    Returns
    -------
    nn.Module
        The same layer, filled.

    Raises
    ------
    TypeError
        If the layer is of another kind or the weights are not real numbers.
    ValueError
        If the layer has other weights, or the number of arrays or a shape is not right, or a number is
        not finite; the layer is then as it was. A GRU trained with ``reset_after=False`` is
        refused: its reset gate acts before the product with the state, which ``nn.GRU`` cannot do.
        Without a bias nothing tells the two apart: it must have been ``reset_after=True``.

    Examples
    --------
    >>> layer = from_keras(ElmanRNN(1, 2, activation="linear"), [[[1, 2]], np.eye(2), [0, 0]])
    >>> layer(torch.tensor([[[3.0], [1.0]]]))[0].detach().numpy()
    array([[[3., 6.],
            [4., 8.]]], dtype=float32)
    """
    arrays = [finite_floats(f"weights[{i}]", array, ndim=(1, 2)).astype(np.float64) for i, array in enumerate(weights)]
    if isinstance(layer, nn.Linear):
        bias = layer.bias is not None
        _check_shapes(layer, arrays, [(layer.in_features, layer.out_features), (layer.out_features,)], bias)
        loaded = dict(zip(("weight", "bias"), (array.T for array in arrays), strict=False))
    elif isinstance(layer, nn.RNN | nn.GRU | nn.LSTM | ElmanRNN):
        loaded = _recurrent_from_keras(layer, arrays)
    else:
        raise TypeError(f"layer must be nn.RNN, nn.GRU, nn.LSTM, ElmanRNN or nn.Linear, got {type(layer).__name__}")
    if (own := layer.state_dict().keys()) != loaded.keys():
        raise ValueError(f"layer must hold {', '.join(loaded)} and nothing else, got {', '.join(own)}")
    layer.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in loaded.items()})
    return layer


def _recurrent_from_keras(layer: Any, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    if layer.num_layers != 1 or getattr(layer, "bidirectional", False) or getattr(layer, "proj_size", 0):
        raise ValueError(f"layer must have a single layer and direction and no projection, got {layer}")
    features, hidden, bias = layer.input_size, layer.hidden_size, getattr(layer, "bias", True)
    gru = isinstance(layer, nn.GRU)
    gates = 3 if gru else 4 if isinstance(layer, nn.LSTM) else 1
    if gru and len(arrays) == 3 and arrays[2].shape == (3 * hidden,):
        raise ValueError(
            f"weights has a GRU bias of shape {arrays[2].shape}: it was trained with reset_after=False; wanted (2,"
            f" {3 * hidden}), because nn.GRU applies the reset gate after the product with the state"
        )
    of_bias = (2, 3 * hidden) if gru else (gates * hidden,)
    _check_shapes(layer, arrays, [(features, gates * hidden), (hidden, gates * hidden), of_bias], bias)
    if gru:
        order = np.r_[hidden : 2 * hidden, :hidden, 2 * hidden : 3 * hidden]  # z, r, n -> r, z, n
        arrays = [array[..., order] for array in arrays]
    loaded = {"weight_ih_l0": arrays[0].T, "weight_hh_l0": arrays[1].T}
    if bias:
        loaded["bias_ih_l0"], loaded["bias_hh_l0"] = arrays[2] if gru else (arrays[2], np.zeros_like(arrays[2]))
    return loaded


def _check_shapes(layer: nn.Module, arrays: list[np.ndarray], wanted: list[tuple[int, ...]], bias: bool) -> None:
    wanted, shapes = wanted if bias else wanted[:-1], [array.shape for array in arrays]
    if shapes != wanted:
        raise ValueError(f"weights for {layer} must have shapes {wanted}, got {shapes}")
