"""The shipped series, and the generated ones. Nothing is downloaded.

Where each set comes from, its licence and its units: the page "Data" of the book.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from rnncourse._checks import whole_number

_SHA256 = {
    "sunspots.csv": "5af2ea985a3ee4c120f5825c9d028a3cff35d4b30d470896e2e7876575723f27",
    "sunspots_later.csv": "68f446eac45bf1e831217f3501132927c286fcdd429e1d2d9ec2b6686c8ff185",
}


def sine(steps: int = 2501, *, step: float = 0.04, angular_frequency: float = 1.0, start: float = 0.0) -> np.ndarray:
    """Return ``sin(angular_frequency * x)`` at ``x = start, start + step, …``.

    Parameters
    ----------
    steps : int, default 2501
        T, the number of points. The default reaches from x = 0 to x = 100.
    step : float, default 0.04
        Distance of two points in x.
    angular_frequency : float, default 1.0
        In radians per unit of x; one period is ``2 * pi / angular_frequency``.
    start : float, default 0.0
        The first x.

    Returns
    -------
    ndarray, shape (T,)
        Without unit, amplitude 1.

    Raises
    ------
    TypeError, ValueError
        If `steps` is not a whole number of at least 1, if `step` is not greater than 0, or if a
        number is not finite.

    Examples
    --------
    >>> sine(4, step=0.5).round(3)
    array([0.   , 0.479, 0.841, 0.997])
    """
    steps = whole_number("steps", steps)
    for name, value in (("step", step), ("angular_frequency", angular_frequency), ("start", start)):
        if not np.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    if step <= 0:
        raise ValueError(f"step must be greater than 0, got {step}")
    wave: np.ndarray = np.sin(angular_frequency * (start + step * np.arange(steps)))
    return wave


def sunspots(*, until: str = "1983-12") -> pd.Series:
    """Return monthly mean sunspot numbers from 1749-01.

    Parameters
    ----------
    until : str, default "1983-12"
        The last month. The default is where the sources' file ends; up to "2009-06" the later
        years are added from a second file on the same scale.

    Returns
    -------
    Series of float, monthly PeriodIndex
        Wolf's relative sunspot number (version 1), named "sunspots"; 2,820 values by default.

    Raises
    ------
    ValueError
        If `until` is not a month from 1749-01 to 2009-06, or if a file is damaged.
    FileNotFoundError
        If a file is missing.

    References
    ----------
    Andrews and Herzberg, *Data* (Springer, 1985); from 1984 NOAA's National Geophysical Data Center.

    Examples
    --------
    >>> series = sunspots()
    >>> len(series), series.idxmax(), series.max()
    (2820, Period('1957-10', 'M'), np.float64(253.8))
    >>> len(sunspots(until="2009-06"))
    3126
    """
    try:
        last = pd.Period(until, freq="M")
    except (ValueError, TypeError) as error:
        raise ValueError(f"until must be a month such as '1983-12', got {until!r}") from error
    if not pd.Period("1749-01", freq="M") <= last <= pd.Period("2009-06", freq="M"):
        raise ValueError(f"until must be a month from 1749-01 to 2009-06, got {until!r}")
    names = ["sunspots.csv"] if last <= pd.Period("1983-12", freq="M") else list(_SHA256)
    table = pd.concat([pd.read_csv(BytesIO(_checked_bytes(name))) for name in names])
    months = pd.PeriodIndex(table["month"], freq="M", name="month")
    series = pd.Series(table["sunspots"].to_numpy(np.float64), index=months, name="sunspots")
    return series[:last]


def recorded(name: str) -> pd.DataFrame:
    """Return the recorded result of a run that is too long for a notebook.

    Parameters
    ----------
    name : str
        File name without ``.csv`` in the folder ``data/results``.

    Returns
    -------
    DataFrame
        One row a run. ``attrs`` holds how it was made: "command", "date", "machine".

    Raises
    ------
    FileNotFoundError
        If there is no such result; the message names those that there are.

    Examples
    --------
    >>> recorded("sine_heads").attrs["command"]
    'python data/record.py sine_heads'
    """
    folder = _data_folder() / "results"
    path = folder / f"{name}.csv"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.csv"))) or "none"
        raise FileNotFoundError(f"no recorded result {name!r}; there are: {there}")
    table = pd.read_csv(path, comment="#")
    with path.open(encoding="utf-8") as lines:
        header = [line[1:].split(":", 1) for line in lines if line.startswith("#")]
    table.attrs = {key.strip(): value.strip() for key, value in header}
    return table


def _data_folder() -> Path:
    """The data beside this module (installed wheel) or beside the package (clone)."""
    here = Path(__file__).resolve().parent
    return next((folder for folder in (here / "data", here.parent / "data") if folder.is_dir()), here / "data")


def _checked_bytes(name: str) -> bytes:
    path = _data_folder() / name
    if not path.is_file():
        raise FileNotFoundError(f"data file {name} is missing, expected at {path}; install the package again")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256[name]:
        raise ValueError(
            f"data file {path} is damaged: its sha256 is {found}, expected {_SHA256[name]};"
            " get a fresh copy (line endings must not be changed)"
        )
    return content
