"""Chapter 7's facts: what was recorded, on which devices, and how the network is trained there."""

from typing import Any

import numpy as np
import pytest
from chapters import yes_no

from rnncourse import datasets

JUDGED = {*range(10), *range(2000, 2020)}  # the sets of the table, and the 3,900 others
MORE = {3000 + 20 * draw + part for draw in range(5) for part in range(8)}  # up to 1,560 devices to learn from
LSTM, LOGISTIC = "LSTM, 3 × 8", "logistic, 24 numbers"


def test_learning_rate_is_the_best_on_sets_that_serve_for_nothing_else() -> None:
    rates = datasets.recorded("yes_no_rates")
    assert not set(rates["data_seed"]) & (JUDGED | MORE)
    assert rates.groupby("lr")["data_seed"].nunique().eq(10).all()
    assert yes_no.YesNoNetwork(seed=0).lr == rates.groupby("lr")["auc"].mean().idxmax()


def test_ten_sets_and_two_repeats_of_each_model() -> None:
    table = datasets.recorded("yes_no_folds")
    assert set(table["data_seed"]) <= JUDGED
    runs = table.groupby(["model", "data_seed", "repeat"]).size()
    assert runs.eq(1).all()
    assert len(runs) == 20 * len(yes_no.yes_no_peers(0))


def test_network_beats_logistic_regression_on_other_devices() -> None:
    by_set = datasets.recorded("yes_no_folds").groupby(["model", "data_seed"])[["auc", "fresh_auc"]].mean()
    gain = by_set.loc[LSTM] - by_set.loc[LOGISTIC]
    assert (gain["fresh_auc"] > 0).all()
    assert gain.median().to_numpy() == pytest.approx([0.026, 0.027], abs=5e-4)
    assert (gain["auc"] > 0).sum() == 8


def test_epochs_are_chosen_on_a_fifth_and_used_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    fit = yes_no.training.fit

    def spy(model: Any, inputs: Any, targets: Any, **options: Any) -> Any:
        history = fit(model, inputs, targets, **options)
        calls.append({"inputs": inputs, "history": history, **options})
        return history

    monkeypatch.setattr(yes_no.training, "fit", spy)
    x, y = datasets.device_failures(seed=5000)
    yes_no.YesNoNetwork(seed=0).fit(x[:60], y[:60])
    choosing, final = calls
    held = choosing["validation"][0]
    assert (len(choosing["inputs"]), len(held), len(final["inputs"])) == (48, 12, 60)
    assert not {row.tobytes() for row in np.asarray(choosing["inputs"])} & {row.tobytes() for row in np.asarray(held)}
    assert "validation" not in final
    assert final["epochs"] == choosing["history"].best_epoch


def test_generators_rule_is_what_drawing_wear_says() -> None:
    x, _ = datasets.device_failures(seed=6000)
    x = x[np.abs(yes_no.generators_rule(x) - 0.5) < 0.4]  # where it is not sure
    wear = np.random.default_rng(0).normal(size=(400_000, 3))
    rises = (np.diff(wear, axis=1) > 0).all(axis=1)
    prior = np.where(rises, 0.3 * 6, 0.7 * 6 / 5)
    inverse = np.linalg.inv(0.04 * np.array([[2.0, -1.0], [-1.0, 2.0]]))  # of the noise in two changes
    for window in x[:4]:
        rest = np.diff(window, axis=0) - np.diff(wear, axis=1)[:, :, np.newaxis] * yes_no.WEIGHTS
        fit = -0.5 * np.einsum("nts,tu,nus->n", rest, inverse, rest)
        share = prior * np.exp(fit - fit.max())
        drawn = 0.03 + 0.94 * share[rises].sum() / share.sum()
        assert yes_no.generators_rule(window[np.newaxis])[0] == pytest.approx(drawn, abs=0.02)


def test_generators_rule_is_calibrated() -> None:
    x, y = yes_no.yes_no_sets(range(6000, 6020))
    p = yes_no.generators_rule(x)
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)):
        part = (p >= low) & (p < high)
        spread = np.sqrt((p[part] * (1 - p[part])).sum())
        assert abs((y - p)[part].sum()) < 3 * spread


def test_lists_hold_what_they_say() -> None:
    x = np.arange(24.0).reshape(1, 3, 8) ** 2
    assert yes_no.list_40(x)[0, [0, 8, 16, 24, 32]].tolist() == [(0 + 64 + 256) / 3, 0, 256, 256, 256]
    assert yes_no.list_56(x)[0, [40, 48]].tolist() == [64, 192]
    assert yes_no.changes_16(x)[0, [0, 8]].tolist() == [64, 192]


def test_best_of_the_list_is_found_up_and_down() -> None:
    x, y = datasets.device_failures(seed=6000)
    predict, best = yes_no.best_of_list(x, y)
    scores = [yes_no.roc_auc_score(y, column) for column in yes_no.list_56(x).T]
    assert yes_no.roc_auc_score(y, predict(x)) == pytest.approx(max(*scores, 1 - min(scores)))
    assert yes_no.best_of_list(x, 1 - y)[1] == best


@pytest.mark.parametrize("name", ["boosting, 24 readings", "LSTM, 2 × 8 changes"])
def test_rounds_are_chosen_on_a_fifth_and_used_on_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, calls = yes_no.LEARNERS[name], []
    monkeypatch.setattr(learner, "settings", (0.1,), raising=False)
    monkeypatch.setattr(learner, "most", 12, raising=False)
    for way in ("tried", "trained"):
        own = getattr(learner, way)
        monkeypatch.setattr(learner, way, lambda *a, own=own: calls.append((a, own(*a))) or calls[-1][1])
    x, y = datasets.device_failures(seed=6000)
    yes_no.tuned(learner, x[:60], y[:60], seed=0)
    (tried, (_, rounds)), (trained, _) = calls
    (_, (learnt, _), (watched, _), _), (_, _, (whole, _), _) = tried, trained
    assert (len(learnt), len(watched)) == (48, 12)
    assert not {row.tobytes() for row in learnt} & {row.tobytes() for row in watched}
    assert trained[:2] == (0.1, rounds)
    assert len(whole) == 60


def test_ten_sets_of_each_model_and_five_draws_at_each_size() -> None:
    ceiling, worth = datasets.recorded("yes_no_ceiling"), datasets.recorded("yes_no_worth")
    assert ceiling.groupby("model")["data_seed"].agg(["count", "nunique"]).eq(10).all(axis=None)
    assert worth.groupby(["order", "devices", "model"])["draw"].agg(["count", "nunique"]).eq(5).all(axis=None)
    by_rule = ceiling[ceiling["model"] == "generator's rule"]["fresh_auc"]
    assert by_rule.nunique() == 1
    assert ceiling.groupby("model")["fresh_auc"].mean().idxmax() == "generator's rule"
