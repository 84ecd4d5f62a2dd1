"""Checks of arguments that several modules share. Errors name the argument, what came, what was wanted."""

import math
from collections.abc import Sequence
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


def finite_number(name: str, value: Any) -> float:
    """Return `value` as a float, or raise if it is not one finite real number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def finite_floats(name: str, values: Any, *, ndim: Sequence[int]) -> np.ndarray:
    """Return `values` as a floating array without copying floats, or raise.

    Integers become float64. Wrong number of dimensions, NaN, infinity, masked
    entries and types that are not real numbers are refused.
    """
    if np.ma.isMaskedArray(values):
        raise TypeError(f"{name} must be a plain array, got a masked array; fill the gaps first")
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim not in ndim:
        wanted = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(f"{name} must be {wanted}, got shape {array.shape}")
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()  # finite only if every value is: one pass, and no mask as long as the series
    if not np.isfinite(total) and not (finite := np.isfinite(array)).all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(
            f"{name} must be finite, got {array[where]} at index {where[0] if array.ndim == 1 else where}"
            f" ({array.size - np.count_nonzero(finite)} such values in all)"
        )
    return array


def column_positions(name: str, columns: Any, features: int) -> list[int]:
    """Return positions of columns as a list, or raise: at least one, none twice, each below `features`."""
    found = [whole_number(name, column, minimum=0) for column in np.atleast_1d(np.asarray(columns, dtype=object))]
    if not found:
        raise ValueError(f"{name} must name at least one column, got none")
    if max(found) >= features:
        raise ValueError(f"{name} names column {max(found)}, but there are {features} column(s), 0 to {features - 1}")
    if len(set(found)) < len(found):
        raise ValueError(f"{name} names a column twice: {found}")
    return found
