"""Arrays to batches, models to evaluation, global settings to what they were: what other modules share."""

import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import module as all_modules
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from rnncourse._checks import finite_number, real_array, whole_number

Arrays = Any  # an ndarray or Tensor, or a tuple of them
Loss = Callable[[Tensor, Tensor], Tensor]
Setting = SimpleNamespace

# Losses that compare number by number: outputs and targets have one shape.
ELEMENTWISE = (
    *(F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss),
    *(F.binary_cross_entropy, F.binary_cross_entropy_with_logits),
)
_AS_MODULES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss)
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_IGNORED = -100  # what PyTorch's class losses skip


def checked_setting(**arguments: Any) -> Setting:
    """Return the arguments of `fit` under their names, or raise.

    Inputs and targets are tensors then, and `count` is their length.
    """
    given = Setting(**arguments)
    _check_callable("optimizer", given.optimizer, "partial(Adam, lr=1e-3)")
    _check_callable("loss", given.loss, "mse_loss")
    _check_callable("scheduler", given.scheduler, "partial(StepLR, step_size=10)", optional=True)
    _check_callable("after_epoch", given.after_epoch, "look(model, history)", optional=True)
    given.inputs, given.targets, given.count = _pair("", given.inputs, given.targets)
    whole_number("epochs", given.epochs)
    given.batch_size = given.count if given.batch_size is None else whole_number("batch_size", given.batch_size)
    if given.schedule not in ("update", "epoch"):
        raise ValueError(f"schedule must be 'update' or 'epoch', got {given.schedule!r}")
    if given.clip_norm is not None and finite_number("clip_norm", given.clip_norm) <= 0:
        raise ValueError(f"clip_norm must be greater than 0, got {given.clip_norm}")
    if given.patience is not None and whole_number("patience", given.patience) and given.validation is None:
        raise ValueError("patience needs validation=(inputs, targets), got None")
    if given.validation is not None:
        if not (isinstance(given.validation, tuple | list) and len(given.validation) == 2):
            raise TypeError(f"validation must be a pair (inputs, targets), got {type(given.validation).__name__}")
        given.validation = _pair("validation ", *given.validation)
    return given


def _check_callable(name: str, value: Any, example: str, *, optional: bool = False) -> None:
    if not callable(value) and not (optional and value is None):
        ready = " that is made already" if isinstance(value, Optimizer | LRScheduler) else ""
        raise TypeError(f"{name} must be a function, such as {example}, got {type(value).__name__}{ready}")


def _pair(prefix: str, inputs: Arrays, targets: Any) -> tuple[tuple[Tensor, ...], Tensor, int]:
    """Return inputs and targets as tensors, and their length."""
    if isinstance(targets, tuple):
        raise TypeError(f"{prefix}targets must be one array, got a tuple of {len(targets)}")
    seen = tensors_of(f"{prefix}inputs", inputs)
    (wanted,) = tensors_of(f"{prefix}targets", targets, count=len(seen[0]))
    return seen, wanted, len(wanted)


def tensors_of(name: str, arrays: Arrays, *, count: int | None = None) -> tuple[Tensor, ...]:
    """Return arrays of one length as tensors, as a rule without copying them."""
    tensors = tuple(_tensor(name, part) for part in (arrays if isinstance(arrays, tuple) else (arrays,)))
    count = count or len(tensors[0])
    for tensor in tensors:
        if len(tensor) != count:
            raise ValueError(f"{name} must be of length {count} as the other arrays, got {len(tensor)}")
    return tensors


def _tensor(name: str, values: Tensor | ArrayLike) -> Tensor:
    """Return an array as a tensor; it is copied only where PyTorch has no such memory, as where it is reversed."""
    if not isinstance(values, Tensor):
        array = real_array(name, values)
        if array.dtype.kind == "u" and array.itemsize > 1:  # of these PyTorch has little more than the names
            array = array.astype(np.int64)
        if any(stride < 0 or stride % array.itemsize for stride in array.strides):
            array = array.copy()
        with warnings.catch_warnings():  # windows are read-only views; nothing here writes to them
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            values = torch.as_tensor(array)
    if values.is_complex():
        raise TypeError(f"{name} must hold real numbers, got {values.dtype}")
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(f"{name} must hold at least one window, got shape {tuple(values.shape)}")
    # The sum first, because a mask would take a byte for each entry of windows that share their memory.
    doubtful = values.is_floating_point() and not torch.isfinite(values.sum(dtype=torch.float64))
    if doubtful and not torch.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return values


def as_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor as an array, wherever it is; NumPy lacks bfloat16 and gets float32."""
    return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu())


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


def place_of(model: nn.Module) -> tuple[torch.device, torch.dtype | None]:
    """Return the device of a model's first parameter or buffer, and the type of the first that holds floats.

    Of a model that has none, the CPU and None.
    """
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    return device, next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Give each part of a model the mode in which it came, training or evaluation, whatever happens."""
    with ExitStack() as afterwards:
        for part in model.modules():
            afterwards.callback(setattr, part, "training", part.training)
        yield


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode, without gradients; then give each of its parts the mode in which it came."""
    with modes_kept(model), torch.no_grad():
        model.eval()
        yield


def outputs_of(model: nn.Module, inputs: tuple[Tensor, ...], batch_size: int = 1024) -> Tensor:
    """Return the model's outputs, where the model is."""
    place = place_of(model)
    with evaluation(model):
        batches = torch.arange(len(inputs[0])).split(batch_size)
        outputs = [model(*(take(tensor, index, *place) for tensor in inputs)) for index in batches]
        if not isinstance(outputs[0], Tensor):
            raise TypeError(f"model must return a tensor, got {type(outputs[0]).__name__}")
        return torch.cat(outputs)


def untouched(module: nn.Module) -> bool:
    """Whether a module is as its class made it: no hooks, of its own or for all modules, no method replaced."""
    for_all = [hooks for name, hooks in vars(all_modules).items() if name.startswith("_global_") and "hooks" in name]
    kind, names = type(module), ("_backward_hooks", "_post_accumulate_grad_hooks")
    own = [each for name, each in vars(module).items() if "hook" in name or (callable(each) and hasattr(kind, name))]
    weights = module.parameters(recurse=False)
    return not any([*for_all, *own, *(getattr(weight, name, None) for weight in weights for name in names)])


@contextmanager
def globals_kept() -> Iterator[None]:
    """Give back all that `reproducible` sets, as it was found: random states, threads, precision, determinism."""
    memory: Any = torch.utils.deterministic
    with ExitStack() as afterwards:
        afterwards.callback(torch.set_num_threads, torch.get_num_threads())
        afterwards.callback(torch.set_default_dtype, torch.get_default_dtype())
        afterwards.callback(torch.set_deterministic_debug_mode, torch.get_deterministic_debug_mode())
        afterwards.callback(setattr, memory, "fill_uninitialized_memory", memory.fill_uninitialized_memory)
        afterwards.callback(set_random_states, *random_states())
        if CUBLAS not in os.environ:
            afterwards.callback(os.environ.pop, CUBLAS, None)
        yield


def random_states() -> tuple[Any, Any, Tensor, list[Tensor]]:
    """Return the states of Python's, NumPy's and PyTorch's generators, and those of graphics cards in use."""
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cards  # noqa: NPY002


def set_random_states(python: Any, numpy: Any, torch_s: Tensor, cards: list[Tensor]) -> None:
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002
    torch.set_rng_state(torch_s)
    torch.cuda.set_rng_state_all(cards)
