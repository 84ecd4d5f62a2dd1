"""Recurrences with their backward pass through time written out: the engine of `fit`.

PyTorch's layers record every small operation of every step and replay them backwards. For the small
networks of this course that bookkeeping takes most of the time. Here one step forwards is two to six
operations and one step backwards two to five, everything that can wait is done for all steps at once
after the loop, and several networks, stacked along a first axis, are run together. The equations are
those of chapter 2, which derives the backward pass.

Inside, time comes first and the batch last, so that the gates of one step lie side by side in
memory: (L, S, G·H, B) for L steps of S stacked networks with G gates of H units and B windows.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnncourse._batches import untouched
from rnncourse.layers import ACTIVATIONS, ElmanRNN

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_Gradients = tuple[Tensor, Tensor]


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

    def __init__(self, core: Any) -> None:
        super().__init__()
        if not self.supports(core):
            raise TypeError(f"core must be a plain recurrent layer with biases, batch first, got {core}")
        self.kind, self.input_size, self.num_layers = _kind(core), core.input_size, core.num_layers
        for name, parameter in core.named_parameters():
            self.register_parameter(name, parameter)

    @staticmethod
    def supports(core: Any) -> bool:
        """Whether the core is one of the known kinds, untouched, in one direction, without dropout or projection.

        A subclass, or another class of the same name, is not: nobody knows what it does. Nor is a core with hooks,
        pruned or parametrised weights, or a method of its own.
        """
        if _kind(core) is None or not untouched(core) or not core.batch_first:
            return False
        wanted = {f"{name}_l{depth}" for name in _NAMES for depth in range(core.num_layers)}
        return {*dict(core.named_parameters())} == wanted and not core.dropout

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:
        """Return all hidden states of the last layer, (B, L, F) -> (B, L, H), from a state of zeros.

        Where the parameters are those of S stacked networks, (S, B, L, F) -> (S, B, L, H).
        """
        states = (inputs if inputs.ndim == 4 else inputs.unsqueeze(0)).permute(0, 3, 2, 1)  # (S, F, L, B)
        stack, _, steps, batch = states.shape
        for depth in range(self.num_layers):
            weight_ih, weight_hh, bias_ih, bias_hh = (getattr(self, f"{name}_l{depth}") for name in _NAMES)
            weight_ih, weight_hh = (each.view(stack, -1, each.shape[-1]) for each in (weight_ih, weight_hh))
            bias_ih, bias_hh = bias_ih.view(stack, -1, 1), bias_hh.view(stack, -1, 1)
            from_input = torch.baddbmm(bias_ih, weight_ih, states.flatten(2))  # all steps in one product
            if self.kind != "GRU":  # only a GRU multiplies the state's bias by a gate
                from_input, bias_hh = from_input + bias_hh, None
            from_input = from_input.unflatten(2, (steps, batch)).permute(2, 0, 1, 3)
            states = _Recurrence.apply(from_input, weight_hh, bias_hh, self.kind)  # type: ignore[no-untyped-call]
            states = states.permute(1, 2, 0, 3)
        states = states.permute(0, 3, 2, 1)
        return states if inputs.ndim == 4 else states.squeeze(0), None


def _kind(core: Any) -> str | None:
    """Name the recurrence: "GRU", "LSTM", or an Elman network by its activation; None for any other class."""
    known = type(core) in (nn.GRU, nn.LSTM, nn.RNN, ElmanRNN)
    return getattr(core, "nonlinearity", core.mode) if known else None


class _Recurrence(torch.autograd.Function):
    """from_input (L, S, G·H, B), weight_hh (S, G·H, H), bias_hh (S, G·H, 1) -> states (L, S, H, B).

    Only a GRU has a bias_hh of its own; for the others it is part of from_input.
    """

    @staticmethod
    def forward(ctx: Any, from_input: Tensor, weight_hh: Tensor, bias_hh: Tensor | None, kind: str) -> Tensor:
        steps, stack, _, batch = from_input.shape
        run, ctx.back, sizes = _CELLS.get(kind, _ELMAN)
        states, *kept = (from_input.new_empty(steps, stack, n * weight_hh.shape[-1], batch) for n in sizes)
        by_step = zip(*map(torch.unbind, (from_input.contiguous(), states, *kept)), strict=True)
        run(by_step, torch.zeros_like(states[0]), weight_hh, bias_hh, kind)
        ctx.kind = kind
        ctx.save_for_backward(weight_hh, states, *kept)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        weight_hh, *kept = ctx.saved_tensors
        before = _before(kept[0])
        carried = torch.zeros_like(before[0])
        gradients = ctx.back(grad.contiguous(), carried, weight_hh.mT, before, kept, ctx.kind)
        to_input, to_state = (gradient.flatten(2, -2) for gradient in gradients)
        pairs = to_state.permute(1, 2, 0, 3).flatten(2)  # (S, G·H, L·B)
        for_weight = pairs @ before.permute(1, 0, 3, 2).flatten(1, 2)  # all steps in one product
        return to_input, for_weight, pairs.sum(-1, keepdim=True) if ctx.needs_input_grad[2] else None, None


def _before(states: Tensor) -> Tensor:
    """Return what was before each step: zeros before the first."""
    return nn.functional.pad(states[:-1], (0, 0, 0, 0, 0, 0, 1, 0))


def _backwards(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Step through time from the last step to the first."""
    return zip(*(reversed(tensor.unbind()) for tensor in tensors), strict=True)


# From the state h, `_run_…` goes step by step and fills in the states and what is kept for the way back. `_back_…`
# begins with nothing carried, and returns the gradients of what the gates get from the input and from the state,
# (L, S, G·H, B) or with G apart.


def _run_elman(steps: Iterable[Any], h: Tensor, weight_hh: Tensor, _: Any, kind: str) -> None:
    activate = ACTIVATIONS[kind][1]
    for x, h_next in steps:
        h = activate(torch.baddbmm(x, weight_hh, h, out=h_next))


def _back_elman(grad: Tensor, carried: Tensor, transposed: Tensor, _: Tensor, kept: Any, kind: str) -> _Gradients:
    slope = ACTIVATIONS[kind][2](kept[0])
    to_state = torch.empty_like(grad)
    for g, s, out in _backwards(grad, slope, to_state):
        torch.mul(carried + g, s, out=out)
        carried = torch.bmm(transposed, out)
    return to_state, to_state


def _run_gru(steps: Iterable[Any], h: Tensor, weight_hh: Tensor, bias_hh: Any, _: str) -> None:
    hidden = h.shape[1]
    sizes = [2 * hidden, hidden]
    for x, h_next, gates, n, state_n in steps:
        input_rz, input_n = x.split(sizes, dim=1)
        state_rz, from_state = torch.baddbmm(bias_hh, weight_hh, h).split(sizes, dim=1)
        r, z = torch.add(input_rz, state_rz, out=gates).sigmoid_().split(hidden, dim=1)
        torch.addcmul(input_n, r, state_n.copy_(from_state), out=n).tanh_()
        h = torch.lerp(n, h, z, out=h_next)


def _back_gru(grad: Tensor, carried: Tensor, transposed: Tensor, before: Tensor, kept: Any, _: str) -> _Gradients:
    _, gates, n, state_n = kept
    r, z = gates.chunk(2, dim=2)
    by_n = (1 - z) * (1 - n * n)  # d h_t / d (argument of n), and so on for the other two
    by_r, by_z = by_n * state_n * r * (1 - r), (before - n) * z * (1 - z)
    factor = torch.stack([by_r, by_z, by_n * r], dim=2)  # (L, S, 3, H, B)
    to_state, deltas = torch.empty_like(factor), torch.empty_like(grad)
    for g, f, keep, out, delta in _backwards(grad, factor, z.contiguous(), to_state, deltas):
        torch.add(carried, g, out=delta)
        torch.mul(f, delta.unsqueeze(1), out=out)
        carried = torch.baddbmm(delta * keep, transposed, out.flatten(1, 2))
    return torch.cat([to_state[:, :, :2].flatten(2, 3), deltas * by_n], dim=2), to_state


def _run_lstm(steps: Iterable[Any], h: Tensor, weight_hh: Tensor, _: Any, kind: str) -> None:
    c, hidden = h, h.shape[1]
    for x, h_next, gates, c_next, tanh_c in steps:
        i, f, g, o = torch.baddbmm(x, weight_hh, h, out=gates).chunk(4, dim=1)
        gates[:, : 2 * hidden].sigmoid_()
        g.tanh_()
        c = torch.mul(f, c, out=c_next).addcmul_(i, g)
        h = torch.mul(o.sigmoid_(), torch.tanh(c, out=tanh_c), out=h_next)


def _back_lstm(grad: Tensor, carried: Tensor, transposed: Tensor, _: Tensor, kept: Any, kind: str) -> _Gradients:
    gates, cells, tanh_c = kept[1:]
    i, f, g, o = gates.chunk(4, dim=2)
    by_c, by_o = o * (1 - tanh_c * tanh_c), tanh_c * o * (1 - o)
    factor = torch.stack([g * i * (1 - i), _before(cells) * f * (1 - f), i * (1 - g * g)], dim=2)
    to_state = factor.new_empty(*factor.shape[:2], 4, *factor.shape[3:])
    delta_c = carried
    for d, by, by_gate, by_out, forget, out in _backwards(grad, by_c, factor, by_o, f.contiguous(), to_state):
        delta = carried + d
        delta_c = torch.addcmul(delta_c, delta, by)
        torch.mul(by_gate, delta_c.unsqueeze(1), out=out[:, :3])
        torch.mul(by_out, delta, out=out[:, 3])
        carried = torch.bmm(transposed, out.flatten(1, 2))
        delta_c = delta_c * forget
    return to_state, to_state


# How to run forwards and backwards, and the sizes, by that of the state, of the states and of what is kept with them.
_ELMAN = _run_elman, _back_elman, (1,)
_CELLS = {"GRU": (_run_gru, _back_gru, (1, 2, 1, 1)), "LSTM": (_run_lstm, _back_lstm, (1, 4, 1, 1))}
