"""Scores that compare forecasts. Opened up in chapter 3."""

import numpy as np
from numpy.typing import ArrayLike

from rnncourse._checks import finite_floats, whole_number


def diebold_mariano(errors_a: ArrayLike, errors_b: ArrayLike, *, horizon: int = 1) -> tuple[float, float]:
    """Test whether two forecasts of the same targets have the same mean squared error.

    The difference of the squared errors, target by target, has a mean; the statistic is that mean over its standard
    error. For a horizon h the errors of neighbours share h − 1 steps: their h − 1 autocovariances count.

    Parameters
    ----------
    errors_a, errors_b : array_like, shape (N,)
        Errors (prediction − truth) of both forecasts, in the order of time.
    horizon : int, default 1
        h, how many steps ahead the forecasts are; below N.

    Returns
    -------
    statistic : float
        Negative where forecast a is better.
    p : float
        Two-sided, from Student's distribution with N − 1 degrees of freedom.

    Raises
    ------
    TypeError, ValueError
        If errors are not finite numbers or differ in length, the horizon does not fit, or the variance of the mean
        difference is not positive: then nothing can be tested, as where all differences are equal.

    Notes
    -----
    With the correction of Harvey, Leybourne and Newbold. For h = 1 the differences are taken to be uncorrelated; where
    they are not, a bootstrap by blocks is safer.

    References
    ----------
    Diebold and Mariano, *Comparing predictive accuracy* (1995); Harvey, Leybourne and Newbold, *Testing the equality
    of prediction mean squared errors* (1997).

    Examples
    --------
    >>> statistic, p = diebold_mariano([1.0, -2.0, 1.0, 0.0], [2.0, 2.0, -1.0, 1.0])
    >>> print(round(statistic, 3), round(p, 3))
    -1.414 0.252
    """
    from scipy import stats

    a = finite_floats("errors_a", errors_a, ndim=(1,)).astype(np.float64)
    b = finite_floats("errors_b", errors_b, ndim=(1,)).astype(np.float64)
    n, h = len(a), whole_number("horizon", horizon)
    if len(b) != n or n <= h:
        raise ValueError(f"errors_a and errors_b must be of one length, above horizon = {h}, got {n} and {len(b)}")
    apart = a**2 - b**2
    off = apart - apart.mean()
    covariances = [off[lag:] @ off[: n - lag] / n for lag in range(h)]
    if (variance := (2 * sum(covariances) - covariances[0]) / n) <= 0:
        raise ValueError(f"errors_a and errors_b: the variance of their mean difference must be positive: {variance}")
    statistic = apart.mean() * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n / variance)
    return float(statistic), float(2 * stats.t.sf(abs(statistic), n - 1))
