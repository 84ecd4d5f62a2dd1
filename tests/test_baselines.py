"""Baselines against indices written by hand."""

import numpy as np
import pytest

from rnncourse.baselines import persistence, seasonal_naive, skill
from rnncourse.windows import make_windows

SERIES = np.arange(40.0).reshape(20, 2)


def test_persistence_repeats_the_last_value_of_its_column():
    windows = make_windows(SERIES, lookback=4, horizon=3)
    forecast = persistence(windows.inputs, horizon=3, column=1)
    assert forecast.shape == windows.targets[:, :, 1].shape
    np.testing.assert_array_equal(forecast[0], [7.0, 7.0, 7.0])
    np.testing.assert_array_equal(forecast[-1], [33.0, 33.0, 33.0])


@pytest.mark.parametrize(
    ("period", "expected"), [(1, [6, 6, 6, 6, 6]), (2, [4, 6, 4, 6, 4]), (3, [2, 4, 6, 2, 4]), (4, [0, 2, 4, 6, 0])]
)
def test_seasonal_naive(period, expected):
    windows = make_windows(SERIES, lookback=4)
    np.testing.assert_array_equal(seasonal_naive(windows.inputs, period=period, horizon=5)[0], expected)


def test_seasonal_naive_is_exact_on_a_periodic_series():
    series = np.tile([3.0, 1.0, 4.0, 1.0, 5.0], 8)
    windows = make_windows(series, lookback=7, horizon=12)
    np.testing.assert_array_equal(seasonal_naive(windows.inputs, period=5, horizon=12), windows.targets[..., 0])


def test_skill():
    assert skill(1.0, 4.0) == 0.75
    assert skill(4.0, 4.0) == 0
    assert skill(0.0, 4.0) == 1
    assert skill(6.0, 4.0) == -0.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: persistence(np.zeros((3, 4))), ValueError, r"inputs must be 3-D, got shape \(3, 4\)"),
        (lambda: persistence(np.full((1, 2, 1), np.nan)), ValueError, "inputs must be finite"),
        (lambda: persistence(np.zeros((3, 4, 1)), horizon=0), ValueError, "horizon must be at least 1, got 0"),
        (lambda: persistence(np.zeros((3, 4, 1)), column=1), ValueError, "column must be below .* 1, got 1"),
        (lambda: seasonal_naive(np.zeros((3, 4, 1)), period=5), ValueError, "got period 5 and lookback 4"),
        (lambda: seasonal_naive(np.zeros((3, 4, 1)), period=0), ValueError, "period must be at least 1"),
        (lambda: seasonal_naive(np.zeros((3, 4, 1)), period=2.0), TypeError, "period must be an integer"),
        (lambda: skill(1.0, 0.0), ValueError, "baseline_error must be greater than 0"),
        (lambda: skill(-1.0, 1.0), ValueError, "error must be a finite number that is not negative, got -1"),
        (lambda: skill(1.0, np.nan), ValueError, "baseline_error must be a finite"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
