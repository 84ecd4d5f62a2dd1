"""Chapter 6's facts: the recorded tables say what its prose says of them."""

import pandas as pd
import pytest

from rnncourse import datasets

RIDGE = {"leading": 0.142, "independent": 0.361}  # printed in the chapter


@pytest.fixture(scope="module")
def ways() -> pd.DataFrame:
    """Median test errors: a row a head and way, a column a data set."""
    runs = datasets.recorded("inputs_ways")
    assert (runs.groupby(["data", "readout", "way"])["seed"].nunique() == 5).all()
    return runs.pivot_table("test", index=["readout", "way"], columns="data", aggfunc="median")


@pytest.fixture(scope="module")
def networks() -> pd.DataFrame:
    """Medians of five seeds of each network."""
    runs = datasets.recorded("inputs_branches").groupby(["branches", "dropout"])
    assert (runs["seed"].nunique() == 5).all()
    return runs[["validation", "drought_loss", "frost_loss"]].median()


def test_the_better_head_depends_on_the_data(ways) -> None:
    last, everything = ways.loc["last"], ways.loc["all"]
    assert (last["leading"] < everything["leading"]).all()
    assert (everything["independent"] < last["independent"]).all()
    assert last.idxmax().tolist() == ["long", "long"]


def test_ridge_wins_where_the_parameters_are_independent(ways) -> None:
    assert (ways["leading"] < RIDGE["leading"]).all()
    assert (ways["independent"] > RIDGE["independent"]).all()


def test_the_validation_years_choose_the_mended_network(networks) -> None:
    assert networks["validation"].idxmin() == ("counts + facts", False)
    chosen, others = networks.loc[("counts + facts", False)], networks.drop(("counts + facts", False))
    assert chosen["drought_loss"] < 0.42 < 0.46 < others["drought_loss"].min()
    assert 0.369 < 0.394 < chosen["drought_loss"]  # the peer, and today's score alone, are better
    assert chosen["frost_loss"] < others["frost_loss"].min()


def test_the_exercises_come_out_as_their_solutions_say(ways) -> None:
    runs = datasets.recorded("inputs_exercises").groupby("way")
    assert (runs["seed"].nunique() == 5).all()
    medians = runs[["train", "test"]].median()
    assert medians.loc["turns", "test"] == pytest.approx(ways.loc[("last", "long"), "leading"], abs=0.002)
    assert medians.loc["features", "train"] < 0.43
    assert medians.loc["features", "test"] > 0.68 > 0.6 > ways.loc[("last", "features"), "independent"]
