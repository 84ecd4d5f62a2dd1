"""Arrays to batches, models to evaluation, global settings to what they were: what other modules share."""

import itertools
import os
import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import module as all_modules
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from rnncourse._checks import finite_number, real_array, whole_number

Arrays = Any  # an ndarray or Tensor, or a tuple of them
Loss = Callable[[Tensor, Tensor], Tensor]
MakeOptimizer = Callable[[Iterable[Any]], Optimizer]
MakeScheduler = Callable[[Optimizer], Any]

# Losses that compare number by number: outputs and targets have one shape.
ELEMENTWISE = (
    *(F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss),
    *(F.binary_cross_entropy, F.binary_cross_entropy_with_logits),
)
_AS_MODULES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss)
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_IGNORED = -100  # what PyTorch's class losses skip


@dataclass
class Setting:
    """The checked arguments of a training, with the names and meanings of those of `fit`."""

    inputs: Arrays
    targets: Any
    _: KW_ONLY
    epochs: int
    batch_size: Any
    optimizer: MakeOptimizer
    loss: Loss
    validation: Any
    scheduler: MakeScheduler | None
    schedule: str
    after_epoch: Callable[..., Any] | None
    clip_norm: float | None
    patience: int | None
    progress: bool

    def __post_init__(self) -> None:
        _check_callable("optimizer", self.optimizer, "partial(Adam, lr=1e-3)")
        _check_callable("loss", self.loss, "mse_loss")
        if self.scheduler is not None:
            _check_callable("scheduler", self.scheduler, "partial(StepLR, step_size=10)")
        if self.after_epoch is not None:
            _check_callable("after_epoch", self.after_epoch, "look(model, history)")
        self.inputs, self.targets, self.count = _pair("", self.inputs, self.targets)
        whole_number("epochs", self.epochs)
        self.batch_size = self.count if self.batch_size is None else whole_number("batch_size", self.batch_size)
        if self.schedule not in ("update", "epoch"):
            raise ValueError(f"schedule must be 'update' or 'epoch', got {self.schedule!r}")
        if self.clip_norm is not None and finite_number("clip_norm", self.clip_norm) <= 0:
            raise ValueError(f"clip_norm must be greater than 0, got {self.clip_norm}")
        if self.patience is not None and whole_number("patience", self.patience) and self.validation is None:
            raise ValueError("patience needs validation=(inputs, targets), got None")
        if self.validation is not None:
            if not (isinstance(self.validation, tuple | list) and len(self.validation) == 2):
                raise TypeError(f"validation must be a pair (inputs, targets), got {type(self.validation).__name__}")
            self.validation = _pair("validation ", *self.validation)


def _check_callable(name: str, value: Any, example: str) -> None:
    if not callable(value):
        ready = " that is made already" if isinstance(value, Optimizer | LRScheduler) else ""
        raise TypeError(f"{name} must be a function, such as {example}, got {type(value).__name__}{ready}")


def _pair(prefix: str, inputs: Arrays, targets: Any) -> tuple[tuple[Tensor, ...], Tensor, int]:
    """Return inputs and targets as tensors, and their length."""
    seen, count = tensors_of(f"{prefix}inputs", inputs)
    if isinstance(targets, tuple):
        raise TypeError(f"{prefix}targets must be one array, got a tuple of {len(targets)}")
    (wanted,), _ = tensors_of(f"{prefix}targets", targets, count=count)
    return seen, wanted, count


def tensors_of(name: str, arrays: Arrays, *, count: int | None = None) -> tuple[tuple[Tensor, ...], int]:
    """Return arrays as tensors, as a rule without copying them, and their common length."""
    parts = arrays if isinstance(arrays, tuple) else (arrays,)
    tensors = []
    for part in parts:
        tensor = part if isinstance(part, Tensor) else _from_array(name, part)
        if tensor.is_complex():
            raise TypeError(f"{name} must hold real numbers, got {tensor.dtype}")
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


def _from_array(name: str, values: Any) -> Tensor:
    """Return an array as a tensor; it is copied only where PyTorch has no such memory, as where it is reversed."""
    array = real_array(name, values)
    if array.dtype.kind == "u" and array.itemsize > 1:  # of these PyTorch has little more than the names
        array = array.astype(np.int64)
    if any(stride < 0 or stride % array.itemsize for stride in array.strides):
        array = array.copy()
    with warnings.catch_warnings():  # windows are read-only views; nothing here writes to them
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.as_tensor(array)


def as_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor as an array, wherever it is; NumPy lacks bfloat16 and gets float32."""
    array: np.ndarray = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()
    return array


def take(tensor: Tensor, index: Tensor, device: torch.device, dtype: torch.dtype | None) -> Tensor:
    """Return the windows of an index where the model is and, if they are floats, in its type."""
    part = tensor[index]
    return part.to(device, dtype) if dtype is not None and part.is_floating_point() else part.to(device)


def checked_loss(loss: Loss, outputs: Tensor, targets: Tensor, name: str = "targets") -> Tensor:
    """Return the loss, or raise where it would broadcast one against the other."""
    if not isinstance(outputs, Tensor):
        raise TypeError(f"model must return a tensor, got {type(outputs).__name__}")
    if not targets.is_floating_point():
        _check_classes(loss, outputs, targets, name)
    elif outputs.shape != targets.shape:
        raise ValueError(
            f"{name} must have the shape of the model's outputs, {tuple(outputs.shape)}, got {tuple(targets.shape)}:"
            " the loss would broadcast one against the other"
        )
    value = loss(outputs, targets)
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"loss must give one number, the mean over the batch, as a tensor, got {got}")
    return value


def _check_classes(loss: Loss, outputs: Tensor, targets: Tensor, name: str) -> None:
    """Let whole numbers pass as targets only where they number classes, which are the second axis of the outputs."""
    kinds = (loss, getattr(loss, "func", None), type(loss))
    compares = any(kind is known for kind in kinds for known in ELEMENTWISE + _AS_MODULES)
    classes = outputs.shape[1] if outputs.ndim > 1 else 0
    fits = targets.shape == outputs.shape[:1] + outputs.shape[2:] and targets.dtype != torch.bool and classes > 1
    if compares or not fits or ((targets != _IGNORED) & ((targets < 0) | (targets >= classes))).any():
        raise ValueError(
            f"{name} must be floats of the shape of the model's outputs, {tuple(outputs.shape)}, or class numbers"
            f" of one axis fewer, without the second, and a loss for them, got {targets.dtype} of shape"
            f" {tuple(targets.shape)}: write astype(float), or number the classes from 0"
        )


def check_inputs(core: Any, inputs: Any, *, ndim: int = 3) -> None:
    """Raise unless a recurrent layer can take these inputs, (B, L, F), or (S, B, L, F) where it is a stack."""
    if not isinstance(inputs, Tensor):
        raise TypeError(f"inputs must be a Tensor, got {type(inputs).__name__}; `training.predict` takes arrays")
    if inputs.ndim != ndim or inputs.shape[-1] != core.input_size or not inputs.shape[-2]:
        raise ValueError(f"inputs must have shape (B, L, {core.input_size}), got {tuple(inputs.shape)}")


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
def modes_kept(model: Any) -> Iterator[None]:
    """Give each part of a model the mode in which it came, training or evaluation, whatever happens."""
    modes = [(part, part.training) for part in model.modules()] if isinstance(model, nn.Module) else []
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def evaluation(model: Any) -> Iterator[None]:
    """Put a model in evaluation mode, without gradients; then give each of its parts the mode in which it came."""
    with modes_kept(model), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        yield


def outputs_of(model: nn.Module, inputs: tuple[Tensor, ...], batch_size: int = 1024) -> list[Tensor]:
    """Return the model's outputs of each batch, where the model is."""
    device, dtype = device_of(model), dtype_of(model)
    with evaluation(model):
        batches = torch.arange(len(inputs[0])).split(batch_size)
        outputs = [model(*(take(tensor, index, device, dtype) for tensor in inputs)) for index in batches]
    if not isinstance(outputs[0], Tensor):
        raise TypeError(f"model must return a tensor, got {type(outputs[0]).__name__}")
    return [each.detach() for each in outputs]


def untouched(module: nn.Module) -> bool:
    """Whether a module is as its class made it: no hooks, of its own or for all modules, no method replaced."""
    if any(hooks for name, hooks in vars(all_modules).items() if name.startswith("_global_") and "hooks" in name):
        return False
    for name, value in vars(module).items():
        if ("hook" in name and value) or (callable(value) and hasattr(type(module), name)):
            return False
    parameters = list(module.parameters(recurse=False))
    hooks = ("_backward_hooks", "_post_accumulate_grad_hooks")
    return not any(getattr(each, name, None) for each in parameters for name in hooks)


@contextmanager
def globals_kept() -> Iterator[None]:
    """Give back all that `reproducible` sets, as it was found: random states, threads, precision, determinism."""
    threads, dtype, states = torch.get_num_threads(), torch.get_default_dtype(), random_states()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    cublas = os.environ.get(CUBLAS)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        if cublas is None:
            os.environ.pop(CUBLAS, None)
        set_random_states(states)


def random_states() -> tuple[Any, Any, Tensor, list[Tensor]]:
    """Return the states of Python's, NumPy's and PyTorch's generators, and those of graphics cards in use."""
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cards  # noqa: NPY002


def set_random_states(states: tuple[Any, Any, Tensor, list[Tensor]]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])
    if states[3]:
        torch.cuda.set_rng_state_all(states[3])
