"""Intervals against ranks counted by hand, scikit-learn, MAPIE and what theory says; sampled paths against an AR(1)."""

from fractions import Fraction
from functools import partial
from math import ceil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.metrics.regression import regression_coverage_score, regression_mwi_score
from mapie.regression import ConformalizedQuantileRegressor, SplitConformalRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import mean_pinball_loss
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from rnncourse.forecasting import closed_loop, sampled_paths
from rnncourse.intervals import conformal_margin, coverage, interval_score, pinball_loss
from rnncourse.models import Forecaster
from rnncourse.training import fit, fit_seeds, predict, reproducible

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers_in_any_order(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(0))


@pytest.fixture(autouse=True)
def seeded():
    reproducible(0)


class Given(RegressorMixin, BaseEstimator):
    """A regressor for MAPIE whose inputs are forecasts already made: it predicts one of their columns."""

    fitted_ = True  # what MAPIE looks for; scikit-learn asks the method below

    def __init__(self, column=0):
        self.column = column

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, self.column]


def made_up(windows=(), columns=()):
    """Ends of intervals and targets, a third of them outside."""
    ends = np.sort(RNG.normal(size=(2, *windows, *columns)), axis=0)
    return *ends, RNG.normal(size=(*windows, *columns))


@settings(max_examples=300, deadline=None)
@given(n=st.integers(1, 60), percent=st.integers(1, 99))
def test_margin_is_the_wanted_order_statistic(n, percent):
    level = Fraction(percent, 100)
    rank = ceil((n + 1) * level)
    misses = RNG.permutation(4 * n)[:n] - n  # whole numbers, no two alike: the arithmetic is exact
    low = RNG.integers(0, 100, n).astype(float)
    high = low + 2 * n
    targets = np.where(RNG.random(n) < 0.5, high + misses, low - misses)
    if rank > n:
        assert n < level / (1 - level)
        with pytest.raises(ValueError, match=f"at least {ceil(level / (1 - level))} windows"):
            conformal_margin(low, high, targets, level=percent / 100)
        return
    margin = conformal_margin(low, high, targets, level=percent / 100)
    for less, wanted in ((0, rank), (1e-6, rank - 1)):
        ends = zip(low - margin + less, high + margin - less, targets, strict=True)
        assert sum(a <= y <= b for a, b, y in ends) == wanted


@pytest.mark.parametrize(("n", "level"), [(9, 0.9), (99, 0.9), (100, 0.9), (347, 0.9), (19, 0.55), (57, 0.05)])
def test_margin_is_numpys_higher_quantile_of_the_absolute_errors(n, level):
    forecast, targets = RNG.normal(size=(2, n, 6))
    share = ceil(Fraction(str(level)) * (n + 1)) / n  # NumPy counts ranks by n, conformal prediction by n + 1
    errors = np.abs(forecast - targets)
    wanted = np.quantile(errors, share, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(conformal_margin(forecast, forecast, targets, level=level), wanted)


@pytest.mark.parametrize("level", [0.1, 1e-12, 1e-300])
def test_a_small_level_takes_the_smallest_miss(level):
    assert conformal_margin(np.zeros(9), np.zeros(9), np.arange(9.0) + 1, level=level) == 1


def test_short_floats_are_added_up_as_long_ones():
    low, high, known = (np.full(3, value, np.float16) for value in (0, 6e4, -6e4))
    assert interval_score(low, high, known) == pytest.approx(6e4 + 20 * 6e4, rel=1e-3)


@pytest.mark.parametrize("n", [20, 101, 564])
def test_margin_is_that_of_mapie(n):
    forecast, targets = RNG.normal(size=(2, n))
    mapie = SplitConformalRegressor(Given(), confidence_level=0.9, prefit=True)
    mapie.conformalize(forecast[:, np.newaxis], targets)
    point, ends = mapie.predict_interval(forecast[:, np.newaxis])
    margin = conformal_margin(forecast, forecast, targets)
    np.testing.assert_allclose(ends[:, :, 0], np.column_stack([point - margin, point + margin]), rtol=1e-12)


@pytest.mark.parametrize("spread", [0.3, 4.0])  # too narrow, and so wide that the margin is negative
def test_margin_of_quantiles_is_that_of_mapie(spread):
    middle, targets = RNG.normal(size=(2, 200))
    given_ends = np.column_stack([middle - spread, middle + spread, middle])
    mapie = ConformalizedQuantileRegressor([Given(0), Given(1), Given(2)], confidence_level=0.9, prefit=True)
    mapie.conformalize(given_ends, targets)
    _, ends = mapie.predict_interval(given_ends, symmetric_correction=True)
    margin = conformal_margin(*given_ends.T[:2], targets)
    assert (margin < 0) == (spread == 4.0)
    np.testing.assert_allclose(ends[:, :, 0].T, [middle - spread - margin, middle + spread + margin], rtol=1e-12)


@pytest.mark.parametrize(("n", "level"), [(9, 0.9), (20, 0.9), (37, 0.9), (10, 0.5)])
def test_exchangeable_targets_are_covered_as_often_as_theory_says(n, level):
    draws, new = 4000, 50
    errors = RNG.standard_t(3, size=(n + new, draws))  # a column is one calibration and what follows
    zero = np.zeros_like(errors)
    margin = conformal_margin(zero[:n], zero[:n], errors[:n], level=level)
    covered = coverage(zero[n:] - margin, zero[n:] + margin, errors[n:])
    expected = ceil((n + 1) * level) / (n + 1)
    assert covered.mean() == pytest.approx(expected, abs=0.006)
    # Given the calibration windows the coverage has a Beta distribution; each new target is then a coin.
    beta = expected * (1 - expected) / (n + 2)
    assert covered.var() == pytest.approx(beta + (expected * (1 - expected) - beta) / new, rel=0.12)


def test_coverage_and_score_are_those_of_mapie():
    low, high, targets = made_up((300,))
    ends = np.column_stack([low, high])[:, :, np.newaxis]
    assert coverage(low, high, targets) == pytest.approx(regression_coverage_score(targets, ends)[0], abs=1e-15)
    for level in (0.5, 0.9):
        score = regression_mwi_score(targets, ends, confidence_level=level)
        assert interval_score(low, high, targets, level=level) == pytest.approx(score, rel=1e-12)


def test_score_is_the_pinball_loss_of_both_ends():
    low, high, targets = made_up((50,), (6,))
    for level in (0.5, 0.9):
        tail = (1 - level) / 2
        for week, score in enumerate(interval_score(low, high, targets, level=level)):
            y = targets[:, week]
            ends = mean_pinball_loss(y, low[:, week], alpha=tail) + mean_pinball_loss(y, high[:, week], alpha=1 - tail)
            assert score == pytest.approx(ends / tail, rel=1e-12)


def test_a_negative_margin_by_hand():
    # Nine intervals [-5, 5], so wide that every target is inside: 5 - |y| to spare. A tenth, [0, 1], is far narrower.
    low, high, known = np.full(9, -5.0), np.full(9, 5.0), np.arange(9) - 4.0  # -4 … 4: the misses are -5 … -1
    margin = conformal_margin(low, high, known, level=0.5)  # the 5th of -5, -4, -4, -3, -3, -2, -2, -1, -1
    assert margin == -3
    low, high = np.append(low, 0.0) - margin, np.append(high, 1.0) + margin
    assert (low[0], high[0], low[-1], high[-1]) == (-2, 2, 3, -2)
    # At 0.5 a distance counts 4. [-2, 2]: 4 wide, five of the nine inside, 2, 1, 1, 2 outside. [3, -2] holds nothing:
    # -5 wide, and 0.5 is 2.5 below 3 and 2.5 above -2.
    known = np.append(known, 0.5)
    assert coverage(low, high, known) == 0.5
    assert interval_score(low, high, known, level=0.5) == pytest.approx((9 * 4 + 4 * 6 - 5 + 4 * 5) / 10)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_what_conformal_margin_makes_the_others_take(level):
    """Quantiles that cross, calibrated twice: coverage is as promised, the score that of the pinball loss."""
    low, high, targets = np.round(RNG.normal(size=(3, 400, 3)) * 2**30) / 2**30  # differences without rounding
    for _ in range(2):
        margin = conformal_margin(low, high, targets, level=level)
        low, high = low - margin, high + margin
        np.testing.assert_array_equal(coverage(low, high, targets), ceil(round(401 * level, 9)) / 400)
    np.testing.assert_allclose(margin, 0, atol=1e-12)
    assert (low > high).any() == (level < 0.9)
    tail = (1 - level) / 2
    for column, score in enumerate(interval_score(low, high, targets, level=level)):
        y, ends = targets[:, column], ((low[:, column], tail), (high[:, column], 1 - tail))
        assert score == pytest.approx(sum(mean_pinball_loss(y, end, alpha=a) for end, a in ends) / tail, rel=1e-12)


def test_empty_intervals_count_as_in_mapie():
    low, high, targets = *RNG.normal(size=(2, 300)), RNG.normal(size=300)
    assert (low > high).sum() > 100
    ends = np.column_stack([low, high])[:, :, np.newaxis]
    assert coverage(low, high, targets) == pytest.approx(regression_coverage_score(targets, ends)[0], abs=1e-15)


def test_ends_count_as_inside_and_columns_stay_apart():
    low, high = np.zeros((3, 2, 1)), np.ones((3, 2, 1))
    targets = np.array([[0.0, 1.0], [1.0, 1.1], [-0.1, 2.0]])[:, :, np.newaxis]
    np.testing.assert_allclose(coverage(low, high, targets), [[2 / 3], [1 / 3]])


def test_pinball_loss_is_that_of_scikit_learn():
    levels = (0.05, 0.5, 0.95)
    outputs, truth = RNG.normal(size=(40, 6, 3)), RNG.normal(size=(40, 6))
    repeated = np.repeat(truth[..., np.newaxis], 3, axis=-1)
    loss = pinball_loss(torch.tensor(outputs), torch.tensor(repeated), levels=levels)
    wanted = [mean_pinball_loss(truth, outputs[..., k], alpha=level) for k, level in enumerate(levels)]
    assert float(loss) == pytest.approx(np.mean(wanted), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_pinball_loss_follows_device_and_dtype(dtype):
    outputs = torch.zeros(4, 2, device="meta", dtype=dtype)
    with FakeTensorMode(allow_non_fake_inputs=True):  # refuses to mix devices
        loss = pinball_loss(outputs, outputs, levels=np.array([0.1, 0.9]))
    assert (loss.device.type, loss.dtype) == ("meta", dtype)


def test_its_minimum_is_the_quantile():
    truth, levels = RNG.exponential(size=1001), (0.1, 0.5, 0.9)

    class Constants(nn.Module):
        def __init__(self):
            super().__init__()
            self.value = nn.Parameter(torch.zeros(3))

        def forward(self, inputs):
            return self.value.expand(len(inputs), 3)

    model = Constants()
    options = {"batch_size": None, "optimizer": partial(torch.optim.Adam, lr=0.01)}
    repeated = np.repeat(truth[:, np.newaxis], 3, axis=1)
    fit(model, truth, repeated, epochs=1500, loss=partial(pinball_loss, levels=levels), **options)
    np.testing.assert_allclose(model.value.detach(), np.quantile(truth, levels), atol=0.02)


def test_pinball_loss_trains_many_seeds_together_as_it_trains_one():
    inputs, truth = RNG.normal(size=(30, 5, 1)), np.repeat(RNG.normal(size=(30, 2, 1)), 3, axis=2)

    def make():
        return Forecaster(nn.LSTM(1, 4, batch_first=True), horizon=2, targets=3)

    options = {"epochs": 3, "loss": partial(pinball_loss, levels=(0.05, 0.5, 0.95))}
    together, _ = fit_seeds(make, inputs, truth, seeds=range(2), **options)
    for seed, model in enumerate(together):
        reproducible(seed)
        alone = make()
        fit(alone, inputs, truth, **options)
        np.testing.assert_allclose(predict(model, inputs), predict(alone, inputs), rtol=1e-9)


class AR1(nn.Module):
    def forward(self, inputs):
        return 0.8 * inputs[:, -1:]


def test_paths_of_an_ar1_have_its_mean_and_variance():
    errors, steps = np.random.default_rng(5).exponential(size=500) - 1, np.arange(1, 13)
    errors -= errors.mean()
    futures = sampled_paths(AR1(), [[0.0], [2.0]], 12, errors, paths=40_000, seed=1)[..., 0]
    variance = errors.var() * (1 - 0.8 ** (2 * steps)) / (1 - 0.8**2)
    np.testing.assert_allclose(futures.mean(axis=0), 2 * 0.8**steps, atol=0.04)
    np.testing.assert_allclose(futures.var(axis=0), variance, rtol=0.04)
    # Error = prediction - truth: where predictions have been far too high, truth may be far too low, not the reverse.
    first = futures[:, 0] - 1.6
    np.testing.assert_allclose(np.quantile(first, [0.05, 0.95]), np.quantile(-errors, [0.05, 0.95]), atol=0.1)
    assert (first**3).mean() < 0 < (errors**3).mean()


@pytest.mark.parametrize("batch", [None, 3])
def test_each_path_is_a_closed_loop_with_its_own_draws(batch):
    lookback, steps, paths = 6, 5, 4
    model = Forecaster(nn.GRU(3, 4, batch_first=True), targets=2, residual=True)
    lead = () if batch is None else (batch,)
    window, known = RNG.normal(size=(*lead, lookback, 3)), RNG.normal(size=(*lead, steps, 1))
    errors = RNG.normal(size=(50, 2))
    futures = sampled_paths(model, window, steps, errors, paths=paths, seed=7, known=known)
    assert futures.shape == (*lead, paths, steps, 2)
    drawn = np.random.default_rng(7).choice(errors, size=(steps, paths * (batch or 1)))  # rows: columns stay together
    windows, ahead = window.reshape(-1, lookback, 3), known.reshape(-1, steps, 1)
    for number, path in enumerate(futures.reshape(-1, steps, 2)):
        rows = [list(row) for row in windows[number // paths]]
        for step in range(steps):
            with torch.no_grad():
                output = model(torch.tensor([rows[-lookback:]]))[0, 0].numpy()
            truth = output - drawn[step, number]
            np.testing.assert_allclose(path[step], truth, rtol=1e-12)
            rows.append([*truth, *ahead[number // paths, step]])


def test_paths_without_errors_are_the_closed_loop_and_the_seed_decides():
    model, window = Forecaster(nn.GRU(1, 4, batch_first=True)), RNG.normal(size=(2, 6, 1))
    still = sampled_paths(model, window, 8, [0.0], paths=3)
    np.testing.assert_allclose(still, np.repeat(closed_loop(model, window, 8)[:, np.newaxis], 3, axis=1), rtol=1e-12)
    draw = partial(sampled_paths, model, window, 8, [-1.0, 0.5], paths=3)
    np.testing.assert_array_equal(draw(seed=4), draw(seed=np.random.default_rng(4)))
    assert (draw(seed=4) != draw(seed=5)).any()


ONES, GRU = np.ones((6, 1)), Forecaster(nn.GRU(1, 2, batch_first=True))
PAIR = torch.zeros(2, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conformal_margin([0.0] * 8, [0.0] * 8, [1.0] * 8), ValueError, "at least 9 windows for level 0.9.* 8"),
        (lambda: conformal_margin([0.0], [0.0], [0.0], level=1), ValueError, "level must be .* less than 1, got 1"),
        (lambda: conformal_margin([], [], []), ValueError, "at least one window"),
        (lambda: coverage([0.0], [0.0], [[0.0]]), ValueError, r"got \[\(1,\), \(1,\), \(1, 1\)\]"),
        (lambda: coverage([0.0], np.ma.masked_equal([1.0], 1), [0.0]), TypeError, "upper must .* masked"),
        (lambda: conformal_margin([0.0], [0.0], [0.0], level="0.5"), TypeError, "level must be a number, got '0.5'"),
        (lambda: interval_score([0.0], [0.0], [0.0], level=np.nan), ValueError, "level must be finite, got nan"),
        (
            lambda: pinball_loss(PAIR.long(), PAIR, levels=(0.1, 0.9)),
            TypeError,
            "outputs must be floating-point.*int64",
        ),
        (lambda: coverage([0.0], [np.inf], [0.0]), ValueError, "upper must be finite"),
        (lambda: coverage(["a"], [0.0], [0.0]), TypeError, "lower must hold real numbers"),
        (lambda: interval_score([0.0], [0.0], [0.0], level=0.0), ValueError, "level must be greater than 0"),
        (lambda: pinball_loss(PAIR, PAIR[:, :1], levels=(0.1, 0.9)), ValueError, r"got \(2, 2\) and \(2, 1\)"),
        (lambda: pinball_loss(PAIR, PAIR, levels=(0.5,)), ValueError, "the 1 levels as last axis"),
        (
            lambda: pinball_loss(PAIR, PAIR, levels=(0.5, 90)),
            ValueError,
            "levels must be greater than 0 and less than 1, got 90",
        ),
        (lambda: sampled_paths(GRU, ONES, 5, []), ValueError, "errors must hold at least one value"),
        (lambda: sampled_paths(GRU, ONES, 5, [np.nan]), ValueError, "errors must be finite"),
        (lambda: sampled_paths(GRU, ONES, 5, [[1.0, 2.0]]), ValueError, "each of the 1 targets, got 2"),
        (lambda: sampled_paths(GRU, ONES, 5, [1.0], paths=0), ValueError, "paths must be at least 1, got 0"),
        (lambda: sampled_paths(GRU, ONES, 5, [1.0], known=np.ones((4, 1))), ValueError, r"got \(4, 1\)"),
        (lambda: sampled_paths(GRU, np.ones((6, 2)), 5, [1.0]), ValueError, "1 feature"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
