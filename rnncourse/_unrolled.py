"""Recurrences with their backward pass through time written out: the engine of `fit`.

PyTorch's layers record every small operation of every step and replay them backwards. For the small
networks of this course that bookkeeping takes most of the time. Here one step forwards is two to six
operations and one step backwards two to five, everything that can wait is done for all steps at once
after the loop, and several networks, stacked along a first axis, are run together. The equations are
those of chapter 2, which derives the backward pass.

Inside, time comes first and the batch last, so that the gates of one step lie side by side in
memory: (L, S, G·H, B) for L steps of S stacked networks with G gates of H units and B windows.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnncourse._batches import untouched
from rnncourse.layers import ElmanRNN

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Unrolled(nn.Module):
    """A recurrent core run by this module's loops, sharing the core's parameters.

    Gives the numbers of the core, to rounding. Its parameters may also be those of S networks, stacked
    along a first axis, as ``torch.func.stack_module_state`` stacks them; it then runs all S at once.

    Parameters
    ----------
    core : nn.RNN, nn.GRU, nn.LSTM or ElmanRNN
        See `supports`.

    Raises
    ------
    TypeError
        If the core is not supported.

    Examples
    --------
    >>> core, inputs = nn.GRU(1, 4, batch_first=True), torch.ones(2, 3, 1)
    >>> states, _ = Unrolled(core)(inputs)
    >>> bool(torch.allclose(states, core(inputs)[0]))
    True
    """

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        if not self.supports(core):
            raise TypeError(f"core must be a plain recurrent layer with biases, batch first, got {core}")
        described = cast(Any, core)
        self.input_size, self.hidden_size = described.input_size, described.hidden_size
        self.num_layers, self.batch_first = described.num_layers, True
        self.kind = _kind(core)
        for name, parameter in core.named_parameters():
            self.register_parameter(name, parameter)

    @staticmethod
    def supports(core: nn.Module) -> bool:
        """Whether the core is one of the known kinds, untouched, in one direction, without dropout or projection.

        A subclass, or another class of the same name, is not: nobody knows what it does. Nor is a core with hooks,
        pruned or parametrised weights, or a method of its own.
        """
        if _kind(core) is None or not untouched(core) or not getattr(core, "batch_first", False):
            return False
        unusual = ("bidirectional", "proj_size", "dropout")
        wanted = {f"{name}_l{depth}" for name in _NAMES for depth in range(cast(int, core.num_layers))}
        return {*dict(core.named_parameters())} == wanted and not any(getattr(core, name, 0) for name in unusual)

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:
        """Return all hidden states of the last layer, (B, L, F) -> (B, L, H), from a state of zeros.

        Where the parameters are those of S stacked networks, (S, B, L, F) -> (S, B, L, H).
        """
        stacked = inputs.ndim == 4
        inputs = inputs if stacked else inputs.unsqueeze(0)
        stack, batch, steps, _ = inputs.shape
        states = inputs.permute(0, 3, 2, 1)  # (S, F, L, B)
        for depth in range(self.num_layers):
            weight_ih, weight_hh, bias_ih, bias_hh = (getattr(self, f"{name}_l{depth}") for name in _NAMES)
            weight_ih, weight_hh = (each.view(stack, -1, each.shape[-1]) for each in (weight_ih, weight_hh))
            bias_ih, bias_hh = bias_ih.view(stack, -1, 1), bias_hh.view(stack, -1, 1)
            from_input = torch.baddbmm(bias_ih, weight_ih, states.flatten(2))  # all steps in one product
            if self.kind != "gru":  # only a GRU multiplies the state's bias by a gate
                from_input, bias_hh = from_input + bias_hh, None
            from_input = from_input.unflatten(2, (steps, batch)).permute(2, 0, 1, 3)
            states = _Recurrence.apply(from_input, weight_hh, bias_hh, self.kind)  # type: ignore[no-untyped-call]
            states = states.permute(1, 2, 0, 3)
        states = states.permute(0, 3, 2, 1)
        return states if stacked else states.squeeze(0), None


_KINDS: dict[type[nn.Module], str] = {nn.GRU: "mode", nn.LSTM: "mode", nn.RNN: "nonlinearity", ElmanRNN: "activation"}


def _kind(core: nn.Module) -> str | None:
    """Name the recurrence: "gru", "lstm", or an Elman network by its activation; None for any other class."""
    attribute = _KINDS.get(type(core))
    return str(getattr(core, attribute)).lower() if attribute else None


class _Recurrence(torch.autograd.Function):
    """from_input (L, S, G·H, B), weight_hh (S, G·H, H), bias_hh (S, G·H, 1) -> states (L, S, H, B).

    Only a GRU has a bias_hh of its own; for the others it is part of from_input.
    """

    @staticmethod
    def forward(ctx: Any, from_input: Tensor, weight_hh: Tensor, bias_hh: Tensor | None, kind: str) -> Tensor:
        states, *kept = _FORWARD.get(kind, _run_rnn)(from_input.contiguous(), weight_hh, bias_hh, kind)
        ctx.kind = kind
        ctx.save_for_backward(weight_hh, states, *kept)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        weight_hh, states, *kept = ctx.saved_tensors
        before = nn.functional.pad(states[:-1], (0, 0, 0, 0, 0, 0, 1, 0))  # zeros before the first step
        run_back = _BACKWARD.get(ctx.kind, _back_rnn)
        to_input, to_state = run_back(grad.contiguous(), weight_hh.mT, states, before, kept, ctx.kind)
        pairs = to_state.permute(1, 2, 0, 3).flatten(2)  # (S, G·H, L·B)
        for_weight = pairs @ before.permute(1, 0, 3, 2).flatten(1, 2)  # all steps in one product
        return to_input, for_weight, pairs.sum(-1, keepdim=True) if ctx.needs_input_grad[2] else None, None


def _run_rnn(from_input: Tensor, weight_hh: Tensor, bias_hh: None, kind: str) -> list[Tensor]:
    activate = {"tanh": torch.tanh_, "relu": torch.relu_, "sigmoid": torch.sigmoid_}.get(kind)
    states = torch.empty_like(from_input)
    h = torch.zeros_like(states[0])
    for x, h_next in zip(from_input.unbind(), states.unbind(), strict=True):
        h = torch.baddbmm(x, weight_hh, h, out=h_next)
        if activate:
            activate(h)
    return [states]


def _back_rnn(
    grad: Tensor, transposed: Tensor, states: Tensor, before: Tensor, kept: list[Tensor], kind: str
) -> tuple[Tensor, Tensor]:
    slope = {
        "tanh": lambda: 1 - states * states,
        "relu": lambda: (states > 0).to(states.dtype),
        "sigmoid": lambda: states * (1 - states),
        "linear": lambda: torch.ones_like(states),
    }[kind]()
    to_state = torch.empty_like(states)
    delta = torch.zeros_like(states[0])  # d loss / d h_t that comes from the steps after t
    for g, s, out in _reversed(grad, slope, to_state):
        torch.mul(delta + g, s, out=out)
        delta = torch.bmm(transposed, out)
    return to_state, to_state


def _run_gru(from_input: Tensor, weight_hh: Tensor, bias_hh: Tensor, kind: str) -> list[Tensor]:
    steps, stack, width, batch = from_input.shape
    hidden = width // 3
    gates = from_input.new_empty(steps, stack, 2 * hidden, batch)  # r and z
    n, state_n, states = (from_input.new_empty(steps, stack, hidden, batch) for _ in range(3))
    h = torch.zeros_like(states[0])
    sizes = [2 * hidden, hidden]
    for x, rz, new, recurrent, h_next in zip(*map(torch.unbind, (from_input, gates, n, state_n, states)), strict=True):
        input_rz, input_n = x.split(sizes, dim=1)
        state_rz, from_state = torch.baddbmm(bias_hh, weight_hh, h).split(sizes, dim=1)
        torch.add(input_rz, state_rz, out=rz).sigmoid_()
        r, z = rz.split(hidden, dim=1)
        recurrent.copy_(from_state)
        torch.addcmul(input_n, r, recurrent, out=new).tanh_()
        h = torch.lerp(new, h, z, out=h_next)
    return [states, gates, n, state_n]


def _back_gru(
    grad: Tensor, transposed: Tensor, states: Tensor, before: Tensor, kept: list[Tensor], kind: str
) -> tuple[Tensor, Tensor]:
    gates, n, state_n = kept
    r, z = gates.chunk(2, dim=2)
    by_n = (1 - z) * (1 - n * n)  # d h_t / d (argument of n), and so on for the other two
    by_r, by_z = by_n * state_n * r * (1 - r), (before - n) * z * (1 - z)
    factor = torch.stack([by_r, by_z, by_n * r], dim=2)  # (L, S, 3, H, B)
    to_state, deltas = torch.empty_like(factor), torch.empty_like(states)
    carried = torch.zeros_like(states[0])
    for g, f, keep, out, delta in _reversed(grad, factor, z.contiguous(), to_state, deltas):
        torch.add(carried, g, out=delta)
        torch.mul(f, delta.unsqueeze(1), out=out)
        carried = torch.baddbmm(delta * keep, transposed, out.flatten(1, 2))
    to_state = to_state.flatten(2, 3)
    return torch.cat([to_state[:, :, : gates.shape[2]], deltas * by_n], dim=2), to_state


def _run_lstm(from_input: Tensor, weight_hh: Tensor, bias_hh: None, kind: str) -> list[Tensor]:
    steps, stack, width, batch = from_input.shape
    gates = torch.empty_like(from_input)  # i, f, g, o
    cells, tanh_cells, states = (from_input.new_empty(steps, stack, width // 4, batch) for _ in range(3))
    h = c = torch.zeros_like(states[0])
    for x, gate, c_next, tanh_c, h_next in zip(
        *map(torch.unbind, (from_input, gates, cells, tanh_cells, states)), strict=True
    ):
        i, f, g, o = torch.baddbmm(x, weight_hh, h, out=gate).chunk(4, dim=1)
        gate[:, : width // 2].sigmoid_()
        g.tanh_()
        o.sigmoid_()
        c = torch.mul(f, c, out=c_next).addcmul_(i, g)
        h = torch.mul(o, torch.tanh(c, out=tanh_c), out=h_next)
    return [states, gates, cells, tanh_cells]


def _back_lstm(
    grad: Tensor, transposed: Tensor, states: Tensor, before: Tensor, kept: list[Tensor], kind: str
) -> tuple[Tensor, Tensor]:
    gates, cells, tanh_c = kept
    i, f, g, o = gates.chunk(4, dim=2)
    c_before = torch.cat([torch.zeros_like(cells[:1]), cells[:-1]])
    by_c, by_o = o * (1 - tanh_c * tanh_c), tanh_c * o * (1 - o)
    factor = torch.stack([g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g)], dim=2)
    to_state = factor.new_empty(*factor.shape[:2], 4, *factor.shape[3:])
    carried, delta_c = torch.zeros_like(states[0]), torch.zeros_like(states[0])
    for d, by, by_gate, by_out, forget, out in _reversed(grad, by_c, factor, by_o, f.contiguous(), to_state):
        delta = carried + d
        delta_c = torch.addcmul(delta_c, delta, by)
        torch.mul(by_gate, delta_c.unsqueeze(1), out=out[:, :3])
        torch.mul(by_out, delta, out=out[:, 3])
        carried = torch.bmm(transposed, out.flatten(1, 2))
        delta_c = delta_c * forget
    to_state = to_state.flatten(2, 3)
    return to_state, to_state


def _reversed(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Step through time from the last step to the first."""
    return zip(*(reversed(tensor.unbind()) for tensor in tensors), strict=True)


_FORWARD: dict[str, Callable[..., list[Tensor]]] = {"gru": _run_gru, "lstm": _run_lstm}
_BACKWARD: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {"gru": _back_gru, "lstm": _back_lstm}
