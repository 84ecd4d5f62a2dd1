"""Baselines against indices written by hand."""

from functools import partial

import numpy as np
import pytest

from rnncourse.baselines import drift, persistence, seasonal_naive, skill
from rnncourse.windows import make_windows

SERIES = np.arange(40.0).reshape(20, 2)


def test_persistence_repeats_the_last_value_of_its_columns():
    windows = make_windows(SERIES, lookback=4, horizon=3)
    forecast = persistence(windows.inputs, horizon=3)
    assert forecast.shape == windows.targets.shape
    np.testing.assert_array_equal(forecast[0], [[6.0, 7.0]] * 3)
    np.testing.assert_array_equal(forecast[-1], [[32.0, 33.0]] * 3)


@pytest.mark.parametrize(
    ("period", "expected"), [(1, [6, 6, 6, 6, 6]), (2, [4, 6, 4, 6, 4]), (3, [2, 4, 6, 2, 4]), (4, [0, 2, 4, 6, 0])]
)
def test_seasonal_naive(period, expected):
    windows = make_windows(SERIES, lookback=4)
    forecast = seasonal_naive(windows.inputs, period=period, horizon=5)
    np.testing.assert_array_equal(forecast[0], np.transpose([expected, np.add(expected, 1)]))


def test_seasonal_naive_is_exact_on_a_periodic_series():
    series = np.tile([3.0, 1.0, 4.0, 1.0, 5.0], 8)
    windows = make_windows(series, lookback=7, horizon=12)
    np.testing.assert_array_equal(seasonal_naive(windows.inputs, period=5, horizon=12), windows.targets)


def test_drift_is_the_line_through_the_first_and_last_value():
    window = np.array([[1.0, 0.0], [7.0, 9.0], [-4.0, 2.0], [2.0, 6.0]])  # slopes 1/3 and 2
    forecast = drift([window, -window], horizon=3)
    np.testing.assert_allclose(forecast[0], [[7 / 3, 8], [8 / 3, 10], [3, 12]], rtol=1e-15)
    np.testing.assert_array_equal(forecast[1], -forecast[0])
    line = make_windows(3 - 0.5 * np.arange(30.0), lookback=5, horizon=4)
    np.testing.assert_allclose(drift(line.inputs, horizon=4), line.targets, rtol=1e-14)


@pytest.mark.parametrize("baseline", [persistence, partial(seasonal_naive, period=3), drift])
@pytest.mark.parametrize(
    ("targets", "columns"), [(None, [0, 1]), (1, [1]), ([1], [1]), ([1, 0], [1, 0]), (range(2), [0, 1])]
)
def test_forecasts_have_the_shape_of_targets(baseline, targets, columns):
    windows = make_windows(SERIES**2, lookback=4, horizon=5, targets=targets)
    forecast = baseline(windows.inputs, horizon=5, targets=targets)
    assert forecast.shape == windows.targets.shape  # so that a difference does not broadcast
    np.testing.assert_array_equal(forecast, baseline(windows.inputs, horizon=5)[:, :, columns])


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
        (
            lambda: persistence(np.zeros((3, 4, 1)), targets=1),
            ValueError,
            "targets names column 1, but the window has 1",
        ),
        (lambda: persistence(np.zeros((3, 4, 2)), targets=[1, 1]), ValueError, "targets names a column twice"),
        (lambda: persistence(np.zeros((3, 4, 2)), targets="x"), TypeError, "targets must be an integer, got 'x'"),
        (lambda: persistence(np.zeros((0, 4, 2))), ValueError, r"at least one value, got shape \(0, 4, 2\)"),
        (
            lambda: drift(np.zeros((3, 1, 2))),
            ValueError,
            r"at least two steps to draw a line through, got shape \(3, 1",
        ),
        (lambda: drift(np.zeros((3, 4, 1)), horizon=0), ValueError, "horizon must be at least 1, got 0"),
        (lambda: seasonal_naive(np.zeros((3, 4, 1)), period=5), ValueError, "got period 5 and lookback 4"),
        (lambda: seasonal_naive(np.zeros((3, 4, 1)), period=0), ValueError, "period must be at least 1"),
        (lambda: seasonal_naive(np.zeros((3, 4, 1)), period=2.0), TypeError, "period must be an integer"),
        (lambda: skill(1.0, 0.0), ValueError, "baseline_error must be greater than 0"),
        (lambda: skill(-1.0, 1.0), ValueError, "error must be at least 0, got -1"),
        (lambda: skill(1.0, np.nan), ValueError, "baseline_error must be finite, got nan"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
