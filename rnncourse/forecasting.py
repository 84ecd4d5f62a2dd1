"""Closed loops: a network that runs on its own output. Opened up in chapter 1."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from rnncourse._batches import evaluation
from rnncourse._checks import finite_floats, whole_number
from rnncourse.models import Forecaster


def closed_loop(model: nn.Module, window: ArrayLike, steps: int, *, known: ArrayLike | None = None) -> np.ndarray:
    """Forecast many steps, one at a time, each prediction becoming an input of the next.

    The window slides: its oldest step is dropped and the newest prediction is appended, so the
    model always reads L steps.

    Parameters
    ----------
    model : nn.Module
        One step ahead: (B, L, F) -> (B, 1, K).
    window : array_like, shape (L, F) or (B, L, F)
        The last known steps; a batch of windows is forecast at once. The K columns that the model
        predicts come first, then D columns that are known in advance: F = K + D.
    steps : int
        How far to forecast.
    known : array_like, shape (steps, D) or (B, steps, D), optional
        The columns known in advance, at the times of the forecast. Needed where D > 0.

    Returns
    -------
    ndarray, shape (steps, K) or (B, steps, K)

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, if the model predicts more than one step or another number of
        columns than can be fed back, or if a number is not finite.

    Examples
    --------
    >>> class Drift(nn.Module):
    ...     def forward(self, inputs):
    ...         return inputs[:, -1:] + 1
    >>> closed_loop(Drift(), [[1.0], [2.0]], 3)
    array([[3.],
           [4.],
           [5.]])
    """
    values = finite_floats("window", window, ndim=(2, 3))
    forecast = _loop(model, values, whole_number("steps", steps), known)
    return forecast if values.ndim == 3 else forecast[0]


def sampled_paths(
    model: nn.Module,
    window: ArrayLike,
    steps: int,
    errors: ArrayLike,
    *,
    paths: int = 100,
    seed: int | np.random.Generator = 0,
    known: ArrayLike | None = None,
) -> np.ndarray:
    """Forecast many possible futures: closed loops in which each step errs as one step ahead has erred before.

    At each step of each path one of the errors is drawn, with replacement, and taken off the prediction before that
    is fed back: since error = prediction - truth, this is a truth that might have been. All paths run as
    one batch. Quantiles over the paths make a fan. They hold what one step may miss, drawn afresh each time; they do
    not hold that errors of neighbouring steps are alike, nor that the model itself may be wrong.

    Parameters
    ----------
    model : nn.Module
        One step ahead: (B, L, F) -> (B, 1, K).
    window : array_like, shape (L, F) or (B, L, F)
        The last known steps, as for `closed_loop`.
    steps : int
        How far to forecast.
    errors : array_like, shape (N,) or (N, K)
        Errors of the model one step ahead, in the unit of its outputs, best from a time that no weight was
        fitted on. The K columns of a row are drawn together. One dimension where K = 1.
    paths : int, default 100
        How many futures of each window.
    seed : int or Generator, default 0
        Where the draws come from.
    known : array_like, shape (steps, D) or (B, steps, D), optional
        As for `closed_loop`; the same in all paths.

    Returns
    -------
    ndarray, shape (paths, steps, K) or (B, paths, steps, K)

    Raises
    ------
    TypeError, ValueError
        As `closed_loop`, and if the errors have another number of columns than the forecast, or there are none.

    References
    ----------
    Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 3rd ed., section 5.5 (bootstrapped residuals).

    Examples
    --------
    >>> class Drift(nn.Module):
    ...     def forward(self, inputs):
    ...         return inputs[:, -1:] + 1
    >>> sampled_paths(Drift(), [[0.0]], 3, [-0.5, 0.5], paths=2, seed=3)[..., 0]
    array([[0.5, 2. , 3.5],
           [1.5, 3. , 3.5]])
    """
    values = finite_floats("window", window, ndim=(2, 3))
    steps, paths = whole_number("steps", steps), whole_number("paths", paths)
    misses = finite_floats("errors", errors, ndim=(1, 2))
    if not misses.size:
        raise ValueError(f"errors must hold at least one error, got shape {misses.shape}")
    size = (steps, paths * (len(values) if values.ndim == 3 else 1))
    drawn = np.random.default_rng(seed).choice(misses.reshape(len(misses), -1), size=size)  # (steps, B·paths, K)
    futures = _loop(model, values, steps, known, paths, drawn).reshape(-1, paths, steps, drawn.shape[-1])
    return futures if values.ndim == 3 else futures[0]


def _loop(
    model: nn.Module,
    values: np.ndarray,
    steps: int,
    known: ArrayLike | None,
    paths: int = 1,
    drawn: np.ndarray | None = None,
) -> np.ndarray:
    """Run closed loops, (B·paths, steps, K); what was drawn, (steps, B·paths, K), is taken off each prediction."""
    past, dtype = _as_batch(model, values)  # (B, L, F)
    batch, lookback, features = past.shape
    ahead = torch.empty(batch, steps, 0, dtype=dtype)
    if known is not None:
        given = finite_floats("known", known, ndim=(values.ndim,))
        ahead = torch.as_tensor(given, dtype=dtype).reshape(-1, *given.shape[-2:])
        if ahead.shape[:2] != (batch, steps):
            wanted = (steps, "D") if values.ndim == 2 else (batch, steps, "D")
            raise ValueError(f"known must have shape {wanted}, got {given.shape}")
    columns = features - ahead.shape[2]  # K
    if drawn is not None and drawn.shape[-1] != columns:
        raise ValueError(f"errors must have a column for each of the {columns} targets, got {drawn.shape[-1]}")
    past, ahead, batch = past.repeat_interleave(paths, 0), ahead.repeat_interleave(paths, 0), batch * paths
    # One array holds past and forecast, so that a step only moves a view along it.
    track = torch.cat([past, torch.zeros(batch, steps, features, dtype=dtype)], dim=1)
    track[:, lookback:, columns:] = ahead
    with evaluation(model):
        for step in range(steps):
            output = model(track[:, step : step + lookback])
            if step == 0:
                _check_output(output, batch, columns, features)
            track[:, lookback + step, :columns] = output[:, 0]
            if drawn is not None:
                track[:, lookback + step, :columns] -= torch.as_tensor(drawn[step], dtype=dtype)
    forecast: np.ndarray = track[:, lookback:, :columns].numpy()
    return forecast


def closed_loop_carried(model: Forecaster, window: ArrayLike, steps: int) -> np.ndarray:
    """Forecast many steps, carrying the hidden state instead of reading the window again.

    The window is read once; then each prediction is one step of the core. That is many times faster
    than `closed_loop`, but it is another function: the state remembers everything since the start,
    while in training it never saw more than L steps.

    Parameters
    ----------
    model : Forecaster
        One step ahead, head on the last state, all columns predicted: (B, L, F) -> (B, 1, F).
    window : array_like, shape (L, F) or (B, L, F)
        The last known steps.
    steps : int
        How far to forecast.

    Returns
    -------
    ndarray, shape (steps, K) or (B, steps, K), where K = F

    Raises
    ------
    TypeError, ValueError
        As `closed_loop`, and if the model's head does not read the last state.

    Examples
    --------
    >>> model = Forecaster(nn.GRU(1, 4, batch_first=True))
    >>> closed_loop_carried(model, np.zeros((50, 1)), 10).shape
    (10, 1)
    """
    if not isinstance(model, Forecaster):
        raise TypeError(f"model must be a Forecaster, got {type(model).__name__}")
    if model.readout != "last":
        raise ValueError(f"model must have readout='last' to carry its state, got {model.readout!r}")
    values = finite_floats("window", window, ndim=(2, 3))
    steps = whole_number("steps", steps)
    past, _ = _as_batch(model, values)
    forecast = []
    with evaluation(model):
        states, state = model.core(past)
        output = model.read(states, past)
        _check_output(output, len(past), past.shape[2], past.shape[2])
        for _ in range(steps - 1):
            forecast.append(output)
            states, state = model.core(output, state)
            output = model.read(states, output)
        forecast.append(output)
    result: np.ndarray = torch.cat(forecast, dim=1).numpy()
    return result if values.ndim == 3 else result[0]


def _as_batch(model: nn.Module, values: np.ndarray) -> tuple[torch.Tensor, torch.dtype]:
    parameter = next(model.parameters(), None)
    dtype = torch.from_numpy(np.empty(0, values.dtype)).dtype if parameter is None else parameter.dtype
    width: Any = getattr(getattr(model, "core", None), "input_size", values.shape[-1])
    if values.shape[-1] != width:
        raise ValueError(f"window must have the model's {width} feature(s), got shape {values.shape}")
    past = torch.tensor(values, dtype=dtype)
    return (past if past.ndim == 3 else past.unsqueeze(0)), dtype


def _check_output(output: torch.Tensor, batch: int, columns: int, features: int) -> None:
    if tuple(output.shape) != (batch, 1, columns):
        known = f" and {features - columns} are known" if columns < features else ""
        raise ValueError(
            f"model must predict one step of {columns} target(s), because the window has {features} column(s){known};"
            f" wanted an output of shape {(batch, 1, columns)}, got {tuple(output.shape)}"
        )
