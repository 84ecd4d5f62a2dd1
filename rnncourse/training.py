"""Training loops that give the same numbers every day. Opened up in chapter 1."""

import copy
import inspect
import math
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam, Optimizer, lr_scheduler
from tqdm import tqdm

from rnncourse import _batches
from rnncourse._checks import seed_list, whole_number
from rnncourse._learners import One, Stack, can_stack

if TYPE_CHECKING:
    import pandas as pd

MakeOptimizer = Callable[[Iterable[Any]], Optimizer]
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
    os.environ.setdefault(_batches.CUBLAS, ":4096:8")  # else a graphics card refuses deterministic products


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
        The epoch with the lowest validation loss, counted from 1, as `to_frame` counts; the first of several
        that are equal.
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

        table = pd.DataFrame({name: values for name, values in vars(self).items() if values and name != "best_epoch"})
        return table.set_index(pd.RangeIndex(1, len(table) + 1, name="epoch"))

    def append(self, train_loss: float, validation_loss: float | None, seconds: float) -> None:
        """Add an epoch; keep `best_epoch` up to date."""
        self.train_loss.append(train_loss)
        self.seconds.append(seconds)
        if validation_loss is not None:
            best = min(filter(math.isfinite, self.validation_loss), default=math.inf)
            self.validation_loss.append(validation_loss)
            if validation_loss < best:  # never true of a NaN
                self.best_epoch = len(self.validation_loss)


def fit(
    model: nn.Module,
    inputs: _batches.Arrays,
    targets: Any,
    *,
    epochs: int,
    batch_size: int | None = 32,
    optimizer: MakeOptimizer = _ADAM,
    loss: _batches.Loss = mse_loss,
    validation: tuple[_batches.Arrays, Any] | None = None,
    scheduler: Callable[[Optimizer], Any] | None = None,
    schedule: str = "update",
    after_epoch: Callable[[nn.Module, History], bool | None] | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    progress: bool = False,
) -> History:
    """Train a model in place, on the device and in the precision of its parameters.

    Parameters
    ----------
    model : nn.Module
        Takes the inputs of a batch, gives an output of the shape of its targets.
    inputs : ndarray or Tensor, or a tuple of them
        First axis: N windows. A tuple is passed to the model as several arguments.
    targets : ndarray or Tensor, shape (N, …)
        What the model shall give: floats of the shape of its outputs. Integers are class numbers, for a loss
        such as ``cross_entropy``: from 0, of the outputs' shape without its second axis, that of the classes.
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
        Takes the optimiser, gives a torch scheduler.
    schedule : {"update", "epoch"}
        When the scheduler is stepped. ``ReduceLROnPlateau`` wants "epoch", and gets the validation loss, or the
        training loss without validation.
    after_epoch : callable, optional
        Called as ``after_epoch(model, history)`` when the epoch is in the history. True ends the training.
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
        than its targets (the loss would broadcast), if integer targets are no class numbers, or if an option is
        out of range or of another kind.
    FloatingPointError
        If a loss or a weight is no longer finite, after the last update too.

    Notes
    -----
    The model trains in training mode. Parts that come in evaluation mode while the model itself is in training mode
    are taken to be frozen and stay so. In the end each part has the mode in which it came.

    The recurrence of a `Forecaster` on an ``nn.RNN``, ``nn.GRU`` or `ElmanRNN` (these classes, no subclass) is run
    by the loops of `rnncourse._unrolled` on the same weights, where that is faster: the same numbers, to rounding,
    in fewer calls.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> x = torch.linspace(-1, 1, 20).reshape(-1, 1)
    >>> history = fit(nn.Linear(1, 1), x, 2 * x, epochs=200, optimizer=partial(Adam, lr=0.1))
    >>> history.train_loss[-1] < 1e-3 < history.train_loss[0]
    True
    """
    setting = _batches.checked_setting(**locals())  # all arguments, under their names
    return _train(One(model, setting))[0]


def fit_seeds(
    make_model: Callable[[], nn.Module], inputs: Any, targets: Any, *, seeds: Iterable[int], **as_fit: Any
) -> tuple[list[nn.Module], list[History]]:
    """Train one model for each seed: ``reproducible(seed)``, ``make_model()``, `fit`.

    Small recurrent networks cost calls, not arithmetic. So where all is known to work number by number, the weights
    of all seeds are stacked along a first axis and trained together. The result is that of `fit`, seed by seed, but
    for rounding. Otherwise one is trained after the other. Global settings and generators are left as they were.

    Parameters
    ----------
    make_model : callable
        Makes an untrained model; draws its initial weights from PyTorch's generator.
    inputs, targets : ndarray or Tensor
        As for `fit`.
    seeds : iterable of int
        One model for each, none twice.
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
    TypeError, ValueError, FloatingPointError
        As `fit`, and if there are no seeds or one comes twice.

    Notes
    -----
    Trained together are `Forecaster` (no subclass) on an ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` or `ElmanRNN` without
    dropout, hooks, pruned or shared weights; with ``tanh``, ``sigmoid``, ``relu``, ``softplus``, ``exp`` or nothing as
    output activation; with one of PyTorch's functions for squared, absolute, smooth and Huber loss or binary
    cross-entropy, or `pinball_loss`; with PyTorch's SGD, Adam and its kin, RMSprop, Adagrad and Adadelta; with a
    scheduler of PyTorch's that looks at no loss; and without `after_epoch`, which sees one seed after the other.
    Loss, activation, optimiser and scheduler are known as themselves or in a ``partial`` of plain values: what a
    ``lambda`` does nobody knows.

    Examples
    --------
    >>> from rnncourse.models import Forecaster
    >>> x = torch.linspace(-1, 1, 60).reshape(20, 3, 1).double()
    >>> make = lambda: Forecaster(nn.GRU(1, 2, batch_first=True))
    >>> models, histories = fit_seeds(make, x, x[:, -1:], seeds=range(3), epochs=2)
    >>> len(models), [len(history.train_loss) for history in histories]
    (3, [2, 2, 2])
    """
    options = inspect.signature(fit).bind(None, inputs, targets, **as_fit)
    options.apply_defaults()
    every_seed, models, states, histories = seed_list(seeds), [], [], []
    setting = _batches.checked_setting(**options.arguments)
    with _batches.globals_kept():
        for seed in every_seed:
            reproducible(seed)
            models.append(make_model())
            states.append(_batches.random_states())
        if can_stack(models, setting):
            generators = [torch.Generator().set_state(state[2]) for state in states]
            return models, _train(Stack(models, setting, generators))
        for model, state in zip(models, states, strict=True):
            _batches.set_random_states(*state)
            histories += _train(One(model, setting))
    return models, histories


def predict(model: nn.Module, inputs: _batches.Arrays, *, batch_size: int = 1024) -> np.ndarray:
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
        On the CPU, wherever the model is.

    Raises
    ------
    TypeError, ValueError
        If an input is not numeric, holds NaN or infinity, or differs in length from the others.

    Examples
    --------
    >>> predict(nn.Identity(), np.arange(3.0), batch_size=2)
    array([0., 1., 2.])
    """
    tensors = _batches.tensors_of("inputs", inputs)
    return _batches.as_array(_batches.outputs_of(model, tensors, whole_number("batch_size", batch_size)))


def _train(learner: One) -> list[History]:
    """Train a model, or several as a stack; the loop behind `fit` and `fit_seeds`."""
    setting = learner.setting
    optimiser = setting.optimizer(learner.parameters)
    if not isinstance(optimiser, Optimizer):
        raise TypeError(f"optimizer must make a torch optimiser, got {type(optimiser).__name__}")
    scheduler = setting.scheduler(optimiser) if setting.scheduler else None
    plateau, each_update = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau), setting.schedule == "update"
    if plateau and each_update:
        raise ValueError("schedule must be 'epoch' for ReduceLROnPlateau, which waits for a loss, got 'update'")
    courses = [_Course(model, setting) for model in learner.models]
    trained = [(part, part.training or not model.training) for model in learner.models for part in model.modules()]
    with _batches.modes_kept(nn.ModuleList(learner.models)):
        for _ in tqdm(range(setting.epochs), disable=not setting.progress, unit="epoch"):
            begin = time.perf_counter()
            for part, mode in trained:
                part.training = mode
            batches = learner.orders().split(setting.batch_size, dim=-1)
            losses = [_update(learner, index, optimiser, scheduler if each_update else None) for index in batches]
            learner.hand_back()
            by_update = torch.stack(losses).cpu().double().reshape(len(losses), -1)  # (updates, models)
            sizes = torch.tensor([index.shape[-1] for index in batches]).unsqueeze(1)
            means = (sizes * by_update).sum(0).div(setting.count).tolist()
            seconds = (time.perf_counter() - begin) / len(courses)
            for course, loss in zip(courses, means, strict=True):
                if not course.ended:
                    course.epoch(loss, seconds)
            if all(course.ended for course in courses):
                break
            if scheduler and not each_update:
                seen = courses[0].history.validation_loss or courses[0].history.train_loss
                scheduler.step(*seen[-1:] if plateau else [])
        if setting.validation is None:  # which has looked already
            _check_last(learner, batches[-1], courses)
    return [course.end() for course in courses]


def _update(learner: One, index: Tensor, optimiser: Optimizer, scheduler: Any) -> Tensor:
    """Make one update; return the losses before it."""
    batch = learner.batch(index)
    before: list[Tensor] = []

    def closure() -> Tensor:
        optimiser.zero_grad()
        losses = learner.losses(*batch)
        losses.backward(torch.ones_like(losses))  # the gradient of their sum
        if learner.setting.clip_norm is not None:
            learner.clip(learner.setting.clip_norm)
        before.append(losses.detach())
        return losses

    optimiser.step(closure)  # type: ignore[arg-type]  # torch's hint says float
    if scheduler:
        scheduler.step()
    return before[0]  # L-BFGS asks several times


class _Course:
    """What becomes of one model in training: its history, its best weights, and whether it has ended."""

    def __init__(self, model: nn.Module, setting: _batches.Setting) -> None:
        self.model, self.setting = model, setting
        self.history, self.ended = History(), False
        self.best: dict[str, Any] | None = None

    def epoch(self, loss: float, seconds: float) -> None:
        """Take note of an epoch, and judge whether it was the last."""
        begin, number = time.perf_counter(), len(self.history.train_loss) + 1
        validation = None
        _check_finite("the loss", loss, number)
        if not all(torch.isfinite(weight).all() for weight in self.model.parameters() if weight.requires_grad):
            _check_finite("a weight", math.nan, number)
        if self.setting.validation is not None:
            inputs, targets, _ = self.setting.validation
            outputs = _batches.outputs_of(self.model, inputs)
            targets = targets.to(outputs.device, outputs.dtype if targets.is_floating_point() else targets.dtype)
            with torch.no_grad():
                validation = float(_batches.checked_loss(self.setting.loss, outputs, targets, "validation targets"))
            _check_finite("the validation loss", validation, number)
        self.history.append(loss, validation, seconds + time.perf_counter() - begin)
        if self.setting.patience is not None and self.history.best_epoch is not None:
            if self.history.best_epoch == number:
                self.best = copy.deepcopy(self.model.state_dict())
            self.ended = number - self.history.best_epoch >= self.setting.patience
        if self.setting.after_epoch is not None:
            answer = self.setting.after_epoch(self.model, self.history)
            if not isinstance(answer, bool | np.bool_ | None):
                raise TypeError(f"after_epoch must return True, False or None, got {type(answer).__name__}")
            self.ended = self.ended or bool(answer)

    def end(self) -> History:
        """Go back to the best weights, if they were looked for."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        return self.history


def _check_finite(what: str, value: float, epoch: int) -> None:
    if not math.isfinite(value):
        raise FloatingPointError(f"{what} is {value} in epoch {epoch}: lower the lr")


def _check_last(learner: One, index: Tensor, courses: list[_Course]) -> None:
    """Raise where the last update has left a loss that is not finite."""
    with _batches.evaluation(learner.models[0]), torch.random.fork_rng(devices=[]):
        losses = learner.losses(*learner.batch(index)).reshape(-1).cpu().tolist()
    for course, loss in zip(courses, losses, strict=True):
        if not course.ended or len(courses) == 1:  # in a stack, the weights of what has ended have moved on
            _check_finite("after the last update the loss", loss, len(course.history.train_loss))
