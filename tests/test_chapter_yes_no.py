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
