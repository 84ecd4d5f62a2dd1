"""Arrays to batches, and models to evaluation: what training and forecasting share."""

import itertools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rnncourse._checks import whole_number

Arrays = Any  # an ndarray or Tensor, or a tuple of them
Loss = Callable[[Tensor, Tensor], Tensor]


class Setting:
    """The checked arguments of a training."""

    def __init__(
        self,
        inputs: Arrays,
        targets: Any,
        epochs: int,
        batch_size: int | None,
        validation: tuple[Arrays, Any] | None,
        clip_norm: float | None,
        patience: int | None,
    ) -> None:
        self.inputs, self.count = tensors_of("inputs", inputs)
        self.targets, _ = tensors_of("targets", targets, count=self.count)
        self.validation: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None = None
        whole_number("epochs", epochs)
        if batch_size is not None:
            whole_number("batch_size", batch_size)
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"clip_norm must be greater than 0, got {clip_norm}")
        if patience is not None:
            whole_number("patience", patience)
            if validation is None:
                raise ValueError("patience needs validation=(inputs, targets), got None")
        if validation is not None:
            seen, count = tensors_of("validation inputs", validation[0])
            self.validation = seen, tensors_of("validation targets", validation[1], count=count)[0]


def tensors_of(name: str, arrays: Arrays, *, count: int | None = None) -> tuple[tuple[Tensor, ...], int]:
    """Return arrays as tensors, without copying them, and their common length."""
    parts = arrays if isinstance(arrays, tuple) else (arrays,)
    tensors = []
    for part in parts:
        with warnings.catch_warnings():  # windows are read-only views; nothing here writes to them
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            tensor = torch.as_tensor(part)
        if tensor.ndim == 0 or len(tensor) == 0:
            raise ValueError(f"{name} must hold at least one window, got shape {tuple(tensor.shape)}")
        count = len(tensor) if count is None else count
        if len(tensor) != count:
            raise ValueError(f"{name} must be of length {count} as the other arrays, got {len(tensor)}")
        # The sum first, because a mask would take a byte for each entry of windows that share their memory.
        doubtful = tensor.is_floating_point() and not torch.isfinite(tensor.sum(dtype=torch.float64))
        if doubtful and not torch.isfinite(tensor).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
        tensors.append(tensor)
    assert count is not None
    return tuple(tensors), count


def take(tensors: tuple[Tensor, ...], index: Tensor, dtype: torch.dtype | None) -> tuple[Tensor, ...]:
    parts = (tensor[index] for tensor in tensors)
    return tuple(part.to(dtype) if part.is_floating_point() else part for part in parts)


def checked_loss(loss: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point() and outputs.shape != targets.shape:
        raise ValueError(
            f"targets must have the shape of the model's outputs, {tuple(outputs.shape)}, got {tuple(targets.shape)}:"
            " the loss would broadcast one against the other"
        )
    return loss(outputs, targets)


def device_of(model: Any) -> torch.device:
    """Return the device of a model's first parameter or buffer; the CPU for what has none, such as a function."""
    first = next(_tensors(model), None)
    return torch.device("cpu") if first is None else first.device


def dtype_of(model: Any) -> torch.dtype | None:
    """Return the type of a model's first floating-point parameter or buffer, or None for what has none."""
    return next((tensor.dtype for tensor in _tensors(model) if tensor.is_floating_point()), None)


def _tensors(model: Any) -> Iterator[Tensor]:
    if isinstance(model, nn.Module):
        yield from itertools.chain(model.parameters(), model.buffers())


@contextmanager
def evaluation(model: Any) -> Iterator[None]:
    """Put a model in evaluation mode, without gradients; then give each of its parts the mode in which it came."""
    modes = [(part, part.training) for part in model.modules()] if isinstance(model, nn.Module) else []
    if modes:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode
