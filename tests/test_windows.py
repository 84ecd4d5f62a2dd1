"""Windows against brute force over indices, and every input that must be refused."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
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
    assert peak <= 100_000  # neither the check for NaN nor target_start, until it is asked for
    assert np.shares_memory(series, windows.inputs)
    assert windows.target_start[[0, -1]].tolist() == [50, 9_999_999]
    series[-1] = np.nan
    with pytest.raises(ValueError, match="got nan at index 9999999"):
        make_windows(series, lookback=50)


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
        with pytest.raises(ValueError, match="no window"):
            windows.between(start, stop)
        return
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
        (np.zeros((9, 0)), ValueError, r"series must hold at least one value, got shape \(9, 0\)"),
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


# Tables, byte orders, missing values.


def test_arrays_of_every_kind_of_number_give_the_same_windows():
    series = np.arange(12.0).reshape(6, 2)
    expected = make_windows(series, lookback=3)
    masked, holed = np.ma.masked_less(series, -1), np.ma.masked_equal(series, 5)
    kinds = [">f8", "<f8", ">i2", "u1", np.longdouble, ">f4", object]
    for kind in [
        *(series.astype(kind) for kind in kinds),
        series[::-1].copy()[::-1],
        np.asfortranarray(series),
        masked,
    ]:
        windows = make_windows(kind, lookback=3)
        np.testing.assert_array_equal(windows.inputs, expected.inputs)
        np.testing.assert_array_equal(torch.as_tensor(windows.inputs.copy()), expected.inputs)
        assert torch.from_numpy(np.array(windows.targets)).shape == (3, 1, 2)
        assert windows.inputs.dtype.isnative
        assert min(windows.inputs.strides) > 0
    with pytest.raises(TypeError, match=r"series must be a plain array, got a masked array with 1 gap\(s\)"):
        make_windows(holed, lookback=3)
    flags = make_windows([True, False, True, True], lookback=2)
    np.testing.assert_array_equal(flags.targets[:, 0, 0], [1, 1])


def test_tables_of_mixed_columns_become_numbers():
    table = pd.DataFrame(
        {
            "a": [1.5, 2.5, 3.5, 4.5],
            "b": [True, False, True, True],
            "c": pd.array([1, 2, 3, 4], dtype="Int64"),
            "d": pd.array([0.5, 1, 1.5, 2], dtype="Float64"),
            "e": pd.array([True, True, False, False], dtype="boolean"),
            "f": np.array([1, 2, 3, 4], dtype=">i4"),
            "g": pd.Series([1, 2.5, True, 4], dtype=object),
        }
    )
    expected = [
        [1.5, 1, 1, 0.5, 1, 1, 1],
        [2.5, 0, 2, 1, 1, 2, 2.5],
        [3.5, 1, 3, 1.5, 0, 3, 1],
        [4.5, 1, 4, 2, 0, 4, 4],
    ]
    windows = make_windows(table, lookback=3)
    np.testing.assert_array_equal(windows.inputs[0], expected[:3])
    np.testing.assert_array_equal(windows.targets[0], expected[3:])
    for name in table:
        column = make_windows(table[name], lookback=3)
        np.testing.assert_array_equal(column.inputs[0, :, 0], windows.inputs[0, :, list(table).index(name)])


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_tables_of_one_kind_of_float_are_not_copied(kind):
    table = pd.DataFrame(np.zeros((9, 3), dtype=kind), columns=list("abc"))
    assert np.shares_memory(make_windows(table, lookback=3).inputs, table.to_numpy())


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (["x", "y", "z"], TypeError, "series: column 'new' must hold real numbers, got dtype"),
        (
            pd.Series(["x", 1, 2], dtype=object),
            TypeError,
            "column 'new' must hold .* got dtype object with 'x' at index 0",
        ),
        (
            pd.to_datetime(["2000", "2001", "2002"]),
            TypeError,
            "series: column 'new' must hold real numbers, got dtype date",
        ),
        (pd.Categorical([1, 1, 2]), None, ""),
        (pd.Categorical(["u", "u", "v"]), TypeError, "series: column 'new' must hold real numbers"),
        (
            pd.array([1, None, 3], dtype="Int64"),
            ValueError,
            r"finite, got nan at index \(1, 1\), column 'new' \(1 such",
        ),
        (pd.array([1.0, 2.0, None], dtype="Float64"), ValueError, r"nan at index \(2, 1\), column 'new'"),
        (pd.array([True, None, False], dtype="boolean"), ValueError, r"nan at index \(1, 1\), column 'new'"),
        ([1.0, np.inf, 2.0], ValueError, r"series must be finite, got inf at index \(1, 1\), column 'new'"),
        ([1 + 2j, 0, 0], TypeError, "series: column 'new' must hold real numbers, got dtype complex128"),
    ],
)
def test_a_bad_column_is_named(column, error, message):
    table = pd.DataFrame({"old": [1.0, 2.0, 3.0], "new": column})
    if error is None:
        assert make_windows(table, lookback=2).inputs.shape == (1, 2, 2)
        return
    with pytest.raises(error, match=message):
        make_windows(table, lookback=2)


def test_targets_are_named():
    table = pd.DataFrame(np.arange(30.0).reshape(10, 3), columns=["par1", "par2", "obs"])
    windows = make_windows(table, lookback=4, targets="obs")
    np.testing.assert_array_equal(windows.targets[:, 0, 0], table["obs"][4:])
    windows = make_windows(table, lookback=4, horizon=2, targets=["obs", "par1"])
    np.testing.assert_array_equal(windows.targets[1], table[["obs", "par1"]].iloc[5:7])
    alone = make_windows(table["obs"], lookback=4, targets="obs")
    np.testing.assert_array_equal(alone.targets[:, 0, 0], table["obs"][4:])
    numbered = pd.DataFrame(table.to_numpy(), columns=[2, 1, 0])
    np.testing.assert_array_equal(make_windows(numbered, lookback=4, targets=1).targets[0, 0], table.iloc[4, [1]])


@pytest.mark.parametrize(
    ("columns", "targets", "message"),
    [
        (list("abc"), "d", r"targets must name one column each, got 'd', but the columns are named \['a', 'b', 'c'\]"),
        (list("abc"), ["a", "d"], "got 'd'"),
        (list("aba"), "a", "targets must name one column each, got 'a'"),
        (list("abc"), ["a", "a"], "targets names a column twice"),
        (list("abc"), ["a", 0], "targets names a column twice"),
        ([2, 1, 0], 2, "positions or names, but 2 is the name of column 0 as well"),
        (None, "a", "got 'a'"),
    ],
)
def test_names_that_do_not_tell_a_column_are_refused(columns, targets, message):
    values = np.zeros((9, 3))
    with pytest.raises(ValueError, match=message):
        make_windows(values if columns is None else pd.DataFrame(values, columns=columns), lookback=3, targets=targets)


# Dates.


FREQUENCIES = [
    "h",
    "15min",
    "10s",
    "6h",
    "D",
    "2D",
    "W-WED",
    "B",
    "MS",
    "ME",
    "BMS",
    "BME",
    "QS",
    "QE",
    "YS",
    "YE",
    "2YE",
]


def dated(index):
    return pd.Series(np.arange(float(len(index))), index=index)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_dates_of_a_calendar_are_taken_and_the_first_fault_is_named(frequency, zone):
    # 400 steps: hours, days and months over both changes of the clock; days and months over 29 February.
    periods = 400 if frequency[0] in "h1D26W" and "Y" not in frequency else 60
    whole = pd.date_range("2023-10-20", periods=periods, freq=frequency, tz=zone)
    dates = pd.DatetimeIndex(list(whole))  # forgets its frequency
    for index in (whole, dates):
        assert make_windows(dated(index), lookback=3).inputs.shape[1] == 3
    row = 30

    def refused(index, *words):
        with pytest.raises(ValueError, match="series must go on in even steps") as error:
            make_windows(dated(index), lookback=3)
        for word in words:
            assert word in str(error.value)

    def text(date):
        return str(date).removesuffix(" 00:00:00")

    gap = dates.delete(row)
    refused(gap, "got a gap in row 30:", f"{text(dates[31])} follows {text(dates[29])}", f"due was {text(dates[30])}.")
    refused(dates.insert(row, dates[row - 1]), "got a repeat in row 30:", f"{text(dates[29])} follows")
    swapped = dates[[*range(row), row + 1, row, *range(row + 2, len(dates))]]
    refused(swapped, "in row 30: ", f"{text(dates[31])} follows {text(dates[29])}")  # first a gap, then a reversal
    refused(dates[::-1], "got a reversal in row 1:", f"{text(dates[-2])} follows {text(dates[-1])}")
    refused(dates.append(dates), f"got a reversal in row {len(dates)}:", f"{text(dates[0])} follows {text(dates[-1])}")
    refused(dates.delete(row + 9).insert(row, dates[row - 1]), "got a repeat in row 30:")  # the first of two faults


def test_calendars_that_pandas_does_not_infer():
    days = pd.date_range("1999-01-01", "2004-12-31")
    without = days[(days.month != 2) | (days.day != 29)]
    taken = [
        without,
        pd.date_range("2000-01-15", periods=40, freq=pd.DateOffset(months=1)),
        pd.DatetimeIndex(["2000-01-30", "2000-02-29", "2000-03-30", "2000-04-30", "2000-05-30"]),
        pd.DatetimeIndex(["2000-02-29", "2001-02-28", "2002-02-28", "2003-02-28", "2004-02-29"]),
        pd.date_range("2000", periods=30, freq="SME"),  # carries its frequency
        pd.DatetimeIndex(["2000-01-01", "2007-05-05"]),
        pd.DatetimeIndex(["2000-01-07", "2000-01-10", "2000-01-11"]),  # Friday, Monday, Tuesday
        pd.Index([date.date() for date in days[:30]]),
    ]
    for index in taken:
        make_windows(dated(index), lookback=1)
    refused = {
        "2000-02-28 follows 2000-02-26, due was 2000-02-27": without[without != "2000-02-27"],
        "2000-03-01 follows 2000-02-28": days[days != "2000-02-29"],  # 2004 has its own
        "2000-05-15 follows 2000-03-15, due was 2000-04-15": taken[1].delete(3),
        "2000-03-17 follows 2000-01-21": pd.date_range("2000-01-01", periods=30, freq="WOM-3FRI").delete(1),
        "1999-01-05 follows 1999-01-03, due was 1999-01-04": taken[-1].delete(3),
    }
    for message, index in refused.items():
        with pytest.raises(ValueError, match=message):
            make_windows(dated(index), lookback=1)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (pd.period_range("2000-01", periods=12, freq="M"), None),
        (pd.period_range("2000-01", periods=12, freq="M")[::3], None),
        (pd.period_range("2000-01", periods=12, freq="M").delete(4), "row 4: 2000-06 follows 2000-04, due was 2000-05"),
        (pd.period_range("2000-01", periods=12, freq="2D").delete(4), "due was 2000-01-09"),
        (pd.period_range("2000-01", periods=12, freq="M")[::-1], "a reversal in row 1: 2000-11 follows 2000-12"),
        (pd.timedelta_range("0s", periods=9, freq="5s"), None),
        (pd.timedelta_range("0s", periods=9, freq="5s").delete(3), "00:00:20 follows 0 days 00:00:10, due was"),
        (pd.RangeIndex(1900, 2000), None),
        (pd.RangeIndex(0, 100, 7), None),
        (pd.RangeIndex(100, 0, -1), "a reversal in row 1: 99 follows 100"),
        (pd.Index([3, 4, 5, 7, 8]), "a gap in row 3: 7 follows 5, due was 6"),
        (pd.Index([0, 1, 2, 0, 1, 2]), "a reversal in row 3: 0 follows 2"),
        (pd.DatetimeIndex(["2000-01-01", None, "2000-01-03"]), "must have a date for each row, got none in row 1"),
        (pd.Index([0.1, 0.5, 0.2]), None),
        (pd.Index(list("dcba")), None),
        (pd.MultiIndex.from_product([["a"], pd.date_range("2000", periods=4)]), None),
        (pd.MultiIndex.from_product([["a", "b"], pd.date_range("2000", periods=4)]), "reversal in row 4: 2000-01-01"),
    ],
)  # fmt: skip
def test_other_indices(index, message):
    for series in (dated(index), dated(index).to_frame("value")):
        if message is None:
            make_windows(series, lookback=2)
            continue
        with pytest.raises(ValueError, match=message):
            make_windows(series, lookback=2)


# Groups.


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    lookback=st.integers(1, 4),
    horizon=st.integers(1, 3),
    stride=st.integers(1, 3),
    cut=st.tuples(st.integers(0, 11), st.integers(1, 12)),
)
def test_groups_equal_each_series_alone(lengths, lookback, horizon, stride, cut):
    labels = np.repeat(np.array(list("dbcae"))[: len(lengths)], lengths)
    series = np.random.default_rng(0).normal(size=(sum(lengths), 2))
    options = {"lookback": lookback, "horizon": horizon, "stride": stride}
    if max(lengths) < lookback + horizon:
        with pytest.raises(ValueError, match=f"but the longest group has only {max(lengths)}"):
            make_windows(series, groups=labels, **options)
        return
    windows = make_windows(series, groups=labels, **options)

    def alone(start, stop):
        begin, found = 0, []
        for label, length in zip("dbcae", lengths, strict=False):
            for past, future, first in brute_force(series[begin : begin + length], lookback, horizon, stride):
                if start <= first and first + horizon <= stop:
                    found.append((past, future, begin + first, label))
            begin += length
        return found

    def compare(windows, expected):
        assert len(windows.inputs) == len(windows.targets) == len(expected)
        for number, (past, future, first, label) in enumerate(expected):
            np.testing.assert_array_equal(windows.inputs[number], past)
            np.testing.assert_array_equal(windows.targets[number], future)
            assert (windows.target_start[number], windows.group[number]) == (first, label)

    compare(windows, alone(0, max(lengths)))
    start, stop = cut
    if not start < stop <= max(lengths):
        return
    if not alone(start, stop):
        with pytest.raises(ValueError, match="no window has all its targets"):
            windows.between(start, stop)
        return
    compare(windows.between(start, stop), alone(start, stop))


def test_groups_check_dates_within_each_and_take_labels_of_any_kind():
    dates = pd.date_range("2000", periods=5)
    table = pd.DataFrame({"x": np.arange(10.0)}, index=dates.append(dates))
    for labels in (
        ["a"] * 5 + ["b"] * 5,
        [2] * 5 + [1] * 5,
        pd.Series(list("aaaaabbbbb")).astype("category"),
        [0.5] * 5 + [1.5] * 5,
    ):
        windows = make_windows(table, lookback=2, groups=labels)
        assert windows.target_start.tolist() == [2, 3, 4, 7, 8, 9]
        assert windows.group.tolist() == [*labels[:3], *labels[-3:]]
        assert not windows.inputs.flags.writeable
    assert make_windows(table.x.to_numpy(), lookback=2).group is None
    broken = table.set_axis(dates.append(dates[[0, 1, 3, 4]].append(pd.DatetimeIndex(["2000-01-06"]))))
    with pytest.raises(ValueError, match="a gap in row 7: 2000-01-04 follows 2000-01-02, due was 2000-01-03"):
        make_windows(broken, lookback=2, groups=labels)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (list("aab"), r"groups must have a label for each of the 6 rows, got shape \(3,\)"),
        ([list("aab")] * 6, r"got shape \(6, 3\)"),
        (list("aabbab"), "must hold the rows of a label together, got 'a' again in row 4, .* ended before row 2"),
        ([1, 1, 1, 2, 2, 1], "got 1 again in row 5"),
        ([1.0, 1.0, np.nan, 2.0, 2.0, 2.0], "groups must have a label for each row, got none in row 2"),
        (["a", "a", "a", None, "b", "b"], "got none in row 3"),
        (pd.array(["a", "a", "a", "b", "b", None], dtype="string"), "got none in row 5"),
        (list("abcdef"), "the longest group has only 1"),
    ],
)  # fmt: skip
def test_groups_are_checked(groups, message):
    with pytest.raises(ValueError, match=message):
        make_windows(np.arange(6.0), lookback=1, groups=groups)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 1, 1, "1", "1", "1"], "groups must hold labels of one type, got int and str"),
        (np.ma.masked_array([1, 1, 1, 2, 2, 2], mask=[1, 0, 0, 0, 0, 0]), "got a masked array"),
    ],
)
def test_groups_that_could_be_read_in_two_ways(groups, message):
    with pytest.raises(TypeError, match=message):
        make_windows(np.arange(6.0), lookback=1, groups=groups)


def test_between_counts_within_each_group():
    windows = make_windows(np.arange(10.0), lookback=2, groups=list("aaaaaabbbb"))
    assert windows.between(2, 4).targets[:, 0, 0].tolist() == [2, 3, 8, 9]
    assert windows.between(4, 6).group.tolist() == ["a", "a"]
    with pytest.raises(ValueError, match="stop must be at most 6, the length of the longest group, got 7"):
        windows.between(0, 7)


# What windows are.


def test_windows_unpack_and_tell_their_shapes():
    windows = make_windows(np.zeros((20, 2)), lookback=5, horizon=3, targets=1)
    inputs, targets, target_start = windows
    assert (inputs is windows.inputs, targets is windows.targets, target_start is windows.target_start) == (True,) * 3
    assert repr(windows) == "<Windows: inputs (13, 5, 2), targets (13, 3, 1)>"


def test_cuts_of_cuts_know_the_end_of_the_series():
    windows = make_windows(np.arange(23.0), lookback=4, stride=5)  # the last target is 19, the series ends at 23
    for part in (
        windows,
        windows.between(0, 23),
        windows.between(0, 10).between(0, 23),
        windows.between(0, 23).between(9, 20),
    ):
        with pytest.raises(ValueError, match="stop must be at most 23, the end of the series, got 24"):
            part.between(0, 24)
    assert windows.between(0, 23).between(0, 23).target_start.tolist() == [4, 9, 14, 19]
    assert make_windows(np.arange(9.0), lookback=4, stride=50).between(0, 9).target_start.tolist() == [4]
    with pytest.raises(ValueError, match=r"no window has all its targets in \[10, 12\): .* at 4, end before 5 and"):
        windows.between(4, 9).between(10, 12)


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "pandas", "scipy", "sklearn", "matplotlib"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocker())
import numpy as np
from rnncourse import baselines, by_hand, windows
cut = windows.make_windows(np.arange(12.0), lookback=3, groups=[1] * 6 + [2] * 6)
print(cut.group.tolist(), baselines.persistence(cut.between(5, 6).inputs)[:, 0, 0].tolist())
"""


def test_numpy_alone_is_enough():
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[1, 1, 1, 2, 2, 2] [4.0, 10.0]\n", "")
