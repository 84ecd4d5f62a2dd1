"""The training loop against one written here in the plainest way, seeds together against one by one."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adam
from torch.optim.lr_scheduler import OneCycleLR

from rnncourse.layers import ElmanRNN
from rnncourse.models import Forecaster
from rnncourse.training import History, fit, fit_seeds, predict, reproducible
from rnncourse.windows import make_windows

WINDOWS = make_windows(np.sin(0.3 * np.arange(60)), lookback=8)


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


def frozen():
    model = gru()
    model.core.bias_hh_l0.requires_grad_(False)
    return model


SEEDS_SETTINGS = [
    (frozen, {"clip_norm": 0.1}),
    (gru, {}),
    (lambda: gru(readout="all", lookback=8), {"batch_size": 7}),
    (lambda: gru(residual=True), {"batch_size": None}),
    (lambda: Forecaster(nn.RNN(1, 3, batch_first=True), output_activation=torch.tanh), {"clip_norm": 0.01}),
    (
        lambda: Forecaster(nn.LSTM(1, 3, num_layers=2, batch_first=True)),
        {"optimizer": partial(SGD, lr=0.1, momentum=0.9)},
    ),
    (lambda: Forecaster(ElmanRNN(1, 3, activation="sigmoid")), {"optimizer": partial(Adam, lr=1e-2)}),
    (gru, {"scheduler": partial(OneCycleLR, max_lr=1e-2, total_steps=6)}),
    (gru, {"validation": (WINDOWS.inputs[:9], WINDOWS.targets[:9])}),
    (gru, {"validation": (WINDOWS.inputs[:9], WINDOWS.targets[:9]), "patience": 1}),
    (gru, {"optimizer": partial(LBFGS, max_iter=3), "batch_size": None}),
    (lambda: Forecaster(nn.GRU(1, 3, num_layers=2, dropout=0.3, batch_first=True)), {}),
]


@pytest.mark.parametrize(("make", "options"), SEEDS_SETTINGS)
def test_fit_seeds_equals_fit_seed_by_seed(make, options):
    seeds = (5, 0, 11)
    models, histories = fit_seeds(make, WINDOWS.inputs, WINDOWS.targets, seeds=seeds, epochs=3, **options)
    for seed, together, history in zip(seeds, models, histories, strict=True):
        reproducible(seed)
        alone = make()
        expected = fit(alone, WINDOWS.inputs, WINDOWS.targets, epochs=3, **options)
        np.testing.assert_allclose(history.train_loss, expected.train_loss, rtol=1e-9)
        np.testing.assert_allclose(history.validation_loss, expected.validation_loss, rtol=1e-9)
        assert history.best_epoch == expected.best_epoch
        for ours, theirs in zip(together.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10)


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
    assert torch.get_default_dtype() == torch.float64
    assert torch.are_deterministic_algorithms_enabled()


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
    assert len(history.train_loss) == history.best_epoch + 3 < 50
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


def test_huge_but_finite_values_are_taken():
    assert predict(nn.Identity(), np.full(4, 1e308)).max() == 1e308  # their sum is not finite


def test_history_to_frame():
    table = History([0.5, 0.4], [0.6, 0.7], [1.0, 1.0], 0).to_frame()
    assert table.index.tolist() == [1, 2]
    assert table.columns.tolist() == ["train_loss", "validation_loss", "seconds"]
    assert "validation_loss" not in History([0.5], [], [1.0]).to_frame()


X, Y = WINDOWS.inputs, WINDOWS.targets


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
        (lambda: fit_seeds(gru, X, Y[:, 0, 0], seeds=[0], epochs=1), ValueError, "would broadcast"),
        (lambda: fit_seeds(gru, X, Y, seeds=[0], epochs=1, learning_rate=0.1), TypeError, "learning_rate"),
        (lambda: reproducible(-1), ValueError, "seed must be at least 0"),
        (lambda: reproducible(0.5), TypeError, "seed must be an integer"),
        (lambda: predict(gru(), X, batch_size=0), ValueError, "batch_size must be at least 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
