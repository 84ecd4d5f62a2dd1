"""The forecasts that cost nothing, which every network has to beat.

Opened up in chapter 1 (seasonal naive) and chapter 3 (persistence, skill).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rnncourse._checks import column_positions, finite_floats, finite_number, neighbours, whole_number


def persistence(inputs: ArrayLike, *, horizon: int = 1, targets: int | Sequence[int] | None = None) -> np.ndarray:
    """Predict that the last value stays: ``y[t + k] = y[t]``.

    Parameters
    ----------
    inputs : array_like, shape (N, L, F)
        Windows of the past.
    horizon : int, default 1
        h, steps to predict.
    targets : int or sequence of int, optional
        Positions of the K features that are predicted. All by default.

    Returns
    -------
    ndarray, shape (N, h, K)
        In the unit of the inputs.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range.

    Examples
    --------
    >>> persistence(np.array([[[1.0], [4.0], [2.0]]]), horizon=2)[..., 0]
    array([[2., 2.]])
    """
    past, horizon = _checked(inputs, horizon, targets)
    return np.repeat(past[:, -1:], horizon, axis=1)


def seasonal_naive(
    inputs: ArrayLike, *, period: int, horizon: int = 1, targets: int | Sequence[int] | None = None
) -> np.ndarray:
    """Predict what was seen one period earlier: ``y[t + k] = y[t + k - period]``.

    Beyond one period the forecast repeats itself.

    Parameters
    ----------
    inputs : array_like, shape (N, L, F)
        Windows of the past, at least one period long.
    period : int
        The length of the season, in steps.
    horizon : int, default 1
        h, steps to predict.
    targets : int or sequence of int, optional
        Positions of the K features that are predicted. All by default.

    Returns
    -------
    ndarray, shape (N, h, K)
        In the unit of the inputs.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range, or if the period is longer than the
        windows.

    References
    ----------
    Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 3rd ed., section 5.2.

    Examples
    --------
    >>> seasonal_naive(np.array([[[1.0], [4.0], [2.0]]]), period=2, horizon=3)[..., 0]
    array([[4., 2., 4.]])
    """
    past, horizon = _checked(inputs, horizon, targets)
    period = whole_number("period", period)
    if period > past.shape[1]:
        raise ValueError(f"period must fit into the windows, got period {period} and lookback {past.shape[1]}")
    return past[:, past.shape[1] - period + np.arange(horizon) % period]


def drift(inputs: ArrayLike, *, horizon: int = 1, targets: int | Sequence[int] | None = None) -> np.ndarray:
    """Go on along the line through the first and the last value of the window.

    Parameters
    ----------
    inputs : array_like, shape (N, L, F)
        Windows of the past, at least two steps long.
    horizon : int, default 1
        h, steps to predict.
    targets : int or sequence of int, optional
        Positions of the K features that are predicted. All by default.

    Returns
    -------
    ndarray, shape (N, h, K)
        In the unit of the inputs.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range, or if the windows have a single step.

    References
    ----------
    Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 3rd ed., section 5.2.

    Examples
    --------
    >>> drift(np.array([[[1.0], [4.0], [2.0]]]), horizon=3)[..., 0]
    array([[2.5, 3. , 3.5]])
    """
    past, horizon = _checked(inputs, horizon, targets)
    first, last, lookback = past[:, :1], past[:, -1:], past.shape[1]
    if lookback < 2:
        raise ValueError(f"inputs must have at least two steps to draw a line through, got shape {past.shape}")
    return np.asarray(last + np.arange(1, horizon + 1)[:, np.newaxis] * (last - first) / (lookback - 1))


def skill(error: float, baseline_error: float) -> float:
    """Return ``1 - error / baseline_error``: 1 is perfect, 0 is no better than the baseline.

    Parameters
    ----------
    error, baseline_error : float
        The same error measure (RMSE, MAE, MSE …) of a forecast and of its baseline, on the same
        targets.

    Returns
    -------
    float
        At most 1; negative where the baseline is better.

    Raises
    ------
    TypeError, ValueError
        If an error is negative or not a finite number, or the baseline's is 0.

    Examples
    --------
    >>> skill(0.06, 0.08)
    0.25
    """
    finite_number("error", error, "at least 0", lambda x: x >= 0)
    finite_number("baseline_error", baseline_error, "greater than 0, as nothing beats a perfect one", lambda x: x > 0)
    return float(1 - error / baseline_error)


def _checked(inputs: ArrayLike, horizon: int, targets: int | Sequence[int] | None) -> tuple[np.ndarray, int]:
    windows = finite_floats("inputs", inputs, ndim=(3,), empty=False)
    if targets is not None:
        windows = windows[:, :, neighbours(column_positions("targets", targets, windows.shape[2], of="the window"))]
    return windows, whole_number("horizon", horizon)
