"""What the training loop works on: a model, or several stacked as one, where that is known to be the same."""

import copy
from functools import partial
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.func import stack_module_state, vmap
from torch.nn.functional import relu, softplus
from torch.optim import lr_scheduler

from rnncourse._batches import ELEMENTWISE, Setting, checked_loss, device_of, dtype_of, untouched
from rnncourse._unrolled import Unrolled
from rnncourse.intervals import pinball_loss
from rnncourse.models import Forecaster


class One:
    """One model."""

    last: tuple[list[Tensor], Tensor]

    def __init__(self, model: nn.Module, setting: Setting) -> None:
        self.models, self.parameters, self.loss = [model], list(model.parameters()), setting.loss
        self.device, self.dtype = device_of(model), dtype_of(model)
        if not any(weight.requires_grad for weight in self.parameters):
            raise ValueError(f"model must have a parameter that requires a gradient, got {type(model).__name__}")
        self.quick = _quick(model, setting.batch_size)
        self.modes = [(part, part.training or not model.training) for part in model.modules()]

    def orders(self, count: int) -> Tensor:
        """Begin an epoch: draw the order of the windows, (N,)."""
        for part, mode in self.modes:
            part.training = mode
        return torch.randperm(count)

    def losses(self, batch: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is to be differentiated, and the loss of each model."""
        loss = checked_loss(self.loss, self.quick(*batch), targets)
        return loss, loss

    def clip(self, longest: float) -> None:
        """Shrink the gradient to this norm where it is longer."""
        nn.utils.clip_grad_norm_(self.parameters, longest)

    def hand_back(self) -> None:
        """Do nothing: the weights are the model's own."""


class Stack:
    """Several models as one whose weights are theirs, stacked along a first axis."""

    last: tuple[list[Tensor], Tensor]

    def __init__(self, models: list[nn.Module], generators: list[torch.Generator], setting: Setting) -> None:
        self.models, self.generators, self.loss = models, generators, vmap(partial(checked_loss, setting.loss))
        self.device, self.dtype = device_of(models[0]), dtype_of(models[0])
        self.together = copy.deepcopy(models[0])
        for name, weight in stack_module_state(models)[0].items():
            owner, _, attribute = name.rpartition(".")
            trained = models[0].get_parameter(name).requires_grad
            parameter = nn.Parameter(weight.detach(), requires_grad=trained)
            setattr(self.together.get_submodule(owner), attribute, parameter)
        self.together.core = Unrolled(self.together.core)
        self.parameters = list(self.together.parameters())

    def orders(self, count: int) -> Tensor:
        """Begin an epoch: draw the order of each model's windows, (S, N)."""
        return torch.stack([torch.randperm(count, generator=each) for each in self.generators])

    def losses(self, batch: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is to be differentiated, and the loss of each model."""
        losses = self.loss(self.together(*batch), targets)
        return losses.sum(), losses

    def clip(self, longest: float) -> None:
        """Shrink the gradient of each model to this norm where it is longer."""
        gradients = [weight.grad for weight in self.parameters if weight.grad is not None]
        squares = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients])
        factor = (longest / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)  # as clip_grad_norm_, for each model
        for gradient in gradients:
            gradient *= factor.reshape(-1, *[1] * (gradient.ndim - 1))

    def hand_back(self) -> None:
        """Give each model its weights."""
        for number, model in enumerate(self.models):
            weights = self.together.named_parameters()
            model.load_state_dict({name: weight[number].detach() for name, weight in weights})


def _quick(model: nn.Module, batch_size: int) -> nn.Module:
    """Return the model with its recurrence run by `Unrolled`, on the same parameters, where that is faster."""
    if type(model) is not Forecaster or not untouched(model) or not Unrolled.supports(model.core):
        return model
    # Fewer calls are a gain while a step is small. Beyond, PyTorch's own loop is up to 1.5 times as fast.
    large = type(model.core) is nn.GRU and batch_size * model.core.hidden_size > 1200
    if large or type(model.core) is nn.LSTM:
        return model
    quick = copy.copy(model)
    quick._modules = {**model._modules, "core": Unrolled(model.core)}
    return quick


# What is known to work number by number, and so on a stack of models as on each.
_LOSSES = (*ELEMENTWISE, pinball_loss)
_ACTIVATIONS = (None, torch.tanh, torch.sigmoid, torch.relu, relu, softplus, torch.exp)
_OPTIMIZERS = (
    *(optim.SGD, optim.Adam, optim.AdamW, optim.Adamax, optim.NAdam, optim.RAdam),
    *(optim.RMSprop, optim.Adagrad, optim.Adadelta),
)
_SCHEDULERS = (
    *(lr_scheduler.OneCycleLR, lr_scheduler.CosineAnnealingLR, lr_scheduler.CosineAnnealingWarmRestarts),
    *(lr_scheduler.StepLR, lr_scheduler.MultiStepLR, lr_scheduler.ExponentialLR, lr_scheduler.ConstantLR),
    *(lr_scheduler.LinearLR, lr_scheduler.PolynomialLR, lr_scheduler.CyclicLR),
)


def can_stack(models: list[nn.Module], inputs: Any, loss: Any, **options: Any) -> bool:
    """Whether a stack of these models is known to train as each of them alone."""
    plans = {_plan(model) for model in models}
    weights = [id(weight) for model in models for weight in model.parameters()]
    if None in plans or len(plans) > 1 or len(set(weights)) < len(weights) or isinstance(inputs, tuple):
        return False
    if options["after_epoch"] is not None or not _known(options["optimizer"], _OPTIMIZERS):
        return False
    if options["scheduler"] is not None and not _known(options["scheduler"], _SCHEDULERS):
        return False
    return _known(loss, _LOSSES) and set(getattr(loss, "keywords", ())) <= {"beta", "delta", "levels"}


def _plan(model: nn.Module) -> tuple[Any, ...] | None:
    """Return what models must have in common to be stacked, or None where it is not known what the model does."""
    if type(model) is not Forecaster or len(list(model.modules())) != 3 or list(model.buffers()):
        return None
    if not (Unrolled.supports(model.core) and type(model.head) is nn.Linear and untouched(model.head)):
        return None
    if not untouched(model) or not any(model.output_activation is each for each in _ACTIVATIONS):
        return None
    if len({(weight.dtype, weight.device) for weight in model.parameters()}) > 1:
        return None
    core = Unrolled(model.core)
    asked = (model.horizon, model.targets, model.columns, model.readout, model.lookback, model.residual)
    weights = [(name, each.shape, each.dtype, each.requires_grad) for name, each in model.named_parameters()]
    return core.kind, core.num_layers, repr(asked), id(model.output_activation), model.training, tuple(weights)


def _known(make: Any, known: tuple[Any, ...]) -> bool:
    """Whether this is one of the known functions, or a partial of it in which nothing but plain values are set."""
    if type(make) is partial:
        return not make.args and _plain(list(make.keywords.values())) and _known(make.func, known)
    return any(make is each for each in known)


def _plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_plain, value))
    return isinstance(value, Real | str | None)
