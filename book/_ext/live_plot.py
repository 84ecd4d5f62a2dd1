"""What a live cell gets as ``matplotlib.pyplot``: lines and points in one pair of axes, as SVG.

``live.py`` ships this file under that name. What it has is called as in Matplotlib; what it has not
says so. A plot is shown by ``show()``, or when the cell has run.
"""

import math
import re
from html import escape
from typing import Any

import numpy as np

WIDTH, HEIGHT = 640, 312
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 34, 58
MOST = 4_000  # points of a line
COLOURS = ("blue", "orange", "green", "pink", "muted")
DASHES = {"--": "7 4", "-.": "8 3 2 3", ":": "2 4"}

# In a tree of its own, which the page's style does not reach but for its variables.
STYLE = """<style>
svg { display: block; width: 100%; max-width: 44rem; height: auto; }
text { fill: var(--pst-color-text-base); font-size: 13px; text-anchor: middle; }
text.end { text-anchor: end; }
text.start { text-anchor: start; }
.frame { fill: none; stroke: var(--pst-color-text-muted); }
@media (max-width: 600px) { text { font-size: 22px; } }
</style>"""

_drawn: dict[str, Any] = {"lines": [], "xlabel": "", "ylabel": "", "title": ""}
_shown: list[str] = []


def plot(*values: Any, label: str = "", color: str = "", **_ignored: Any) -> None:
    """Draw ``plot(y)`` or ``plot(x, y)``, perhaps with a format such as ``"o-"`` or ``"--"``."""
    form = next((value for value in values if isinstance(value, str)), "")
    given = [value for value in values if not isinstance(value, str)]
    arrays = [np.atleast_1d(np.asarray(value, dtype=float)) for value in given]
    if len(arrays) not in {1, 2}:
        raise ValueError(f"plot takes y or x and y, got {len(arrays)} arrays")
    y = arrays[-1][:, np.newaxis] if arrays[-1].ndim == 1 else arrays[-1]
    x = arrays[0] if len(arrays) == 2 else np.arange(len(y))
    if x.shape != (len(y),):
        raise ValueError(f"x and y must have the same first dimension, got {x.shape} and {y.shape}")
    for column in y.T:
        _drawn["lines"].append((x, column, form, str(label), str(color)))


def xlabel(text: str) -> None:
    """Name the horizontal axis."""
    _drawn["xlabel"] = str(text)


def ylabel(text: str) -> None:
    """Name the vertical axis."""
    _drawn["ylabel"] = str(text)


def title(text: str) -> None:
    """Write a title above the plot."""
    _drawn["title"] = str(text)


def legend(**_ignored: Any) -> None:
    """Do nothing: lines with labels are named in any case."""


def show() -> None:
    """Finish the plot."""
    if _drawn["lines"]:
        _shown.append(_svg())
    _drawn.update(lines=[], xlabel="", ylabel="", title="")


def _take() -> list[str]:
    """Give away the plots of a cell."""
    show()
    taken = list(_shown)
    _shown.clear()
    return taken


def __getattr__(name: str) -> Any:
    there = "plot, xlabel, ylabel, title, legend and show"
    raise AttributeError(f"in the page plt has {there}, not {name}: run the notebook")


def _range(values: list[np.ndarray]) -> tuple[float, float]:
    """Smallest and largest finite number, apart from each other."""
    finite = np.concatenate([each[np.isfinite(each)] for each in values])
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    gap = (high - low) * 0.04 or abs(low) * 0.1 or 1.0
    return float(low - gap), float(high + gap)


def _ticks(low: float, high: float) -> list[float]:
    """About six round numbers between two."""
    raw = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _svg() -> str:
    lines = _drawn["lines"]
    (x0, x1), (y0, y1) = _range([x for x, *_ in lines]), _range([line[1] for line in lines])
    right, low = WIDTH - RIGHT, HEIGHT - BOTTOM

    def across(x: Any) -> Any:
        return LEFT + (x - x0) / (x1 - x0) * (right - LEFT)

    def up(y: Any) -> Any:
        return low - (y - y0) / (y1 - y0) * (low - TOP)

    parts = [f'<path class="frame" d="M{LEFT} {TOP}V{low}H{right}"/>']
    for tick in _ticks(x0, x1):
        at = across(tick)
        parts.append(f'<path class="frame" d="M{at:.1f} {low}v5"/>')
        parts.append(f'<text x="{at:.1f}" y="{low + 23}">{_number(tick)}</text>')
    for tick in _ticks(y0, y1):
        at = up(tick)
        parts.append(f'<path class="frame" d="M{LEFT} {at:.1f}h-5"/>')
        parts.append(f'<text class="end" x="{LEFT - 8}" y="{at + 4:.1f}">{_number(tick)}</text>')
    parts.append(
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}">{escape(_drawn["xlabel"])}</text>'
    )
    middle = f'x="14" y="{(TOP + low) / 2}"'
    turned = f'transform="rotate(-90 14 {(TOP + low) / 2})"'
    parts.append(f"<text {middle} {turned}>{escape(_drawn['ylabel'])}</text>")
    named = LEFT
    for number, (x, y, form, label, color) in enumerate(lines):
        stroke = _colour(color, number)
        every = -(-len(x) // MOST) or 1
        spots = np.column_stack([across(x[::every]), up(y[::every])])
        parts.append(_line(spots, form, stroke))
        if label and not label.startswith("_"):
            parts.append(
                _line(np.array([[named, 22], [named + 9, 22], [named + 18, 22]]), form, stroke)
            )
            parts.append(f'<text class="start" x="{named + 23}" y="26">{escape(label)}</text>')
            named += 40 + 8 * len(label)
    names = ", ".join(label for *_, label, _color in lines if label)
    spans = f"x from {x0:.3g} to {x1:.3g}, y from {y0:.3g} to {y1:.3g}"
    told = f"Line plot{': ' * bool(names)}{names}. {spans}."
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">'
    return STYLE + head + "".join(parts) + "</svg>"


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def _colour(color: str, number: int) -> str:
    if re.fullmatch(r"#[0-9a-fA-F]{3,8}|[a-z]{3,}", color):
        return color
    place = int(color[1:]) if re.fullmatch(r"C\d+", color) else number
    return f"var(--live-{COLOURS[place % len(COLOURS)]})"


def _style(form: str, stroke: str) -> str:
    dashes = next((DASHES[mark] for mark in DASHES if mark in form), "none")
    return f'fill="none" stroke-width="1.8" style="stroke: {stroke}" stroke-dasharray="{dashes}"'


def _line(spots: np.ndarray, form: str, stroke: str) -> str:
    """Draw the points, or the line through them; it has a gap where a number is missing."""
    finite = np.isfinite(spots).all(axis=1)
    marks = ""
    if set(form) & set("o.sx+^*"):
        marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in spots[finite])
        marks = f'<g style="fill: {stroke}">{marks}</g>'
        if "-" not in form and ":" not in form:
            return marks
    steps = [
        f"{'L' if here and before else 'M'}{x:.1f} {y:.1f}"
        for (x, y), here, before in zip(spots, finite, [False, *finite][:-1], strict=True)
        if here
    ]
    return f'<path d="{"".join(steps)}" {_style(form, stroke)}/>{marks}'
