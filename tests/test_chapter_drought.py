"""Chapter 5's facts: the split, the simple forecasts on the test years, and the recorded tables."""

import numpy as np
import pandas as pd
import pytest

from rnncourse import datasets
from rnncourse.drought import drought_windows

WEEKS = [f"rmse_{week}" for week in range(1, 7)]
ABSOLUTE = [f"mae_{week}" for week in range(1, 7)]


@pytest.fixture(scope="module")
def cut() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The last known and the six true scores of all windows; which lie in the training and which in the test years."""
    table = datasets.drought()
    windows = drought_windows(table)
    end = np.array([table.attrs["training_end"][site] for site in windows.site], dtype="datetime64[D]")
    test = (windows.target_date > end[:, np.newaxis]).all(axis=1)
    training = (windows.target_date <= end[:, np.newaxis]).all(axis=1)
    assert (training.sum(), test.sum(), len(test)) == (1804, 888, 2696)
    return windows.inputs[:, -1, 18], windows.targets, training, test


@pytest.fixture(scope="module")
def judged(cut) -> tuple[np.ndarray, np.ndarray]:
    """The last known and the six true scores of the windows whose targets all lie in the test years."""
    last, scores, _, test = cut
    return last[test], scores[test]


def chosen(runs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The rows of the test years at the epoch with the lowest median error on the validation years."""
    mean = np.square(runs[by]).mean(axis=1) if by == WEEKS else runs[by].mean(axis=1)
    validation = runs["part"] == "fit"
    epoch = mean[validation].groupby(runs["epoch"][validation]).median().idxmin()
    return runs[(runs["part"] == "train") & (runs["epoch"] == epoch)]


def test_the_networks_beat_persistence_by_rmse_in_weeks_2_to_6(judged) -> None:
    last, truth = judged
    persistence = np.sqrt(np.mean((last[:, np.newaxis] - truth) ** 2, axis=0))
    assert persistence.round(3).tolist() == [0.571, 0.823, 0.884, 1.02, 1.083, 1.153]
    runs = datasets.recorded("drought_recipes")
    for recipe in ("squared", "squared, change"):
        rows = chosen(runs[runs["recipe"] == recipe], WEEKS)
        assert len(rows) == 5
        assert (rows[WEEKS].to_numpy()[:, 1:] < persistence[1:]).all()


def test_persistence_has_the_lowest_mae_in_week_1(judged) -> None:
    last, truth = judged
    persistence = np.abs(last[:, np.newaxis] - truth).mean(axis=0)
    runs = datasets.recorded("drought_recipes")
    for recipe in ("absolute", "absolute, change"):
        median = chosen(runs[runs["recipe"] == recipe], ABSOLUTE)[ABSOLUTE].median().to_numpy()
        assert persistence[0] < median[0]
        assert (median[3:] < persistence[3:]).all()


def test_damped_persistence_gets_most_of_the_gain(cut) -> None:
    last, scores, training, test = cut
    mean = scores[training].mean()
    slopes = [np.linalg.lstsq((last[training] - mean)[:, np.newaxis], week)[0][0] for week in scores[training].T - mean]
    damped = mean + np.outer(last[test] - mean, slopes)
    assert np.sqrt(np.mean((damped - scores[test]) ** 2)).round(3) == 0.826
    runs = datasets.recorded("drought_recipes")
    network = chosen(runs[runs["recipe"] == "squared, change"], WEEKS)  # what validation chooses
    assert np.sqrt(np.square(network[WEEKS]).mean(axis=1)).median().round(3) == 0.827


def test_always_zero_beats_persistence_by_mae_from_week_4_on(judged) -> None:
    last, truth = judged
    persistence, zero = np.abs(last[:, np.newaxis] - truth).mean(axis=0), np.abs(truth).mean(axis=0)
    assert (zero < persistence).tolist() == [False] * 3 + [True] * 3
    runs = datasets.recorded("drought_recipes")
    seeds = {
        name: chosen(runs[runs["recipe"] == name], ABSOLUTE)[ABSOLUTE] for name in ("absolute", "absolute, change")
    }
    assert (seeds["absolute"] < zero).all(axis=None)
    assert (seeds["absolute, change"]["mae_6"] > zero[5]).all()


def test_the_source_recipe_stopped_on_validation_loses_to_persistence_in_weeks_1_and_2(judged) -> None:
    last, truth = judged
    persistence = np.sqrt(np.mean((last[:, np.newaxis] - truth) ** 2, axis=0))
    runs = datasets.recorded("drought_source").query("precision == 'float32'")
    stopped = chosen(runs, WEEKS)
    assert stopped["epoch"].tolist() == [1] * 5
    assert (stopped[WEEKS].median() > persistence).tolist() == [True] * 2 + [False] * 4
    fifth = runs[(runs["part"] == "train") & (runs["epoch"] == 5)]
    assert (fifth[WEEKS] < persistence).sum().tolist() == [2, 5, 5, 5, 5, 5]


def test_recorded_source_recipe_learns_the_training_years_by_heart() -> None:
    runs = datasets.recorded("drought_source")
    train = runs[(runs["part"] == "train") & (runs["precision"] == "float32")]
    assert train.groupby("seed").size().tolist() == [30] * 5
    loss = train.groupby("epoch")["train_loss"].median()
    error = np.square(train[WEEKS]).mean(axis=1).groupby(train["epoch"]).median()
    assert loss[30] < 0.5 * loss[5]
    assert error.idxmin() == 5
    assert error[30] > 1.1 * error[5]
