"""Whole networks: a recurrent core and the head that reads it, and two that read several inputs.

Opened up in chapter 1; `FunctionalTwoInput` and `TwoInput` in chapter 6, `SequenceClassifier` in chapter 7.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnncourse._checks import column_positions, neighbours, whole_number

MakeLSTM = Callable[[int, int], nn.LSTM]


class Forecaster(nn.Module):
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
        super().__init__()
        described = _check_core(core)
        if readout not in ("last", "all"):
            raise ValueError(f"readout must be 'last' or 'all', got {readout!r}")
        if readout == "all" and lookback is None:
            raise ValueError("lookback is needed for readout='all', whose head has a weight for each step; got None")
        if output_activation is not None and not callable(output_activation):
            raise TypeError(f"output_activation must be callable, such as torch.tanh, got {output_activation!r}")
        self.core = core
        self.horizon = whole_number("horizon", horizon)
        self.targets, self.columns = _targets(targets, described.input_size, residual)
        self._last = neighbours(self.columns or range(self.targets))
        self._width, self._both_ways = _width(described), _directions(described) == 2
        self.readout = readout
        self.lookback = None if lookback is None else whole_number("lookback", lookback)
        self.output_activation = output_activation
        self.residual = residual
        steps = self.lookback if readout == "all" and self.lookback else 1
        self.head = nn.Linear(steps * self._width, self.horizon * self.targets)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the forecast of each window: (B, L, F) -> (B, h, K)."""
        _check_inputs(self.core, inputs, self.head.weight.ndim + 1)
        if self.readout == "all" and inputs.shape[-2] != self.lookback:
            raise ValueError(
                f"inputs must have the lookback of the head, {self.lookback} steps, got {inputs.shape[-2]}"
            )
        return self.read(_states(self.core, inputs, self._width), inputs)

    def read(self, states: Tensor, inputs: Tensor) -> Tensor:
        """Turn hidden states (B, L, H) of the inputs (B, L, F) into the forecast (B, h, K)."""
        features = _final(states, self._both_ways) if self.readout == "last" else states.flatten(start_dim=-2)
        # Written out instead of self.head(features), so that weights stacked along a first axis work too.
        output = features @ self.head.weight.mT + self.head.bias.unsqueeze(-2)
        output = output.unflatten(-1, (self.horizon, self.targets))
        if self.output_activation is not None:
            output = self.output_activation(output)
        return output + inputs[..., -1:, self._last] if self.residual else output


class SequenceClassifier(nn.Module):
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
        super().__init__()
        described = _check_core(core)
        self.core = core
        self.classes = whole_number("classes", classes, minimum=2)
        self.head = nn.Linear(_width(described), self.classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits of each window: (B, L, F) -> (B, C)."""
        _check_inputs(self.core, inputs, 3)
        logits: Tensor = self.head(_final(_states(self.core, inputs, _width(self.core)), _directions(self.core) == 2))
        return logits


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


_MEMORY, _DEEP = 2, 5  # outputs of the branches of the two networks below


class _Branches(nn.Module):
    """The three branches that `FunctionalTwoInput` and `TwoInput` have in common."""

    def __init__(
        self, steps: int, vocabulary: int, facts: int, width: int, *, lstm: MakeLSTM, activation: nn.Module
    ) -> None:
        super().__init__()
        self.steps, self.vocabulary = whole_number("steps", steps), whole_number("vocabulary", vocabulary)
        self.facts, self.width = whole_number("facts", facts), whole_number("width", width)
        self.memory = nn.Sequential(nn.Embedding(vocabulary, width), lstm(width, width))
        self.memory_output = nn.Sequential(nn.Dropout(0.5), nn.Linear(width, _MEMORY), nn.Sigmoid())
        self.deep = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(steps, width),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, _DEEP),
            nn.Sigmoid(),
        )
        self.from_facts = nn.Sequential(nn.Dropout(0.5), nn.Linear(facts, facts), activation)

    def branches(self, tokens: Tensor, facts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the memory (B, 2), the deep (B, 5) and the facts' branch (B, 10) give."""
        self._check(tokens, facts)
        states, _ = self.memory(tokens.long())  # (B, 50, 64)
        return self.memory_output(states[:, -1]), self.deep(tokens.to(facts.dtype)), self.from_facts(facts)

    def _check(self, tokens: Tensor, facts: Tensor) -> None:
        if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
            raise TypeError(f"tokens must be integers, got {tokens.dtype}")
        if not facts.is_floating_point():
            raise TypeError(f"facts must be floating-point numbers, got {facts.dtype}")
        if tokens.ndim != 2 or tokens.shape[1] != self.steps:
            raise ValueError(f"tokens must have shape (B, {self.steps}), got {tuple(tokens.shape)}")
        if facts.shape != (len(tokens), self.facts):
            raise ValueError(f"facts must have shape {(len(tokens), self.facts)}, got {tuple(facts.shape)}")
        outside = tokens[(tokens < 0) | (tokens >= self.vocabulary)]
        if len(outside):
            raise ValueError(f"tokens must be 0 … {self.vocabulary - 1}, got {int(outside[0])}")


class FunctionalTwoInput(_Branches):
    """A published example of a network with two inputs: three branches, joined.

    ::

        tokens (B, 50) ─┬─ embedding 64 ─ LSTM 64, last state ─ dense 2 ─┐
                        └─ dense 64 ─ dense 64 ─ dense 64 ─ dense 5 ─────┼─ dense 64 ─ dense 64 ─ dense 2
        facts (B, 10) ──── dense 10 ─────────────────────────────────────┘

    The example was written with Keras's functional API and "doesn't have any functionality"; chapter 6
    gives it some. It has 53,815 parameters. Row by row, as the source prints them: the embedding
    3,200, the LSTM 33,024 (with one bias, see `OneBiasLSTM`) and the dense layer after it 130; the
    second branch 3,264, 4,160, 4,160 and 325; the third 110; and after the join 1,152, 4,160 and 130.

    Parameters
    ----------
    steps : int, default 50
        Tokens in a sequence.
    vocabulary : int, default 50
        Tokens are 0 … vocabulary − 1. In the source one number, 50, serves as both.
    facts : int, default 10
        Columns of the second input.
    width : int, default 64
        Size of the embedding, the LSTM and the hidden layers.
    outputs : int, default 2
        Yes/no questions that the network answers, each with a probability of its own.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1; when called, if tokens are not integers or
        not in the vocabulary, facts are not floating-point numbers, or a shape does not fit.

    Notes
    -----
    Source: *A course on machine learning with R*, chapter 12 (see the bibliography). As there, the
    dense branch reads the token numbers as if they were amounts, so that classes get an order and a
    distance. GELU is the exact one. Initial values are PyTorch's, not Keras's.

    Examples
    --------
    >>> model = FunctionalTwoInput()
    >>> sum(p.numel() for p in model.parameters())
    53815
    >>> model(torch.zeros(4, 50, dtype=torch.long), torch.zeros(4, 10)).shape
    torch.Size([4, 2])
    """

    def __init__(
        self, *, steps: int = 50, vocabulary: int = 50, facts: int = 10, width: int = 64, outputs: int = 2
    ) -> None:
        super().__init__(steps, vocabulary, facts, width, lstm=OneBiasLSTM, activation=nn.GELU())
        self.main = nn.Sequential(
            nn.Dropout(0.25),
            nn.Linear(_MEMORY + _DEEP + facts, width),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, whole_number("outputs", outputs)),
            nn.Sigmoid(),
        )

    def forward(self, tokens: Tensor, facts: Tensor) -> Tensor:
        """Return probabilities: tokens (B, 50) and facts (B, 10) -> (B, 2)."""
        memory, deep, from_facts = self.branches(tokens, facts)
        probabilities: Tensor = self.main(torch.cat([memory, deep, from_facts], dim=1))
        return probabilities


class TwoInput(_Branches):
    """The same example in its second version, an ``nn_module`` of R's torch, mended so that it runs.

    It has 54,071 parameters, part by part as the source prints them: ``from_facts`` 110, ``memory``
    36,480, ``memory_output`` 130, ``deep`` 11,909, ``main`` 5,442. That is 256 more than
    `FunctionalTwoInput`: the second bias vector of the LSTM, 4 × 64.

    Parameters
    ----------
    steps, vocabulary, facts, width, outputs : int
        As for `FunctionalTwoInput`.

    Raises
    ------
    TypeError, ValueError
        As for `FunctionalTwoInput`.

    Notes
    -----
    Source: as for `FunctionalTwoInput`. Kept as it is there, though it differs from the first version:
    SELU instead of GELU; the facts joined before the deep branch; no dropout before the joined part,
    and 0.5 after each of its two hidden layers instead of 0.25 and 0.3. Mended, because it
    cannot run: the LSTM returns a pair, which nothing takes apart; its states, flattened, are 50 × 64
    numbers for a layer that takes 64 (here the last state goes on). Its LSTM would also take the
    batch for time, and its tokens count from 1.

    Examples
    --------
    >>> model = TwoInput()
    >>> {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    {'memory': 36480, 'memory_output': 130, 'deep': 11909, 'from_facts': 110, 'main': 5442}
    """

    def __init__(
        self, *, steps: int = 50, vocabulary: int = 50, facts: int = 10, width: int = 64, outputs: int = 2
    ) -> None:
        lstm = partial(nn.LSTM, batch_first=True)
        super().__init__(steps, vocabulary, facts, width, lstm=lstm, activation=nn.SELU())
        self.main = nn.Sequential(
            nn.Linear(_MEMORY + facts + _DEEP, width),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(width, whole_number("outputs", outputs)),
            nn.Sigmoid(),
        )

    def forward(self, tokens: Tensor, facts: Tensor) -> Tensor:
        """Return probabilities: tokens (B, 50) and facts (B, 10) -> (B, 2)."""
        memory, deep, from_facts = self.branches(tokens, facts)
        probabilities: Tensor = self.main(torch.cat([memory, from_facts, deep], dim=1))
        return probabilities


def _check_core(core: nn.Module) -> Any:
    """Return the core, to be asked for its sizes, or raise if it is no recurrent layer, batch first."""
    for attribute in ("input_size", "hidden_size", "batch_first"):
        if not hasattr(core, attribute):
            raise TypeError(f"core must be a recurrent layer, but {type(core).__name__} has no {attribute}")
    if not core.batch_first:
        raise ValueError(f"core must take the batch first, got {core} with batch_first=False")
    return core


def _targets(targets: int | Sequence[int], features: int, residual: bool) -> tuple[int, tuple[int, ...] | None]:
    """Return how many columns are predicted, and their positions where these are known."""
    if np.ndim(targets) == 0:
        count = whole_number("targets", targets)
        if residual and count > features:
            raise ValueError(f"targets must be at most the {features} input columns, got {targets}")
        return count, tuple(range(count)) if residual else None
    columns = column_positions("targets", targets, features, of="the input")
    return len(columns), tuple(columns)


def _check_inputs(core: Any, inputs: Tensor, ndim: int) -> None:
    if not isinstance(inputs, Tensor):
        raise TypeError(f"inputs must be a Tensor, got {type(inputs).__name__}; `training.predict` takes arrays")
    if inputs.ndim != ndim or inputs.shape[-1] != core.input_size or not inputs.shape[-2]:
        raise ValueError(f"inputs must have shape (B, L, {core.input_size}), got {tuple(inputs.shape)}")


def _width(core: Any) -> int:
    """Return how many numbers the states of a recurrent layer have at one step."""
    return _directions(core) * int(getattr(core, "proj_size", 0) or core.hidden_size)


def _directions(core: Any) -> int:
    return 2 if getattr(core, "bidirectional", False) else 1


def _states(core: nn.Module, inputs: Tensor, width: int) -> Tensor:
    """Run a core on (B, L, F) and return its states of all steps, (B, L, H)."""
    result = core(inputs if inputs.is_floating_point() else inputs.to(next(core.parameters()).dtype))
    states = result[0] if isinstance(result, tuple) and len(result) == 2 else None
    wanted = (*inputs.shape[:-1], width)
    if not isinstance(states, Tensor) or states.shape != wanted:
        got = type(result).__name__ if not isinstance(states, Tensor) else f"states of shape {tuple(states.shape)}"
        raise ValueError(f"core must return a pair of its states, of shape {wanted}, and the last state, got {got}")
    return states


def _final(states: Tensor, both_ways: bool) -> Tensor:
    """Return what has read the whole window: the last state, backwards that of the first step; (B, L, H) -> (B, H)."""
    if not both_ways:
        return states[..., -1, :]
    forwards, backwards = states.chunk(2, dim=-1)
    return torch.cat([forwards[..., -1, :], backwards[..., 0, :]], dim=-1)
