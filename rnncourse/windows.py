"""Series to windows: the pairs of past and future that a forecaster learns from.

Opened up in chapter 1.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from rnncourse._checks import column_positions, finite_floats, is_frame, neighbours, whole_number
from rnncourse._dates import check_steps


class Windows:
    """Inputs and targets cut from one series, or from several, in the order of their rows.

    Unpacks into its first three attributes: ``inputs, targets, target_start = windows``.

    Attributes
    ----------
    inputs : ndarray, shape (N, L, F)
        The L past steps of each window: a read-only view of the series. With `groups`, whose windows
        do not lie at even distances, a read-only copy, made when it is first asked for.
    targets : ndarray, shape (N, h, K)
        The h steps that follow them, likewise.
    target_start : ndarray of int, shape (N,)
        The row of the series in which the first target of each window stands. Made when it is first asked for.
    group : ndarray, shape (N,), or None
        The label of the group that each window comes from, where there are groups.
    """

    def __init__(
        self, past: np.ndarray, future: np.ndarray, series: dict[int, range], longest: int, labels: np.ndarray | None
    ) -> None:
        self._past, self._future = past, future  # the windows that begin at each row
        self._series = series  # by the first row of each: the rows at which its windows begin
        self._longest, self._labels = longest, labels

    @cached_property
    def inputs(self) -> np.ndarray:
        """The L past steps of each window."""
        return self._cut(self._past)

    @cached_property
    def targets(self) -> np.ndarray:
        """The h steps that follow them."""
        return self._cut(self._future)

    @cached_property
    def target_start(self) -> np.ndarray:
        """The row of the first target of each window."""
        starts = [np.arange(rows.start, rows.stop, rows.step) for rows in self._series.values()]
        return np.asarray(np.concatenate(starts) + self._past.shape[1])

    @cached_property
    def group(self) -> np.ndarray | None:
        """The label of the group that each window comes from."""
        return None if self._labels is None else np.repeat(self._labels, [len(rows) for rows in self._series.values()])

    def __iter__(self) -> Iterator[np.ndarray]:
        yield from (self.inputs, self.targets, self.target_start)

    def __repr__(self) -> str:
        count, shapes = sum(len(rows) for rows in self._series.values()), (self._past.shape[1:], self._future.shape[1:])
        return f"<Windows: inputs {(count, *shapes[0])}, targets {(count, *shapes[1])}>"

    def between(self, start: int, stop: int) -> "Windows":
        """Keep the windows whose targets all lie in ``[start, stop)``.

        This is how a series is split in time: no target is in two parts. The
        *inputs* of the first windows may reach back before `start`; that is the
        known past, not a leak.

        Parameters
        ----------
        start, stop : int
            Positions in the series, or with groups in each group, counted from its first row;
            `stop` is not included.

        Returns
        -------
        Windows
            Of the same series.

        Raises
        ------
        TypeError
            If `start` or `stop` is not an integer.
        ValueError
            If ``stop <= start``, if the range reaches outside the series (the longest group), or if no
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
        start, stop = whole_number("start", start, minimum=0), whole_number("stop", stop, minimum=0)
        if stop <= start:
            raise ValueError(f"stop must be greater than start, got start={start}, stop={stop}")
        if stop > self._longest:
            what = "the end of the series" if self._labels is None else "the length of the longest group"
            raise ValueError(f"stop must be at most {self._longest}, {what}, got {stop}")
        lookback, horizon = self._past.shape[1], self._future.shape[1]
        low, high = start - lookback, stop - horizon - lookback  # the first and last row of a window that is kept
        kept = {a: rows[bisect_left(rows, a + low) : bisect_right(rows, a + high)] for a, rows in self._series.items()}
        if not any(kept.values()):
            places = [rows[i] - a for a, rows in self._series.items() if rows for i in (0, -1)]
            raise ValueError(
                f"no window has all its targets in [{start}, {stop}): these targets begin at"
                f" {min(places) + lookback}, end before {max(places) + lookback + horizon} and are {horizon} long"
            )
        return Windows(self._past, self._future, kept, self._longest, self._labels)

    def _cut(self, views: np.ndarray) -> np.ndarray:
        parts = [views[rows.start : rows.stop : rows.step] for rows in self._series.values()]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
        joined.flags.writeable = False
        return joined


def make_windows(
    series: ArrayLike,
    *,
    lookback: int,
    horizon: int = 1,
    stride: int = 1,
    targets: Hashable | Sequence[Hashable] = None,
    groups: ArrayLike | None = None,
) -> Windows:
    """Cut a series into windows of `lookback` inputs followed by `horizon` targets.

    Nothing is copied: the windows are views of the series, so ten million points
    with a lookback of 50 take no more memory than the ten million points. (What is not floating-point
    numbers in the machine's byte order, or is reversed, is copied once; so are targets that are not neighbours.)

    Parameters
    ----------
    series : array_like, DataFrame or Series, shape (T,) or (T, F)
        T steps in the order of time, of F features. No NaN, no infinity. An index of dates, periods or whole numbers
        must go on in even steps; dates in those of a calendar (hours, days, business days, months …).
    lookback : int
        L, the number of past steps in an input.
    horizon : int, default 1
        h, the number of steps to predict.
    stride : int, default 1
        Steps from the start of one window to the start of the next.
    targets : int or sequence of int, or of names of columns, optional
        The columns to predict, in this order. All columns by default. A whole number is always a position.
    groups : array_like, shape (T,), optional
        Several series, one below the other: a label for each row. The rows of a label stand together, and
        are a series of their own: no window crosses, and an index is checked within each. Those too
        short for a window give none. The windows are an index into views until `inputs` is asked for.

    Returns
    -------
    Windows
        N = (T - L - h) // stride + 1 windows; with groups, as many of each.

    Raises
    ------
    TypeError
        If a count is not an integer or the series does not hold real numbers.
    ValueError
        If the series has NaN, infinity or more than two dimensions, if a count is
        below 1, if a column does not exist, if one window is longer than the series (than every group), if the index
        has a gap, a repeat or a reversal (the first is named), or if there is not one label for each row
        or the rows of a label do not stand together.

    Examples
    --------
    >>> windows = make_windows(np.arange(6.0), lookback=3, horizon=2)
    >>> windows.inputs[..., 0]
    array([[0., 1., 2.],
           [1., 2., 3.]])
    >>> windows.targets[..., 0]
    array([[3., 4.],
           [4., 5.]])
    >>> two = make_windows([1, 2, 3, 10, 20, 30, 40], lookback=2, groups=list("aaabbbb"))
    >>> two.inputs[..., 0], two.group
    (array([[ 1.,  2.],
           [10., 20.],
           [20., 30.]]), array(['a', 'b', 'b'], dtype='<U1'))
    """
    values = finite_floats("series", series, ndim=(1, 2), empty=False)
    lookback, horizon = whole_number("lookback", lookback), whole_number("horizon", horizon)
    stride, steps, length = whole_number("stride", stride), len(values), lookback + horizon
    labels, edges = (None, [0, steps]) if groups is None else _blocks(groups, steps)
    if length > (longest := max(np.diff(edges))):
        raise ValueError(
            f"a window takes lookback + horizon = {lookback} + {horizon} = {length} steps,"
            f" but the {'series' if groups is None else 'longest group'} has only {longest}"
        )
    check_steps("series", series, edges)
    values = values.reshape(steps, -1)
    if any(step < 0 for step in values.strides):
        values = np.ascontiguousarray(values)  # PyTorch takes no reversed arrays
    columns = _target_columns(targets, series, values.shape[1])
    parts = ((values, lookback), (values[lookback:, columns], horizon))
    past, future = (sliding_window_view(part, size, axis=0).swapaxes(1, 2) for part, size in parts)
    rows = {begin: range(begin, max(begin, end - length + 1), stride) for begin, end in pairwise(edges)}
    return Windows(past, future, rows, int(longest), labels)


def _blocks(groups: ArrayLike, steps: int) -> tuple[np.ndarray, list[int]]:
    """Return the labels of the series, and the rows where these begin, with the last one's end."""
    labels = np.asarray(groups)
    if np.ma.isMaskedArray(groups):
        raise TypeError("groups must be a plain array, got a masked array")
    if labels.shape != (steps,):
        raise ValueError(f"groups must have a label for each of the {steps} rows, got shape {labels.shape}")
    given = groups if isinstance(groups, list | tuple) else labels if labels.dtype.kind in "OfM" else []
    missing = [label is None or type(label).__name__ == "NAType" or label != label for label in given]
    if any(missing):
        raise ValueError(f"groups must have a label for each row, got none in row {missing.index(True)}")
    # NumPy makes one text of 1 and "1".
    if isinstance(groups, list | tuple) and len(kinds := {type(label).__name__ for label in groups}) > 1:
        raise TypeError(f"groups must hold labels of one type, got {' and '.join(sorted(kinds))}")
    edges = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), steps]
    ends: dict[Hashable, int] = {}
    for label, (begin, end) in zip(labels[edges[:-1]].tolist(), pairwise(edges), strict=True):
        if ends.setdefault(label, end) != end:
            raise ValueError(
                f"groups must hold the rows of a label together, got {label!r} again in row {begin}, after its"
                f" block had ended before row {ends[label]}"
            )
    return labels[edges[:-1]], edges


def _target_columns(targets: Any, series: Any, features: int) -> slice | list[int]:
    if targets is None:
        return slice(None)
    asked = [targets] if isinstance(targets, str) or not isinstance(targets, Iterable) else list(targets)
    names = list(series.columns) if is_frame(series) else [getattr(series, "name", None)]
    found = [_position(target, names) for target in asked]
    return neighbours(column_positions("targets", found, features, of="the series"))


def _position(target: Any, names: list[Any]) -> Any:
    """Return the position of a column that is named; numbers are left as they are."""
    places = [i for i, name in enumerate(names) if name is not None and name == target]
    if isinstance(target, Real) and places not in ([], [target]):
        raise ValueError(f"targets must be positions or names, but {target} is the name of column {places[0]} as well")
    if isinstance(target, Real):
        return target
    if len(places) != 1:
        raise ValueError(f"targets must name one column each, got {target!r}, but the columns are named {names}")
    return places[0]
