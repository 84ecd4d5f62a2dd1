"""Closed loops against a loop written out with lists."""

import numpy as np
import pytest
import torch
from torch import nn

from rnncourse.forecasting import closed_loop, closed_loop_carried
from rnncourse.models import Forecaster
from rnncourse.training import reproducible

L = 6


@pytest.fixture(autouse=True)
def seeded():
    reproducible(0)


def with_lists(model, window, steps, known=None):
    """One step at a time, with the window as a list of rows."""
    rows = [list(row) for row in window]
    forecast = []
    for step in range(steps):
        with torch.no_grad():
            output = model(torch.tensor([rows[-L:]]))[0, 0].tolist()
        forecast.append(output)
        rows.append(output + ([] if known is None else list(known[step])))
    return np.array(forecast)


@pytest.mark.parametrize("readout", ["last", "all"])
def test_closed_loop(readout):
    model = Forecaster(nn.GRU(2, 4, batch_first=True), targets=2, readout=readout, lookback=L)
    window = np.random.default_rng(0).normal(size=(L, 2))
    forecast = closed_loop(model, window, 20)
    assert forecast.shape == (20, 2)
    np.testing.assert_allclose(forecast, with_lists(model, window, 20), rtol=1e-12)


def test_known_columns_are_fed_at_their_time():
    model = Forecaster(nn.GRU(3, 4, batch_first=True), targets=1)
    rng = np.random.default_rng(1)
    window, known = rng.normal(size=(L, 3)), rng.normal(size=(9, 2))
    forecast = closed_loop(model, window, 9, known=known)
    np.testing.assert_allclose(forecast, with_lists(model, window, 9, known), rtol=1e-12)
    known[4] += 1  # known at step 5 is first read when step 6 is predicted
    changed = closed_loop(model, window, 9, known=known)
    np.testing.assert_array_equal(changed[:5], forecast[:5])
    assert (changed[5:] != forecast[5:]).all()


def test_a_batch_of_windows_is_forecast_at_once():
    model = Forecaster(nn.GRU(2, 4, batch_first=True), targets=1, residual=True)
    rng = np.random.default_rng(2)
    windows, known = rng.normal(size=(3, L, 2)), rng.normal(size=(3, 7, 1))
    together = closed_loop(model, windows, 7, known=known)
    assert together.shape == (3, 7, 1)
    for number in range(3):
        alone = closed_loop(model, windows[number], 7, known=known[number])
        np.testing.assert_allclose(together[number], alone, rtol=1e-12)


@pytest.mark.parametrize("core", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("residual", [False, True])
def test_carried_state_equals_reading_everything_since_the_start(core, residual):
    model = Forecaster(core(1, 4, batch_first=True), residual=residual)
    window = np.random.default_rng(3).normal(size=(L, 1))
    forecast = closed_loop_carried(model, window, 8)
    track = window
    for step in range(8):
        with torch.no_grad():
            expected = model(torch.tensor(track[None]))[0]
        np.testing.assert_allclose(forecast[step : step + 1], expected, rtol=1e-11)
        track = np.concatenate([track, expected])
    batch = closed_loop_carried(model, np.stack([window, window]), 8)
    np.testing.assert_allclose(batch[1], forecast, rtol=1e-12)


def test_mode_and_window_are_left_alone():
    model = Forecaster(nn.GRU(1, 4, batch_first=True)).train()
    window = np.ones((L, 1))
    closed_loop(model, window, 3)
    closed_loop_carried(model, window, 3)
    assert model.training
    assert (window == 1).all()


def forecaster(features=1, **options):
    return Forecaster(nn.GRU(features, 4, batch_first=True), **options)


ONES = np.ones((L, 1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: closed_loop(forecaster(), np.ones((L, 2)), 5),
            ValueError,
            r"model's 1 feature\(s\), got shape \(6, 2\)",
        ),
        (lambda: closed_loop(forecaster(2), np.ones((L, 2)), 5), ValueError, "one step of 2 target"),
        (lambda: closed_loop(forecaster(horizon=2), ONES, 5), ValueError, r"shape \(1, 1, 1\), got \(1, 2, 1\)"),
        (lambda: closed_loop(forecaster(), ONES, 0), ValueError, "steps must be at least 1, got 0"),
        (lambda: closed_loop(forecaster(), np.ones(L), 5), ValueError, "window must be 2-D or 3-D"),
        (lambda: closed_loop(forecaster(), ONES * np.nan, 5), ValueError, "window must be finite"),
        (
            lambda: closed_loop(forecaster(2), np.ones((L, 2)), 5, known=np.ones((4, 1))),
            ValueError,
            r"known must have shape \(5, 'D'\), got \(4, 1\)",
        ),
        (
            lambda: closed_loop(forecaster(2, targets=2), np.ones((L, 2)), 5, known=np.ones((5, 1))),
            ValueError,
            "1 are known",
        ),
        (lambda: closed_loop(forecaster(2), np.ones((L, 2)), 5, known=np.ones(5)), ValueError, "known must be 2-D"),
        (lambda: closed_loop_carried(forecaster(readout="all", lookback=L), ONES, 5), ValueError, "readout='last'"),
        (lambda: closed_loop_carried(nn.Linear(1, 1), ONES, 5), TypeError, "model must be a Forecaster, got Linear"),
        (lambda: closed_loop_carried(forecaster(2), np.ones((L, 2)), 5), ValueError, "one step of 2 target"),
        (lambda: closed_loop_carried(forecaster(), np.ones((L, 2)), 5), ValueError, "1 feature"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
