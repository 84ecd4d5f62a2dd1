"""Series to windows: the pairs of past and future that a forecaster learns from.

Opened up in chapter 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from rnncourse._checks import finite_floats, whole_number


class Windows(NamedTuple):
    """Inputs and targets cut from one series, in the order of time.

    Attributes
    ----------
    inputs : ndarray, shape (N, L, F)
        The L past steps of each window: a read-only view of the series.
    targets : ndarray, shape (N, h, K)
        The h steps that follow them, likewise a view.
    target_start : ndarray of int, shape (N,)
        Index in the series of the first target of each window.
    """

    inputs: np.ndarray
    targets: np.ndarray
    target_start: np.ndarray

    def between(self, start: int, stop: int) -> "Windows":
        """Keep the windows whose targets all lie in ``[start, stop)``.

        This is how a series is split in time: no target is in two parts. The
        *inputs* of the first windows may reach back before `start`; that is the
        known past, not a leak.

        Parameters
        ----------
        start, stop : int
            Indices in the series; `stop` is not included.

        Returns
        -------
        Windows
            Views of the same series.

        Raises
        ------
        TypeError
            If `start` or `stop` is not an integer.
        ValueError
            If ``stop <= start``, if the range reaches outside the series, or if no
            window has all its targets in it.

        Examples
        --------
        >>> windows = make_windows(np.arange(10.0), lookback=3)
        >>> windows.target_start
        array([3, 4, 5, 6, 7, 8, 9])
        >>> windows.between(0, 7).target_start
        array([3, 4, 5, 6])
        >>> windows.between(7, 10).target_start
        array([7, 8, 9])
        """
        start = whole_number("start", start, minimum=0)
        stop = whole_number("stop", stop, minimum=0)
        if stop <= start:
            raise ValueError(f"stop must be greater than start, got start={start}, stop={stop}")
        first, horizon = int(self.target_start[0]), self.targets.shape[1]
        end = int(self.target_start[-1]) + horizon
        # The series may be up to stride - 1 steps longer than the last target.
        slack = int(self.target_start[1] - first) - 1 if len(self.target_start) > 1 else 0
        if stop > end + slack:
            raise ValueError(f"stop must be at most {end + slack}, the end of the series, got {stop}")
        low = int(np.searchsorted(self.target_start, start))
        high = int(np.searchsorted(self.target_start, stop - horizon, side="right"))
        if low >= high:
            raise ValueError(
                f"no window has all its targets in [{start}, {stop}): these targets begin at"
                f" {first}, end before {end} and are {horizon} long"
            )
        return Windows(*(part[low:high] for part in self))


def make_windows(
    series: ArrayLike,
    *,
    lookback: int,
    horizon: int = 1,
    stride: int = 1,
    targets: int | Sequence[int] | None = None,
) -> Windows:
    """Cut a series into windows of `lookback` inputs followed by `horizon` targets.

    Nothing is copied: the windows are views of the series, so ten million points
    with a lookback of 50 take no more memory than the ten million points.

    Parameters
    ----------
    series : array_like, shape (T,) or (T, F)
        T steps in the order of time, of F features. No NaN, no infinity.
    lookback : int
        L, the number of past steps in an input.
    horizon : int, default 1
        h, the number of steps to predict.
    stride : int, default 1
        Steps from the start of one window to the start of the next.
    targets : int or sequence of int, optional
        The columns to predict. All columns by default.

    Returns
    -------
    Windows
        N = (T - L - h) // stride + 1 windows.

    Raises
    ------
    TypeError
        If a count is not an integer or the series does not hold real numbers.
    ValueError
        If the series has NaN, infinity or more than two dimensions, if a count is
        below 1, if a column does not exist, or if one window is longer than the series.

    Examples
    --------
    >>> windows = make_windows(np.arange(6.0), lookback=3, horizon=2)
    >>> windows.inputs[..., 0]
    array([[0., 1., 2.],
           [1., 2., 3.]])
    >>> windows.targets[..., 0]
    array([[3., 4.],
           [4., 5.]])
    """
    series = finite_floats("series", series, ndim=(1, 2))
    lookback = whole_number("lookback", lookback)
    horizon = whole_number("horizon", horizon)
    stride = whole_number("stride", stride)
    steps = series.shape[0]
    if lookback + horizon > steps:
        raise ValueError(
            f"a window takes lookback + horizon = {lookback} + {horizon} = {lookback + horizon} steps,"
            f" but the series has only {steps}"
        )
    if series.ndim == 1:
        series = series[:, np.newaxis]
    count = (steps - lookback - horizon) // stride + 1
    columns = _target_columns(targets, series.shape[1])

    def view(values: np.ndarray, length: int) -> np.ndarray:
        return np.moveaxis(sliding_window_view(values, length, axis=0), -1, 1)[::stride][:count]

    target_start = np.arange(lookback, lookback + stride * count, stride)
    return Windows(view(series, lookback), view(series[lookback:, columns], horizon), target_start)


def _target_columns(targets: int | Sequence[int] | None, features: int) -> slice | list[int]:
    if targets is None:
        return slice(None)
    columns: list[int] = [targets] if np.ndim(targets) == 0 else list(targets)  # type: ignore[arg-type,list-item]
    if not columns:
        raise ValueError("targets must name at least one column, got none")
    for column in columns:
        if whole_number("targets", column, minimum=0) >= features:
            raise ValueError(f"targets names column {column}, but the series has {features} column(s)")
    if len(set(columns)) < len(columns):
        raise ValueError(f"targets names a column twice: {columns}")
    first, last = columns[0], columns[-1]
    return slice(first, last + 1) if columns == list(range(first, last + 1)) else columns
