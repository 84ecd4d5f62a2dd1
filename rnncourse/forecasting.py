"""Closed loops: a network that runs on its own output. Opened up in chapter 1."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from rnncourse._batches import as_array, evaluation, place_of
from rnncourse._checks import column_positions, finite_floats, neighbours, whole_number
from rnncourse._dates import check_steps
from rnncourse.models import Forecaster

Model = nn.Module | Callable[[np.ndarray], ArrayLike]


def last_window(series: ArrayLike, *, lookback: int) -> tuple[np.ndarray, Any]:
    """Return the end of a series: what a forecast into the future starts from.

    Parameters
    ----------
    series : array_like, DataFrame or Series, shape (T,) or (T, F)
        As for `make_windows`, with the same checks of numbers and dates.
    lookback : int
        L, the number of steps that the model reads.

    Returns
    -------
    window : ndarray, shape (L, F)
        A copy of the last L rows. The last one is the last known step: the first forecast is for the step after it.
    index : Index or ndarray, shape (L,)
        The dates of these rows, or whatever else the index of the series holds; of an array the numbers of the rows.

    Raises
    ------
    TypeError, ValueError
        As `make_windows`, and if the series is shorter than the window.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.period_range("2024-01", periods=4, freq="M")
    >>> window, index = last_window(pd.Series([3.0, 5.0, 4.0, 6.0], index=months), lookback=2)
    >>> window[:, 0], index[-1] + 1  # the month of the first forecast
    (array([4., 6.]), Period('2024-05', 'M'))
    """
    values = finite_floats("series", series, ndim=(1, 2))
    steps, lookback = len(values), whole_number("lookback", lookback)
    if lookback > steps:
        raise ValueError(f"lookback must be at most the {steps} steps of the series, got {lookback}")
    check_steps("series", series)
    table: Any = series
    index = table.index[-lookback:] if hasattr(table, "iloc") else np.arange(steps - lookback, steps)
    return values[-lookback:].reshape(lookback, -1).copy(), index


def closed_loop(
    model: Model,
    window: ArrayLike,
    steps: int,
    *,
    known: ArrayLike | None = None,
    targets: int | Sequence[int] | None = None,
) -> np.ndarray:
    """Forecast many steps, one at a time, each prediction becoming an input of the next.

    The window slides: its oldest step is dropped and the newest prediction is appended, so the
    model always reads L steps.

    Parameters
    ----------
    model : nn.Module or callable
        One step ahead: (B, L, F) -> (B, 1, K). A module gets tensors on its device and in its type of number,
        any other function gets and returns arrays.
    window : array_like, shape (L, F) or (B, L, F)
        The last known steps; a batch of windows is forecast at once. Of the F columns K are predicted
        and D are known in advance: F = K + D.
    steps : int
        How far to forecast.
    known : array_like, shape (steps, D) or (B, steps, D), optional
        The columns known in advance, in the order of the window, at the times of the forecast. Needed where D > 0.
    targets : int or sequence of int, optional
        Positions in the window of the K columns that the model predicts, in its order: into these the forecast is
        fed back. By default those that a `Forecaster` names (`columns`), or all where nothing is known in advance.

    Returns
    -------
    ndarray, shape (steps, K) or (B, steps, K)

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, if the model predicts more than one step or another number of
        columns than can be fed back, if it cannot be told which columns these are, or if a number is not finite.

    Examples
    --------
    >>> def rise(inputs):
    ...     return inputs[:, -1:] + 1
    >>> closed_loop(rise, [[1.0], [2.0]], 3)
    array([[3.],
           [4.],
           [5.]])
    >>> def add_the_other(inputs):
    ...     return inputs[:, -1:, [1]] + inputs[:, -1:, [0]]
    >>> closed_loop(add_the_other, [[10.0, 1.0]], 3, known=[[20], [30], [40]], targets=1)
    array([[11.],
           [31.],
           [61.]])
    """
    return _loop(model, window, steps, known, targets)[..., 0, :, :]


def sampled_paths(
    model: Model,
    window: ArrayLike,
    steps: int,
    errors: ArrayLike,
    *,
    paths: int = 100,
    seed: int | np.random.Generator = 0,
    known: ArrayLike | None = None,
    targets: int | Sequence[int] | None = None,
) -> np.ndarray:
    """Forecast many possible futures: closed loops in which each step errs as one step ahead has erred before.

    At each step of each path one of the errors is drawn, with replacement, and taken off the prediction before that
    is fed back: since error = prediction - truth, this is a truth that might have been. All paths run as
    one batch. Quantiles over the paths make a fan. They hold what one step may miss, drawn afresh each time; they do
    not hold that errors of neighbouring steps are alike, nor that the model itself may be wrong.

    Parameters
    ----------
    model : nn.Module or callable
        One step ahead: (B, L, F) -> (B, 1, K), as for `closed_loop`.
    window : array_like, shape (L, F) or (B, L, F)
        The last known steps.
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
    targets : int or sequence of int, optional
        As for `closed_loop`.

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
    >>> def rise(inputs):
    ...     return inputs[:, -1:] + 1
    >>> sampled_paths(rise, [[0.0]], 3, [-0.5, 0.5], paths=2, seed=3)[..., 0]
    array([[0.5, 2. , 3.5],
           [1.5, 3. , 3.5]])
    """
    misses = finite_floats("errors", errors, ndim=(1, 2), empty=False)
    misses = misses.reshape(len(misses), -1)
    return _loop(model, window, steps, known, targets, whole_number("paths", paths), misses, seed)


def _loop(
    model: Any, window: Any, steps: int, known: Any, targets: Any, paths: int = 1, errors: Any = None, seed: Any = 0
) -> np.ndarray:
    """Run closed loops, (…, paths, steps, K); one of the errors, (N, K), is drawn and taken off each prediction."""
    model = model if isinstance(model, nn.Module) else _OnArrays(model)
    (values, past), steps = _start(model, window), whole_number("steps", steps)
    *batch, lookback, features = values.shape
    ahead = np.empty((*batch, steps, 0)) if known is None else finite_floats("known", known, ndim=(values.ndim,))
    if ahead.shape[:-1] != (*batch, steps):
        raise ValueError(f"known must have shape {(*batch, steps, 'D')}, got {ahead.shape}")
    fed, others = _columns(model, features, ahead.shape[-1], targets)
    # One array for past and forecast, (B·paths, L + steps, F): a step then only moves a view along it.
    track = torch.cat([past, past.new_zeros(len(past), steps, features)], dim=1)
    if others:
        track[:, lookback:, neighbours(others)] = torch.from_numpy(ahead.copy()).to(past)
    track, columns = track.repeat_interleave(paths, 0), neighbours(fed)
    if errors is not None and errors.shape[1] != len(fed):
        raise ValueError(f"errors must have a column for each of the {len(fed)} targets, got {errors.shape[1]}")
    drawn = np.zeros(steps) if errors is None else np.random.default_rng(seed).choice(errors, (steps, len(track), 1))
    misses = torch.from_numpy(drawn).to(past)
    with evaluation(model):
        for step in range(steps):
            last = step + lookback
            output = model(track[:, step:last])
            _check_output(output, len(track), len(fed), features)
            track[:, last : last + 1, columns] = output - misses[step]
    return as_array(track[:, lookback:, columns]).reshape(*batch, paths, steps, len(fed))


class _OnArrays(nn.Module):
    """A function of arrays as a module, which has no place, no mode and no columns."""

    def __init__(self, function: Callable[[np.ndarray], ArrayLike]) -> None:
        super().__init__()
        if not callable(function):
            raise TypeError(f"model must be a module or a function of windows, got {type(function).__name__}")
        self.function = function

    def forward(self, past: Tensor) -> Tensor:
        """Return what the function makes of an array that it cannot change."""
        inputs = past.numpy()
        inputs.flags.writeable = False
        return torch.from_numpy(np.array(self.function(inputs), dtype=inputs.dtype))


def _columns(model: Any, features: int, known: int, targets: Any) -> tuple[list[int], list[int]]:
    """Return the positions of the columns that are fed back and of those that are known in advance."""
    own = model.columns if isinstance(model, Forecaster) else None
    if targets is not None:
        fed = column_positions("targets", targets, features, of="the window")
        if own is not None and tuple(fed) != own:
            raise ValueError(f"targets must be those that the model predicts, {list(own)}, got {fed}")
    elif known and own is None:
        raise ValueError(
            f"targets must name the columns that are fed back, because the window has {features} column(s) and {known}"
            " are known, and the model does not say which it predicts; got None"
        )
    else:
        fed = list(range(features) if own is None else own)
    others = [column for column in range(features) if column not in fed]
    if len(others) != known:
        raise ValueError(f"known must hold the {len(others)} column(s) that are not fed back, {others}, got {known}")
    return fed, others


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
        As `closed_loop`, and if the model's head does not read the last state, if its core also reads backwards,
        or if it has a `forward` of its own, which would be passed over.

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
    if type(model).forward is not Forecaster.forward:
        raise ValueError(f"model must have the forward of Forecaster to be carried on, but {type(model)} has its own")
    if getattr(model.core, "bidirectional", False):
        raise ValueError("model must read in one direction to carry its state, got a bidirectional core")
    (values, past), steps = _start(model, window), whole_number("steps", steps)
    fed, _ = _columns(model, past.shape[2], 0, None)
    order = None if fed == sorted(fed) else np.argsort(fed).tolist()  # from the model's columns to the window's
    forecast: list[Tensor] = []
    inputs, state = past, None
    with evaluation(model):
        for _ in range(steps):
            states, state = model.core(inputs, state)
            output = model.read(states, inputs)
            if not forecast:
                _check_output(output, len(past), len(fed), len(fed))
            forecast.append(output)
            inputs = output if order is None else output[..., order]
    return as_array(torch.cat(forecast, dim=1)).reshape(*values.shape[:-2], steps, len(fed))


def _start(model: Any, window: ArrayLike) -> tuple[np.ndarray, Tensor]:
    """Return windows as they came, and as (B, L, F) where the model is, in its type of number."""
    values = finite_floats("window", window, ndim=(2, 3))
    width = getattr(getattr(model, "core", None), "input_size", values.shape[-1])
    if values.shape[-1] != width:
        raise ValueError(f"window must have the model's {width} feature(s), got shape {values.shape}")
    return values, torch.from_numpy(values.copy()).to(*place_of(model)).reshape(-1, *values.shape[-2:])


def _check_output(output: Any, batch: int, columns: int, features: int) -> None:
    wanted = (batch, 1, columns)
    if not isinstance(output, Tensor):
        raise TypeError(f"model must return one tensor of shape {wanted}, got {type(output).__name__}")
    if output.shape != wanted:
        raise ValueError(
            f"model must predict one step of {columns} target(s), because of the window's {features} column(s)"
            f" {features - columns} are known; wanted an output of shape {wanted}, got {tuple(output.shape)}"
        )
