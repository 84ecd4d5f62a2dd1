"""Chapter 5's facts: the split, the simple forecasts on the test years, and the recorded tables."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import record
import torch
from chapters import drought

from rnncourse import datasets
from rnncourse.datasets import DROUGHTED_COLUMNS
from rnncourse.drought import climatological_ensemble, drought_windows

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


def test_the_known_part_with_other_years_for_the_rest_beats_them_all(cut, judged) -> None:
    table, (last, truth) = datasets.drought(), judged
    windows = drought_windows(table)
    kept = type(windows)(*(each[cut[3]] for each in windows))
    members = climatological_ensemble(table, kept, members_until=table.attrs["training_end"])
    assert members.shape == (888, 6, 525)
    lent = ~np.isnan(members)
    mean, median = np.nanmean(members, axis=2), np.nanmedian(members, axis=2)
    chance = (members >= 1).sum(axis=2) / lent.sum(axis=2)
    low, high = np.nanquantile(members, [0.05, 0.95], axis=2)
    assert np.sqrt(np.square(mean - truth).mean()).round(3) == 0.661
    assert np.abs(median - truth).mean().round(3) == 0.305
    assert np.abs(median - truth)[:, 0].mean().round(3) == 0.154
    assert np.abs(last[:, np.newaxis] - truth)[:, 0].mean().round(3) == 0.246
    assert np.square(chance - (truth >= 1)).mean().round(4) == 0.0755
    assert ((low <= truth) & (truth <= high)).mean().round(3) == 0.965


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


def test_intervals_calibrated_on_validation_years_cover_nine_tenths_in_every_week() -> None:
    spans = datasets.recorded("drought_intervals")
    coverage = [f"coverage_{week}" for week in range(1, 7)]
    loss = spans[spans["recipe"].str.startswith("quantiles")].groupby(["recipe", "epoch"])["validation_loss"].median()
    recipe, epoch = loss.idxmin()
    assert recipe == "quantiles"
    for rows in (
        spans[(spans["recipe"] == recipe) & (spans["epoch"] == epoch)],
        spans[spans["recipe"] == "squared, change"],
    ):
        by_form = rows.groupby("form")
        assert set(by_form.size()) == {5}
        for form in ("one margin", "by state"):
            assert by_form[coverage].median().loc[form].between(0.85, 0.95).all()
        spell = by_form["coverage_above"].median()
        assert spell["one margin"] < 0.85 < spell["by state"]


def test_the_quantiles_have_the_better_interval_score_with_every_seed() -> None:
    spans = datasets.recorded("drought_intervals")
    scores = spans.filter(regex=r"^score_\d$").mean(axis=1)
    loss = spans[spans["recipe"] == "quantiles"].groupby("epoch")["validation_loss"].median()
    rows = spans[spans["epoch"] == spans["recipe"].map({"quantiles": loss.idxmin(), "squared, change": 1})]
    by_state = rows[rows["form"] == "by state"]
    each = scores[by_state.index].groupby(by_state["recipe"])
    assert each.max()["quantiles"] < each.min()["squared, change"]


def test_nothing_that_is_fitted_beats_the_ensemble_for_certain() -> None:
    left = datasets.recorded("drought_left")
    assert len(left) == 60
    ensemble = left.groupby("measure", sort=False)["ensemble"].unique()
    assert {measure: values.round(4).tolist() for measure, values in ensemble.items()} == {
        "squared": [0.6608],
        "absolute": [0.3055],
        "0.05": [0.0231],
        "0.95": [0.0546],
    }
    assert (left["high"] >= 0).all()
    assert left["difference"].min() > -0.0005
    ridge = left[left["forecast"] == "ridge"]
    assert set(ridge["setting"]) == {"1e+06"}  # the largest penalty: no correction
    assert set(ridge["weight"]) == {0}


@pytest.mark.parametrize("inputs", ["ensemble", "ensemble and weather"])
def test_ridge_s_row_of_what_is_left_is_made_again(inputs: str) -> None:
    left = datasets.recorded("drought_left").query("forecast == 'ridge' and inputs == @inputs").reset_index(drop=True)
    again = pd.DataFrame(drought.drought_left_run("ridge", inputs, "squared"))
    figures = ["validation", "weight", "loss", "ensemble", "difference", "low", "high"]
    np.testing.assert_allclose(again[figures], left[figures], rtol=1e-4, atol=1e-6)


@pytest.fixture
def counties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The chapter's record with a made-up table of two counties and little to choose from; written elsewhere."""
    day = pd.date_range("2017-01-01", "2020-12-31")
    rng, tables = np.random.default_rng(0), []
    for county in (41001, 41003, 53001):  # the last is not in Oregon
        table = pd.DataFrame({"fips": county, "date": day.strftime("%Y-%m-%d")})
        table[list(DROUGHTED_COLUMNS)] = rng.standard_normal((len(day), 18))
        walk = rng.uniform(-0.5, 0.5, len(day)).cumsum().clip(0, 5)
        tables.append(table.assign(score=np.where(day.day_of_week == 1, walk, np.nan)))
    pd.concat(tables).to_csv(tmp_path / "counties.csv", index=False)
    monkeypatch.setenv("DROUGHTED", str(tmp_path / "counties.csv"))
    small = {"SEEDS": range(2), "EPOCHS": 2, "SIZES": (2,), "DECAYS": (0.0,), "RECIPES": ("absolute, change",)}
    for name, value in small.items():
        monkeypatch.setattr(drought, f"DROUGHTED_{name}", value)
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(drought, "in_parallel", lambda run, calls: pd.DataFrame([r for c in calls for r in run(**c)]))
    drought.droughted_parts.cache_clear()
    yield
    drought.droughted_parts.cache_clear()
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("counties")
def test_the_evaluation_on_droughted_runs_on_a_made_up_file(tmp_path: Path) -> None:
    record.record("droughted")
    lines = (tmp_path / "droughted.csv").read_text().splitlines()
    assert lines[0] == "# command: DROUGHTED=FILE python data/record.py droughted"
    made = pd.read_csv(tmp_path / "droughted.csv", comment="#")
    real = datasets.recorded("droughted")
    assert list(made) == list(real)
    assert set(made["forecast"]) < set(real["forecast"])
    assert (made["weeks"] * 2 == made["windows"]).all()
    figures = made.filter(regex="^(rmse|mae)_")
    assert np.isfinite(figures).all(axis=None)
    mean = made.set_index(["part", "forecast"]).loc["validation"].filter(like="mae_")
    blended = mean.loc["LSTM, absolute, change, mean of seeds, blended"]
    assert (blended <= mean.loc["persistence"] + 1e-9).all()
    assert (blended <= mean.loc["LSTM, absolute, change, mean of seeds"] + 1e-9).all()


@pytest.mark.usefixtures("counties")
def test_the_parts_of_droughted_share_no_target() -> None:
    cut, parts = drought.droughted_parts()
    ends = {name: (cut.target_date[which].min(), cut.target_date[which].max()) for name, which in parts.items()}
    assert ends["fit"][1] < np.datetime64("2018-07-01") <= ends["validation"][0]
    assert ends["train"][1] == ends["validation"][1] < np.datetime64("2019-07-01") <= ends["test"][0]
    assert set(cut.site) == {"41001", "41003"}


@pytest.mark.usefixtures("counties")
def test_without_droughted_its_record_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DROUGHTED")
    record.record("droughted")
    assert not (tmp_path / "droughted.csv").exists()
    assert "needs DroughtED" in capsys.readouterr().out
