"""A pretended graphics card: tensors that hold numbers, say that they lie elsewhere, and meet none of the CPU.

The device is called "meta", which every PyTorch knows. Real meta tensors and ``FakeTensorMode`` hold no numbers, so
that no loss can be read from them; and PyTorch's build for the CPU makes no tensors that say "cuda".
"""

from typing import Any

import torch
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CARD = torch.device("meta")
CROSSING = ("copy_", "_to_copy", "index")  # what PyTorch lets read from another device


class OnCard(torch.Tensor):
    """A tensor on the card; `inner` holds its numbers."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "OnCard":
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        made: OnCard = torch.Tensor._make_wrapper_subclass(cls, inner.shape, device=CARD, **layout)  # type: ignore[attr-defined]
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class Card(TorchDispatchMode):
    """While it is on, a new tensor for the card is made there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU, and put the result where it belongs."""
    given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
    cards = [each for each in given if isinstance(each, OnCard)]
    others = [each for each in given if not isinstance(each, OnCard) and each.ndim]
    if cards and others and func.overloadpacket.__name__ not in CROSSING:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {func} got some of the card and the CPU"
        )
    wanted = kwargs.get("device")
    if wanted is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    to_card = bool(cards) if wanted is None else torch.device(wanted) == CARD
    if not cards and not to_card:
        return func(*args, **kwargs)
    result = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if torch.Tag.inplace_view in func.tags:  # such as transpose_: the shape of what holds the numbers follows
        with no_dispatch():
            func(*args, **kwargs)
    same = {id(each.inner): each for each in cards}  # what was changed in place

    def outer(each: Any) -> Any:
        if not to_card or not isinstance(each, torch.Tensor):
            return each
        return same[id(each)] if id(each) in same else OnCard(each)

    return tree_map(outer, result)


def _inner(each: Any) -> Any:
    return each.inner if isinstance(each, OnCard) else each
