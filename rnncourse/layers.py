"""Recurrent layers that PyTorch lacks.

They are called as PyTorch's layers are, batch first: ``layer(inputs, state)`` returns the
hidden states of all steps, (B, L, H), and the last state. Opened up in chapters 2 and 4.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from rnncourse._batches import check_inputs
from rnncourse._checks import finite_number, whole_number

# Of each activation: the function, the same in place, and its slope where it gives h.
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "tanh": (torch.tanh, torch.tanh_, lambda h: 1 - h * h),
    "relu": (torch.relu, torch.relu_, lambda h: (h > 0).to(h.dtype)),
    "linear": (lambda x: x, lambda x: x, torch.ones_like),
    "sigmoid": (torch.sigmoid, torch.sigmoid_, lambda h: h * (1 - h)),
}


class ElmanRNN(nn.RNN):
    r"""An Elman network with a choice of activation, as a plain loop.

    .. math:: h_t = \phi(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Parameters
    ----------
    input_size : int
        F, features of a step.
    hidden_size : int
        H, units.
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

    def __init__(self, input_size: int, hidden_size: int, *, activation: str = "tanh") -> None:
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        sizes = whole_number("input_size", input_size), whole_number("hidden_size", hidden_size)
        super().__init__(*sizes, batch_first=True)
        self.activation = self.nonlinearity = activation

    # `nn.RNN` also takes packed sequences.
    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return all hidden states (B, L, H) and the last one (1, B, H)."""
        h = _first_state(self, inputs, state)  # (B, H)
        weight_ih, weight_hh, bias_ih, bias_hh = self.all_weights[0]  # (H, F), (H, H), (H,), (H,)
        activation, states = ACTIVATIONS[self.activation][0], []
        for x in inputs.unbind(dim=1):  # (B, F)
            h = activation(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
            states.append(h)
        return torch.stack(states, dim=1), h.unsqueeze(0)

    def extra_repr(self) -> str:
        """Return what the constructor was given."""
        return f"{self.input_size}, {self.hidden_size}, activation={self.activation!r}"


class VariationalGRU(nn.GRU):
    r"""A GRU with dropout that leaves out the same units at every step of a sequence.

    In training, each call draws two masks for each sequence of the batch, one for its inputs and one
    for the state where it enters the recurrent product. They stay the same from the first step to
    the last, and for all three gates. The state in the convex sum is not masked:

    .. math::

        \tilde x_t &= m_x \odot x_t, \qquad \tilde h_{t-1} = m_h \odot h_{t-1} \\
        r_t &= \sigma(W_{ir} \tilde x_t + b_{ir} + W_{hr} \tilde h_{t-1} + b_{hr}) \\
        z_t &= \sigma(W_{iz} \tilde x_t + b_{iz} + W_{hz} \tilde h_{t-1} + b_{hz}) \\
        n_t &= \tanh(W_{in} \tilde x_t + b_{in} + r_t \odot (W_{hn} \tilde h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    An entry of a mask is 0 with the probability p of its rate and 1/(1 − p) otherwise, so that its
    mean is 1. In evaluation mode there are no masks: the layer is then ``nn.GRU``.

    Parameters
    ----------
    input_size : int
        F, features of a step.
    hidden_size : int
        H, units.
    input_dropout : float, default 0
        Rate of the mask on the inputs, at least 0 and below 1.
    state_dropout : float, default 0
        Rate of the mask on the state.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1, or a rate is not a number in [0, 1).

    Notes
    -----
    Y. Gal and Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural
    networks", NeurIPS 2016; this is their form with tied weights, one mask for all gates.
    Parameters have the names, shapes and initial values of ``nn.GRU``: state dictionaries fit both.
    Masks come from PyTorch's generator, the inputs' first, and are kept nowhere after the call. On a
    CPU a training step takes 1 to 1.5 times as long as that of ``nn.GRU``.

    Examples
    --------
    >>> layer = VariationalGRU(3, 4, input_dropout=0.1, state_dropout=0.5)
    >>> states, last = layer(torch.zeros(2, 5, 3))  # (B, L, F)
    >>> states.shape, last.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, input_dropout: float = 0.0, state_dropout: float = 0.0
    ) -> None:
        sizes = whole_number("input_size", input_size), whole_number("hidden_size", hidden_size)
        super().__init__(*sizes, batch_first=True)
        self.input_dropout = _rate("input_dropout", input_dropout)
        self.state_dropout = _rate("state_dropout", state_dropout)

    # `nn.GRU` also takes packed sequences.
    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return all hidden states (B, L, H) and the last one (1, B, H)."""
        h = _first_state(self, inputs, state)
        if not self.training or self.input_dropout == self.state_dropout == 0:
            return super().forward(inputs, h.unsqueeze(0))
        on_input = dropout(inputs.new_ones(len(inputs), 1, self.input_size), self.input_dropout)
        on_state = dropout(h.new_ones(h.shape), self.state_dropout)
        return self._loop(inputs * on_input, h, on_state)

    def _loop(self, inputs: Tensor, h: Tensor, on_state: Tensor) -> tuple[Tensor, Tensor]:
        """Run step by step from the state h, (B, H), whose mask is of its shape."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.all_weights[0]  # (3H, F), (3H, H), (3H,), (3H,)
        from_inputs, states = linear(inputs, weight_ih, bias_ih), []  # (B, L, 3H), all steps in one product
        for from_input in from_inputs.unbind(dim=1):
            from_state = linear(h * on_state, weight_hh, bias_hh)
            input_rz, input_n = from_input.tensor_split([2 * self.hidden_size], dim=1)
            state_rz, state_n = from_state.tensor_split([2 * self.hidden_size], dim=1)
            r, z = torch.sigmoid(input_rz + state_rz).chunk(2, dim=1)
            n = torch.tanh(torch.addcmul(input_n, r, state_n))
            h = torch.lerp(n, h, z)  # the convex sum: h as it is, without the mask
            states.append(h)
        return torch.stack(states, dim=1), h.unsqueeze(0)

    def extra_repr(self) -> str:
        """Return what the constructor was given."""
        rates = f"input_dropout={self.input_dropout}, state_dropout={self.state_dropout}"
        return f"{self.input_size}, {self.hidden_size}, {rates}"


def _first_state(layer: Any, inputs: Tensor, state: Tensor | None) -> Tensor:
    """Return the state to start from, (B, H), zeros where none is given, or raise on a wrong shape."""
    check_inputs(layer, inputs)
    wanted = (1, len(inputs), layer.hidden_size)
    if state is not None and state.shape != wanted:
        raise ValueError(f"state must have shape {wanted}, got {tuple(state.shape)}")
    return inputs.new_zeros(wanted[1:]) if state is None else state[0]


def _rate(name: str, value: Any) -> float:
    return finite_number(name, value, "at least 0 and below 1", lambda x: 0 <= x < 1)
