"""Plots draw what they are given on the axes they are given."""

import datetime
import itertools

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rnncourse import plotting
from rnncourse.training import History


@pytest.fixture
def ax():
    figure = plt.figure()
    yield figure.gca()
    plt.close(figure)


def test_forecast(ax):
    assert plotting.plot_forecast(ax, [1.0, 2.0, 3.0], {"a": [1.0, 2.0, 4.0]}, x=[10, 20, 30]) is ax
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[10, 1], [20, 2], [30, 4]])
    with pytest.raises(ValueError, match=r"forecasts\['b'\] must have the shape of truth, \(3,\), got \(2,\)"):
        plotting.plot_forecast(ax, [1.0, 2.0, 3.0], {"b": [1.0, 2.0]})


def test_labels_stand_where_the_lines_end_and_not_on_each_other(ax):
    plotting.style()
    plotting.plot_forecast(ax, [0.0, 1.0], {"GRU": [0.0, 1.01], "mean": [0.0, 0.0]}, colours={"GRU": plotting.FAILING})
    assert ax.lines[1].get_color() == plotting.FAILING
    assert ax.get_legend() is None
    place = {text.get_text(): text.xy[1] for text in ax.texts}
    assert list(place) == ["truth", "GRU", "mean"]
    for line in (ax.lines[0], ax.lines[2]):
        to_axes = ax.transData + ax.transAxes.inverted()
        end = to_axes.transform(line.get_xydata()[-1])[1]
        assert place[line.get_label()] == pytest.approx(end)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_text_is_11_pixels_high_on_a_phone():
    plotting.style()
    width, _ = plt.rcParams["figure.figsize"]
    sizes = {key: plt.rcParams[key] for key in ("axes.labelsize", "xtick.labelsize", "ytick.labelsize")}
    assert set(sizes.values()) == {"medium"}
    assert plt.rcParams["font.size"] * 390 / (72 * width) >= 11


MONTHS = pd.period_range("1983-11", periods=3, freq="M")
STARTS = [datetime.date(1983, 11, 1), datetime.date(1983, 12, 1), datetime.date(1984, 1, 1)]


@pytest.mark.parametrize(
    "x",
    [
        MONTHS,
        list(MONTHS),
        MONTHS.array,
        MONTHS.to_series().reset_index(drop=True),
        MONTHS.to_timestamp(),
        MONTHS.to_timestamp().to_series(),
        STARTS,
    ],
    ids=["PeriodIndex", "list", "array", "series of periods", "DatetimeIndex", "series of dates", "dates"],
)
def test_forecast_over_dates(ax, x):
    plotting.plot_forecast(ax, pd.Series([1.0, 2.0, 3.0], index=MONTHS), {"a": [1.0, 2.0, 4.0]}, x=x)
    for line in ax.lines:
        assert [date.date() for date in mdates.num2date(line.get_xdata(orig=False))] == STARTS
    ax.figure.canvas.draw()  # the axis knows that these are dates
    assert "1984" in " ".join(
        [label.get_text() for label in ax.get_xticklabels()] + [ax.xaxis.get_offset_text().get_text()]
    )


def test_forecast_with_a_gap(ax):
    masked = np.ma.masked_equal([1.0, 2.0, 4.0], 2)
    plotting.plot_forecast(ax, [1.0, 2.0, 3.0], {"masked": masked, "nan": [1.0, np.nan, 4.0]})
    for line in ax.lines[1:]:
        np.testing.assert_array_equal(np.ma.filled(line.get_ydata(orig=False), np.nan), [1, np.nan, 4])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda ax: plotting.plot_forecast(ax, [1.0], {}, x=[1, 2]),
            ValueError,
            r"x must .* truth, \(1,\), got \(2,\)",
        ),
        (lambda ax: plotting.plot_forecast(ax, [1.0], [[1.0]]), TypeError, "forecasts must be a mapping .* got list"),
        (lambda ax: plotting.plot_forecast(ax, [np.nan], {}), ValueError, "truth must be finite"),
        (lambda ax: plotting.plot_seeds(ax, {"a": []}), ValueError, r"groups\['a'\] must hold at least one value"),
        (
            lambda ax: plotting.plot_seeds(ax, {"a": [1.0, np.nan]}),
            ValueError,
            r"groups\['a'\] must be finite, got nan",
        ),
    ],
)
def test_refuses(ax, call, error, message):
    with pytest.raises(error, match=message):
        call(ax)
    assert not ax.lines


def test_history(ax):
    histories = {"one": History([0.5, 0.2]), "two": History([0.4, 0.1], [0.6, 0.3])}
    assert plotting.plot_history(ax, histories) is ax
    assert [line.get_label() for line in ax.lines] == ["one", "two", "two, validation"]
    np.testing.assert_array_equal(ax.lines[2].get_xydata(), [[1, 0.6], [2, 0.3]])


def test_seeds(ax):
    assert plotting.plot_seeds(ax, {"a": [3.0, 1.0, 2.0], "b": [5.0]}) is ax
    assert ax.lines[0].get_xdata().tolist() == [3.0, 1.0, 2.0]
    assert set(ax.lines[1].get_xdata()) == {2.0}  # the median
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first group on top
