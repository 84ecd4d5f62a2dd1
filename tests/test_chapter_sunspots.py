"""Chapter 3's facts: the source's windows, persistence on its targets, and the recorded tables."""

import ast
from functools import partial
from pathlib import Path

import chapters
import numpy as np
import pandas as pd
import pytest
import torch
from statsmodels.tsa.ar_model import AutoReg
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


def test_the_recipe_stopped_too_early_and_its_batches_were_no_fault() -> None:
    runs = datasets.recorded("sunspots_recipe").set_index(["learnt", "batch", "epochs", "seed"]).sort_index()
    ways = [("Jan", 1, 20), ("Jan", 12, 20), ("Jan", 1, 240), ("Jan", 12, 240), ("all", 12, 20)]
    assert all(runs.loc[way].index.tolist() == list(range(12)) for way in ways)
    rough, few, long, both, months = (runs.loc[way].median() for way in ways)
    for judged in ("januaries", "months"):
        assert long[judged] < both[judged] < rough[judged] < few[judged]
    less = (runs.loc[ways[4]] < runs.loc[ways[3]]).sum()
    assert less.to_dict() == {"januaries": 7, "months": 12}
    alone = runs["months"].xs((12, 240), level=(1, 2)).groupby("learnt").median()
    assert len(alone) == 12
    assert (alone < months["months"]).sum() == 6
    assert (alone.idxmin(), alone.idxmax()) == ("Oct", "Mar")


def test_the_recipes_windows_are_every_twelfth_of_all() -> None:
    honest = NUMBERS[:LATER] / NUMBERS[:TEST].max()
    known = make_windows(honest[:TEST], lookback=12, stride=12)
    every = make_windows(honest, lookback=12).between(12, TEST)
    np.testing.assert_array_equal(every.inputs[::12], known.inputs)
    np.testing.assert_array_equal(every.targets[::12], known.targets)


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
    assert {kind: tuple(chosen.values()) for kind, chosen in chapters.sunspots.CHOSEN_PEERS.items()} == best
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


# Page 3: a whole cycle.

CYCLE = np.arange(132)
HELD, TESTED = np.arange(VALIDATION, TEST - 131, 12), np.arange(TEST, LATER - 131, 12)


def autoregression(order: int, stop: int, origins: np.ndarray) -> np.ndarray:
    """Forecast the roots of whole cycles in closed loop: statsmodels fits, where the page has ridge regression."""
    weights = AutoReg(ROOTS[:stop], order).fit().params
    track = ROOTS[origins[:, None] + np.arange(-order, 0)]
    for _ in range(132):
        track = np.column_stack([track, weights[0] + track[:, : -order - 1 : -1] @ weights[1:]])
    return track[:, order:].clip(min=0)


def test_an_autoregression_over_a_cycle_squared_and_with_the_variance() -> None:
    ahead = autoregression(132, TEST, TESTED)
    truth = NUMBERS[TESTED[:, None] + CYCLE]
    variance = np.var(autoregression(132, VALIDATION, HELD) - ROOTS[HELD[:, None] + CYCLE], axis=0)
    assert rms(ahead**2 - truth) == pytest.approx(43.78, abs=0.006)
    assert rms(ahead**2 + variance - truth) == pytest.approx(42.23, abs=0.006)


def test_cycles_are_chosen_on_validation_years() -> None:
    tuned = datasets.recorded("sunspots_cycle_tuned")
    settings = ["lookback", "size", "residual"]
    counted = tuned.groupby(["kind", "way"])[settings].apply(lambda rows: len(rows.drop_duplicates()))
    assert set(counted) == {8}
    mean = tuned.groupby(["kind", "way", *settings])["rmse"].mean()
    best = {key: mean[key].idxmin() for key in chapters.sunspots.CHOSEN_CYCLE}
    assert len(best) == 12
    assert best == chapters.sunspots.CHOSEN_CYCLE
    functions = {node.name: node for node in ast.parse(RECORD.read_text()).body if isinstance(node, ast.FunctionDef)}
    code = ast.unparse(functions["sunspots_cycle_tuned_run"]) + ast.unparse(functions["variance"])
    assert "LATER" not in code
    assert code.count("TEST") == code.count("origins_between(VALIDATION, TEST)")


def test_penalties_are_chosen_on_validation_years_and_by_feed_forward_networks_with_132_months() -> None:
    names = ["kind", "way", "lookback", "size", "residual", "penalty"]
    tuned = pd.concat([datasets.recorded(f"sunspots_{name}_tuned") for name in ("cycle", "decay")])
    tuned["kind"] = tuned["kind"].str.removesuffix(", penalty")
    mean = tuned.fillna({"penalty": 0}).groupby(names)["rmse"].mean()
    best = {key[:3]: key[3:] for key in mean.groupby(names[:3]).idxmin()}
    penalised = {key for key, setting in best.items() if key[0] != "linear" and setting[-1] > 0}
    chosen = chapters.sunspots.CHOSEN_DECAY
    networks = {key for key in penalised if key[0] != "linear layer"}
    assert networks == {("feed-forward", way, 132) for way in chapters.sunspots.WAYS}
    assert chosen == {(kind, way): best[kind, way, 132] for kind, way in chosen}


def test_a_recorded_network_with_a_penalty() -> None:
    """Seed 0 from 1984 on, the penalty written out as a part of the loss."""
    table = datasets.recorded("sunspots_decay")
    rows = table[(table["kind"] == "feed-forward, penalty") & (table["way"] == "closed loop") & (table["seed"] == 0)]
    forecast = {}
    for stop, first in ((VALIDATION, HELD), (LATER, np.arange(LATER, len(NUMBERS) - 131, 12))):
        mean, spread = ROOTS[:stop].mean(), ROOTS[:stop].std()
        cut = make_windows((ROOTS[:stop] - mean) / spread, lookback=132)
        x, y = cut.inputs[..., 0], cut.targets[:, 0]
        training.reproducible(0)
        model = nn.Sequential(nn.Linear(132, 4), nn.Tanh(), nn.Linear(4, 1))
        weights, updates = list(model.parameters()), 20 * -(-len(x) // 64)

        def loss(ahead: torch.Tensor, truth: torch.Tensor, weights: list[nn.Parameter] = weights) -> torch.Tensor:
            return nn.functional.mse_loss(ahead, truth) + 0.015 * sum(w.square().sum() for w in weights)

        training.fit(
            model,
            x,
            y - x[:, -1:],
            epochs=20,
            batch_size=64,
            loss=loss,
            optimizer=partial(torch.optim.Adam, lr=0.01),
            scheduler=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=updates),
        )
        track = (ROOTS[first[:, None] + np.arange(-132, 0)] - mean) / spread
        for _ in range(132):
            track = np.column_stack([track, track[:, -1:] + training.predict(model, track[:, -132:])])
        forecast[stop] = (track[:, 132:] * spread + mean).clip(min=0)
    added = np.var(forecast[VALIDATION] - ROOTS[HELD[:, None] + CYCLE], axis=0)
    errors = forecast[LATER] ** 2 + added - NUMBERS[first[:, None] + CYCLE]
    found = rows[rows["origin"] >= LATER].filter(like="year").to_numpy()
    np.testing.assert_allclose(found, np.mean(errors.reshape(-1, 11, 12) ** 2, axis=2), rtol=1e-3)


def recorded_cycles(kind: str, way: str = "", lookback: int = 0) -> np.ndarray:
    """Mean squared errors of the test cycles: (seeds · origins, years)."""
    table = datasets.recorded("sunspots_cycle").fillna({"way": ""})
    rows = (table["kind"] == kind) & (table["way"] == way) & (table["lookback"] == lookback)
    return table[rows & (table["origin"] < LATER)].filter(like="year").to_numpy()


def test_recorded_cycles_hold_every_origin_and_peers_that_need_no_training() -> None:
    table = datasets.recorded("sunspots_cycle")
    assert sorted(set(table["origin"])) == [*TESTED, *range(LATER, len(NUMBERS) - 131, 12)]
    truth = NUMBERS[TESTED[:, None] + CYCLE]
    for kind, ahead in {
        "last cycle again": NUMBERS[TESTED[:, None] + CYCLE - 132],
        "last month again": NUMBERS[TESTED - 1, None],
        "mean of the past": NUMBERS[:TEST].mean(),
    }.items():
        expected = np.mean((ahead - truth).reshape(37, 11, 12) ** 2, axis=2)
        np.testing.assert_allclose(recorded_cycles(kind), expected, rtol=1e-4)


@pytest.mark.parametrize("lookback", [36, 132])
@pytest.mark.parametrize("way", ["closed loop", "direct"])
def test_recorded_cycles_of_the_linear_rule(way: str, lookback: int) -> None:
    """By normal equations, with the variance of 1890 to 1936 added."""
    penalty, found = chapters.sunspots.CHOSEN_CYCLE["linear", way, lookback][0], {}
    for stop, origins in ((VALIDATION, HELD), (TEST, TESTED)):
        cut = make_windows(ROOTS[:stop], lookback=132, horizon=132 if way == "direct" else 1)
        x, y = cut.inputs[:, -lookback:, 0], cut.targets[..., 0]
        centred = x - x.mean(axis=0)
        gram = centred.T @ centred + penalty * np.eye(lookback)
        weights = np.linalg.solve(gram, centred.T @ (y - y.mean(axis=0)))
        track = ROOTS[origins[:, None] + np.arange(-lookback, 0)]
        while track.shape[1] < lookback + 132:
            new = y.mean(axis=0) + (track[:, -lookback:] - x.mean(axis=0)) @ weights
            track = np.column_stack([track, new])
        found[stop] = track[:, lookback:].clip(min=0)
    added = np.var(found[VALIDATION] - ROOTS[HELD[:, None] + CYCLE], axis=0)
    errors = found[TEST] ** 2 + added - NUMBERS[TESTED[:, None] + CYCLE]
    expected = np.mean(errors.reshape(37, 11, 12) ** 2, axis=2)
    np.testing.assert_allclose(recorded_cycles("linear", way, lookback), expected, rtol=1e-4)


def test_recorded_fans_and_the_time_machine() -> None:
    fans = datasets.recorded("sunspots_fans")
    assert list(dict.fromkeys(fans["model"])) == list(chapters.sunspots.FANS)
    assert fans.groupby(["model", "seed"])["origin"].apply(list).tolist() == [TESTED.tolist()] * 9
    assert ((fans["inside"] >= 0) & (fans["inside"] + fans["above"] <= 1 + 1e-5)).all()
    np.testing.assert_allclose(fans.filter(like="year").mean(axis=1), fans["inside"], atol=1e-5)
    assert (fans["score"] >= fans["width"] - 1e-3).all()
    machine = datasets.recorded("sunspots_machine").set_index(["line", "origin"])
    low, high = (machine.loc[line].to_numpy() for line in ("low", "high"))
    truth = NUMBERS[TESTED[:, None] + CYCLE]
    first = fans[(fans["model"] == "GRU, 132 months") & (fans["seed"] == 0)]
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(first["inside"].mean(), abs=0.01)  # rounded edges
    assert np.mean(high - low) == pytest.approx(first["width"].mean(), abs=0.1)


def test_a_gru_with_the_mean_reads_36_months_and_one_number() -> None:
    torch.manual_seed(0)
    model = chapters.sunspots.WithLevel(4).double()
    past = np.random.default_rng(0).normal(size=(3, 132, 1))
    swapped = np.concatenate([past[:, 95::-1], past[:, 96:]], axis=1)  # older months in another order: the same mean
    np.testing.assert_allclose(training.predict(model, past), training.predict(model, swapped), atol=1e-12)
    louder = np.concatenate([past[:, :96] + 1, past[:, 96:]], axis=1)
    assert not np.allclose(training.predict(model, past), training.predict(model, louder), atol=1e-3)


def test_margins_from_years_that_chose_nothing() -> None:
    """AR(24), chosen on 1843 to 1889 and calibrated on 1890 to 1936, where the margin is the 509th of 564 errors."""
    ahead = linear(ROOTS, 24, 0, VALIDATION, LATER)
    n = TEST - VALIDATION
    misses = np.abs([ahead**2 - NUMBERS[VALIDATION:LATER], ahead - ROOTS[VALIDATION:LATER]])
    covered = np.mean(misses[:, n:] <= np.sort(misses[:, :n])[:, [508]], axis=1)
    assert covered.tolist() == pytest.approx([0.80, 0.91], abs=0.01)
