"""Chapter 3's facts: the source's windows, persistence on its targets, and the recorded tables."""

import ast
from pathlib import Path

import chapters
import numpy as np
import pytest
import torch
from torch import nn

from rnncourse import baselines, datasets, models, training
from rnncourse.windows import Windows, make_windows

VALIDATION, TEST, LATER = 1692, 2256, 2820
LARGEST = 253.8
NUMBERS = datasets.sunspots(until="2009-06").to_numpy()
PICKED = np.arange(TEST + 12, LATER, 12)  # the source's test targets
RECORD = Path(__file__).parents[1] / "book" / "03-sunspots" / "record.py"


def rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def source_windows(start: int, stop: int) -> Windows:
    return make_windows(NUMBERS[start:stop] / LARGEST, lookback=12, stride=12)


def test_source_has_187_training_and_46_test_windows() -> None:
    assert int(0.8 * LATER) == TEST
    assert len(source_windows(0, TEST).targets) == 187
    windows = source_windows(TEST, LATER)
    assert len(windows.targets) == 46
    assert (windows.target_start + TEST).tolist() == PICKED.tolist()
    assert (PICKED[0], PICKED[1], PICKED[-1]) == (2268, 2280, 2808)


def test_all_targets_of_the_source_are_januaries() -> None:
    assert set(datasets.sunspots().index[PICKED].month) == {1}


@pytest.mark.parametrize(("start", "stop", "expected"), [(0, TEST, 0.0629), (TEST, LATER, 0.0796)])
def test_persistence_on_the_targets_of_the_source(start: int, stop: int, expected: float) -> None:
    windows = source_windows(start, stop)
    error = rms(baselines.persistence(windows.inputs) - windows.targets)
    assert error == pytest.approx(expected, abs=5e-5)


def test_largest_number_lies_in_the_test_years() -> None:
    assert NUMBERS[:LATER].max() == LARGEST
    assert NUMBERS[:LATER].argmax() >= TEST
    assert NUMBERS[:TEST].max() == 238.9


def test_recorded_indices_are_those_of_the_chapter() -> None:
    assigned = {
        target.id: value.value
        for node in ast.parse(RECORD.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
        for target, value in zip(node.targets[0].elts, node.value.elts, strict=True)  # type: ignore[attr-defined]
        if isinstance(value, ast.Constant)
    }
    wanted = {"VALIDATION": VALIDATION, "TEST": TEST, "LATER": LATER, "CYCLE": 132}
    assert {name: assigned.get(name) for name in wanted} == wanted


def test_choice_is_trained_and_judged_before_the_test_years() -> None:
    source = RECORD.read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    names = {node.id for node in ast.walk(functions["sunspots_choice_run"]) if isinstance(node, ast.Name)}
    assert "LATER" not in names
    # Nothing is fitted on more than the months before VALIDATION, and TEST is only where judging ends.
    code = ast.unparse(functions["sunspots_choice_run"])
    assert "FittedSunspots(VALIDATION," in code
    assert code.count("TEST") == code.count("VALIDATION, TEST)") + code.count("VALIDATION:TEST]")


def test_chosen_settings_have_the_lowest_validation_errors() -> None:
    table = datasets.recorded("sunspots_choice")
    settings = ["cell", "hidden_size", "num_layers", "lookback", "root", "residual"]
    median = table.groupby(settings)[["one_step", "closed_loop"]].median()
    assert median["one_step"].idxmin() == ("GRU", 16, 1, 132, True, True)
    assert median["closed_loop"].idxmin() == ("GRU", 16, 2, 36, True, True)


@pytest.mark.parametrize(("name", "start"), [("sunspots_test", TEST), ("sunspots_later", LATER)])
def test_recorded_forecasts(name: str, start: int) -> None:
    table = datasets.recorded(name)
    assert table.groupby("use")["seed"].nunique().to_dict() == {"closed loop": 12, "one step": 12}
    stop = LATER if start == TEST else len(NUMBERS)
    months = datasets.sunspots(until="2009-06").index[start:stop].astype(str)
    forecasts = table.loc[table["use"] == "one step", list(months)].to_numpy()
    assert forecasts.shape == (12, stop - start)
    assert (forecasts >= 0).all()


def test_origins_have_ten_seeds_each() -> None:
    seeds = datasets.recorded("sunspots_origins").groupby("origin")["seed"].nunique()
    assert seeds.to_dict() == {2397: 10, 2538: 10, 2679: 10}


def test_mended_model_has_a_median_error_of_at_most_0_072_on_the_targets_of_the_source() -> None:
    table = datasets.recorded("sunspots_test")
    months = datasets.sunspots().index[PICKED].astype(str)
    forecasts = table.loc[table["use"] == "one step", list(months)].to_numpy()
    errors = [rms(row - NUMBERS[PICKED]) / LARGEST for row in forecasts]
    assert len(errors) >= 10
    assert np.median(errors) <= 0.072


def test_margins_in_roots_from_validation_years_cover_nine_tenths_of_the_test_years() -> None:
    table = datasets.recorded("sunspots_calibration")
    months = datasets.sunspots().index[VALIDATION:LATER].astype(str)
    forecasts = table.loc[table["use"] == "one step", list(months)].to_numpy()
    assert forecasts.shape == (6, LATER - VALIDATION)
    n, covered = TEST - VALIDATION, {}
    for scale in (np.asarray, np.sqrt):
        errors = np.abs(scale(forecasts) - scale(NUMBERS[VALIDATION:LATER]))
        margin = np.sort(errors[:, :n])[:, [508]]  # the 509th of 564: 0.9 · 565 is 508.5
        covered[scale] = (errors[:, n:] <= margin).mean(axis=1)
    assert ((covered[np.sqrt] >= 0.85) & (covered[np.sqrt] <= 0.95)).all()
    assert (covered[np.asarray] < 0.85).all()


def test_recorded_fans() -> None:
    fans = datasets.recorded("sunspots_fans")
    assert fans.groupby("seed")["origin"].apply(list).tolist() == [list(range(TEST, LATER - 131, 12))] * 3
    coverage = fans.filter(like="coverage")
    assert coverage.shape[1] == 11
    assert ((coverage >= 0) & (coverage <= 1)).all(axis=None)
    assert (fans.filter(like="score").to_numpy() >= fans.filter(like="width").to_numpy() - 1e-3).all()


def test_intervals_are_calibrated_before_the_test_years() -> None:
    source = RECORD.read_text(encoding="utf-8")
    functions = {node.name: ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    code = functions["sunspots_calibration_run"]
    assert "FittedSunspots(VALIDATION," in code
    assert "TEST" not in code
    assert "[:TEST - VALIDATION]" in functions["sunspots_fans_run"]


def linear(values: np.ndarray, lookback: int, penalty: float, start: int, stop: int) -> np.ndarray:
    """Predict the change by penalised normal equations with an intercept: what page 2 does with scikit-learn."""
    cut = make_windows(values, lookback=lookback)
    past, ahead = cut.between(lookback, start), cut.between(start, stop)
    x, y = past.inputs[..., 0], past.targets[:, 0, 0] - past.inputs[:, -1, 0]
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred + penalty * np.eye(lookback)
    weights = np.linalg.solve(gram, centred.T @ (y - y.mean()))
    new = ahead.inputs[..., 0]
    return np.maximum(new[:, -1] + y.mean() + (new - x.mean(axis=0)) @ weights, 0)


ROOTS = np.sqrt(NUMBERS)
TEN_YEARS = [(start, min(start + 120, LATER)) for start in range(TEST, LATER, 120)]


def test_an_autoregression_refitted_every_ten_years() -> None:
    """As page 2 shows it: squared, then with the variance of 1890 to 1936 added."""
    held = [linear(ROOTS, 36, 0, start, start + 188) for start in range(VALIDATION, TEST, 188)]
    variance = np.var(np.concatenate(held) - ROOTS[VALIDATION:TEST])
    assert variance == pytest.approx(1.217, abs=5e-4)
    ahead = np.concatenate([linear(ROOTS, 36, 0, *stretch) for stretch in TEN_YEARS])
    assert rms(ahead**2 - NUMBERS[TEST:LATER]) == pytest.approx(18.20, abs=0.006)
    assert rms(ahead**2 + variance - NUMBERS[TEST:LATER]) == pytest.approx(18.03, abs=0.006)


def test_networks_are_the_best_of_nine_and_forecast_each_test_month() -> None:
    tuned = datasets.recorded("sunspots_tuned")
    assert tuned.groupby("kind")[["lookback", "units"]].apply(lambda kind: len(kind.drop_duplicates())).to_dict() == {
        "feed-forward": 9,
        "RNN": 9,
        "GRU": 9,
    }
    mean = tuned.groupby(["kind", "lookback", "units"])["corrected"].mean()
    best = {kind: mean[kind].idxmin() for kind in ("feed-forward", "RNN", "GRU")}
    assert best == {"feed-forward": (36, 64), "RNN": (36, 16), "GRU": (132, 16)}
    for kind, chosen in chapters.sunspots.CHOSEN_PEERS.items():
        assert tuple(chosen.values()) == best[kind]
    rolled = datasets.recorded("sunspots_rolled").set_index(["kind", "seed"])
    assert rolled.index.tolist() == [(kind, seed) for kind in best for seed in range(3)]
    assert list(rolled.columns) == list(datasets.sunspots().index[TEST:LATER].astype(str))
    errors = rolled.to_numpy() ** 2 - NUMBERS[TEST:LATER]
    assert all(17.5 < rms(row) < 18.7 for row in np.delete(errors, slice(3, 6), axis=0))
    assert all(19.0 < rms(row) < 19.5 for row in errors[3:6])  # the plain RNN


def test_a_plain_cell_that_reads_the_window_as_one_step_has_one_hidden_layer() -> None:
    torch.manual_seed(0)
    model = models.Forecaster(nn.RNN(12, 4, batch_first=True), residual=True).double()
    windows = np.random.default_rng(0).normal(size=(5, 12, 1))
    found = training.predict(model, chapters.sunspots.newest_first(windows))[:, 0, 0]
    w = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
    newest = windows[:, ::-1, 0]
    hidden = np.tanh(newest @ w["core.weight_ih_l0"].T + w["core.bias_ih_l0"] + w["core.bias_hh_l0"])
    np.testing.assert_allclose(found, hidden @ w["head.weight"][0] + w["head.bias"] + windows[:, -1, 0], atol=1e-12)
