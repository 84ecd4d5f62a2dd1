"""Checks of calendars: that the rows of a pandas object go in even steps, and that a table of days is in order."""

import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rnncourse._checks import finite_floats, within

# Columns of a table of days that are no features; the last two only where the score was ranked here.
APART = ["site", "date", "score", "balance_90", "percentile"]


def check_steps(name: str, values: Any, edges: Iterable[int] | None = None) -> None:
    """Raise unless the index of `values` goes in even steps, between each two `edges` where these are given.

    Looked at are dates (DatetimeIndex, PeriodIndex, ``datetime.date``, the dates of a MultiIndex), spans of time and
    whole numbers. Other indices, and what is no pandas object, pass. Dates are even where pandas knows
    or infers a frequency, on the same day of each n-th month (its last where the month is shorter), and on all days
    but 29 February. The error names the first gap, repeat or reversal.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(values, pandas.Series | pandas.DataFrame):
        return
    levels = [values.index.get_level_values(i) for i in range(values.index.nlevels)]
    levels = [pandas.DatetimeIndex(x) if x.inferred_type in {"date", "datetime"} else x for x in levels]
    index = next((x for x in levels if x.inferred_type in {"datetime64", "period"}), values.index)
    if index.inferred_type not in {"datetime64", "period", "timedelta64", "integer", "integer-na"}:
        return
    if index.hasnans:
        raise ValueError(f"{name} must have a date for each row, got none in row {int(np.argmax(index.isna()))}")
    for begin, end in pairwise([0, len(index)] if edges is None else edges):
        if not _has_frequency(pandas, index[begin:end]):
            _check_calendars(pandas, name, index[begin:end], begin)


def _has_frequency(pandas: Any, index: Any) -> bool:
    """Tell whether pandas knows or infers an even step forward."""
    if not isinstance(index, pandas.DatetimeIndex) or len(index) < 3 or index[-1] <= index[0]:
        return isinstance(index, pandas.RangeIndex) and index.step > 0
    if index.freq is not None:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 3 warns that 4 will return another type
        found = pandas.infer_freq(index)
    # The length, because pandas finds the third Friday of each month where a month is left out, too.
    return found is not None and len(pandas.date_range(index[0], index[-1], freq=found)) == len(index)


def _check_calendars(pandas: Any, name: str, index: Any, begin: int) -> None:
    """Raise unless the steps are even in numbers or on a calendar; the first row is numbered `begin`."""
    number = np.asarray(index.asi8 if hasattr(index, "asi8") else index, dtype=np.int64)
    ways = [*_on_calendars(pandas, index)] if isinstance(index, pandas.DatetimeIndex) else []
    ways.append((number - number.min(), None))
    # The one that was most likely meant.
    place, days = min(ways, key=lambda way: _wrong(pandas, way[0]).sum())
    wrong = _wrong(pandas, place)
    if not wrong.any():
        return
    row, right = int(np.argmax(wrong)) + 1, int(np.argmin(wrong))
    before, date, due = index[row - 1], index[row], None
    place_due = place[row - 1] + place[right + 1] - place[right]
    if not wrong.all() and days is None:
        due = before + (index[right + 1] - index[right])
    elif not wrong.all() and place[row - 1] >= 0 and place_due < len(days):
        day = days[place_due]
        due = before.replace(year=day.year, month=day.month, day=day.day)
    if date > before:
        what = "a gap" if due is None or date > due else "a date between two steps"
    else:
        what = "a repeat" if date == before else "a reversal"
    raise ValueError(
        f"{name} must go on in even steps, got {what} in row {begin + row}: {_shown(date)} follows {_shown(before)}"
        + ("" if due is None else f", due was {_shown(due)}")
        + ". If its rows are evenly spaced all the same, give it with reset_index(drop=True)"
    )


def _wrong(pandas: Any, place: np.ndarray) -> np.ndarray:
    """Return which steps from a place to the next are not as long as most; -1 is no place."""
    steps = np.diff(place)
    on = (place[1:] >= 0) & (place[:-1] >= 0) & (steps > 0)
    return np.asarray(~on | (steps != _most_common(pandas, steps[on])))


def _on_calendars(pandas: Any, index: Any) -> Iterator[tuple[np.ndarray, Any]]:
    """Yield the places of dates among the days of months, all days, the business days, all but 29 February."""
    wall = index.tz_localize(None)  # a day is one on the clock, however long it is
    dates = wall.normalize().as_unit("s")
    clock, months = wall - dates, dates.to_numpy().astype("datetime64[M]")
    # To a year after the last, where the next may be due.
    days = pandas.DatetimeIndex(np.arange(months.min(), months.max() + 13, dtype="datetime64[D]"))
    business = days[days.day_of_week < 5]
    usual = {_most_common(pandas, dates.day), dates.day.max()}
    calendars = [
        *(days[days.day == np.minimum(day, days.days_in_month)] for day in sorted(usual)),
        business[np.diff(business.day, prepend=32) < 0],  # the first of each month, and the last
        business[np.diff(business.day, append=0) < 0],
        *(days, business, days[(days.month != 2) | (days.day != 29)]),
    ]
    on_time = dates.where(clock == _most_common(pandas, clock))
    yield from ((calendar.get_indexer(on_time), calendar) for calendar in calendars)


def _most_common(pandas: Any, numbers: Any) -> Any:
    return pandas.Series(numbers).mode().min()


def _shown(date: Any) -> str:
    """Return a date without its time where that is midnight."""
    return str(date).removesuffix(" 00:00:00")


def check_table(name: str, table: Any, columns: Sequence[str]) -> None:
    """Raise unless this is a table of days: rows, these columns, none twice, dates, no blank site or date."""
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a DataFrame, got {type(table).__name__}")
    if missing := [column for column in columns if column not in table]:
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


def features_of(name: str, table: Any) -> np.ndarray:
    """Return the features of a table of days and weekly scores that is in order, as floats."""
    check_table(name, table, ("site", "date", "score"))
    within(f"{name}: score, where it is not blank,", table["score"].dropna(), (0, 5), ndim=(1,))
    days_apart(name, table)
    return finite_floats(name, table.drop(columns=APART, errors="ignore"), ndim=(2,))


def days_apart(name: str, table: Any) -> np.ndarray:
    """Return how many days each row lies after the one before, 0 where a site begins, or raise: never back."""
    site, date = table["site"].to_numpy(str), table["date"].to_numpy("datetime64[D]")
    begins, apart = np.append(True, site[1:] != site[:-1]), np.diff(date, prepend=date[:1]).astype(np.int64)
    if (wrong := ~begins & (apart <= 0)).any():
        row = int(np.argmax(wrong))
        what = "after a later day" if apart[row] else "twice"
        raise ValueError(f"{name}: {date[row]} comes {what} at {site[row]}; days must be in order, each once")
    if np.count_nonzero(begins) != len(np.unique(site)):
        raise ValueError(f"{name}: the rows of each site must stand together")
    return np.where(begins, 0, apart)
