"""Checks of arguments that several modules share. Errors name the argument, what came, what was wanted."""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def whole_number(name: str, value: Any, *, minimum: int = 1) -> int:
    """Return `value` as an int, or raise if it is not a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def several(name: str, values: Any, one: str, of: str) -> list[Any]:
    """Return a sequence `of` something as a list, or raise: at least `one`."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence of {of}, got {values!r}")
    if not (found := list(values)):
        raise ValueError(f"{name} must name at least one {one}, got none")
    return found


def seed_list(seeds: Any) -> list[int]:
    """Return seeds as a list, or raise: at least one, whole numbers from 0, none twice."""
    listed = several("seeds", seeds, "seed", "whole numbers, such as range(5)")
    found = [whole_number("seeds", seed, minimum=0) for seed in listed]
    if len(set(found)) < len(found):
        raise ValueError(f"seeds must differ, got {next(seed for seed in found if found.count(seed) > 1)} twice")
    return found


def finite_number(name: str, value: Any, wanted: str = "", fits: Callable[[Any], bool] = math.isfinite) -> float:
    """Return `value` as a float, or raise unless it is one finite real number that fits."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    if not fits(value):
        raise ValueError(f"{name} must be {wanted}, got {value}")
    return float(value)


def column_positions(name: str, columns: Any, features: int, *, of: str) -> list[int]:
    """Return positions of columns as a list, or raise: at least one, none twice, each below `features`."""
    listed = several(name, np.atleast_1d(np.asarray(columns, dtype=object)), "column", "columns")
    found = [whole_number(name, column, minimum=0) for column in listed]
    if max(found) >= features:
        raise ValueError(f"{name} names column {max(found)}, but {of} has {features} column(s)")
    if len(set(found)) < len(found):
        raise ValueError(f"{name} names a column twice: {found}")
    return found


def neighbours(columns: Sequence[int]) -> slice | list[int]:
    """Return positions of columns as a slice where they follow each other, which copies nothing."""
    first, last = columns[0], columns[-1]
    return slice(first, last + 1) if list(columns) == list(range(first, last + 1)) else list(columns)


def is_frame(values: Any) -> bool:
    """Tell whether `values` is a DataFrame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(values, pandas.DataFrame)


def finite_floats(name: str, values: Any, *, ndim: Sequence[int], empty: bool = True) -> np.ndarray:
    """Return `values` as a floating array in the machine's byte order without copying such floats, or raise.

    Integers, booleans, objects that are real numbers, and tables that mix them become float64. Wrong number of
    dimensions, NaN, infinity, masked or missing entries and types that are not real numbers are refused, and arrays
    without a value unless they may be `empty`; of a DataFrame the error names the column.
    """
    if is_frame(values) and (len({*values.dtypes}) > 1 or any(dtype.kind != "f" for dtype in values.dtypes)):
        columns = [real_array(f"{name}: column {label!r}", column, floats=True) for label, column in values.items()]
        array = np.stack(columns, axis=1)
    else:
        array = real_array(name, values, floats=True)
    if array.ndim not in ndim:
        wanted = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(f"{name} must be {wanted}, got shape {array.shape}")
    if not (array.size or empty):
        raise ValueError(f"{name} must hold at least one value, got shape {array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()  # finite only if every value is: one pass, and no mask as long as the series
    if not np.isfinite(total) and not (finite := np.isfinite(array)).all():
        where = tuple(int(i) for i in np.unravel_index(np.argmin(finite), array.shape))
        raise ValueError(
            f"{name} must be finite, got {array[where]} at index {where[0] if array.ndim == 1 else where}"
            + (f", column {values.columns[where[1]]!r}" if is_frame(values) else "")
            + f" ({array.size - np.count_nonzero(finite)} such values in all)"
        )
    return array


def within(name: str, values: Any, limits: tuple[float, float], *, ndim: Sequence[int]) -> np.ndarray:
    """Return `values` as `finite_floats` does, or raise if one is not between the limits."""
    low, high = limits
    array = finite_floats(name, values, ndim=ndim)
    if (outside := (array < low) | (array > high)).any():
        raise ValueError(f"{name} must be between {low} and {high}, got {array[outside][0]}")
    return array


def real_array(name: str, values: Any, *, floats: bool = False) -> np.ndarray:
    """Return real numbers in the machine's byte order, floats of at most 64 bits, or raise; such are not copied.

    With `floats`, integers, booleans and objects that are real numbers become float64.
    """
    if np.ma.is_masked(values):
        count = np.count_nonzero(np.ma.getmaskarray(values))
        raise TypeError(f"{name} must be a plain array, got a masked array with {count} gap(s); fill these first")
    array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)  # out of a tensor, too
    if floats and array.dtype.kind == "O":
        array = np.reshape([_real(name, *pair) for pair in np.ndenumerate(array)], array.shape)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    as_double = array.dtype.itemsize > 8 if array.dtype.kind == "f" else floats
    return array.astype(np.float64 if as_double else array.dtype.newbyteorder("="), copy=False)


def _real(name: str, where: tuple[int, ...], value: Any) -> float:
    if type(value).__name__ == "NAType":  # pandas' mark of a missing value
        return float("nan")
    if not isinstance(value, Real | np.bool_):
        index = where[0] if len(where) == 1 else where
        raise TypeError(f"{name} must hold real numbers, got dtype object with {value!r} at index {index}")
    return float(value)
