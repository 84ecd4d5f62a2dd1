"""The shipped series, and the generated ones. Nothing is downloaded.

Where each set comes from, its licence and its units: the page "Data" of the book.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnncourse._checks import finite_number, whole_number
from rnncourse._dates import days_apart, features_of
from rnncourse.drought import LATITUDES, drought_table

if TYPE_CHECKING:
    import pandas as pd

_SHA256 = {
    "fulda.csv": "2f8aa9ff41b70cb8b5f978e0ffff50ef7b12fa4122bfd935abb147201dfab632",
    "sunspots.csv": "5af2ea985a3ee4c120f5825c9d028a3cff35d4b30d470896e2e7876575723f27",
    "sunspots_later.csv": "68f446eac45bf1e831217f3501132927c286fcdd429e1d2d9ec2b6686c8ff185",
    "weather.csv.gz": "99db3d71c6b21068e7ae9fd635b4ee5760f8ae44428c967663e5cf740459db7f",
}
# As the data set names them: NASA POWER's precipitation (mm per day), surface pressure (kPa), humidity (g/kg),
# temperatures (°C) and wind speeds (m/s) at 10 and 50 m.
DROUGHTED_COLUMNS = (
    *("PRECTOT", "PS", "QV2M", "T2M", "T2MDEW", "T2MWET", "T2M_MAX", "T2M_MIN", "T2M_RANGE", "TS"),
    *("WS10M", "WS10M_MAX", "WS10M_MIN", "WS10M_RANGE", "WS50M", "WS50M_MAX", "WS50M_MIN", "WS50M_RANGE"),
)


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
        If `steps` is not a whole number of at least 1, if `step` is not greater than 0, or if another
        argument is not a finite number.

    Examples
    --------
    >>> sine(4, step=0.5).round(3)
    array([0.   , 0.479, 0.841, 0.997])
    """
    steps = whole_number("steps", steps)
    finite_number("angular_frequency", angular_frequency)
    finite_number("start", start)
    finite_number("step", step, "greater than 0", lambda x: x > 0)
    return np.asarray(np.sin(angular_frequency * (start + step * np.arange(steps))))


def sunspots(*, until: str | pd.Period | datetime.date | np.datetime64 = "1983-12") -> pd.Series:
    """Return monthly mean sunspot numbers from 1749-01.

    Parameters
    ----------
    until : str, Period, date or datetime64, default "1983-12"
        The last month. A longer span, such as "1983" or "1983Q2", ends with its last month; a day stands
        for the month that it is in. The default is where the sources' file ends; up to "2009-06" the
        later years are added from a second file on the same scale.

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
    >>> print(sunspots(until="1980").index[-1])
    1980-12
    """
    import pandas as pd

    table = pd.concat([_shipped("sunspots.csv"), _shipped("sunspots_later.csv")])
    months = pd.PeriodIndex(table["month"], freq="M", name="month")
    try:  # as text, in which NumPy's dates keep their unit: "1983" is a year
        last = pd.Period(str(until)).asfreq("M", how="end")
    except (ValueError, AttributeError):  # what pandas cannot read, and its NaT
        last = None
    if not isinstance(until, str | pd.Period | datetime.date | np.datetime64) or last not in months:
        raise ValueError(f"until must be a month from 1749-01 to 2009-06, got {until!r}")
    return pd.Series(table["sunspots"].to_numpy(np.float64), index=months, name="sunspots")[:last]


def fulda() -> pd.DataFrame:
    """Return ten years of daily weather and discharge at the river Fulda in Germany.

    Returns
    -------
    DataFrame of float, shape (3653, 5), daily DatetimeIndex named "date"
        1979-01-01 to 1988-12-31 without gaps. Columns: "tmax", "tmin", "tmean" (air temperature,
        °C), "rain" (mm per day), "discharge" (m³/s).

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file is damaged.

    References
    ----------
    The package spotpy 1.6.7, ``examples/cmf_data/fulda_climate.csv`` (MIT licence).

    Examples
    --------
    >>> fulda().loc["1979-01-02"].to_dict()
    {'tmax': -10.9, 'tmin': -19.8, 'tmean': -15.35, 'rain': 0.6, 'discharge': 110.0}
    """
    return _shipped("fulda.csv", ["date"]).set_index("date").astype(np.float64).asfreq("D")


def drought() -> pd.DataFrame:
    """Return daily weather and a weekly drought score at eleven sites.

    Temperature, rain and evapotranspiration stand in the file; the rest is computed from them
    (`rnncourse.drought`), the score too: it is no official one. Its percentiles come from the first 70 % of each
    site's years alone.

    Returns
    -------
    DataFrame, 115,324 rows
        "site", "date"; 18 features: "tmin", "tmax" (°C), "rain", "et0" (reference evapotranspiration, mm per
        day), "tmean", "trange" (°C), "es", "ea" (saturation and actual vapour pressure, kPa),
        "vpd" (their difference, kPa), "ra" (extraterrestrial radiation, MJ per m² and day), "daylight" (h),
        "balance" (rain - et0, mm per day), "rain_7", "rain_30", "rain_90", "et0_7", "et0_30" (sums of
        so many days, mm), "dry_spell" (days since one with at least 1 mm of rain); and "score" (0 none to 5 worst,
        each Tuesday, NaN on other days). What is ranked stands apart from the features: "balance_90" (sum of 90 days,
        mm) and its "percentile" (0 to 1). ``attrs["training_end"]``: last training day of each site.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file is damaged.

    References
    ----------
    Weather: the package aquacrop 3.1.0, ``aquacrop/data/*_climate.txt`` (MIT licence).

    Examples
    --------
    >>> table = drought()
    >>> table.shape, table["site"].nunique(), table.attrs["training_end"]["tunis"]
    ((115324, 23), 11, '1994-12-31')
    >>> print(round(table["score"].dropna().eq(0).mean(), 2))
    0.7
    """
    return drought_table(_shipped("weather.csv.gz", ["date"]), LATITUDES)


def read_droughted(path: str | Path) -> pd.DataFrame:
    """Return a DroughtED file, or a folder of them, as a table in the form of `drought`.

    Parameters
    ----------
    path : str or Path
        A CSV file, packed or not, with the columns "fips", "date", 18 of weather and "score"; or a folder, in which
        every ``*.csv`` and ``*.csv.gz`` is read, in folders below it too, but not ``soil_data.csv`` and not what is
        hidden (names that begin with a dot, and ``__MACOSX``). ``~`` is the home folder.

    Returns
    -------
    DataFrame
        "site" (the county's FIPS code, five digits as text), "date", the 18 columns under their own names, "score":
        weekly, NaN on other days. Sorted by site and date.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no CSV file in the folder.
    ValueError
        If a file cannot be read as a table or has no rows; if columns are missing, renamed or unknown; if a FIPS
        code, date or value cannot be read or is blank (-999); if a county's days are unsorted, twice there or not
        consecutive; if a score is not between 0 and 5.

    References
    ----------
    Minixhofer, Swan, McMeekin and Andreadis, *DroughtED: A dataset and methodology for drought forecasting
    spanning multiple climate zones* (2021).

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> made_up = pd.DataFrame({"fips": 1001, "date": ["2019-01-01", "2019-01-02"], "score": [1.5, None]})
    >>> made_up[list(DROUGHTED_COLUMNS)] = 1.0
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made_up.to_csv(f"{folder}/county.csv", index=False)
    ...     table = read_droughted(f"{folder}/county.csv")
    >>> table[["site", "date", "score"]]
        site       date  score
    0  01001 2019-01-01    1.5
    1  01001 2019-01-02    NaN
    """
    import pandas as pd

    path = Path(path).expanduser()
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if _holds_days(file, path)]
    if not files:
        raise FileNotFoundError(f"path names no CSV file and no folder that holds one: {path}")
    # One file after the other must be in order; the years of a county may be spread over several.
    table = pd.concat([_read_file(file) for file in files], ignore_index=True)
    table = table.sort_values(["site", "date"], kind="stable", ignore_index=True)
    if row := int(np.argmax(days_apart(str(path), table) > 1)):  # never the first
        before, after = table["date"].iloc[row - 1 : row + 1].dt.date
        raise ValueError(f"{path}: days are missing at {table['site'].iloc[row]} between {before} and {after}")
    return table


def leading_parameters(
    steps: int = 1000, *, seed: int = 0, noise: float = 0.005, kicks: Sequence[int] = ()
) -> pd.DataFrame:
    r"""Return three parameters and an observable that follows each of them some steps later.

    The driver :math:`s` is a noisy limit cycle, the oscillator of Van der Pol, with steps of
    0.15 time units: :math:`s'' = (1 - s^2)\,s' - s + 0.02\,\xi`, where :math:`\xi` is white noise.
    It has a period of about 44 steps. Parameter :math:`i` sees the driver :math:`\ell_i` steps
    before the observable does, together with a small disturbance :math:`\eta_i` of its own,

    .. math::

        z_i(t) = s(t + \ell_i) + \eta_i(t), \qquad \eta_i(t) = 0.9\,\eta_i(t - 1) + \sigma\,\varepsilon,

    and the observable answers to the delayed parameters through a nonlinear link:

    .. math::

        \text{obs}(t) = {} & 4 + \exp\bigl(0.4\,z_1(t - \ell_1)\bigr) + \tanh z_2(t - \ell_2) \\
        & + 0.25\,z_2(t - \ell_2)\,z_3(t - \ell_3)^2 + 2\,\sigma\,\varepsilon.

    The columns are par1 :math:`= 10 + 2 z_1`, par2 :math:`= 5 + z_2`, par3 :math:`= 30 + 6 z_3`.
    Each :math:`\varepsilon` is a standard normal number of its own; :math:`\sigma` is `noise`.

    Parameters
    ----------
    steps : int, default 1000
        T, the number of rows.
    seed : int, default 0
        Of the random numbers, which include the point of the cycle where the series begins.
    noise : float, default 0.005
        :math:`\sigma`. With 0 only the driver is random.
    kicks : sequence of int, default ()
        Rows at which the driver of the observable is thrown off its cycle: its position and velocity
        are multiplied by 0.1, and it grows back. The parameters show a kick their lead earlier.

    Returns
    -------
    DataFrame of float, shape (T, 4)
        Columns "par1", "par2", "par3", "obs", without units, all positive. ``attrs["leads"]`` holds
        the leads in steps.

    Raises
    ------
    TypeError, ValueError
        If `steps` is not a whole number of at least 1, `seed` not one of at least 0, `noise`
        negative or not finite, or a kick not the number of a row.

    Examples
    --------
    >>> table = leading_parameters()
    >>> table.shape, table.attrs["leads"]
    ((1000, 4), {'par1': 5, 'par2': 9, 'par3': 14})
    >>> print(round(table["par2"].shift(9).corr(table["obs"]), 2))
    0.99
    """
    import pandas as pd

    steps, seed = whole_number("steps", steps), whole_number("seed", seed, minimum=0)
    finite_number("noise", noise, "at least 0", lambda x: x >= 0)
    if np.ndim(kicks) != 1:
        raise TypeError(f"kicks must be a sequence of rows, got {kicks!r}")
    rows = [whole_number("kicks", row, minimum=0) for row in kicks]
    if rows and max(rows) >= steps:
        raise ValueError(f"kicks must be rows below steps = {steps}, got {max(rows)}")
    leads = {"par1": 5, "par2": 9, "par3": 14}
    longest, random = max(leads.values()), np.random.default_rng(seed)
    driver = _van_der_pol(steps + 2 * longest, random, {longest + row for row in rows})
    shocks = random.normal(size=(3, steps + longest)) * noise
    for t in range(1, steps + longest):
        shocks[:, t] += 0.9 * shocks[:, t - 1]
    # Row 0 of the table is `longest` steps after the beginning of z: the observable needs the past of z.
    z = [driver[lead : lead + steps + longest] + shock for lead, shock in zip(leads.values(), shocks, strict=True)]
    now = [series[longest:] for series in z]
    z1, z2, z3 = (series[longest - lead :][:steps] for lead, series in zip(leads.values(), z, strict=True))
    obs = 4 + np.exp(0.4 * z1) + np.tanh(z2) + 0.25 * z2 * z3**2 + 2 * noise * random.normal(size=steps)
    table = pd.DataFrame({"par1": 10 + 2 * now[0], "par2": 5 + now[1], "par3": 30 + 6 * now[2], "obs": obs})
    table.attrs["leads"] = leads
    return table


def _holds_days(file: Path, folder: Path) -> bool:
    """Whether it is a table of days, and nothing that a notebook server, an editor or macOS has put there."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in file.relative_to(folder).parts)
    table = file.name.lower().endswith((".csv", ".csv.gz")) and not file.name.startswith("soil_data")
    return table and not hidden and file.is_file()


def _read_file(file: Path) -> pd.DataFrame:
    import pandas as pd

    wanted = ["fips", "date", *DROUGHTED_COLUMNS, "score"]
    try:
        table = pd.read_csv(file, dtype={"fips": str, "date": str}, low_memory=False)
    except (ValueError, EOFError, OSError) as error:  # no text, no columns, cut off while packed …
        raise ValueError(f"{file} cannot be read as a table: {error}") from error
    missing = [name for name in wanted if name not in table]
    unknown = [name for name in table if name not in wanted]
    if missing or unknown:
        raise ValueError(f"{file}: missing columns {missing}, unknown columns {unknown}; wanted {wanted}")
    fips = table["fips"].fillna("").str.zfill(5)
    if not (good := fips.str.fullmatch(r"\d{5}") & (fips != "00000")).all():
        raise ValueError(f"{file}: fips must be at most five digits, got {table['fips'][~good].iloc[0]!r}")
    dates = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        raise ValueError(f"{file}: date must be like 2019-01-31, got {table['date'][dates.isna()].iloc[0]!r}")
    table = table.assign(fips=fips, date=dates)[wanted].rename(columns={"fips": "site"})
    lowest = features_of(str(file), table).min(axis=0)
    if (low := lowest.min()) <= -99:  # NASA POWER writes -999; no weather is so low
        name = DROUGHTED_COLUMNS[int(np.argmin(lowest))]
        raise ValueError(f"{file}: column {name!r} must hold weather, got {low}, which stands for a blank")
    return table


def _van_der_pol(steps: int, random: np.random.Generator, thrown: set[int]) -> np.ndarray:
    """The oscillator's position, by Euler and Maruyama with 50 small steps to a step, after 20 to 30 time units.

    At the steps in `thrown` it is brought near its unstable point of rest.
    """
    small = 0.15 / 50
    settle = int(random.uniform(20, 30) / small)
    pushes = (0.02 * np.sqrt(small) * random.normal(size=settle + 50 * steps)).tolist()
    position, velocity, path = 1.0, 0.0, []
    at = {settle + 50 * step for step in thrown}
    for number, push in enumerate(pushes):
        force = (1 - position * position) * velocity - position
        position, velocity = position + small * velocity, velocity + small * force + push
        if number in at:
            position, velocity = 0.1 * position, 0.1 * velocity
        path.append(position)
    return np.array(path[settle::50])


def device_failures(*, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Return three inspections of 195 made-up devices, and which of them failed afterwards.

    Device :math:`d` has three levels of wear, one an inspection: independent standard normal
    numbers, put into an order. The device is on its way to failure if wear *builds up* (each level is
    higher than the one before), which is so for 30 % of the devices at random; in the others the same kind of numbers
    stand in one of the five other orders, each equally likely. So what is measured says nothing about
    the outcome; only *when* it is measured does. Sensor :math:`j` shows

    .. math::

        x_{dtj} = o_{dj} + w_j\,\text{wear}_{dt} + 0.2\,\varepsilon_{dtj},
        \qquad w = (1, 0.8, 0.6, -0.8, 0.5, -0.5, 0, 0),

    with an offset :math:`o_{dj}` of its own for each device and sensor (normal, standard deviation 0.5)
    and standard normal noise :math:`\varepsilon`; the last two sensors know nothing of wear.
    At the end 3 % of the labels are turned round, as in any file kept by people.

    Parameters
    ----------
    seed : int, default 0
        Of the random numbers.

    Returns
    -------
    x : ndarray, shape (195, 3, 8)
        Devices × inspections, in the order of time × sensors; without units.
    y : ndarray of int, shape (195,)
        1 = failed, 0 = did not.

    Raises
    ------
    TypeError, ValueError
        If `seed` is not a whole number of at least 0.

    Examples
    --------
    >>> x, y = device_failures()
    >>> x.shape, y.shape, int(y.sum())
    ((195, 3, 8), (195,), 55)
    """
    random = np.random.default_rng(whole_number("seed", seed, minimum=0))
    orders = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    y = (random.random(195) < 0.3).astype(np.int64)
    order = np.where(y == 1, 0, random.integers(1, 6, size=len(y)))
    levels = np.sort(random.normal(size=(len(y), 3)), axis=1)
    wear = np.take_along_axis(levels, orders[order], axis=1)
    weights = np.array([1, 0.8, 0.6, -0.8, 0.5, -0.5, 0, 0])
    offsets = 0.5 * random.normal(size=(len(y), 1, 8))
    x = offsets + wear[:, :, np.newaxis] * weights + 0.2 * random.normal(size=(len(y), 3, 8))
    return x, np.where(random.random(len(y)) < 0.03, 1 - y, y)


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
    >>> recorded("sine_study").attrs["command"]
    'python data/record.py sine_study'
    """
    import pandas as pd

    files = {file.stem: file for file in sorted((_data_folder() / "results").glob("*.csv"))}
    if name not in list(files):
        raise FileNotFoundError(f"no recorded result {name!r}; there are: {', '.join(files) or 'none'}")
    lines = files[name].read_text(encoding="utf-8").splitlines()
    header = [line[1:].split(":", 1) for line in lines if line.startswith("#")]
    table = pd.read_csv(files[name], skiprows=len(header))  # a "#" further on is text
    table.attrs = {key.strip(): value.strip() for key, value in header}
    return table


def _data_folder() -> Path:
    """The data beside this module (installed wheel) or beside the package (clone)."""
    here = Path(__file__).resolve().parent
    return next((folder for folder in (here / "data", here.parent / "data") if folder.is_dir()), here / "data")


def _shipped(name: str, dates: Sequence[str] = ()) -> pd.DataFrame:
    """Read a file of the data folder, if it is there and undamaged."""
    import pandas as pd

    path = _data_folder() / name
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != _SHA256[name]:
        raise ValueError(
            f"data file {path} is damaged: its sha256 is {found}, expected {_SHA256[name]};"
            " get a fresh copy (line endings must not be changed)"
        )
    return pd.read_csv(path, parse_dates=[*dates])
