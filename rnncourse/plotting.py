"""Plots that recur through the course: an axes goes in, the same axes comes out."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike

from rnncourse._checks import finite_floats
from rnncourse.training import History

# Okabe and Ito's palette, which colour-blind readers can tell apart; the truth is always dark grey.
TRUTH = "#333333"
# The first four have a meaning, on every page: a network that works, one that fails, a linear rule, a baseline.
COLOURS = NETWORK, FAILING, LINEAR, BASELINE, _, _ = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"


def style() -> None:
    """Set the course's look for all plots that follow: size, fonts, palette, thin grid.

    On a phone, 390 pixels wide, the text of a plot of this width is 11 pixels high.

    Examples
    --------
    >>> style()
    >>> plt.rcParams["figure.figsize"]
    [5.5, 3.0]
    """
    plt.rc("figure", figsize=(5.5, 3.0), dpi=160, **{"constrained_layout.use": True})
    plt.rc("axes", prop_cycle=cycler(color=COLOURS), grid=True, titlesize="medium")
    plt.rc("axes.spines", top=False, right=False)
    plt.rc("grid", alpha=0.3, linewidth=0.6)
    plt.rcParams.update({"date.converter": "concise", "font.size": 11.3, "legend.frameon": False})


def label_lines(ax: Axes) -> Axes:
    """Write the label of each line beside its end, in its colour, instead of a legend.

    Labels that would stand on each other are moved apart. Call it last: it looks where the lines end now.

    Parameters
    ----------
    ax : Axes

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = plt.figure().gca()
    >>> _ = ax.plot([0.0, 1.0], label="rising"), ax.plot([1.0, 0.0], label="falling")
    >>> [text.get_text() for text in label_lines(ax).texts]
    ['rising', 'falling']
    """
    lines = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    ends = [(0.0, np.ma.masked_invalid(line.get_ydata(orig=False)).compressed()[-1]) for line in lines]
    ax.get_ylim()  # Matplotlib fits the axes to the lines when it is asked
    heights = (ax.transData + ax.transAxes.inverted()).transform(ends)[:, 1]
    gap = 1.25 * plt.rcParams["font.size"] / 72 * ax.figure.dpi / ax.get_window_extent().height
    order, steps = np.argsort(heights, kind="stable"), gap * np.arange(len(lines))
    heights[order] = np.maximum.accumulate(heights[order] - steps) + steps
    for line, height in zip(lines, heights, strict=True):
        # Text is thin: it takes a darker tone.
        label, colour = str(line.get_label()), 0.75 * np.array(to_rgb(line.get_color()))
        ax.annotate(label, (1, height), (5, 0), "axes fraction", "offset points", va="center", color=colour)
    return ax


def plot_forecast(
    ax: Axes, truth: ArrayLike, forecasts: Mapping[str, ArrayLike], *, x: Any = None, colours: Any = None
) -> Axes:
    """Draw the truth in dark grey and each forecast over it.

    Parameters
    ----------
    ax : Axes
    truth : array_like, shape (T,)
    forecasts : mapping of label to array_like, shape (T,)
        Where a value is missing (NaN, or masked) the line has a gap.
    x : array_like, shape (T,), optional
        Positions: numbers, dates, or periods, which begin where they are drawn. The step number by default.
    colours : mapping of label to colour, optional
        Such as ``{"GRU": plotting.NETWORK}``. The others take the next colour of the palette.

    Returns
    -------
    Axes
        The same axes, each line with its label beside it; the labels of the axes are left to the caller.

    Raises
    ------
    TypeError, ValueError
        If `forecasts` is not a mapping, or if a forecast or `x` differs in length from the truth.

    Examples
    --------
    >>> ax = plot_forecast(plt.figure().gca(), [1.0, 2.0], {"model": [1.1, 1.9]})
    >>> [line.get_label() for line in ax.lines]
    ['truth', 'model']
    """
    known = finite_floats("truth", truth, ndim=(1,))
    if not isinstance(forecasts, Mapping):
        raise TypeError(f"forecasts must be a mapping of labels to forecasts, got {type(forecasts).__name__}")
    index = pd.Index(np.arange(1, len(known) + 1) if x is None else x)
    positions = (index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index).to_numpy()
    given = {"x": positions} | {f"forecasts[{label!r}]": np.asanyarray(y) for label, y in forecasts.items()}
    for name, values in given.items():
        if values.shape != known.shape:
            raise ValueError(f"{name} must have the shape of truth, {known.shape}, got {values.shape}")
    ax.plot(positions, known, color=TRUTH, linewidth=4, alpha=0.35, label="truth")
    for label, forecast in forecasts.items():
        ax.plot(positions, forecast, label=label, color=(colours or {}).get(label))
    return label_lines(ax)


def plot_history(ax: Axes, histories: Mapping[str, History] | History, *, loss: str = "mean squared error") -> Axes:
    """Draw the training loss by epoch, and the validation loss dashed, on a logarithmic axis.

    Parameters
    ----------
    ax : Axes
    histories : History or mapping of label to History
    loss : str, default "mean squared error"
        What the vertical axis is called.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = plot_history(plt.figure().gca(), History([0.5, 0.2], [0.6, 0.3]))
    >>> len(ax.lines), ax.get_yscale()
    (2, 'log')
    """
    for label, history in (histories if isinstance(histories, Mapping) else {"training": histories}).items():
        epochs = np.arange(1, len(history.train_loss) + 1)
        (line,) = ax.plot(epochs, history.train_loss, label=label)
        if history.validation_loss:
            ax.plot(epochs, history.validation_loss, "--", color=line.get_color(), label=f"{label}, validation")
    ax.set(xlabel="epoch", ylabel=loss, yscale="log")
    return label_lines(ax)


def plot_seeds(ax: Axes, groups: Mapping[str, Sequence[float]], **marker: Any) -> Axes:
    """Draw one dot for each seed, a row for each group, and a line at the group's median.

    Parameters
    ----------
    ax : Axes
    groups : mapping of label to sequence of float
        The results of the seeds of each group.
    **marker
        Passed on to ``Axes.plot`` for the dots.

    Returns
    -------
    Axes
        With the groups from top to bottom; the label of the horizontal axis is left to the caller.

    Raises
    ------
    TypeError, ValueError
        If a group has no results or one that is not a finite number: a dot left out would not be missed.

    Examples
    --------
    >>> ax = plot_seeds(plt.figure().gca(), {"A": [1.0, 2.0, 4.0], "B": [3.0]})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['A', 'B']
    """
    for row, (label, results) in enumerate(groups.items()):
        values = finite_floats(f"groups[{label!r}]", results, ndim=(1,), empty=False)
        ax.plot(values, np.full(len(values), row), "o", **{"color": COLOURS[row % 6], "alpha": 0.6, **marker})
        ax.plot([np.median(values)] * 2, [row - 0.3, row + 0.3], color=TRUTH, linewidth=2)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.5, -0.5))
    return ax
