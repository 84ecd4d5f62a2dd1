"""Diebold and Mariano's test, against a paired t-test, a second way to write it, and its promise under chance."""

import numpy as np
import pytest
from scipy import stats

from rnncourse import scores


def made_up(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=n), 1.1 * random.normal(size=n)


def test_one_step_ahead_it_is_the_paired_t_test() -> None:
    """For h = 1 the correction turns the variance over N into that over N − 1."""
    a, b = made_up(40)
    expected = stats.ttest_rel(a**2, b**2)
    assert scores.diebold_mariano(a, b) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)


@pytest.mark.parametrize("horizon", [2, 3, 7])
def test_further_ahead_as_the_articles_have_it(horizon: int) -> None:
    a, b = made_up(60)
    d, n, h = a**2 - b**2, 60, horizon
    gamma = [sum((d[t] - d.mean()) * (d[t - k] - d.mean()) for t in range(k, n)) / n for k in range(h)]
    classic = d.mean() / ((gamma[0] + 2 * sum(gamma[1:])) / n) ** 0.5
    expected = ((n + 1 - 2 * h + h * (h - 1) / n) / n) ** 0.5 * classic
    statistic, p = scores.diebold_mariano(a, b, horizon=h)
    assert statistic == pytest.approx(expected, rel=1e-12)
    assert p == pytest.approx(2 * stats.t.cdf(-abs(expected), 59), rel=1e-12)


def test_sign_says_who_is_better_and_exchanging_turns_it() -> None:
    a, b = made_up(200)
    statistic, p = scores.diebold_mariano(a, 2 * b)
    assert statistic < -2
    assert scores.diebold_mariano(2 * b, a) == (-statistic, p)
    assert scores.diebold_mariano(-a, 2 * b) == (statistic, p)  # squared errors know no sign


@pytest.mark.parametrize("horizon", [1, 3])
def test_equal_forecasts_are_told_apart_one_time_in_twenty(horizon: int) -> None:
    """Errors that are means of h shocks, as those of h steps ahead: 5 % of 1,000 tests, give or take."""
    random, low = np.random.default_rng(1), 0
    for _ in range(1000):
        a, b = (np.convolve(random.normal(size=200 + horizon - 1), np.ones(horizon), "valid") for _ in range(2))
        low += scores.diebold_mariano(a, b, horizon=horizon)[1] < 0.05
    assert 30 <= low <= 75


def test_other_dtypes_and_lists_give_floats() -> None:
    found = scores.diebold_mariano([1, -2, 1, 0], np.array([2, 2, -1, 1], np.float32))
    assert [type(number) for number in found] == [float, float]


@pytest.mark.parametrize(
    ("a", "b", "horizon", "error", "message"),
    [
        ([1.0, 2.0], [1.0], 1, ValueError, "one length, above horizon = 1, got 2 and 1"),
        ([1.0, 2.0], [2.0, 1.0], 2, ValueError, "above horizon = 2, got 2 and 2"),
        ([], [], 1, ValueError, "above horizon = 1, got 0 and 0"),
        ([1.0, 2.0], [1.0, 2.0], 1, ValueError, "variance of their mean difference must be positive"),
        ([1.0, np.nan], [1.0, 2.0], 1, ValueError, "errors_a"),
        ([1.0, 2.0], [[1.0, 2.0]], 1, ValueError, "errors_b"),
        ([1.0, 2.0], [2.0, 1.0], 0, ValueError, "horizon must be at least 1, got 0"),
        ([1.0, 2.0], [2.0, 1.0], 1.0, TypeError, "horizon must be an integer"),
        (["a", "b"], [2.0, 1.0], 1, TypeError, "errors_a"),
    ],
)
def test_bad_input_is_named(a: object, b: object, horizon: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        scores.diebold_mariano(a, b, horizon=horizon)  # type: ignore[arg-type]
