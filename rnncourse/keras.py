"""What Keras has otherwise: weights, brought over in chapter 2, and an LSTM with one bias, of chapter 6."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from rnncourse._checks import finite_floats, whole_number


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
    >>> from rnncourse.layers import ElmanRNN
    >>> layer = from_keras(ElmanRNN(1, 2, activation="linear"), [[[1, 2]], np.eye(2), [0, 0]])
    >>> layer(torch.tensor([[[3.0], [1.0]]]))[0].detach().numpy()
    array([[[3., 6.],
            [4., 8.]]], dtype=float32)
    """
    recurrent, gru = isinstance(layer, nn.RNN | nn.GRU | nn.LSTM), isinstance(layer, nn.GRU)
    if not recurrent and not isinstance(layer, nn.Linear):
        raise TypeError(f"layer must be nn.RNN, nn.GRU, nn.LSTM, ElmanRNN or nn.Linear, got {type(layer).__name__}")
    parts = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0") if recurrent else ("weight", "bias")
    own = layer.state_dict()
    names = [name for name in parts if name in own]
    if own.keys() != {*names}:
        raise ValueError(
            f"layer must hold {', '.join(names)} and nothing else, so be a single layer and direction and have no"
            f" projection, got {layer} with {', '.join(own)}"
        )
    arrays = [finite_floats(f"weights[{i}]", array, ndim=(1, 2)).astype(np.float64) for i, array in enumerate(weights)]
    shapes, wanted = [array.shape for array in arrays], [tuple(own[name].shape)[::-1] for name in names[:3]]
    if gru and wanted[2:]:
        if shapes[2:] == wanted[2:]:
            raise ValueError(
                f"weights has a GRU bias of shape {shapes[2]}: it was trained with reset_after=False; wanted"
                f" {(2, *shapes[2])}, because nn.GRU applies the reset gate after the product with the state"
            )
        wanted[2] = (2, *wanted[2])
    if shapes != wanted:
        raise ValueError(f"weights for {layer} must have shapes {wanted}, got {shapes}")
    if gru:
        z, r, n = np.arange(wanted[0][1]).reshape(3, -1)  # where Keras has them
        arrays = [array[..., [*r, *z, *n]] for array in arrays]
        arrays = [*arrays[:2], *(row for bias in arrays[2:] for row in bias)]
    arrays.append(np.zeros_like(arrays[-1]))  # for the second bias, where Keras has none
    layer.load_state_dict({name: torch.tensor(array.T) for name, array in zip(names, arrays, strict=False)})
    return layer
