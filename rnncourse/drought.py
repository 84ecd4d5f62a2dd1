"""Drought: files of the DroughtED data set, and windows of weather that end in weekly scores.

Opened up in chapter 5. The features and the score of the shipped weather: `rnncourse.weather`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rnncourse._checks import finite_floats, whole_number

if TYPE_CHECKING:
    import pandas as pd

# As the data set names them: NASA POWER's precipitation (mm per day), surface pressure (kPa), humidity (g/kg),
# temperatures (°C) and wind speeds (m/s) at 10 and 50 m.
DROUGHTED_COLUMNS = (
    *("PRECTOT", "PS", "QV2M", "T2M", "T2MDEW", "T2MWET", "T2M_MAX", "T2M_MIN", "T2M_RANGE", "TS"),
    *("WS10M", "WS10M_MAX", "WS10M_MIN", "WS10M_RANGE", "WS50M", "WS50M_MAX", "WS50M_MIN", "WS50M_RANGE"),
)


class DroughtWindows(NamedTuple):
    """Windows of daily features and the weekly scores that follow.

    Attributes
    ----------
    inputs : ndarray, shape (N, L, F)
        L days of F features: the table's columns, the score (straight lines between the weekly values), sine and cosine
        of 2π · day of the year / 366. The last day has a score of its own.
    targets : ndarray, shape (N, h)
        The scores of the h weeks after the last day.
    site : ndarray of str, shape (N,)
        Where.
    target_date : ndarray of datetime64[D], shape (N, h)
        The days of the targets. Split in time by these, so that no target is in two parts.
    """

    inputs: np.ndarray
    targets: np.ndarray
    site: np.ndarray
    target_date: np.ndarray


def read_droughted(path: str | Path) -> pd.DataFrame:
    """Return a DroughtED file, or a folder of them, as a table in the form of `datasets.drought`.

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
    ::

        table = read_droughted("validation_timeseries.csv")
        windows = drought_windows(table)
    """
    import pandas as pd

    path = Path(path).expanduser()
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.name.lower().endswith((".csv", ".csv.gz")))
        files = [file for file in files if not (file.is_dir() or file.name.startswith("soil_data"))]
        files = [file for file in files if not _hidden(file, path)]
    if not files or not files[0].is_file():
        raise FileNotFoundError(f"path names no CSV file and no folder that holds one: {path}")
    # One file after the other must be in order; the years of a county may be spread over several.
    table = pd.concat([_read_file(file) for file in files], ignore_index=True)
    table = table.sort_values(["site", "date"], kind="stable", ignore_index=True)
    same, step = _steps(table, str(path))
    if (gaps := same & (step > 1)).any():
        row = int(np.argmax(gaps))
        before, after = (day.date() for day in table["date"].iloc[row : row + 2])
        raise ValueError(f"{path}: days are missing at {table['site'].iloc[row]} between {before} and {after}")
    return table


def _hidden(file: Path, folder: Path) -> bool:
    """Whether a notebook server, an editor or macOS put the file there: ``.ipynb_checkpoints``, ``__MACOSX`` …."""
    return any(part.startswith(".") or part == "__MACOSX" for part in file.relative_to(folder).parts)


def _read_file(file: Path) -> pd.DataFrame:
    import pandas as pd

    wanted = ["fips", "date", *DROUGHTED_COLUMNS, "score"]
    try:
        table = pd.read_csv(file, dtype={"fips": str, "date": str}, low_memory=False)
    except (ValueError, EOFError, OSError) as error:  # no text, no columns, cut off while packed …
        raise ValueError(f"{file} cannot be read as a table: {error}") from error
    missing = [name for name in wanted if name not in table]
    unknown = [str(name) for name in table if name not in wanted]
    if missing or unknown:
        raise ValueError(f"{file}: missing columns {missing}, unknown columns {unknown}; wanted {wanted}")
    fips = table["fips"].fillna("").str.zfill(5)
    if not (good := fips.str.fullmatch(r"\d{5}") & (fips != "00000")).all():
        raise ValueError(f"{file}: fips must be at most five digits, got {table['fips'][~good].iloc[0]!r}")
    dates = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        raise ValueError(f"{file}: date must be like 2019-01-31, got {table['date'][dates.isna()].iloc[0]!r}")
    table = table.assign(fips=fips, date=dates)[wanted].rename(columns={"fips": "site"})
    unmeasured = (_check(table, str(file)) <= -99).any(axis=0)  # NASA POWER writes -999; no weather is so low
    if unmeasured.any():
        name = DROUGHTED_COLUMNS[int(np.argmax(unmeasured))]
        raise ValueError(
            f"{file}: column {name!r} must hold weather, got {table[name].min()}, which stands for a blank"
        )
    return table


def drought_windows(table: pd.DataFrame, *, lookback: int = 180, weeks: int = 6, stride: int = 42) -> DroughtWindows:
    """Cut windows that end on a day with a score, followed by the scores of the next weeks.

    No window reaches across two sites, a missing day or a missing week. Ending on a score's day matters: the
    lines between the weekly scores then use no score that is not yet known.

    Parameters
    ----------
    table : DataFrame
        From `datasets.drought` or `read_droughted`, or part of one: "site", "date", "score" (weekly, NaN
        between) and columns of weather.
    lookback : int, default 180
        L, the days in an input.
    weeks : int, default 6
        h, the weekly scores to predict.
    stride : int, default 42
        Days from window to window, a multiple of 7. With 7 · `weeks` the targets tile the calendar.

    Returns
    -------
    DroughtWindows
        Site by site, in the order of time.

    Raises
    ------
    TypeError
        If `table` is not a DataFrame, holds something else than dates or numbers, or a count is not an integer.
    ValueError
        If a count is below 1, `stride` is not a multiple of 7, a column is missing, a feature is not
        finite, a score is not between 0 and 5, the days of a site are unsorted, twice there or not together, or no
        window fits.

    Examples
    --------
    >>> from rnncourse import datasets
    >>> windows = drought_windows(datasets.drought())
    >>> windows.inputs.shape, windows.targets.shape
    ((2696, 180, 21), (2696, 6))
    >>> print(windows.site[0], windows.target_date[0, :2])
    brussels ['1976-10-05' '1976-10-12']
    """
    import pandas as pd

    lookback, weeks = whole_number("lookback", lookback), whole_number("weeks", weeks)
    if whole_number("stride", stride) % 7:
        raise ValueError(f"stride must be a multiple of 7 days, as scores are weekly, got {stride}")
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a DataFrame, got {type(table).__name__}")
    features = _check(table, "table")
    score, dates = _floats(table["score"]), table["date"].to_numpy("datetime64[D]")
    same, step = _steps(table, "table")
    chains = _chains(~np.isnan(score), np.concatenate([[0], np.cumsum(~(same & (step == 1)))]))
    first = -(-(lookback - 1) // 7)  # weeks that an input takes: its first day is not before its chain's first score
    found = [
        chain[np.arange(first, len(chain) - weeks, stride // 7)[:, np.newaxis] + np.arange(weeks + 1)]
        for chain in chains
    ]
    rows = np.concatenate([np.empty((0, weeks + 1), dtype=np.int64), *found])
    if not len(rows):
        raise ValueError(
            f"table has no {lookback} days in a row that are followed by {weeks} weekly scores;"
            f" the longest of its {len(chains)} unbroken series has {max(map(len, chains), default=0)} weekly scores"
        )
    angle = 2 * np.pi * table["date"].dt.day_of_year.to_numpy() / 366
    weekly = np.flatnonzero(~np.isnan(score))
    daily = np.interp(np.arange(len(score)), weekly, score[weekly])
    values = np.column_stack([features, daily, np.sin(angle), np.cos(angle)])
    inputs = np.moveaxis(sliding_window_view(values, lookback, axis=0), -1, 1)[rows[:, 0] - lookback + 1]
    ahead = rows[:, 1:]
    return DroughtWindows(inputs, score[ahead], table["site"].to_numpy(str)[rows[:, 0]], dates[ahead])


def _chains(scored: np.ndarray, run: np.ndarray) -> list[np.ndarray]:
    """Rows with a score, parted where the run of days changes or a week is missing."""
    rows = np.flatnonzero(scored)
    breaks = np.flatnonzero((np.diff(rows) != 7) | (np.diff(run[rows]) != 0)) + 1
    return np.split(rows, breaks)


def _check(table: pd.DataFrame, name: str) -> np.ndarray:
    """The features of a table that is in order, as floats."""
    import pandas as pd

    if missing := [column for column in ("site", "date", "score") if column not in table]:
        raise ValueError(f"{name} lacks the columns {missing}")
    if (twice := table.columns.duplicated()).any():
        raise ValueError(f"{name} has the column {table.columns[twice][0]!r} twice")
    if table.empty:
        raise ValueError(f"{name} has no rows")
    if not isinstance(table["date"].dtype, np.dtype) or table["date"].dtype.kind != "M":
        raise TypeError(f"{name} must have dates in its column 'date', got dtype {table['date'].dtype}")
    for label in ("site", "date"):
        if (blank := table[label].isna()).any():
            raise ValueError(f"{name}: column {label!r} must not be blank, got a blank in row {int(np.argmax(blank))}")
    numbers = table.drop(columns=["site", "date"])
    for column, values in numbers.items():
        if not pd.api.types.is_numeric_dtype(values) or values.dtype.kind == "c":
            raise TypeError(f"{name}: column {column!r} must hold numbers, got dtype {values.dtype}")
    scores = _floats(numbers.pop("score"))
    if not (good := np.isnan(scores) | ((scores >= 0) & (scores <= 5))).all():
        raise ValueError(f"{name}: score must be between 0 and 5 or blank, got {scores[~good][0]}")
    _steps(table, name)
    columns = [
        finite_floats(f"{name}: column {label!r}", _floats(values), ndim=(1,)) for label, values in numbers.items()
    ]
    return np.column_stack(columns) if columns else np.empty((len(table), 0))


def _floats(values: pd.Series) -> np.ndarray:
    """A column of numbers or booleans, of NumPy's kind or pandas's own, with NaN where it is blank."""
    return values.to_numpy(np.float64, na_value=np.nan)


def _steps(table: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row but the last is followed by one of its own site, and how many days later."""
    site, dates = table["site"].to_numpy(str), table["date"].to_numpy("datetime64[D]")
    same, step = site[1:] == site[:-1], np.diff(dates).astype(np.int64)
    for wrong, what in ((step == 0, "twice"), (step < 0, "after a later day")):
        if (same & wrong).any():
            row = int(np.argmax(same & wrong)) + 1
            raise ValueError(f"{name}: {dates[row]} comes {what} at {site[row]}; days must be in order, each once")
    if 1 + np.count_nonzero(~same) != len(np.unique(site)):
        raise ValueError(f"{name}: the rows of each site must stand together")
    return same, step
