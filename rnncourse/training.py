"""Training loops that give the same numbers every day. Opened up in chapter 1."""

import copy
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import stack_module_state, vmap
from torch.nn.functional import mse_loss
from torch.optim import Adam, Optimizer
from tqdm import tqdm

from rnncourse._batches import Arrays, Loss, Setting, checked_loss, evaluation, take, tensors_of
from rnncourse._checks import whole_number
from rnncourse.models import Forecaster
from rnncourse.unrolled import Unrolled

if TYPE_CHECKING:
    import pandas as pd

MakeOptimizer = Callable[[Iterable[Any]], Optimizer]
MakeScheduler = Callable[[Optimizer], Any]

_ADAM: MakeOptimizer = partial(Adam, lr=1e-3, fused=True)  # fused: one call for all weights, same update


def reproducible(seed: int = 0) -> None:
    """Make what follows give the same numbers on every run.

    Seeds Python, NumPy and PyTorch; sets one thread, float64 and deterministic algorithms. One
    thread, because threads add up partial sums in another order, and float64, because training
    magnifies the differences that remain: in float32 the loss after 200 updates differs in the
    second digit from one processor to another, in float64 it agrees to six.

    Parameters
    ----------
    seed : int, default 0
        At least 0.

    Raises
    ------
    TypeError, ValueError
        If `seed` is not a whole number of at least 0.

    Examples
    --------
    >>> reproducible(seed=7)
    >>> first = torch.rand(2)
    >>> reproducible(seed=7)
    >>> bool((torch.rand(2) == first).all())
    True
    >>> torch.set_default_dtype(torch.float32)  # back to PyTorch's default
    """
    seed = whole_number("seed", seed, minimum=0)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries still draw from it
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    # A debugging aid that takes up to a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@dataclass
class History:
    """What happened in training, one entry an epoch.

    Attributes
    ----------
    train_loss : list of float
        Mean loss over the epoch's batches, measured while the weights changed.
    validation_loss : list of float
        Loss on the validation windows after the epoch; empty without validation.
    seconds : list of float
        Wall time of the epoch.
    best_epoch : int or None
        Index of the epoch with the lowest validation loss, from 0.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None

    def to_frame(self) -> "pd.DataFrame":
        """Return the history as a table, one row an epoch, with the index "epoch" from 1.

        Examples
        --------
        >>> History(train_loss=[0.5, 0.25], seconds=[0.1, 0.1]).to_frame().reset_index()
           epoch  train_loss  seconds
        0      1        0.50      0.1
        1      2        0.25      0.1
        """
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("train_loss", "validation_loss", "seconds")}
        index = pd.RangeIndex(1, len(self.train_loss) + 1, name="epoch")
        return pd.DataFrame({name: values for name, values in columns.items() if values}, index=index)

    def append(self, train_loss: float, validation_loss: float | None, seconds: float) -> None:
        """Add an epoch; keep `best_epoch` up to date."""
        self.train_loss.append(train_loss)
        self.seconds.append(seconds)
        if validation_loss is not None:
            self.validation_loss.append(validation_loss)
            if self.best_epoch is None or validation_loss < self.validation_loss[self.best_epoch]:
                self.best_epoch = len(self.validation_loss) - 1


def fit(
    model: nn.Module,
    inputs: Arrays,
    targets: Any,
    *,
    epochs: int,
    batch_size: int | None = 32,
    optimizer: MakeOptimizer = _ADAM,
    loss: Loss = mse_loss,
    validation: tuple[Arrays, Any] | None = None,
    scheduler: MakeScheduler | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    progress: bool = False,
) -> History:
    """Train a model in place.

    Parameters
    ----------
    model : nn.Module
        Takes the inputs of a batch, gives an output of the shape of its targets.
    inputs : ndarray or Tensor, or a tuple of them
        First axis: N windows. A tuple is passed to the model as several arguments.
    targets : ndarray or Tensor, shape (N, …)
        What the model shall give. Integers are class labels and are left to the loss.
    epochs : int
        Passes over all windows, in a new random order each.
    batch_size : int or None, default 32
        Windows in an update; None: all of them.
    optimizer : callable, default ``partial(Adam, lr=1e-3, fused=True)``
        Takes the parameters, gives a torch optimiser. L-BFGS works, best with ``batch_size=None``.
    loss : callable, default mean squared error
        Takes outputs and targets, gives a mean over the batch.
    validation : tuple of inputs and targets, optional
        Evaluated after each epoch.
    scheduler : callable, optional
        Takes the optimiser, gives a torch scheduler, which is stepped after every *update*.
    clip_norm : float, optional
        The gradient is shrunk to this norm where it is longer.
    patience : int, optional
        Stop after so many epochs without a lower validation loss, and go back to the best weights.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        If inputs and targets differ in length, hold NaN or infinity, if an output has another shape
        than its targets (the loss would broadcast), or if an option is out of range.
    FloatingPointError
        If the loss is no longer finite.

    Notes
    -----
    The recurrence of a `Forecaster` on an ``nn.RNN``, ``nn.GRU`` or `ElmanRNN` is run by
    `rnncourse.unrolled.Unrolled` on the same weights, where that is faster: the same numbers, to rounding, in
    fewer calls.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> x = torch.linspace(-1, 1, 20).reshape(-1, 1)
    >>> history = fit(nn.Linear(1, 1), x, 2 * x, epochs=200, optimizer=partial(Adam, lr=0.1))
    >>> history.train_loss[-1] < 1e-3 < history.train_loss[0]
    True
    """
    setting = Setting(inputs, targets, epochs, batch_size, validation, clip_norm, patience)
    quick = _quick(model, batch_size or setting.count)
    optimiser = optimizer(model.parameters())
    schedule = scheduler(optimiser) if scheduler else None
    history, best_weights = History(), None
    was_training = model.training
    dtype = next(model.parameters()).dtype
    for _ in tqdm(range(epochs), disable=not progress, unit="epoch"):
        begin = time.perf_counter()
        model.train()
        losses = []
        order = torch.randperm(setting.count)
        for index in order.split(batch_size or setting.count):
            batch, wanted = take(setting.inputs, index, dtype), take(setting.targets, index, dtype)[0]
            losses.append(len(index) * _update(quick, batch, wanted, optimiser, loss, clip_norm))
            if schedule:
                schedule.step()
        train_loss = sum(losses) / setting.count
        if not np.isfinite(train_loss):
            raise FloatingPointError(f"the loss is {train_loss} in epoch {len(history.train_loss) + 1}: lower the lr")
        history.append(train_loss, _validate(model, setting, loss), time.perf_counter() - begin)
        if patience is not None and history.best_epoch is not None:
            waited = len(history.train_loss) - 1 - history.best_epoch
            if waited == 0:
                best_weights = copy.deepcopy(model.state_dict())
            elif waited >= patience:
                break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    model.train(was_training)
    return history


def fit_seeds(
    make_model: Callable[[], nn.Module],
    inputs: Any,
    targets: Any,
    *,
    seeds: Iterable[int],
    **as_fit: Any,
) -> tuple[list[nn.Module], list[History]]:
    """Train one model for each seed: ``reproducible(seed)``, ``make_model()``, `fit`.

    Small recurrent networks cost calls, not arithmetic. So where the model is a `Forecaster` on a
    plain recurrent core and the optimiser works element by element (Adam, SGD …), the weights of
    all seeds are stacked along a first axis and trained together. The
    result is that of `fit`, seed by seed, but for rounding. Otherwise one is trained after the other.

    Parameters
    ----------
    make_model : callable
        Makes an untrained model; draws its initial weights from PyTorch's generator.
    inputs, targets : ndarray or Tensor
        As for `fit`.
    seeds : iterable of int
        One model for each.
    **as_fit
        Options of `fit`.

    Returns
    -------
    models : list of nn.Module
        In the order of the seeds.
    histories : list of History
        Likewise; trained together, their `seconds` are those of all divided by their number.

    Raises
    ------
    TypeError, ValueError
        As `fit`, and if there are no seeds.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 60).reshape(20, 3, 1).double()
    >>> make = lambda: Forecaster(nn.GRU(1, 2, batch_first=True))
    >>> models, histories = fit_seeds(make, x, x[:, -1:], seeds=range(3), epochs=2)
    >>> len(models), [len(history.train_loss) for history in histories]
    (3, [2, 2, 2])
    >>> torch.set_default_dtype(torch.float32)
    """
    models, generators = [], []
    seeds = list(seeds)
    if not seeds:
        raise ValueError("seeds must name at least one seed, got none")
    for seed in seeds:
        reproducible(seed)
        models.append(make_model())
        generators.append(torch.Generator().set_state(torch.get_rng_state()))
    if _can_stack(models[0], **as_fit):
        return models, _fit_stacked(models, generators, inputs, targets, **as_fit)
    histories = []
    for model, generator in zip(models, generators, strict=True):
        torch.set_rng_state(generator.get_state())
        histories.append(fit(model, inputs, targets, **as_fit))
    return models, histories


def predict(model: nn.Module, inputs: Arrays, *, batch_size: int = 1024) -> np.ndarray:
    """Return the model's outputs for all windows, in evaluation mode and without gradients.

    Parameters
    ----------
    model : nn.Module
        Left in the mode in which it came.
    inputs : ndarray or Tensor, or a tuple of them
        First axis: N windows.
    batch_size : int, default 1024
        Windows at a time, to bound the memory.

    Returns
    -------
    ndarray, shape (N, …)

    Raises
    ------
    TypeError, ValueError
        If an input is not numeric, holds NaN or infinity, or differs in length from the others.

    Examples
    --------
    >>> predict(nn.Identity(), np.arange(3.0), batch_size=2)
    array([0., 1., 2.])
    """
    tensors, count = tensors_of("inputs", inputs)
    batch_size = whole_number("batch_size", batch_size)
    parameter = next(model.parameters(), None)
    dtype = None if parameter is None else parameter.dtype
    with evaluation(model):
        parts = [model(*take(tensors, index, dtype)) for index in torch.arange(count).split(batch_size)]
    result: np.ndarray = torch.cat(parts).numpy()
    return result


def _quick(model: nn.Module, batch_size: int) -> nn.Module:
    """Return the model with its recurrence run by `Unrolled`, on the same parameters, where that is faster."""
    if not isinstance(model, Forecaster) or isinstance(model.core, nn.LSTM) or not Unrolled.supports(model.core):
        return model
    # Fewer calls are a gain while a step is small. Beyond, PyTorch's own loop is up to 1.5 times as fast.
    if isinstance(model.core, nn.GRU) and batch_size * model.core.hidden_size > 1200:
        return model
    quick = copy.copy(model)
    quick._modules = {**model._modules, "core": Unrolled(model.core)}
    return quick


def _update(
    model: nn.Module,
    batch: tuple[Tensor, ...],
    targets: Tensor,
    optimiser: Optimizer,
    loss: Loss,
    clip_norm: float | None,
) -> float:
    def closure() -> Tensor:
        optimiser.zero_grad()
        value = checked_loss(loss, model(*batch), targets)
        value.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        return value

    loss_before: Any = optimiser.step(closure)  # type: ignore[arg-type]  # torch's hint says float
    return float(loss_before.detach())


def _validate(model: nn.Module, setting: Setting, loss: Loss) -> float | None:
    if setting.validation is None:
        return None
    inputs, (targets,) = setting.validation
    outputs = torch.from_numpy(predict(model, inputs))
    targets = targets.to(outputs.dtype) if targets.is_floating_point() else targets
    return float(checked_loss(loss, outputs, targets))


_ELEMENTWISE = ("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta")


def _can_stack(model: nn.Module, **options: Any) -> bool:
    if not isinstance(model, Forecaster) or options.get("patience") is not None or options.get("progress"):
        return False
    if not Unrolled.supports(model.core):
        return False
    make = options.get("optimizer", Adam)
    return getattr(getattr(make, "func", make), "__name__", "") in _ELEMENTWISE


def _fit_stacked(
    models: list[nn.Module],
    generators: list[torch.Generator],
    inputs: Any,
    targets: Any,
    *,
    epochs: int,
    batch_size: int | None = 32,
    optimizer: MakeOptimizer = _ADAM,
    loss: Loss = mse_loss,
    validation: tuple[Arrays, Any] | None = None,
    scheduler: MakeScheduler | None = None,
    clip_norm: float | None = None,
    patience: None = None,
    progress: bool = False,
) -> list[History]:
    """Do what `fit` does for all models at once; what it cannot do, `_can_stack` has kept away."""
    setting = Setting(inputs, targets, epochs, batch_size, validation, clip_norm, patience)
    together = _stack(models)
    weights = dict(together.named_parameters())
    losses_of_all = vmap(partial(checked_loss, loss))
    optimiser = optimizer(weights.values())
    schedule = scheduler(optimiser) if scheduler else None
    dtype = next(iter(weights.values())).dtype
    histories = [History() for _ in models]
    for _ in range(epochs):
        begin = time.perf_counter()
        total = torch.zeros(len(models), dtype=dtype)
        orders = torch.stack([torch.randperm(setting.count, generator=each) for each in generators])
        for index in orders.split(batch_size or setting.count, dim=1):  # (seeds, batch)
            (batch,), (wanted,) = take(setting.inputs, index, dtype), take(setting.targets, index, dtype)
            optimiser.zero_grad()
            losses = losses_of_all(together(batch), wanted)
            losses.sum().backward()
            if clip_norm is not None:
                _clip_each(weights, clip_norm)
            optimiser.step()
            if schedule:
                schedule.step()
            total += index.shape[1] * losses.detach()
        if not torch.isfinite(total).all():
            raise FloatingPointError(f"a loss is no longer finite in epoch {len(histories[0].train_loss) + 1}")
        _load(models, weights)
        seconds = (time.perf_counter() - begin) / len(models)
        for model, history, sum_of_losses in zip(models, histories, total.tolist(), strict=True):
            history.append(sum_of_losses / setting.count, _validate(model, setting, loss), seconds)
    return histories


def _stack(models: list[nn.Module]) -> nn.Module:
    """Return one model whose parameters are those of all models, stacked along a first axis."""
    weights, _ = stack_module_state(models)
    together = copy.deepcopy(models[0])
    for name, weight in weights.items():
        owner, _, attribute = name.rpartition(".")
        trained = models[0].get_parameter(name).requires_grad
        setattr(together.get_submodule(owner), attribute, nn.Parameter(weight.detach(), requires_grad=trained))
    together.core = Unrolled(together.core)  # type: ignore[arg-type]
    return together


def _clip_each(weights: Mapping[str, Tensor], clip_norm: float) -> None:
    gradients = [weight.grad for weight in weights.values() if weight.grad is not None]
    squares = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients])
    factor = (clip_norm / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)  # as clip_grad_norm_, for each seed
    for gradient in gradients:
        gradient *= factor.reshape(-1, *[1] * (gradient.ndim - 1))


def _load(models: list[nn.Module], weights: Mapping[str, Tensor]) -> None:
    for number, model in enumerate(models):
        model.load_state_dict({name: weight[number].detach() for name, weight in weights.items()})
