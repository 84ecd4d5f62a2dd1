"""What the training loop works on: a model, or several stacked as one, where that is known to be the same."""

import copy
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.func import stack_module_state, vmap
from torch.nn.functional import relu, softplus
from torch.optim import lr_scheduler as rates

from rnncourse._batches import ELEMENTWISE, Setting, checked_loss, place_of, take, untouched
from rnncourse._unrolled import Unrolled
from rnncourse.intervals import pinball_loss
from rnncourse.models import Forecaster


class One:
    """One model."""

    def __init__(self, model: nn.Module, setting: Setting) -> None:
        self.models, self.module, self.setting = [model], _quick(model, setting.batch_size), setting
        self.parameters, self.place = list(model.parameters()), place_of(model)
        self.loss: Callable[..., Tensor] = partial(checked_loss, setting.loss)
        if not any(weight.requires_grad for weight in self.parameters):
            raise ValueError(f"model must have a parameter that requires a gradient, got {type(model).__name__}")

    def orders(self) -> Tensor:
        """Draw the order of the windows for an epoch, (N,)."""
        return torch.randperm(self.setting.count)

    def batch(self, index: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return inputs and targets of these windows, where the model is."""
        inputs = [take(tensor, index, *self.place) for tensor in self.setting.inputs]
        return inputs, take(self.setting.targets, index, *self.place)

    def losses(self, inputs: list[Tensor], targets: Tensor) -> Tensor:
        """Return the loss of each model."""
        return self.loss(self.module(*inputs), targets)

    def clip(self, longest: float) -> None:
        """Shrink the gradient to this norm where it is longer."""
        nn.utils.clip_grad_norm_(self.parameters, longest)

    def hand_back(self) -> None:
        """Do nothing: the weights are the model's own."""


class Stack(One):
    """Several models as one whose weights are theirs, stacked along a first axis."""

    def __init__(self, models: list[nn.Module], setting: Setting, generators: list[torch.Generator]) -> None:
        together: Any = copy.deepcopy(models[0])
        for name, weight in stack_module_state(models)[0].items():
            owner, _, attribute = name.rpartition(".")
            parameter = nn.Parameter(weight.detach(), requires_grad=weight.requires_grad)
            setattr(together.get_submodule(owner), attribute, parameter)
        together.core = Unrolled(together.core)
        super().__init__(together, setting)
        self.models, self.loss, self.generators = models, vmap(self.loss), generators

    def orders(self) -> Tensor:
        """Draw the order of each model's windows for an epoch, (S, N)."""
        return torch.stack([torch.randperm(self.setting.count, generator=each) for each in self.generators])

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
            for weight, stacked in zip(model.parameters(), self.parameters, strict=True):
                weight.detach().copy_(stacked[number].detach())


def _quick(model: nn.Module, batch_size: int) -> nn.Module:
    """Return the model with its recurrence run by `Unrolled`, on the same parameters, where that is faster."""
    known = _ordinary(model) and type(model.core) is not nn.LSTM
    # Fewer calls are a gain while a step is small. Beyond, PyTorch's own loop is up to 1.5 times as fast.
    if not known or (type(model.core) is nn.GRU and batch_size * model.core.hidden_size > 1200):
        return model
    quick = copy.copy(model)
    quick._modules = {**model._modules, "core": Unrolled(model.core)}
    return quick


def _ordinary(model: Any) -> bool:
    """Whether this is a `Forecaster` as its class made it, on a core that `Unrolled` knows."""
    return type(model) is Forecaster and untouched(model) and Unrolled.supports(model.core)


# What is known to work number by number, and so on a stack of models as on each: losses, output activations,
# optimisers, schedulers.
_KNOWN = (
    *(*ELEMENTWISE, pinball_loss, None, torch.tanh, torch.sigmoid, torch.relu, relu, softplus, torch.exp),
    *(optim.SGD, optim.Adam, optim.AdamW, optim.Adamax, optim.NAdam, optim.RAdam, optim.RMSprop, optim.Adagrad),
    *(optim.Adadelta, rates.OneCycleLR, rates.CosineAnnealingLR, rates.CosineAnnealingWarmRestarts, rates.CyclicLR),
    *(rates.StepLR, rates.MultiStepLR, rates.ExponentialLR, rates.ConstantLR, rates.LinearLR, rates.PolynomialLR),
)


def can_stack(models: list[nn.Module], setting: Setting) -> bool:
    """Whether a stack of these models is known to train as each of them alone."""
    plans = {_plan(model) for model in models}
    weights = [id(weight) for model in models for weight in model.parameters()]
    alike = len(plans) == 1 and None not in plans and len({*weights}) == len(weights)
    one_by_one = len(setting.inputs) > 1 or setting.after_epoch is not None
    averages = {*getattr(setting.loss, "keywords", ())} <= {"beta", "delta", "levels"}
    known = all(map(_known, (setting.loss, setting.optimizer, setting.scheduler)))
    return alike and known and averages and not one_by_one


def _plan(model: Any) -> str | None:
    """Return what models must have in common to be stacked, or None where it is not known what the model does."""
    known = _ordinary(model) and _known(model.output_activation) and type(model.head) is nn.Linear
    if not known or not untouched(model.head) or len(list(model.modules())) != 3 or list(model.buffers()):
        return None
    asked = (model.horizon, model.targets, model.columns, model.readout, model.lookback, model.residual)
    weights = [(name, w.shape, w.dtype, w.device, w.requires_grad) for name, w in model.named_parameters()]
    return repr((Unrolled(model.core).kind, asked, model.output_activation, model.training, weights))


def _known(make: Any) -> bool:
    """Whether this is one of the known functions, or a partial of it in which nothing but plain values are set."""
    if type(make) is partial:
        plain = all(isinstance(value, Real | str | tuple | list | None) for value in make.keywords.values())
        return plain and not make.args and _known(make.func)
    return any(make is each for each in _KNOWN)
