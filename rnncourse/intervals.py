"""Intervals around a forecast: how wide, how often right, and at what price. Opened up in chapters 3 and 5."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from rnncourse._checks import finite_floats, finite_number


def conformal_margin(lower: ArrayLike, upper: ArrayLike, targets: ArrayLike, *, level: float = 0.9) -> np.ndarray:
    """Return by how much an interval must be widened at both ends to hold a share `level` of new targets.

    Split conformal prediction. On N windows that no weight was fitted on, a target y misses its interval by
    ``max(lower - y, y - upper)``; the margin is the ⌈(N + 1) · level⌉-th smallest of these. For a forecast
    without an interval give the forecast as both `lower` and `upper`: its misses are absolute errors. For errors
    that grow with something known, divide all three by it, and multiply the margin again.

    Parameters
    ----------
    lower, upper, targets : array_like, shape (N, …)
        The calibration windows first; each column, such as a step ahead, gets a margin of its own.
    level : float, default 0.9
        The coverage wanted, between 0 and 1.

    Returns
    -------
    ndarray, shape (…)
        In the unit of the targets. Negative where the interval is wider than it need be. It is taken off `lower` and
        added to `upper`. A negative one turns an interval narrower than twice its size over, so that `lower` exceeds
        `upper`: then it is empty, and so it counts in `coverage` and `interval_score`.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a number is not finite, `level` is not between 0 and 1, or there are too few windows for
        it: 0.9 takes 9.

    Notes
    -----
    If the calibration windows and a new one are exchangeable (any order is as likely as any other), the new target
    is covered with a probability of at least `level`, and at most ``level + 1 / (N + 1)`` where no two misses tie.
    That holds with empty intervals too, those given and those made: quantiles that cross need no sorting.
    Windows of a series that changes are not exchangeable: there, measure the coverage.

    References
    ----------
    Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005); Lei, G'Sell, Rinaldo, Tibshirani and
    Wasserman, *Distribution-free predictive inference for regression* (2018); for intervals from quantiles Romano,
    Patterson and Candès, *Conformalized quantile regression* (2019).

    Examples
    --------
    >>> forecast, truth = np.zeros(9), np.arange(9.0)
    >>> print(conformal_margin(forecast, forecast, truth))  # the 9th of 9: ⌈10 · 0.9⌉
    8.0
    >>> print(conformal_margin(forecast, forecast + 2, truth, level=0.5))  # widen [0, 2] to [-2, 4]: half are inside
    2.0
    """
    low, high, known = _checked(lower, upper, targets, level)
    # Rounded, because 20 · 0.55 is a little more than 11 in floats; at least the first, however small the level.
    rank = max(1, math.ceil(round((len(known) + 1) * level, 9)))
    if rank > len(known):
        least = math.ceil(round(level / (1 - level), 9))
        raise ValueError(f"targets must hold at least {least} windows for level {level}, got {len(known)}")
    misses = np.maximum(low - known, known - high)
    margin: np.ndarray = np.partition(misses, rank - 1, axis=0)[rank - 1]
    return margin


def coverage(lower: ArrayLike, upper: ArrayLike, targets: ArrayLike) -> np.ndarray:
    """Return the share of targets that lie in their intervals, ends included.

    Parameters
    ----------
    lower, upper, targets : array_like, shape (N, …)
        An interval whose `lower` exceeds its `upper` is empty: it holds nothing.

    Returns
    -------
    ndarray, shape (…)
        Between 0 and 1, for each column.

    Raises
    ------
    TypeError, ValueError
        As `conformal_margin`.

    Examples
    --------
    >>> print(coverage([[0, 0], [0, 0]], [[1, 1], [1, 1]], [[0.5, 1.0], [0.5, 1.5]]))
    [1.  0.5]
    """
    low, high, known = _checked(lower, upper, targets)
    share: np.ndarray = np.mean((low <= known) & (known <= high), axis=0)
    return share


def interval_score(lower: ArrayLike, upper: ArrayLike, targets: ArrayLike, *, level: float = 0.9) -> np.ndarray:
    """Return the mean width of the intervals plus ``2 / (1 - level)`` times the mean distance of what lies outside.

    Smaller is better. No one can lower it by giving other ends than the quantiles at (1 ∓ level) / 2, so it
    weighs width against coverage as they deserve. It is 2 / (1 - level) times the pinball losses of the two ends
    together, also where they have crossed: then the width is negative, and a target between them misses both.

    Parameters
    ----------
    lower, upper, targets : array_like, shape (N, …)
    level : float, default 0.9
        The coverage that the intervals were made for.

    Returns
    -------
    ndarray, shape (…)
        In the unit of the targets, for each column.

    Raises
    ------
    TypeError, ValueError
        As `conformal_margin`.

    References
    ----------
    Gneiting and Raftery, *Strictly proper scoring rules, prediction, and estimation* (2007), section 6.2.

    Examples
    --------
    >>> print(interval_score([0, 0], [1, 1], [0.5, 1.5], level=0.5))  # width 1, and 4 · (0 + 0.5) / 2
    2.0
    >>> print(interval_score([1], [0], [0.5], level=0.5))  # crossed: width -1, and 4 · (0.5 + 0.5)
    3.0
    """
    low, high, known = _checked(lower, upper, targets, level)
    outside = np.maximum(low - known, 0) + np.maximum(known - high, 0)
    score: np.ndarray = np.mean(high - low + 2 / (1 - level) * outside, axis=0)
    return score


def pinball_loss(outputs: Tensor, targets: Tensor, *, levels: Sequence[float]) -> Tensor:
    """Return the mean pinball loss: the loss whose best constant is a quantile. For `fit`, with ``partial``.

    At the level q a truth y above the output u costs ``q (y - u)``, one below it ``(1 - q) (u - y)``.

    Parameters
    ----------
    outputs : Tensor, shape (…, Q)
        A forecast of each quantile, such as those of a `Forecaster` with ``targets=Q``.
    targets : Tensor, shape (…, Q)
        The truth, repeated for each of the Q levels. Nothing is broadcast.
    levels : sequence of float
        The Q levels, each between 0 and 1, such as (0.05, 0.5, 0.95).

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    TypeError
        If the outputs are not floating-point numbers or a level is not a number.
    ValueError
        If the shapes differ, the last axis has not Q entries, or a level is not between 0 and 1.

    References
    ----------
    Koenker and Bassett, *Regression quantiles* (1978).

    Examples
    --------
    >>> truth = torch.tensor([[1.0, 1.0]])
    >>> pinball_loss(torch.zeros(1, 2), truth, levels=(0.05, 0.95))  # the mean of 0.05 and 0.95
    tensor(0.5000)
    """
    if outputs.shape != targets.shape or outputs.ndim == 0 or outputs.shape[-1] != len(levels):
        raise ValueError(
            f"outputs and targets must have the same shape, with the {len(levels)} levels as last axis,"
            f" got {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    if not outputs.is_floating_point():
        raise TypeError(f"outputs must be floating-point numbers, got {outputs.dtype}")
    at = torch.tensor([_checked_level("levels", level) for level in levels], dtype=outputs.dtype, device=outputs.device)
    above = targets - outputs
    return torch.maximum(at * above, (at - 1) * above).mean()


def _checked_level(name: str, level: float) -> float:
    return finite_number(name, level, "greater than 0 and less than 1", lambda x: 0 < x < 1)


def _checked(
    lower: ArrayLike, upper: ArrayLike, targets: ArrayLike, level: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _checked_level("level", level)
    given = {"lower": lower, "upper": upper, "targets": targets}
    low, high, known = (finite_floats(*pair, ndim=(1, 2, 3)).astype(np.float64, copy=False) for pair in given.items())
    shapes = [low.shape, high.shape, known.shape]
    if len({*shapes}) > 1 or not len(known):
        raise ValueError(f"lower, upper and targets must have one shape, with at least one window, got {shapes}")
    return low, high, known
