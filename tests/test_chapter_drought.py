"""Chapter 5's facts: the split, persistence on the test years, and the recorded tables."""

import numpy as np
import pandas as pd
import pytest

from rnncourse import datasets
from rnncourse.drought import drought_windows

WEEKS = [f"rmse_{week}" for week in range(1, 7)]
ABSOLUTE = [f"mae_{week}" for week in range(1, 7)]


@pytest.fixture(scope="module")
def judged() -> tuple[np.ndarray, np.ndarray]:
    """The last known and the six true scores of the windows whose targets all lie in the test years."""
    table = datasets.drought()
    windows = drought_windows(table)
    end = np.array([table.attrs["training_end"][site] for site in windows.site], dtype="datetime64[D]")
    test = (windows.target_date > end[:, np.newaxis]).all(axis=1)
    training = (windows.target_date <= end[:, np.newaxis]).all(axis=1)
    assert (training.sum(), test.sum(), len(test)) == (1804, 888, 2696)
    return windows.inputs[test, -1, 18], windows.targets[test]


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


def test_recorded_source_recipe_learns_the_training_years_by_heart() -> None:
    runs = datasets.recorded("drought_source")
    train = runs[(runs["part"] == "train") & (runs["precision"] == "float32")]
    assert train.groupby("seed").size().tolist() == [30] * 5
    loss = train.groupby("epoch")["train_loss"].median()
    error = np.square(train[WEEKS]).mean(axis=1).groupby(train["epoch"]).median()
    assert loss[30] < 0.5 * loss[5]
    assert error.idxmin() == 5
    assert error[30] > 1.1 * error[5]
