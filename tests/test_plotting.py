"""Plots draw what they are given on the axes they are given."""

import matplotlib.pyplot as plt
import numpy as np
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
