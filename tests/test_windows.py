"""Windows against brute force over indices, and every input that must be refused."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncourse.windows import Windows, make_windows


def brute_force(series: np.ndarray, lookback: int, horizon: int, stride: int) -> list[tuple]:
    """All pairs of past and future, found by walking over the series."""
    pairs = []
    for start in range(0, len(series), stride):
        stop = start + lookback
        if stop + horizon <= len(series):
            pairs.append((series[start:stop], series[stop : stop + horizon], stop))
    return pairs


@given(
    steps=st.integers(2, 40),
    features=st.integers(1, 3),
    lookback=st.integers(1, 12),
    horizon=st.integers(1, 6),
    stride=st.integers(1, 7),
)
def test_windows_equal_brute_force(steps, features, lookback, horizon, stride):
    series = np.arange(float(steps * features)).reshape(steps, features)
    expected = brute_force(series, lookback, horizon, stride)
    if not expected:
        with pytest.raises(ValueError, match="steps"):
            make_windows(series, lookback=lookback, horizon=horizon, stride=stride)
        return
    windows = make_windows(series, lookback=lookback, horizon=horizon, stride=stride)
    assert len(windows.inputs) == (steps - lookback - horizon) // stride + 1 == len(expected)
    for number, (past, future, start) in enumerate(expected):
        np.testing.assert_array_equal(windows.inputs[number], past)
        np.testing.assert_array_equal(windows.targets[number], future)
        assert windows.target_start[number] == start


def test_source_counts():
    windows = make_windows(np.zeros(2501), lookback=50)
    assert windows.inputs.shape == (2451, 50, 1)
    assert windows.targets.shape == (2451, 1, 1)


@pytest.mark.parametrize(("targets", "columns"), [(1, [1]), ([2, 0], [2, 0]), ([1, 2], [1, 2]), (None, [0, 1, 2])])
def test_target_columns(targets, columns):
    series = np.arange(30.0).reshape(10, 3)
    windows = make_windows(series, lookback=4, horizon=2, targets=targets)
    np.testing.assert_array_equal(windows.targets[0], series[4:6][:, columns])
    assert windows.inputs.shape == (5, 4, 3)


def test_windows_are_read_only_views():
    series = np.arange(20.0)
    windows = make_windows(series, lookback=5, horizon=2)
    assert np.shares_memory(series, windows.inputs)
    assert np.shares_memory(series, windows.targets)
    series[0] = 99
    assert windows.inputs[0, 0, 0] == 99
    with pytest.raises(ValueError, match="read-only"):
        windows.inputs[0, 0, 0] = 1


def test_ten_million_points_are_not_copied():
    series = np.zeros(10_000_000)
    tracemalloc.start()
    windows = make_windows(series, lookback=50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The check for NaN takes no memory; target_start is 8 bytes a window.
    assert peak <= windows.target_start.nbytes + 100_000
    assert np.shares_memory(series, windows.inputs)


def test_huge_but_finite_values_are_taken():
    series = np.full(10, 1e308)  # their sum is not finite
    assert make_windows(series, lookback=3).inputs.max() == 1e308


def test_pandas_and_integers_are_taken():
    series = pd.Series([1, 2, 3, 4])
    assert make_windows(series, lookback=2).inputs.dtype == np.float64
    assert make_windows(np.zeros((5, 2), dtype=np.float32), lookback=2).inputs.dtype == np.float32


@given(
    steps=st.integers(10, 50),
    lookback=st.integers(1, 5),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 4),
    data=st.data(),
)
def test_between_keeps_exactly_the_windows_whose_targets_lie_inside(steps, lookback, horizon, stride, data):
    windows = make_windows(np.arange(float(steps)), lookback=lookback, horizon=horizon, stride=stride)
    start = data.draw(st.integers(0, steps - 1))
    stop = data.draw(st.integers(start + 1, steps))
    targets = [range(first, first + horizon) for first in windows.target_start]
    wanted = [target[0] for target in targets if start <= target[0] and target[-1] < stop]
    if not wanted:
        with pytest.raises(ValueError, match=r"no window|stop must be at most"):
            windows.between(start, stop)
        return
    if len(windows.inputs) == 1 and stop > windows.target_start[-1] + horizon:
        return  # a single window does not tell its stride
    part = windows.between(start, stop)
    assert isinstance(part, Windows)
    assert part.target_start.tolist() == wanted
    assert part.targets[:, 0, 0].tolist() == wanted
    assert np.shares_memory(part.inputs, windows.inputs)


def test_a_split_shares_no_target():
    windows = make_windows(np.arange(100.0), lookback=10, horizon=3)
    train, test = windows.between(0, 70), windows.between(70, 100)
    assert train.targets.max() == 69
    assert test.targets.min() == 70
    assert test.inputs.min() == 60  # the past of the first test target is known


@pytest.mark.parametrize(
    ("start", "stop", "error", "message"),
    [
        (5, 5, ValueError, "stop must be greater than start, got start=5, stop=5"),
        (6, 5, ValueError, "stop must be greater"),
        (-1, 5, ValueError, "start must be at least 0, got -1"),
        (0, 21, ValueError, "stop must be at most 20"),
        (0, 3, ValueError, r"no window has all its targets in \[0, 3\)"),
        (0.0, 3, TypeError, "start must be an integer, got 0.0"),
        (0, "9", TypeError, "stop must be an integer, got '9'"),
    ],
)
def test_between_refuses(start, stop, error, message):
    windows = make_windows(np.arange(20.0), lookback=5)
    with pytest.raises(error, match=message):
        windows.between(start, stop)


@pytest.mark.parametrize("name", ["lookback", "horizon", "stride"])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-3, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError)]
)
def test_counts_are_whole_and_positive(name, value, error):
    with pytest.raises(error, match=f"^{name} must be .*got {value!r}"):
        make_windows(np.arange(20.0), **{"lookback": 5, name: value})


@pytest.mark.parametrize(
    ("series", "error", "message"),
    [
        ([1.0, np.nan, 3.0], ValueError, "series must be finite, got nan at index 1"),
        ([1.0, 2.0, -np.inf], ValueError, "series must be finite, got -inf at index 2"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), ValueError, r"got nan at index \(1, 1\)"),
        (np.zeros((4, 3, 2)), ValueError, r"series must be 1-D or 2-D, got shape \(4, 3, 2\)"),
        (np.array(5.0), ValueError, "series must be 1-D or 2-D"),
        (["a", "b", "c"], TypeError, "series must hold real numbers, got dtype"),
        (np.zeros(5, dtype=complex), TypeError, "complex128"),
        (np.ma.masked_equal([1.0, 2.0, 3.0], 2.0), TypeError, "masked"),
        ([1.0, 2.0], ValueError, r"lookback \+ horizon = 2 \+ 1 = 3 steps, but the series has only 2"),
    ],
)
def test_series_is_checked(series, error, message):
    with pytest.raises(error, match=message):
        make_windows(series, lookback=2)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (2, ValueError, r"targets names column 2, but the series has 2 column"),
        ([0, 5], ValueError, "column 5"),
        (-1, ValueError, "targets must be at least 0, got -1"),
        ([], ValueError, "at least one column"),
        ([1, 1], ValueError, "twice"),
        (0.5, TypeError, "targets must be an integer"),
    ],
)
def test_target_columns_are_checked(targets, error, message):
    with pytest.raises(error, match=message):
        make_windows(np.zeros((10, 2)), lookback=3, targets=targets)
