"""The training loop against one written here in the plainest way, seeds together against one by one."""

import copy
import random
from functools import partial

import numpy as np
import pytest
import torch
from pretended_card import CARD, Card
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.optim import LBFGS, SGD, Adam, Adamax, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, OneCycleLR, ReduceLROnPlateau, StepLR

from rnncourse import training
from rnncourse.intervals import pinball_loss
from rnncourse.layers import ElmanRNN, VariationalGRU
from rnncourse.models import Forecaster, SequenceClassifier
from rnncourse.training import History, fit, fit_seeds, predict, reproducible
from rnncourse.windows import make_windows

WINDOWS = make_windows(np.sin(0.3 * np.arange(60)), lookback=8)
DATA = WINDOWS.inputs, WINDOWS.targets


def gru(hidden=4, **options):
    return Forecaster(nn.GRU(1, hidden, batch_first=True), **options)


def plain_fit(model, inputs, targets, epochs, batch_size, lr, clip_norm=None):
    """Adam on mean squared error, as in every tutorial."""
    optimiser = Adam(model.parameters(), lr=lr)
    inputs, targets = torch.tensor(inputs), torch.tensor(targets)
    curve = []
    for _ in range(epochs):
        order, total = torch.randperm(len(inputs)), 0.0
        for first in range(0, len(inputs), batch_size):
            index = order[first : first + batch_size]
            optimiser.zero_grad()
            loss = ((model(inputs[index]) - targets[index]) ** 2).mean()
            loss.backward()
            if clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            optimiser.step()
            total += loss.item() * len(index)
        curve.append(total / len(inputs))
    return curve


@pytest.mark.parametrize("clip_norm", [None, 0.05])
@pytest.mark.parametrize(("core", "hidden"), [(nn.RNN, 4), (nn.GRU, 4), (nn.GRU, 80), (nn.LSTM, 4)])
def test_fit_equals_a_plain_loop(core, hidden, clip_norm):
    reproducible(3)
    plain = Forecaster(core(1, hidden, batch_first=True))
    expected = plain_fit(plain, WINDOWS.inputs, WINDOWS.targets, 4, 16, 1e-2, clip_norm)
    reproducible(3)
    model = Forecaster(core(1, hidden, batch_first=True))
    history = fit(
        model,
        WINDOWS.inputs,
        WINDOWS.targets,
        epochs=4,
        batch_size=16,
        optimizer=partial(Adam, lr=1e-2),
        clip_norm=clip_norm,
    )
    np.testing.assert_allclose(history.train_loss, expected, rtol=1e-9)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


class Negated(ElmanRNN):
    """A subclass that does something else."""

    def forward(self, inputs, state=None):
        states, last = super().forward(inputs, state)
        return -(states**2), last


class GRU(nn.Module):
    """A reader's own layer, which is no GRU but has its name, its parameters and its attributes."""

    mode, batch_first, num_layers, bias = "GRU", True, 1, True

    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        for name, weight in nn.GRU(input_size, hidden_size).named_parameters():
            self.register_parameter(name, weight)

    def forward(self, inputs, state=None):
        summed = inputs.cumsum(1) @ self.weight_ih_l0[: self.hidden_size].T + self.bias_ih_l0[: self.hidden_size]
        return torch.sin(summed), summed[:, -1]


class Doubled(Forecaster):
    """A forecaster with a forward of its own."""

    def forward(self, inputs):
        states, last = self.core(inputs)
        return 2 * self.read(states, inputs) + last[0, :, :1, None]


def of(core, **options):
    return lambda: Forecaster(core(), **options)


def changed(change, core=nn.GRU):
    """Make a forecaster to which something has been done."""

    def make():
        model = Forecaster(core(1, 3, batch_first=True))
        change(model)
        return model

    return make


def with_another_forward(model):
    model.core.forward = lambda inputs, state=None: (torch.cos(nn.GRU.forward(model.core, inputs)[0]), None)


def with_another_read(model):
    model.read = lambda states, inputs: states[:, -1:, :1] + 0 * model.head.weight.sum()


PLAIN_RNN = partial(nn.RNN, 1, 3, batch_first=True)
CHANGED = {
    "own class named GRU": of(partial(GRU, 1, 3)),
    "subclass of ElmanRNN": of(partial(Negated, 1, 3)),
    "subclass of nn.GRU": of(partial(VariationalGRU, 1, 3)),
    "subclass of Forecaster": lambda: Doubled(PLAIN_RNN()),
    "hook on the core": changed(
        lambda model: model.core.register_forward_hook(lambda _, __, out: (2 * out[0], out[1]))
    ),
    "hook on the model": changed(lambda model: model.register_forward_hook(lambda _, __, out: 2 * out)),
    "hook on a weight": changed(lambda model: model.core.weight_hh_l0.register_hook(lambda grad: -grad)),
    "pruned": changed(lambda model: prune.l1_unstructured(model.core, "weight_hh_l0", 0.5), nn.RNN),
    "pruned for good": changed(
        lambda model: prune.remove(prune.l1_unstructured(model.core, "weight_hh_l0", 0.5), "weight_hh_l0")
    ),
    "weight norm": changed(lambda model: parametrizations.weight_norm(model.core, "weight_hh_l0"), nn.RNN),
    "spectral norm of the head": changed(lambda model: parametrizations.spectral_norm(model.head)),
    "another forward": changed(with_another_forward),
    "another read": changed(with_another_read),
}


@pytest.mark.parametrize("make", CHANGED.values(), ids=CHANGED)
def test_fit_trains_the_model_itself(make):
    reproducible(3)
    plain = make()
    expected = plain_fit(plain, WINDOWS.inputs, WINDOWS.targets, 2, 16, 1e-2)
    reproducible(3)
    model = make()
    history = fit(model, WINDOWS.inputs, WINDOWS.targets, epochs=2, batch_size=16, optimizer=partial(Adam, lr=1e-2))
    np.testing.assert_allclose(history.train_loss, expected, rtol=1e-9)
    np.testing.assert_allclose(predict(model, WINDOWS.inputs), predict(plain, WINDOWS.inputs), rtol=1e-8)


def frozen():
    model = gru()
    model.core.bias_hh_l0.requires_grad_(False)
    return model


def with_a_branch(outputs, targets):
    error = (outputs - targets).abs()
    return error.mean() if error.mean() > 0.3 else error.square().mean()


def masked(outputs, targets):
    return (outputs - targets)[targets > 0].square().sum() / 10


def halved(optimiser):
    return LambdaLR(optimiser, lambda count: 0.5**count)


def of_some_weights(parameters):
    return Adam([each for each in parameters if each.ndim > 1], lr=1e-2)


class Shared:
    """Models of different seeds that share their head: what one learns the next one begins with."""

    def __init__(self):
        self.head = None

    def __call__(self):
        model = Forecaster(PLAIN_RNN())
        self.head = model.head = self.head or model.head
        return model


def drawn():
    return Forecaster(PLAIN_RNN(), output_activation=torch.tanh if torch.initial_seed() % 2 else torch.sigmoid)


PART = (WINDOWS.inputs[:9], WINDOWS.targets[:9])
TOGETHER = {
    "frozen, clipped": (frozen, {"clip_norm": 0.1}),
    "plain": (gru, {}),
    "all states": (lambda: gru(readout="all", lookback=8), {"batch_size": 7}),
    "residual, one batch": (lambda: gru(residual=True), {"batch_size": None}),
    "tanh": (of(PLAIN_RNN, output_activation=torch.tanh), {"clip_norm": 0.01}),
    "softplus, Huber": (of(PLAIN_RNN, output_activation=F.softplus), {"loss": partial(F.huber_loss, delta=0.1)}),
    "softplus in a partial": (lambda: gru(output_activation=partial(F.softplus, beta=2)), {}),
    "two layers, SGD": (
        lambda: Forecaster(nn.LSTM(1, 3, num_layers=2, batch_first=True)),
        {"optimizer": partial(SGD, lr=0.1, momentum=0.9)},
    ),
    "ElmanRNN": (of(partial(ElmanRNN, 1, 3, activation="sigmoid")), {"optimizer": partial(Adam, lr=1e-2)}),
    "one cycle": (gru, {"scheduler": partial(OneCycleLR, max_lr=1e-2, total_steps=6)}),
    "cosine": (gru, {"scheduler": partial(CosineAnnealingLR, T_max=6), "loss": F.l1_loss}),
    "each epoch": (gru, {"scheduler": partial(StepLR, step_size=1), "schedule": "epoch"}),
    "validation": (gru, {"validation": PART}),
    "patience": (gru, {"validation": (PART[0], -PART[1]), "patience": 1, "optimizer": partial(Adam, lr=0.05)}),
    "AdamW, bar": (gru, {"optimizer": partial(AdamW, lr=0.003, weight_decay=0.1), "progress": True}),
    "Adamax, quantiles": (
        lambda: Forecaster(nn.LSTM(1, 3, batch_first=True), targets=1),
        {"optimizer": partial(Adamax, lr=0.01), "loss": partial(pinball_loss, levels=(0.9,))},
    ),
}
ONE_AFTER_THE_OTHER = {
    "L-BFGS": (gru, {"optimizer": partial(LBFGS, max_iter=3), "batch_size": None}),
    "dropout in the core": (lambda: Forecaster(nn.GRU(1, 3, num_layers=2, dropout=0.3, batch_first=True)), {}),
    "dropout function": (of(PLAIN_RNN, output_activation=F.dropout), {}),
    "dropout layer": (of(PLAIN_RNN, output_activation=nn.Dropout(0.3)), {}),
    "PReLU": (lambda: Forecaster(PLAIN_RNN(), output_activation=nn.PReLU()), {}),
    "softmax over targets": (lambda: gru(targets=1, output_activation=partial(F.softmax, dim=0)), {}),
    "loss with an if": (gru, {"loss": with_a_branch}),
    "loss with a mask": (gru, {"loss": masked}),
    "loss that sums": (gru, {"loss": partial(F.mse_loss, reduction="sum")}),
    "loss as a module": (gru, {"loss": nn.MSELoss()}),
    "own optimiser": (gru, {"optimizer": of_some_weights}),
    "own scheduler": (gru, {"scheduler": halved}),
    "plateau": (
        gru,
        {
            "scheduler": partial(ReduceLROnPlateau, patience=0, threshold=0.5),
            "schedule": "epoch",
            "optimizer": partial(Adam, lr=0.02),
        },
    ),
    "after each epoch": (gru, {"after_epoch": lambda model, history: history.train_loss[-1] < 0.45}),
    "another for each seed": (drawn, {}),
    **{name: (make, {}) for name, make in CHANGED.items()},
}
TOGETHER["pruned for good"] = ONE_AFTER_THE_OTHER.pop("pruned for good")  # an ordinary core again


def seed_by_seed(make, inputs, targets, seeds, **options):
    for seed in seeds:
        reproducible(seed)
        model = make()
        yield model, fit(model, inputs, targets, **options)


@pytest.mark.parametrize("name", [*TOGETHER, *ONE_AFTER_THE_OTHER])
def test_fit_seeds_equals_fit_seed_by_seed(name, monkeypatch):
    stacks = []
    monkeypatch.setattr(training, "Stack", lambda *given: stacks.append(1) or STACK(*given))
    make, options = (TOGETHER | ONE_AFTER_THE_OTHER)[name]
    seeds, options = (5, 0, 11), {"epochs": 3, **options}
    models, histories = fit_seeds(make, WINDOWS.inputs, WINDOWS.targets, seeds=seeds, **options)
    assert len(stacks) == (name in TOGETHER)
    alone = seed_by_seed(make, WINDOWS.inputs, WINDOWS.targets, seeds, **options)
    for together, history, (expected, alike) in zip(models, histories, alone, strict=True):
        np.testing.assert_allclose(history.train_loss, alike.train_loss, rtol=1e-9)
        np.testing.assert_allclose(history.validation_loss, alike.validation_loss, rtol=1e-9)
        assert history.best_epoch == alike.best_epoch
        for ours, theirs in zip(together.parameters(), expected.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10)


STACK = training.Stack


def test_models_that_share_a_weight_are_not_stacked():
    models, histories = fit_seeds(Shared(), *DATA, seeds=[0, 1], epochs=2)
    reproducible(0)
    make = Shared()
    first = make()
    reproducible(1)
    second = make()
    reproducible(0)
    Forecaster(PLAIN_RNN())
    expected = [fit(first, *DATA, epochs=2)]
    reproducible(1)
    Forecaster(PLAIN_RNN())
    expected.append(fit(second, *DATA, epochs=2))
    assert [each.train_loss for each in histories] == [each.train_loss for each in expected]
    assert models[0].head is models[1].head


def test_a_hook_on_all_modules_is_run(monkeypatch):
    seen = []
    handle = nn.modules.module.register_module_forward_hook(lambda module, _, __: seen.append(type(module)))
    try:
        fit_seeds(gru, *DATA, seeds=[0], epochs=1)
    finally:
        handle.remove()
    assert {nn.GRU, Forecaster} <= set(seen)


def test_seeds_end_one_by_one_and_then_stay_as_they_are():
    ends = {5: 2, 0: 4, 11: 1}

    some = WINDOWS.inputs[40:], WINDOWS.targets[40:]
    options = {"epochs": 12, "validation": some, "patience": 1, "optimizer": partial(Adam, lr=0.1)}
    models, histories = fit_seeds(gru, *DATA, seeds=ends, **options)
    lengths = {len(history.train_loss) for history in histories}
    assert len(lengths) > 1, "the seeds of this test are to end at different epochs"
    for model, history in zip(models, histories, strict=True):
        loss = np.mean((predict(model, some[0]) - some[1]) ** 2)
        assert loss == pytest.approx(min(history.validation_loss), rel=1e-9)

    calls, weights = [], {}

    def stop(model, history):
        epoch, seed = len(history.train_loss), [*ends][len(weights)]
        calls.append((seed, epoch))
        if epoch == ends[seed]:
            weights[seed] = copy.deepcopy(model.state_dict())
        return np.bool_(epoch == ends[seed])

    models, histories = fit_seeds(gru, *DATA, seeds=ends, epochs=6, after_epoch=stop)
    assert calls == [(seed, epoch) for seed, last in ends.items() for epoch in range(1, last + 1)]
    assert [len(history.train_loss) for history in histories] == [*ends.values()]
    for model, seed in zip(models, ends, strict=True):
        assert all(torch.equal(weight, weights[seed][name]) for name, weight in model.state_dict().items())


def test_seeds_differ_and_stay_ordinary_models():
    models, _ = fit_seeds(gru, WINDOWS.inputs, WINDOWS.targets, seeds=range(2), epochs=1)
    first, second = (predict(model, WINDOWS.inputs) for model in models)
    assert not np.allclose(first, second)
    assert isinstance(models[0].core, nn.GRU)


def test_reproducible_gives_the_same_training_twice():
    def run():
        reproducible(1)
        model = gru()
        return fit(model, WINDOWS.inputs, WINDOWS.targets, epochs=3).train_loss

    assert run() == run()


def test_reproducible_sets_all_that_numbers_depend_on(monkeypatch):
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)

    def draw(seed):
        reproducible(seed)
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    torch.set_num_threads(3)
    first, other, again = draw(1), draw(2), draw(1)
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True)), "each generator is seeded"
    assert torch.get_num_threads() == 1
    assert torch.get_default_dtype() == torch.float64
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory


def test_lbfgs_lowers_the_loss():
    reproducible(0)
    model = gru()
    options = {"batch_size": None, "optimizer": partial(LBFGS, max_iter=20, line_search_fn="strong_wolfe")}
    history = fit(model, WINDOWS.inputs, WINDOWS.targets, epochs=5, **options)
    assert history.train_loss[-1] < 1e-3 * history.train_loss[0]


def test_patience_stops_and_goes_back_to_the_best_weights():
    reproducible(0)
    model = gru()
    validation = (WINDOWS.inputs[40:], -WINDOWS.targets[40:])  # gets worse as training gets better
    options = {"validation": validation, "patience": 2, "optimizer": partial(Adam, lr=1e-2)}
    history = fit(model, WINDOWS.inputs[:40], WINDOWS.targets[:40], epochs=50, **options)
    assert history.best_epoch is not None
    assert len(history.train_loss) == history.best_epoch + 2 < 50
    loss = np.mean((predict(model, validation[0]) - validation[1]) ** 2)
    assert loss == pytest.approx(min(history.validation_loss), rel=1e-12)


def test_tuple_of_inputs_and_class_labels():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 3)

        def forward(self, a, b):
            return self.linear(a) + b

    reproducible(0)
    inputs = (np.random.default_rng(0).normal(size=(20, 2)), np.zeros((20, 3)))
    labels = np.arange(20) % 3
    history = fit(Two(), inputs, labels, epochs=30, loss=nn.functional.cross_entropy, optimizer=partial(Adam, lr=0.1))
    assert history.train_loss[-1] < history.train_loss[0]
    assert predict(Two(), inputs, batch_size=3).shape == (20, 3)


def test_predict_uses_and_restores_the_mode():
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.9))
    first, second = (predict(model, np.ones((50, 1))) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model.training
    assert not predict(model.eval(), np.ones((2, 1))).any() or not model.training


def test_predict_leaves_each_part_in_the_mode_in_which_it_came():
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.BatchNorm1d(1), nn.Dropout(0.9)))
    model[1][0].eval()  # a part that is frozen in a model that is trained
    before = [part.training for part in model.modules()]
    predict(model, np.ones((50, 1)))
    assert [part.training for part in model.modules()] == before == [True, True, True, False, True]
    with pytest.raises(RuntimeError):
        predict(model, np.ones((50, 2)))
    assert [part.training for part in model.modules()] == before


class Watched(nn.Module):
    """Notes in which mode its parts are called."""

    def __init__(self):
        super().__init__()
        self.linear, self.part, self.calls = nn.Linear(8, 1), nn.Dropout(0.5), []

    def forward(self, inputs):
        if len(self.calls) == 40:
            raise KeyboardInterrupt
        self.calls.append((self.training, self.part.training))
        return self.part(self.linear(inputs[:, :, 0]))[:, None]

    def modes(self):
        return self.training, self.part.training


@pytest.mark.parametrize(
    ("came", "trains"), [((True, True), (True, True)), ((False, False), (True, True)), ((True, False), (True, False))]
)
def test_modes_in_training_and_after_it(came, trains):
    reproducible(0)
    model = Watched()
    model.training, model.part.training = came
    fit(model, *DATA, epochs=2, validation=PART, after_epoch=lambda model, _: model.eval() and None)
    assert model.calls == [trains, trains, (False, False)] * 2
    assert model.modes() == came
    with pytest.raises(KeyboardInterrupt):
        fit(model, *DATA, epochs=40)
    assert model.modes() == came
    model.calls.clear()
    with pytest.raises(FloatingPointError):
        fit(model, *DATA, epochs=9, optimizer=partial(SGD, lr=1e200))
    assert model.modes() == came


def test_huge_but_finite_values_are_taken():
    assert predict(nn.Identity(), np.full(4, 1e308)).max() == 1e308  # their sum is not finite


def test_history_to_frame():
    table = History([0.5, 0.4], [0.6, 0.7], [1.0, 1.0], 1).to_frame()
    assert table.index.tolist() == [1, 2]
    assert table.columns.tolist() == ["train_loss", "validation_loss", "seconds"]
    assert "validation_loss" not in History([0.5], [], [1.0]).to_frame()


@pytest.mark.parametrize(
    ("losses", "best"),
    [([0.6, 0.4, 0.4, 0.5], 2), ([np.nan, 0.7, 0.8], 2), ([0.3, np.nan], 1), ([np.nan], None), ([None, None], None)],
)
def test_best_epoch_counts_as_the_table_does(losses, best):
    history = History()
    for loss in losses:
        history.append(1.0, loss, 0.0)
    assert history.best_epoch == best
    if best:
        assert history.to_frame()["validation_loss"].idxmin() == best


class Constant(nn.Module):
    """Its output is its weight, whatever the input; the loss of the targets is what a test wants it to be."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))

    def forward(self, inputs):
        return self.weight.expand(len(inputs), 1)


def test_a_tie_does_not_move_the_best_epoch():
    losses = iter([3.0, 2.0, 2.0, 2.0, 2.0])

    def loss(outputs, targets):
        return 0 * outputs.sum() + (1.0 if torch.is_grad_enabled() else next(losses))

    x = np.zeros((4, 1))
    weights = []
    history = fit(
        model := Constant(),
        x,
        x,
        epochs=5,
        loss=loss,
        validation=(x, x),
        patience=3,
        optimizer=AddsOne,
        after_epoch=lambda model, _: weights.append(model.weight.item()),
    )
    assert weights == [1, 2, 3, 4, 5]
    assert (history.best_epoch, len(history.train_loss), model.weight.item()) == (2, 5, 2)


class AddsOne(torch.optim.Optimizer):
    """An optimiser that adds its rate to each weight."""

    def __init__(self, parameters, lr=1.0):
        super().__init__(parameters, {"lr": lr})

    def step(self, closure):
        loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data += group["lr"]
        return loss


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [("update", [1 + 1 / 2, 1 + 1 / 2 + 1 / 4 + 1 / 8]), ("epoch", [2, 3])],  # two updates an epoch
)
def test_when_the_scheduler_is_stepped(schedule, wanted):
    x, weights = np.zeros((4, 1)), []

    def look(model, history):
        assert len(history.train_loss) == len(weights) + 1
        weights.append(model.weight.item())

    options = {"optimizer": AddsOne, "scheduler": partial(ExponentialLR, gamma=0.5), "schedule": schedule}
    fit(Constant(), x, x, epochs=2, batch_size=2, after_epoch=look, **options)
    assert weights == wanted


@pytest.mark.parametrize("validation", [None, (np.ones((3, 1)), 0.5 - np.ones((3, 1)))])
def test_a_plateau_is_one_of_the_validation_loss_or_else_of_the_training_loss(validation):
    x, seen = np.zeros((4, 1)), []

    class Plateau(ReduceLROnPlateau):
        def step(self, metrics):
            seen.append(metrics)
            super().step(metrics)

    history = fit(
        Constant(),
        x,
        x,
        epochs=3,
        validation=validation,
        scheduler=partial(Plateau, patience=0),
        schedule="epoch",
        optimizer=AddsOne,
    )
    assert seen == (history.validation_loss if validation else history.train_loss)


def test_after_epoch_ends_the_training():
    reproducible(0)
    lengths = []

    def stop(model, history):
        lengths.append(len(history.train_loss))
        return len(lengths) == 3

    history = fit(gru(), *DATA, epochs=9, after_epoch=stop)
    assert lengths == [1, 2, 3]
    assert len(history.train_loss) == 3


def over(value, epoch=1):
    """A loss that is `value` from an epoch on in validation."""
    count = []

    def loss(outputs, targets):
        judged = not torch.is_grad_enabled()
        count.append(judged)
        return F.mse_loss(outputs, targets) + (value if judged and sum(count) >= epoch else 0)

    return loss


class Bursts(torch.optim.SGD):
    """Its last update leaves a weight that is not finite, or so large that the loss is not."""

    def __init__(self, parameters, value):
        super().__init__(parameters, lr=1e-3)
        self.value = value

    def step(self, closure):
        loss = super().step(closure)
        self.param_groups[0]["params"][-1].data.fill_(self.value)
        return loss


ONE_UPDATE = {"epochs": 1, "batch_size": None}
FAR = partial(LBFGS, lr=1e300, max_iter=2)
NOT_FINITE = {
    "first validation": (
        {"epochs": 5, "validation": PART, "patience": 3, "loss": lambda: over(np.nan)},
        "validation loss is nan in epoch 1",
    ),
    "third validation": (
        {"epochs": 5, "validation": PART, "loss": lambda: over(np.inf, 3)},
        "validation loss is inf in epoch 3",
    ),
    "L-BFGS": ({**ONE_UPDATE, "optimizer": FAR}, "in epoch 1"),
    "last update, NaN": ({**ONE_UPDATE, "optimizer": partial(Bursts, value=np.nan)}, "a weight is nan in epoch 1"),
    "last update, infinite": (
        {**ONE_UPDATE, "optimizer": partial(Bursts, value=-np.inf)},
        "a weight is nan in epoch 1",
    ),
    "last update, large": ({**ONE_UPDATE, "optimizer": partial(Bursts, value=1e200)}, "the loss is inf"),
    "last update, SGD": ({**ONE_UPDATE, "optimizer": partial(SGD, lr=1e200)}, "the loss is inf"),
    "weights, SGD": (
        {**ONE_UPDATE, "optimizer": partial(SGD, lr=1e308, momentum=0.5, weight_decay=1e308)},
        "in epoch 1",
    ),
    "on the way": ({"epochs": 9, "optimizer": partial(SGD, lr=1e30)}, "lower the lr"),
}


@pytest.mark.parametrize("name", NOT_FINITE)
@pytest.mark.parametrize("train", ["fit", "fit_seeds"])
def test_what_is_not_finite_is_said(name, train):
    options, message = NOT_FINITE[name]
    if "loss" in options:
        options = {**options, "loss": options["loss"]()}
    reproducible(0)
    with pytest.raises(FloatingPointError, match=message):
        fit(gru(), *DATA, **options) if train == "fit" else fit_seeds(gru, *DATA, seeds=[0, 1], **options)


def test_a_constant_that_is_infinite_is_no_fault():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(8, 1)
            self.mask = nn.Parameter(torch.tensor(-np.inf), requires_grad=False)

        def forward(self, inputs):
            return torch.maximum(self.linear(inputs[:, :, 0]), self.mask)[:, None]

    assert len(fit(Masked(), *DATA, epochs=2).train_loss) == 2


CARDS = {
    "GRU": (gru, {"batch_size": 16, "clip_norm": 0.1}),
    "RNN": (of(PLAIN_RNN, output_activation=torch.tanh), {"validation": PART, "patience": 1}),
    "LSTM": (lambda: Forecaster(nn.LSTM(1, 3, batch_first=True), residual=True), {"validation": PART}),
    "ElmanRNN": (of(partial(ElmanRNN, 1, 3)), {"optimizer": partial(LBFGS, max_iter=3)}),
    "float32": (lambda: gru().float(), {"scheduler": partial(OneCycleLR, max_lr=1e-2, total_steps=4)}),
}


@pytest.mark.parametrize("name", CARDS)
def test_training_follows_the_model_to_its_device(name):
    make, options = CARDS[name]
    options = {"epochs": 2, "optimizer": partial(Adam, lr=1e-2), **options}
    seeds = (0, 3)
    expected = [*seed_by_seed(make, *DATA, seeds, **options)]
    rounding = 1e-5 if name == "float32" else 1e-9
    with Card():
        alone = [*seed_by_seed(lambda: make().to(CARD), *DATA, seeds, **options)]
        together = fit_seeds(lambda: make().to(CARD), *DATA, seeds=seeds, **options)
        for found in (alone, [*zip(*together, strict=True)]):
            for (model, history), (plain, wanted) in zip(found, expected, strict=True):
                assert {weight.device for weight in model.parameters()} == {CARD}
                np.testing.assert_allclose(history.train_loss, wanted.train_loss, rtol=rounding)
                np.testing.assert_allclose(history.validation_loss, wanted.validation_loss, rtol=rounding)
                forecasts = predict(model, WINDOWS.inputs)
                assert forecasts.dtype == next(plain.parameters()).detach().numpy().dtype
                np.testing.assert_allclose(forecasts, predict(plain, WINDOWS.inputs), rtol=rounding, atol=rounding)


def test_class_numbers_and_several_inputs_follow_too():
    inputs, labels = WINDOWS.inputs.copy(), (WINDOWS.targets[:, 0, 0] > 0).astype(np.int32)
    options = {"epochs": 2, "loss": F.cross_entropy, "optimizer": partial(Adam, lr=0.1), "validation": (inputs, labels)}
    losses = []
    for device in (torch.device("cpu"), CARD):
        with Card():
            reproducible(0)
            model = SequenceClassifier(nn.LSTM(1, 3, batch_first=True), 2).to(device)
            losses.append(
                fit(
                    model,
                    inputs,
                    labels.astype(np.int64),
                    **{**options, "validation": (inputs, labels.astype(np.int64))},
                ).validation_loss
            )
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_half_precision_is_followed():
    model = gru().bfloat16()
    # The loss is written out: older PyTorch has no mse_loss in bfloat16.
    options = {"loss": lambda outputs, targets: (outputs - targets).square().mean(), "validation": PART}
    fit(model, WINDOWS.inputs, WINDOWS.targets, epochs=1, **options)
    assert predict(model, WINDOWS.inputs).dtype == np.float32  # NumPy has no bfloat16


ODD = {
    "reversed": lambda x: x[::-1],
    "columns reversed": lambda x: x[:, ::-1],
    "big-endian": lambda x: x.astype(">f8"),
    "long double": lambda x: x.astype(np.longdouble),
    "half": lambda x: x.astype(np.float16),
    "field of a record": lambda x: np.rec.fromarrays([x, x.astype(np.int8)]).f0,
    "list": lambda x: x.tolist(),
    "tensor": torch.tensor,
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_arrays_of_every_kind(odd):
    inputs, targets = np.round(WINDOWS.inputs, 2), np.round(WINDOWS.targets, 2)
    wanted_x, wanted_y = (np.asarray(odd(each), dtype=np.float64) for each in (inputs, targets))
    losses = []
    for x, y in ((wanted_x, wanted_y), (odd(inputs), odd(targets))):
        reproducible(0)
        model = gru()
        losses.append(
            fit(model, x, y, epochs=1, batch_size=np.int64(7)).train_loss + predict(model, x).ravel().tolist()
        )
    assert losses[0] == losses[1]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.uint16, np.int32, ">i4", np.uint32, np.int64, np.uint64])
def test_whole_numbers_as_inputs(dtype):
    inputs = (WINDOWS.inputs > 0) * (1 if dtype is bool else 3)
    losses = []
    for x in (inputs.astype(float), inputs.astype(dtype)):
        reproducible(0)
        model = SequenceClassifier(nn.GRU(1, 3, batch_first=True), 2)
        forecaster = gru(residual=True)
        labels = (WINDOWS.targets[:, 0, 0] > 0).astype(np.uint8)
        losses.append(
            fit(model, x, labels.astype(np.uint16), epochs=1, loss=F.cross_entropy).train_loss
            + fit(forecaster, x, WINDOWS.targets, epochs=1).train_loss
            + predict(forecaster, x).ravel().tolist()
        )
    assert losses[0] == losses[1]


def counts(shape, top=5):
    return np.random.default_rng(0).integers(0, top, shape)


def tokens(channels):
    """A model whose outputs are (B, channels, 8): a class for each step."""
    return nn.Sequential(nn.Flatten(), nn.Linear(8, 8 * channels), nn.Unflatten(1, (channels, 8)))


def test_a_class_for_each_step():
    reproducible(0)
    options = {"epochs": 3, "loss": F.cross_entropy, "optimizer": partial(Adam, lr=0.1)}
    labels = counts((52, 8), 3)
    labels[:, 0] = -100  # PyTorch's mark for what does not count
    history = fit(tokens(3), WINDOWS.inputs, labels, **options)
    assert history.train_loss[-1] < history.train_loss[0]


LAST = nn.Sequential(nn.Flatten(), nn.Linear(8, 1))
TWO = nn.Sequential(nn.Flatten(), nn.Linear(8, 2))
COUNTS = {
    "counts, one output": (LAST, counts(52), F.poisson_nll_loss, r"\(32, 1\).*torch.int64 of shape \(32,\)"),
    "no counts, one output": (LAST, counts(52, 1), F.poisson_nll_loss, r"\(32, 1\).*\(32,\)"),
    "squared": (LAST, counts(52), F.mse_loss, r"\(32, 1\).*\(32,\)"),
    "same shape": (LAST, counts((52, 1)), F.mse_loss, r"\(32, 1\).*torch.int64 of shape \(32, 1\)"),
    "same shape, 3 axes": (gru(), counts((52, 1, 1)), F.l1_loss, r"\(32, 1, 1\).*\(32, 1, 1\)"),
    "yes or no": (LAST, counts((52, 1), 2) > 0, F.binary_cross_entropy_with_logits, "torch.bool of shape"),
    "yes or no as classes": (TWO, counts(52, 2) > 0, F.cross_entropy, "torch.bool of shape"),
    "counts, two outputs": (TWO, counts(52), F.poisson_nll_loss, r"\(32, 2\).*number the classes from 0"),
    "below 0": (TWO, counts(52, 2) - 1, F.cross_entropy, "number the classes from 0"),
    "classes from 1": (TWO, counts(52, 2) + 1, F.cross_entropy, "number the classes from 0"),
    "classes and squares, batch of two": (TWO, counts(52, 2), (F.mse_loss, 2), r"\(2, 2\).*shape \(2,\)"),
    "the same as a module": (TWO, counts(52, 2), (nn.MSELoss(), 2), r"\(2, 2\).*shape \(2,\)"),
    "the same in a partial": (TWO, counts(52, 2), (partial(F.huber_loss, delta=1.0), 2), r"\(2, 2\).*shape \(2,\)"),
    "two axes fewer": (tokens(3), counts(52, 3), F.cross_entropy, r"\(32, 3, 8\).*\(32,\)"),
    "another axis fewer": (tokens(3), counts((52, 3), 2), F.cross_entropy, r"\(32, 3, 8\).*\(32, 3\)"),
    "unsigned": (LAST, counts(52).astype(np.uint8), F.mse_loss, r"\(32, 1\).*uint8 of shape \(32,\)"),
}


@pytest.mark.parametrize("name", COUNTS)
def test_whole_numbers_as_targets_are_class_numbers_or_refused(name):
    model, targets, loss, message = COUNTS[name]
    loss, batch_size = loss if isinstance(loss, tuple) else (loss, 32)
    options = {"epochs": 1, "loss": loss, "batch_size": batch_size}
    with pytest.raises(ValueError, match=message):
        fit(copy.deepcopy(model).double(), WINDOWS.inputs, targets, **options)
    with pytest.raises(ValueError, match=message):
        fit_seeds(lambda: copy.deepcopy(model).double(), WINDOWS.inputs, targets, seeds=[0], **options)


def test_whole_numbers_as_targets_in_validation():
    for train in (fit, lambda _, *given, **options: fit_seeds(gru, *given, seeds=[0, 1], **options)):
        with pytest.raises(ValueError, match=r"validation targets must be floats.*\(9, 1, 1\).*\(9, 1, 1\)"):
            train(gru(), *DATA, epochs=1, validation=(PART[0], counts((9, 1, 1))))
        with pytest.raises(ValueError, match=r"validation targets must have the shape.*\(9, 1, 1\), got \(9,\)"):
            train(gru(), *DATA, epochs=1, validation=(PART[0], PART[1][:, 0, 0]))


X, Y = WINDOWS.inputs, WINDOWS.targets
MADE = r"optimizer must be a function, such as partial\(Adam, lr=1e-3\), got "


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit(gru(), X, Y[:-1], epochs=1), ValueError, "targets must be of length 52 .*got 51"),
        (
            lambda: fit(gru(), X, Y[:, 0, 0], epochs=1),
            ValueError,
            r"\(32, 1, 1\), got \(32,\): the loss would broadcast",
        ),
        (lambda: fit(nn.Linear(8, 1), X[:, :, 0], Y[:, 0, 0], epochs=1), ValueError, r"\(32, 1\), got \(32,\)"),
        (lambda: fit(gru(), X * np.nan, Y, epochs=1), ValueError, "inputs must be finite"),
        (lambda: fit(gru(), X, Y / 0.0, epochs=1), ValueError, "targets must be finite"),
        (lambda: fit(gru(), X[:0], Y[:0], epochs=1), ValueError, "at least one window"),
        (lambda: fit(gru(), X, Y, epochs=0), ValueError, "epochs must be at least 1"),
        (lambda: fit(gru(), X, Y, epochs=1, batch_size=0), ValueError, "batch_size must be at least 1"),
        (lambda: fit(gru(), X, Y, epochs=1, clip_norm=0), ValueError, "clip_norm must be greater than 0"),
        (lambda: fit(gru(), X, Y, epochs=1, patience=3), ValueError, "patience needs validation"),
        (lambda: fit(gru(), X, Y, epochs=1, validation=(X, Y[:2])), ValueError, "validation targets must be of length"),
        (lambda: fit(gru(), X, Y, epochs=9, optimizer=partial(SGD, lr=1e30)), FloatingPointError, "lower the lr"),
        (lambda: fit_seeds(gru, X, Y, seeds=[], epochs=1), ValueError, "at least one seed"),
        (lambda: fit_seeds(gru, X, Y, seeds=3, epochs=1), TypeError, "seeds must be a sequence of whole numbers"),
        (lambda: fit_seeds(gru, X, Y, seeds=[1, 1], epochs=1), ValueError, "seeds must differ, got 1 twice"),
        (lambda: fit_seeds(gru, X, Y, seeds=[0.5], epochs=1), TypeError, "seeds must be an integer"),
        (
            lambda: fit(gru(), X, Y, epochs=1, loss=partial(F.mse_loss, reduction="none")),
            ValueError,
            r"loss must give one number, the mean over the batch, as a tensor, got a tensor of shape",
        ),
        (lambda: fit(gru(), X, Y, epochs=1, loss=lambda *_: 0.5), ValueError, "loss must give one number.*got float"),
        (lambda: fit_seeds(gru, X, Y[:, 0, 0], seeds=[0], epochs=1), ValueError, "would broadcast"),
        (lambda: fit_seeds(gru, X, Y, seeds=[0], epochs=1, learning_rate=0.1), TypeError, "learning_rate"),
        (lambda: fit_seeds(gru, X, counts(X.shape[0]), seeds=[0], epochs=1), ValueError, r"\(32, 1, 1\).*\(32,\)"),
        (lambda: fit(gru(), X, (Y, Y), epochs=1), TypeError, "targets must be one array, got a tuple of 2"),
        (lambda: fit(gru(), X, Y, epochs=1, validation=X), TypeError, r"validation must be a pair.*got ndarray"),
        (lambda: fit(gru(), X, Y, epochs=1, optimizer=Adam(gru().parameters())), TypeError, MADE + "Adam that is made"),
        (lambda: fit_seeds(gru, X, Y, seeds=[0], epochs=1, optimizer=Adam(gru().parameters())), TypeError, MADE),
        (lambda: fit(gru(), X, Y, epochs=1, optimizer="adam"), TypeError, MADE + "str"),
        (lambda: fit(gru(), X, Y, epochs=1, optimizer=list), TypeError, "must make a torch optimiser, got list"),
        (
            lambda: fit(gru(), X, Y, epochs=1, scheduler=StepLR(Adam(gru().parameters()), 1)),
            TypeError,
            "StepLR that is",
        ),
        (lambda: fit(gru(), X, Y, epochs=1, scheduler=ReduceLROnPlateau), ValueError, "schedule must be 'epoch'"),
        (lambda: fit(gru(), X, Y, epochs=1, schedule="batch"), ValueError, "'update' or 'epoch', got 'batch'"),
        (lambda: fit(gru(), X, Y, epochs=1, loss="mse"), TypeError, "loss must be a function"),
        (lambda: fit(gru(), X, Y, epochs=1, after_epoch=3), TypeError, "after_epoch must be a function.*got int"),
        (lambda: fit(gru(), X, Y, epochs=1, after_epoch=lambda *_: 0.3), TypeError, "True, False or None, got float"),
        (lambda: fit(gru().requires_grad_(False), X, Y, epochs=1), ValueError, "a parameter that requires a gradient"),
        (lambda: fit(nn.GRU(1, 2, batch_first=True), X, Y, epochs=1), TypeError, "must return a tensor, got tuple"),
        (lambda: predict(nn.GRU(1, 2, batch_first=True), X), TypeError, "must return a tensor, got tuple"),
        (lambda: fit(gru(), X.astype(complex), Y, epochs=1), TypeError, "inputs must hold real numbers, got dtype c"),
        (lambda: fit(gru(), X.astype(str), Y, epochs=1), TypeError, "inputs must hold real numbers, got dtype <U"),
        (
            lambda: fit(gru(), X.astype(object), Y, epochs=1),
            TypeError,
            "inputs must hold real numbers, got dtype object",
        ),
        (lambda: predict(gru(), np.ma.masked_less(X, 0)), TypeError, "inputs must be a plain array, got a masked"),
        (lambda: predict(gru(), torch.zeros(3, 8, 1, dtype=torch.complex64)), TypeError, "got torch.complex64"),
        (lambda: reproducible(-1), ValueError, "seed must be at least 0"),
        (lambda: reproducible(0.5), TypeError, "seed must be an integer"),
        (lambda: predict(gru(), X, batch_size=0), ValueError, "batch_size must be at least 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
