"""A published network with two inputs, in both its versions. Opened up in chapter 6."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rnncourse._checks import whole_number
from rnncourse.keras import OneBiasLSTM

_MEMORY, _DEEP = 2, 5  # outputs of the branches of the two networks below


class _Branches(nn.Module):
    """The three branches that `FunctionalTwoInput` and `TwoInput` have in common; `lstm` makes one of two sizes."""

    def __init__(
        self, steps: int, vocabulary: int, facts: int, width: int, *, lstm: Any, activation: nn.Module
    ) -> None:
        super().__init__()
        self.steps, self.vocabulary = whole_number("steps", steps), whole_number("vocabulary", vocabulary)
        self.facts, self.width = whole_number("facts", facts), whole_number("width", width)
        self.memory = nn.Sequential(nn.Embedding(vocabulary, width), lstm(width, width))
        self.memory_output = nn.Sequential(nn.Dropout(0.5), nn.Linear(width, _MEMORY), nn.Sigmoid())
        self.deep = nn.Sequential(
            *(nn.Dropout(0.5), nn.Linear(steps, width), nn.ReLU()),
            *(nn.Dropout(0.3), nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, _DEEP), nn.Sigmoid()),
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
        if len(outside := tokens[(tokens < 0) | (tokens >= self.vocabulary)]):
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
            *(nn.Dropout(0.25), nn.Linear(_MEMORY + _DEEP + facts, width), nn.ReLU()),
            *(nn.Dropout(0.3), nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, whole_number("outputs", outputs)), nn.Sigmoid()),
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
            *(nn.Linear(_MEMORY + facts + _DEEP, width), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Linear(width, whole_number("outputs", outputs)), nn.Sigmoid()),
        )

    def forward(self, tokens: Tensor, facts: Tensor) -> Tensor:
        """Return probabilities: tokens (B, 50) and facts (B, 10) -> (B, 2)."""
        memory, deep, from_facts = self.branches(tokens, facts)
        probabilities: Tensor = self.main(torch.cat([memory, from_facts, deep], dim=1))
        return probabilities
