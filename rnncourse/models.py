"""Whole networks: a recurrent core and the head that reads it. Opened up in chapter 1."""

from collections.abc import Callable

from torch import Tensor, nn

from rnncourse._checks import whole_number


class Forecaster(nn.Module):
    """A recurrent core and a linear head that turns its states into a forecast.

    Parameters
    ----------
    core : nn.Module
        A recurrent layer, batch first: (B, L, F) -> (B, L, H), state.
    horizon : int, default 1
        h, steps to predict at once.
    targets : int, default 1
        K, columns to predict. They are the first K columns of the input where the forecast is fed
        back or is residual.
    readout : {"last", "all"}, default "last"
        "last": the head reads the state after the last step, H numbers. "all": it reads the states
        of all steps side by side, L·H numbers; the window then has one length, `lookback`.
    lookback : int, optional
        L; needed for ``readout="all"``.
    output_activation : callable, optional
        Applied to what the head gives, for example ``torch.tanh``.
    residual : bool, default False
        Predict the *change* from the last value of the first K columns instead of the value.

    Raises
    ------
    TypeError
        If `core` is not a recurrent layer or a count is not an integer.
    ValueError
        If the core is not batch first, a count is below 1, `readout` is neither of the two, there
        are more targets than features in a residual model, or `lookback` is missing.

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
        targets: int = 1,
        readout: str = "last",
        lookback: int | None = None,
        output_activation: Callable[[Tensor], Tensor] | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__()
        _check_core(core)
        if readout not in ("last", "all"):
            raise ValueError(f"readout must be 'last' or 'all', got {readout!r}")
        if readout == "all" and lookback is None:
            raise ValueError("lookback is needed for readout='all', whose head has a weight for each step; got None")
        self.core = core
        self.horizon = whole_number("horizon", horizon)
        self.targets = whole_number("targets", targets)
        self.readout = readout
        self.lookback = None if lookback is None else whole_number("lookback", lookback)
        self.output_activation = output_activation
        self.residual = residual
        input_size, hidden_size = (int(getattr(core, name)) for name in ("input_size", "hidden_size"))
        if residual and self.targets > input_size:
            raise ValueError(f"targets must be at most the {input_size} input columns, got {targets}")
        width = (2 if getattr(core, "bidirectional", False) else 1) * hidden_size
        steps = self.lookback if readout == "all" and self.lookback else 1
        self.head = nn.Linear(steps * width, self.horizon * self.targets)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the forecast of each window: (B, L, F) -> (B, h, K)."""
        if inputs.ndim != self.head.weight.ndim + 1 or inputs.shape[-1] != self.core.input_size:
            raise ValueError(f"inputs must have shape (B, L, {self.core.input_size}), got {tuple(inputs.shape)}")
        if self.readout == "all" and inputs.shape[-2] != self.lookback:
            raise ValueError(
                f"inputs must have the lookback of the head, {self.lookback} steps, got {inputs.shape[-2]}"
            )
        states, _ = self.core(inputs)  # (B, L, H)
        return self.read(states, inputs)

    def read(self, states: Tensor, inputs: Tensor) -> Tensor:
        """Turn hidden states (B, L, H) of the inputs (B, L, F) into the forecast (B, h, K)."""
        features = states[..., -1, :] if self.readout == "last" else states.flatten(start_dim=-2)
        # Written out instead of self.head(features), so that weights stacked along a first axis work too.
        output = features @ self.head.weight.mT + self.head.bias.unsqueeze(-2)
        output = output.unflatten(-1, (self.horizon, self.targets))
        if self.output_activation is not None:
            output = self.output_activation(output)
        return output + inputs[..., -1:, : self.targets] if self.residual else output


def _check_core(core: nn.Module) -> None:
    for attribute in ("input_size", "hidden_size", "batch_first"):
        if not hasattr(core, attribute):
            raise TypeError(f"core must be a recurrent layer, but {type(core).__name__} has no {attribute}")
    if not core.batch_first:
        raise ValueError(f"core must take the batch first, got {core} with batch_first=False")
