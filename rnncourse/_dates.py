"""Checks of calendars: that the rows of a pandas object go in even steps, and that a table of days is in order."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from rnncourse._checks import finite_floats

# A calendar numbers the dates. With it goes: which dates are on it, and the date that lies some numbers after another.
Calendar = tuple[np.ndarray, np.ndarray, Callable[[Any, int], Any]]


def check_steps(name: str, values: Any, edges: Sequence[int] | None = None) -> None:
    """Raise unless the index of `values` goes in even steps, between each two `edges` where these are given.

    Looked at are dates (DatetimeIndex, PeriodIndex, ``datetime.date``, the dates of a MultiIndex), spans of time and
    whole numbers. Other indices, and what is no pandas object, pass. Dates are even where pandas knows
    or infers a frequency, on the same day of each n-th month (its last where the month is shorter), and on all days
    but 29 February. The error names the first gap, repeat or reversal.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(values, pandas.Series | pandas.DataFrame):
        return
    index = _dates(pandas, values.index)
    timed = isinstance(index, pandas.DatetimeIndex | pandas.PeriodIndex | pandas.TimedeltaIndex)
    if not timed and not pandas.api.types.is_integer_dtype(index.dtype):
        return
    if index.hasnans:
        raise ValueError(f"{name} must have a date for each row, got none in row {int(np.argmax(index.isna()))}")
    for begin, end in pairwise([0, len(index)] if edges is None else edges):
        if (fault := _first_fault(pandas, index[begin:end])) is not None:
            row, what, due = fault
            row += begin
            was_due = "" if due is None else f", due was {_shown(due)}"
            raise ValueError(
                f"{name} must go on in even steps, got {what} in row {row}: {_shown(index[row])} follows"
                f" {_shown(index[row - 1])}{was_due}. If its rows are evenly spaced all the same, give it with"
                " reset_index(drop=True)"
            )


def _dates(pandas: Any, index: Any) -> Any:
    """Return an index with its dates as such; of a MultiIndex the first level that holds dates."""
    levels = [index.get_level_values(i) for i in range(index.nlevels)]
    levels = [pandas.DatetimeIndex(x) if x.inferred_type in {"date", "datetime"} else x for x in levels]
    dated = [x for x in levels if isinstance(x, pandas.DatetimeIndex | pandas.PeriodIndex)]
    return dated[0] if dated else index


def _first_fault(pandas: Any, index: Any) -> tuple[int, str, Any] | None:
    """Return the row of the first date at fault, what the fault is, and the date that was due."""
    if len(index) < 2 or (isinstance(index, pandas.RangeIndex) and index.step > 0):
        return None
    if isinstance(index, pandas.DatetimeIndex):
        if index.is_monotonic_increasing and index.is_unique and _has_frequency(pandas, index):
            return None
        calendars = [_steps(*calendar) for calendar in _calendars(pandas, index)]
    else:
        calendars = [_steps(*_counted(pandas, index))]
    wrong, step, later = min(calendars, key=lambda calendar: calendar[0].sum())  # the one that was most likely meant
    if not wrong.any():
        return None
    row = int(np.argmax(wrong)) + 1
    before, date = index[row - 1], index[row]
    due = later(before, step) if step else None
    if date <= before:
        return row, "a repeat" if date == before else "a reversal", due
    return row, "a gap" if due is None or date > due else "a date between two steps", due


def _steps(
    number: np.ndarray, on: np.ndarray, later: Callable[[Any, int], Any]
) -> tuple[np.ndarray, int, Callable[[Any, int], Any]]:
    """Return which steps from a date to the next are wrong on a calendar, and how long most are."""
    steps, on = np.diff(number), on[1:] & on[:-1]
    lengths, counts = np.unique(steps[on & (steps > 0)], return_counts=True)
    usual = int(lengths[np.argmax(counts)]) if len(lengths) else 0
    return ~on | (steps != usual) | (steps <= 0), usual, later


def _has_frequency(pandas: Any, index: Any) -> bool:
    if len(index) == 2 or index.freq is not None:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 3 warns that 4 will return another type
        found = pandas.infer_freq(index)
    # The length, because pandas finds the third Friday of each month where a month is left out, too.
    return found is not None and len(pandas.date_range(index[0], index[-1], freq=found)) == len(index)


def _counted(pandas: Any, index: Any) -> Calendar:
    """Return periods, spans of time or whole numbers as they are counted."""
    number = np.asarray(index.asi8 if hasattr(index, "asi8") else index, dtype=np.int64)

    def later(date: Any, step: int) -> Any:
        if isinstance(index, pandas.PeriodIndex):
            return pandas.Period(ordinal=date.ordinal + step, freq=index.freq)
        return date + (pandas.Timedelta(step, unit=index.unit) if isinstance(index, pandas.TimedeltaIndex) else step)

    return number, np.ones(len(index), bool), later


def _calendars(pandas: Any, index: Any) -> Iterator[Calendar]:
    """Yield what the dates may be steps of: months, a fixed time, days, business days, days but 29 February."""
    offsets, wall = pandas.offsets, index.tz_localize(None)  # a day is one on the clock, however long it is
    midnight = wall.normalize()
    clock = (wall - midnight).asi8
    usual = clock == _most_common(clock)
    day, day_of_month, length = midnight.to_numpy().astype("datetime64[D]"), wall.day.to_numpy(), wall.days_in_month
    month = day.astype("datetime64[M]")
    days, months = day.astype(np.int64), month.astype(np.int64)
    for chosen in sorted({_most_common(day_of_month), int(day_of_month.max())}):
        on = usual & (day_of_month == np.minimum(chosen, length))
        yield months, on, partial(_months_later, offsets, chosen)
    first = np.busday_offset(month.astype("datetime64[D]"), 0, roll="forward")
    last = np.busday_offset((month + 1).astype("datetime64[D]"), -1, roll="forward")
    yield months, usual & (day == first), lambda date, n: date + offsets.BMonthBegin(n)
    yield months, usual & (day == last), lambda date, n: date + offsets.BMonthEnd(n)
    yield index.asi8, np.ones(len(index), bool), lambda date, n: date + pandas.Timedelta(n, unit=index.unit)
    yield days, usual, lambda date, n: date + offsets.DateOffset(days=n)
    business = np.busday_count(np.datetime64("1970-01-01"), day)
    yield business, usual & np.is_busday(day), lambda date, n: date + offsets.BDay(n)
    over = wall.year.to_numpy() - (wall.month < 3)  # the last year whose February is over
    leap_days = over // 4 - over // 100 + over // 400
    on = usual & ~((wall.month == 2) & (wall.day == 29))
    yield days - leap_days, on, lambda date, n: date + offsets.DateOffset(days=n)


def _months_later(offsets: Any, day: int, date: Any, months: int) -> Any:
    return date + offsets.DateOffset(months=months, day=day)


def _most_common(numbers: np.ndarray) -> int:
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[np.argmax(counts)])


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
    numbers = table.drop(columns=["site", "date"])
    for column, values in numbers.items():
        if values.dtype.kind not in "biuf":
            raise TypeError(f"{name}: column {column!r} must hold numbers, got dtype {values.dtype}")
    scores = blank_as_nan(numbers.pop("score"))
    if not (good := np.isnan(scores) | ((scores >= 0) & (scores <= 5))).all():
        raise ValueError(f"{name}: score must be between 0 and 5 or blank, got {scores[~good][0]}")
    day_steps(name, table)
    columns = [
        finite_floats(f"{name}: column {label!r}", blank_as_nan(values), ndim=(1,)) for label, values in numbers.items()
    ]
    return np.column_stack(columns) if columns else np.empty((len(table), 0))


def blank_as_nan(values: Any) -> np.ndarray:
    """Return a column of numbers or booleans, of NumPy's kind or pandas's own, with NaN where it is blank."""
    return np.asarray(values.to_numpy(np.float64, na_value=np.nan))


def day_steps(name: str, table: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each row but the last is followed by one of its own site, and how many days later."""
    site, dates = table["site"].to_numpy(str), table["date"].to_numpy("datetime64[D]")
    same, step = site[1:] == site[:-1], np.diff(dates).astype(np.int64)
    for wrong, what in ((step == 0, "twice"), (step < 0, "after a later day")):
        if (same & wrong).any():
            row = int(np.argmax(same & wrong)) + 1
            raise ValueError(f"{name}: {dates[row]} comes {what} at {site[row]}; days must be in order, each once")
    if 1 + np.count_nonzero(~same) != len(np.unique(site)):
        raise ValueError(f"{name}: the rows of each site must stand together")
    return same, step
