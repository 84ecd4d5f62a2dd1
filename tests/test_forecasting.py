"""Closed loops against a loop written out with lists."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from pretended_card import CARD, Card
from torch import nn

from rnncourse.datasets import leading_parameters
from rnncourse.forecasting import closed_loop, closed_loop_carried, last_window, sampled_paths
from rnncourse.models import Forecaster
from rnncourse.training import reproducible
from rnncourse.windows import make_windows

L = 6
ONES = np.ones((L, 1))


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
    model = Forecaster(nn.GRU(3, 4, batch_first=True), targets=[0])
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


def by_hand(step, window, steps, fed, known):
    """One step at a time, with the window as a list of rows and the fed-back columns written one by one."""
    rows = [list(row) for row in window]
    others = [column for column in range(len(rows[0])) if column not in fed]
    forecast = []
    for number in range(steps):
        output = step(np.array(rows[-L:]))
        row = [0.0] * len(rows[0])
        for column, value in zip(fed, output, strict=True):
            row[column] = value
        for column, value in zip(others, known[number], strict=True):
            row[column] = value
        rows.append(row)
        forecast.append(output)
    return np.array(forecast)


@pytest.mark.parametrize("fed", [[3], [2, 0], [0, 1], [1, 3, 0, 2]])
@pytest.mark.parametrize("kind", ["named", "asked", "module", "callable"])
def test_the_columns_named_are_fed_back(fed, kind):
    rng = np.random.default_rng(4)
    weight = rng.normal(size=(len(fed), L * 4)) / 10
    window, known = rng.normal(size=(L, 4)), rng.normal(size=(11, 4 - len(fed)))

    def step(rows):
        return weight @ rows.ravel()

    def on_arrays(inputs):
        return (inputs.reshape(len(inputs), -1) @ weight.T)[:, np.newaxis]

    given = {} if kind == "named" else {"targets": fed}
    if kind == "callable":
        model = on_arrays
    elif kind == "module":
        model = nn.Sequential(nn.Flatten(), nn.Linear(4 * L, len(fed), bias=False), nn.Unflatten(1, (1, len(fed))))
        model[1].weight.data = torch.tensor(weight)
    else:
        model = Forecaster(nn.GRU(4, 3, batch_first=True), targets=fed if kind == "named" else len(fed))

        def step(rows):
            with torch.no_grad():
                return model(torch.tensor(rows[None]))[0, 0].tolist()

    expected = by_hand(step, window, 11, fed, known)
    forecast = closed_loop(model, window, 11, known=known, **given)
    np.testing.assert_allclose(forecast, expected, rtol=1e-12, atol=1e-15)
    paths = sampled_paths(model, window, 11, np.zeros((1, len(fed))), paths=2, known=known, **given)
    np.testing.assert_allclose(paths, [expected] * 2, rtol=1e-12, atol=1e-15)
    if len(fed) > 1:  # the errors come in the order of the targets
        ones = np.eye(len(fed))[:1]
        first = sampled_paths(model, window, 1, ones, paths=1, known=known[:1], **given)[0, 0]
        np.testing.assert_allclose(first, expected[0] - ones[0], rtol=1e-12, atol=1e-15)


def test_a_residual_model_starts_from_the_columns_it_names():
    model = Forecaster(nn.GRU(3, 4, batch_first=True), targets=[2], residual=True)
    for parameter in model.head.parameters():
        nn.init.zeros_(parameter)  # the change is 0
    known = np.random.default_rng(5).normal(size=(6, 2))
    window = np.arange(3.0 * L).reshape(L, 3)
    np.testing.assert_array_equal(closed_loop(model, window, 6, known=known), np.full((6, 1), window[-1, 2]))


def test_the_observable_comes_last_in_its_own_table():
    """A linear rule for `obs` from all four columns, in the order in which `leading_parameters` gives them."""
    table = leading_parameters()
    assert list(table).index("obs") == 3
    scaled = ((table - table.mean()) / table.std()).to_numpy()
    cut = make_windows(scaled, lookback=40, targets=3)
    train = cut.between(0, 600)
    x = np.column_stack([train.inputs.reshape(len(train.inputs), -1), np.ones(len(train.inputs))])
    weights = np.linalg.lstsq(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ train.targets[:, 0], rcond=None)[0]

    def rule(inputs):
        return (inputs.reshape(len(inputs), -1) @ weights[:-1] + weights[-1])[:, np.newaxis]

    known, truth = scaled[600:650, :3], scaled[600:650, 3]
    with pytest.raises(ValueError, match=r"targets must name the columns .* 4 column.* 3 are known"):
        closed_loop(rule, scaled[560:600], 50, known=known)

    def rmse(targets):
        return np.sqrt(
            np.mean((closed_loop(rule, scaled[560:600], 50, known=known, targets=targets)[:, 0] - truth) ** 2)
        )

    assert rmse(3) < 0.1 < 0.5 < rmse(0)


def test_a_function_gets_arrays_that_it_cannot_change():
    seen = []

    def step(inputs):
        assert isinstance(inputs, np.ndarray)
        assert inputs.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            inputs[0, 0, 0] = 5
        seen.append(inputs.shape)
        return [[[float(row[-1, 0]) * 2]] for row in inputs]  # a list will do

    forecast = closed_loop(step, np.ones((2, L, 1), dtype=np.float32), 3)
    assert forecast.dtype == np.float32
    np.testing.assert_array_equal(forecast[..., 0], [[2, 4, 8]] * 2)
    assert seen == [(2, L, 1)] * 3


def test_carried_columns_are_fed_back_where_they_belong():
    model = Forecaster(nn.GRU(2, 4, batch_first=True), targets=[1, 0], residual=True)
    window = np.random.default_rng(6).normal(size=(L, 2))
    forecast = closed_loop_carried(model, window, 5)
    track = window
    for step in range(5):
        with torch.no_grad():
            expected = model(torch.tensor(track[None]))[0]
        np.testing.assert_allclose(forecast[step : step + 1], expected, rtol=1e-11)
        track = np.concatenate([track, expected.numpy()[:, ::-1]])


@pytest.mark.parametrize("loop", [closed_loop, closed_loop_carried, partial(sampled_paths, errors=[0.0])])
def test_mode_and_window_are_left_alone(loop):
    model = Forecaster(nn.GRU(1, 4, batch_first=True)).train()
    model.head.eval()
    window = np.ones((L, 1))
    loop(model, window, 3)
    assert (model.training, model.core.training, model.head.training) == (True, True, False)
    assert (window == 1).all()
    with pytest.raises(ValueError, match="one step"):
        closed_loop(Forecaster(model.core, horizon=2).train(), window, 3)
    assert model.core.training


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loop", [closed_loop, closed_loop_carried, partial(sampled_paths, errors=[0.5])])
def test_loops_follow_the_model_to_its_device_and_type(loop, dtype):
    model = Forecaster(nn.GRU(1, 4, batch_first=True), residual=True).to(dtype)
    expected = loop(model, ONES, 4)
    assert expected.dtype == torch.empty(0, dtype=dtype).numpy().dtype
    with Card():
        found = loop(model.to(CARD), ONES, 4)
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, expected)


def test_half_precision_comes_back_as_numpy_has_it():
    model = Forecaster(nn.GRU(1, 4, batch_first=True))
    for loop in (closed_loop, closed_loop_carried, partial(sampled_paths, errors=[0.0])):
        exact = loop(model.float(), ONES, 4)
        found = loop(model.bfloat16(), ONES, 4)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, atol=0.05)


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("table", [False, True])
def test_last_window_ends_with_the_last_known_step(columns, table):
    values = np.arange(20.0 * columns).reshape(20, columns)
    dates = pd.date_range("2024-01-31", periods=20, freq="ME")
    series = pd.DataFrame(values, index=dates) if table else values
    window, index = last_window(series, lookback=4)
    np.testing.assert_array_equal(window, values[16:])
    assert list(index) == (list(dates[16:]) if table else [16, 17, 18, 19])
    window[:] = 0  # a copy
    assert values[16:].all()
    np.testing.assert_array_equal(last_window(values[:, 0].tolist(), lookback=1)[0], values[19:, :1])
    np.testing.assert_array_equal(last_window(values[:, 0], lookback=20)[0], values[:, :1])


@pytest.mark.parametrize(
    ("series", "lookback", "error", "message"),
    [
        (np.zeros(3), 4, ValueError, "lookback must be at most the 3 steps of the series, got 4"),
        (np.zeros(3), 2.0, TypeError, "lookback must be an integer"),
        ([1.0, np.nan], 1, ValueError, "series must be finite, got nan at index 1"),
        (np.zeros((2, 2, 2)), 1, ValueError, "series must be 1-D or 2-D"),
        (
            pd.Series(np.zeros(4), pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"])),
            1,
            ValueError,
            "series must go on in even steps, got a gap in row 3: 2024-01-05 follows 2024-01-03, due was 2024-01-04",
        ),
    ],
)
def test_last_window_refuses(series, lookback, error, message):
    with pytest.raises(error, match=message):
        last_window(series, lookback=lookback)


def forecaster(features=1, **options):
    return Forecaster(nn.GRU(features, 4, batch_first=True), **options)


class Own(Forecaster):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


def backwards():
    return Forecaster(nn.GRU(1, 4, batch_first=True, bidirectional=True))


def grows_tired():
    """A function that returns another shape from its third call on."""
    calls = iter([1, 1, 2])
    return lambda inputs: np.ones((1, 1, next(calls)))


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
        (lambda: closed_loop_carried(backwards(), ONES, 5), ValueError, "one direction .* got a bidirectional core"),
        (
            lambda: closed_loop_carried(Own(nn.GRU(1, 4, batch_first=True)), ONES, 5),
            ValueError,
            "forward of Forecaster",
        ),
        (
            lambda: closed_loop(forecaster(3), np.ones((L, 3)), 5, known=np.ones((5, 2))),
            ValueError,
            r"targets must name the columns that are fed back, because the window has 3 column\(s\) and 2 are known",
        ),
        (
            lambda: closed_loop(forecaster(3), np.ones((L, 3)), 5, targets=[0]),
            ValueError,
            r"known must hold the 2 column\(s\) that are not fed back, \[1, 2\], got 0",
        ),
        (
            lambda: closed_loop(forecaster(), ONES, 5, targets=1),
            ValueError,
            "targets names column 1, but the window has 1",
        ),
        (lambda: closed_loop(forecaster(), ONES, 5, targets="obs"), TypeError, "targets must be an integer, got 'obs'"),
        (
            lambda: closed_loop(forecaster(2, targets=[1]), np.ones((L, 2)), 5, known=np.ones((5, 1)), targets=[0]),
            ValueError,
            r"targets must be those that the model predicts, \[1\], got \[0\]",
        ),
        (
            lambda: closed_loop(None, ONES, 5),
            TypeError,
            "model must be a module or a function of windows, got NoneType",
        ),
        (
            lambda: closed_loop(nn.GRU(1, 1, batch_first=True), ONES, 5),
            TypeError,
            "must return one tensor .* got tuple",
        ),
        (lambda: closed_loop(lambda x: x[:, -1], ONES, 5), ValueError, r"shape \(1, 1, 1\), got \(1, 1\)"),
        (lambda: closed_loop(lambda x: x, ONES, 5), ValueError, r"shape \(1, 1, 1\), got \(1, 6, 1\)"),
        (lambda: closed_loop(lambda x: 1.0, ONES, 5), ValueError, r"shape \(1, 1, 1\), got \(\)"),
        (lambda: closed_loop(grows_tired(), ONES, 5), ValueError, r"shape \(1, 1, 1\), got \(1, 1, 2\)"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
