"""Whole networks: a recurrent core and the head that reads it.

Opened up in chapter 1; `SequenceClassifier` in chapter 7.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnncourse._batches import check_inputs
from rnncourse._checks import column_positions, neighbours, whole_number


class _OnCore(nn.Module):
    """A network on a recurrent core, and how it reads the core's states."""

    def __init__(self, core: Any) -> None:
        super().__init__()
        for attribute in ("input_size", "hidden_size", "batch_first"):
            if not hasattr(core, attribute):
                raise TypeError(f"core must be a recurrent layer, but {type(core).__name__} has no {attribute}")
        if not core.batch_first:
            raise ValueError(f"core must take the batch first, got {core} with batch_first=False")
        self.core = core
        self._both_ways = bool(getattr(core, "bidirectional", False))
        self._width = (1 + self._both_ways) * int(getattr(core, "proj_size", 0) or core.hidden_size)

    def _states(self, inputs: Tensor) -> Tensor:
        """Run the core on (B, L, F) and return its states of all steps, (B, L, H)."""
        result = self.core(inputs if inputs.is_floating_point() else inputs.to(next(self.core.parameters()).dtype))
        states = result[0] if isinstance(result, tuple) and len(result) == 2 else None
        wanted = (*inputs.shape[:-1], self._width)
        if not isinstance(states, Tensor) or states.shape != wanted:
            got = f"states of shape {tuple(states.shape)}" if isinstance(states, Tensor) else type(result).__name__
            raise ValueError(f"core must return a pair of its states, of shape {wanted}, and the last state, got {got}")
        return states

    def _final(self, states: Tensor) -> Tensor:
        """Return what has read the whole window: the last state, backwards that of the first step, (B, H)."""
        if not self._both_ways:
            return states[..., -1, :]
        forwards, backwards = states.chunk(2, dim=-1)
        return torch.cat([forwards[..., -1, :], backwards[..., 0, :]], dim=-1)


class Forecaster(_OnCore):
    """A recurrent core and a linear head that turns its states into a forecast.

    Parameters
    ----------
    core : nn.Module
        A recurrent layer, batch first: (B, L, F) -> (B, L, H), state. H is its `hidden_size`, or its
        `proj_size` where it has one; the states of a bidirectional core are 2·H numbers a step.
    horizon : int, default 1
        h, steps to predict at once.
    targets : int or sequence of int, default 1
        The columns to predict: how many, K, or the positions of the K columns in the input.
        Positions say into which columns `closed_loop` feeds the forecast back, and from which a
        residual forecast starts. A number alone means the first K columns where `residual` is set,
        and else says nothing of positions.
    readout : {"last", "all"}, default "last"
        "last": the head reads the state after the last step, H numbers; of a bidirectional core both
        final states: forwards that of the last step, backwards that of the first. "all": it reads the
        states of all steps side by side, L·H numbers; the window then has one length, `lookback`.
    lookback : int, optional
        L; needed for ``readout="all"``.
    output_activation : callable, optional
        Applied to what the head gives, for example ``torch.tanh``.
    residual : bool, default False
        Predict the *change* from the last value of the target columns instead of the value.

    Attributes
    ----------
    targets : int
        K.
    columns : tuple of int or None
        The positions of the target columns in the input, where they are known.

    Raises
    ------
    TypeError
        If `core` is not a recurrent layer, a count is not an integer, or `output_activation` cannot
        be called.
    ValueError
        If the core is not batch first, a count is below 1, `readout` is neither of the two, a
        position is named twice or is no input column, there are more targets than features in a
        residual model, or `lookback` is missing.

    Examples
    --------
    >>> model = Forecaster(nn.GRU(1, 10, batch_first=True), readout="all", lookback=50)
    >>> model.head
    Linear(in_features=500, out_features=1, bias=True)
    >>> import torch
    >>> model(torch.zeros(8, 50, 1)).shape  # (B, L, F) -> (B, h, K)
    torch.Size([8, 1, 1])
    """

    def __init__(
        self,
        core: nn.Module,
        *,
        horizon: int = 1,
        targets: int | Sequence[int] = 1,
        readout: str = "last",
        lookback: int | None = None,
        output_activation: Callable[[Tensor], Tensor] | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__(core)
        if readout not in ("last", "all"):
            raise ValueError(f"readout must be 'last' or 'all', got {readout!r}")
        if readout == "all" and lookback is None:
            raise ValueError("lookback is needed for readout='all', whose head has a weight for each step; got None")
        if output_activation is not None and not callable(output_activation):
            raise TypeError(f"output_activation must be callable, such as torch.tanh, got {output_activation!r}")
        self.horizon = whole_number("horizon", horizon)
        self.targets, self.columns = _targets(targets, self.core.input_size, residual)
        self._last = neighbours(self.columns or range(self.targets))
        self.readout, self.output_activation, self.residual = readout, output_activation, residual
        self.lookback = None if lookback is None else whole_number("lookback", lookback)
        steps = self.lookback if readout == "all" and self.lookback else 1
        self.head = nn.Linear(steps * self._width, self.horizon * self.targets)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the forecast of each window: (B, L, F) -> (B, h, K)."""
        check_inputs(self.core, inputs, ndim=self.head.weight.ndim + 1)
        steps = inputs.shape[-2]
        if self.readout == "all" and steps != self.lookback:
            raise ValueError(f"inputs must have the lookback of the head, {self.lookback} steps, got {steps}")
        return self.read(self._states(inputs), inputs)

    def read(self, states: Tensor, inputs: Tensor) -> Tensor:
        """Turn hidden states (B, L, H) of the inputs (B, L, F) into the forecast (B, h, K)."""
        features = self._final(states) if self.readout == "last" else states.flatten(start_dim=-2)
        # Written out instead of self.head(features), so that weights stacked along a first axis work too.
        output = features @ self.head.weight.mT + self.head.bias.unsqueeze(-2)
        output = output.unflatten(-1, (self.horizon, self.targets))
        if self.output_activation is not None:
            output = self.output_activation(output)
        return output + inputs[..., -1:, self._last] if self.residual else output


class SequenceClassifier(_OnCore):
    """A recurrent core and a linear head that turns its last state into a score for each class.

    Of a bidirectional core the head reads both final states, as `Forecaster` does with ``readout="last"``.

    Parameters
    ----------
    core : nn.Module
        A recurrent layer, batch first: (B, L, F) -> (B, L, H), state; H as for `Forecaster`.
    classes : int
        C, at least 2.

    Raises
    ------
    TypeError
        If `core` is not a recurrent layer or `classes` is not an integer.
    ValueError
        If the core is not batch first or there are fewer than 2 classes; when called, if a shape does
        not fit.

    Notes
    -----
    The scores are logits: ``cross_entropy`` is their loss, with class numbers as targets, and
    ``softmax`` over the last axis turns them into probabilities.

    Examples
    --------
    >>> model = SequenceClassifier(nn.LSTM(8, 32, batch_first=True), 2)
    >>> model(torch.zeros(195, 3, 8)).shape  # (B, L, F) -> (B, C)
    torch.Size([195, 2])
    """

    def __init__(self, core: nn.Module, classes: int) -> None:
        super().__init__(core)
        self.classes = whole_number("classes", classes, minimum=2)
        self.head = nn.Linear(self._width, self.classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits of each window: (B, L, F) -> (B, C)."""
        check_inputs(self.core, inputs)
        logits: Tensor = self.head(self._final(self._states(inputs)))
        return logits


def _targets(targets: int | Sequence[int], features: int, residual: bool) -> tuple[int, tuple[int, ...] | None]:
    """Return how many columns are predicted, and their positions where these are known."""
    if np.ndim(targets) == 0:
        count = whole_number("targets", targets)
        if residual and count > features:
            raise ValueError(f"targets must be at most the {features} input columns, got {targets}")
        return count, tuple(range(count)) if residual else None
    columns = column_positions("targets", targets, features, of="the input")
    return len(columns), tuple(columns)
