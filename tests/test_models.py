"""The forecaster against its layers called one by one."""

import pytest
import torch
from torch import nn

from rnncourse.layers import ElmanRNN
from rnncourse.models import Forecaster

B, L, F, H = 4, 7, 3, 5


@pytest.fixture
def inputs():
    return torch.randn(B, L, F, generator=torch.Generator().manual_seed(0))


def gru():
    return nn.GRU(F, H, batch_first=True)


def test_head_on_the_last_state(inputs):
    model = Forecaster(gru(), horizon=2, targets=3)
    expected = model.head(model.core(inputs)[0][:, -1]).reshape(B, 2, 3)
    torch.testing.assert_close(model(inputs), expected)
    assert model.head.in_features == H


def test_head_on_all_states(inputs):
    model = Forecaster(gru(), readout="all", lookback=L)
    expected = model.head(model.core(inputs)[0].reshape(B, L * H)).reshape(B, 1, 1)
    torch.testing.assert_close(model(inputs), expected)
    assert model.head.in_features == L * H


def test_the_source_s_head_has_501_parameters():
    model = Forecaster(nn.GRU(1, 10, batch_first=True), readout="all", lookback=50)
    assert sum(p.numel() for p in model.head.parameters()) == 501


def test_residual_adds_the_last_value_of_the_first_columns(inputs):
    plain = Forecaster(gru(), horizon=2, targets=2)
    residual = Forecaster(gru(), horizon=2, targets=2, residual=True)
    residual.load_state_dict(plain.state_dict())
    torch.testing.assert_close(residual(inputs) - plain(inputs), inputs[:, -1:, :2].expand(B, 2, 2))


def test_output_activation_comes_before_the_residual(inputs):
    plain = Forecaster(gru())
    bounded = Forecaster(gru(), output_activation=torch.tanh, residual=True)
    bounded.load_state_dict(plain.state_dict())
    torch.testing.assert_close(bounded(inputs), torch.tanh(plain(inputs)) + inputs[:, -1:, :1])


@pytest.mark.parametrize("core", [nn.RNN(F, H, batch_first=True), nn.LSTM(F, H, batch_first=True), ElmanRNN(F, H)])
def test_any_core(core, inputs):
    assert Forecaster(core, horizon=4)(inputs).shape == (B, 4, 1)


def test_bidirectional_core(inputs):
    core = nn.GRU(F, H, batch_first=True, bidirectional=True)
    assert Forecaster(core, readout="all", lookback=L)(inputs).shape == (B, 1, 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Forecaster(nn.GRU(F, H)), ValueError, "core must take the batch first, got GRU.*batch_first=False"),
        (lambda: Forecaster(nn.Linear(F, H)), TypeError, "core must be a recurrent layer, but Linear"),
        (lambda: Forecaster(gru(), readout="all"), ValueError, "lookback is needed for readout='all'"),
        (lambda: Forecaster(gru(), readout="mean"), ValueError, "readout must be 'last' or 'all', got 'mean'"),
        (lambda: Forecaster(gru(), horizon=0), ValueError, "horizon must be at least 1, got 0"),
        (lambda: Forecaster(gru(), targets=1.0), TypeError, "targets must be an integer"),
        (lambda: Forecaster(gru(), lookback=-1), ValueError, "lookback must be at least 1"),
        (lambda: Forecaster(gru(), targets=4, residual=True), ValueError, "targets must be at most the 3 input"),
    ],
)
def test_bad_settings(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("shape", [(B, L), (B, L, F + 1), (2, B, L, F)])
def test_bad_inputs(shape):
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, L, 3\), got"):
        Forecaster(gru())(torch.zeros(shape))


def test_another_length_at_call():
    model = Forecaster(gru(), readout="all", lookback=L)
    with pytest.raises(ValueError, match="lookback of the head, 7 steps, got 8"):
        model(torch.zeros(B, L + 1, F))
