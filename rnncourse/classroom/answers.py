"""What a hidden test compares an answer by: first its type and its shape, then its values."""

from typing import Any

import numpy as np

NUMBERS = (int, float, np.generic)


def same(got: Any, wanted: Any, *, rtol: float = 1e-5, atol: float = 1e-8) -> None:
    """Compare an answer with what is wanted, and all that it holds.

    Nothing is broadcast: an array of another shape is wrong, a list is no array, and an array is no number. Where whole
    numbers are wanted, or yes and no, others are wrong; where others are wanted, whole ones will do. NaN belongs where
    it is wanted, and nowhere else. Values may differ as for `numpy.isclose`.

    Raises
    ------
    AssertionError
        If it is something else.
    """
    right_type = isinstance(got, NUMBERS if isinstance(wanted, NUMBERS) else type(wanted))
    assert right_type, f"a {type(wanted).__name__} is wanted, got a {type(got).__name__}"
    if isinstance(wanted, dict):
        assert got.keys() == wanted.keys(), f"the keys {list(wanted)} are wanted, got {list(got)}"
        for key, value in wanted.items():
            same(got[key], value, rtol=rtol, atol=atol)
    elif isinstance(wanted, list | tuple):
        assert len(got) == len(wanted), f"{len(wanted)} parts are wanted, got {len(got)}"
        for part, value in zip(got, wanted, strict=True):
            same(part, value, rtol=rtol, atol=atol)
    elif wanted is None or isinstance(wanted, str):
        assert got == wanted, f"{wanted!r} is wanted, got {got!r}"
    else:
        one, two = np.asarray(got), np.asarray(wanted)
        assert one.shape == two.shape, f"the shape {two.shape} is wanted, got {one.shape}"
        kinds = {"b": "b", "i": "iu", "u": "iu"}.get(two.dtype.kind, "iuf")
        assert one.dtype.kind in kinds, f"numbers like {two.dtype} are wanted, got {one.dtype}"
        np.testing.assert_allclose(one, two, rtol=rtol, atol=atol)
