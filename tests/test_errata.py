"""The errata page: each item stands in its chapter, has a record, and prints what was recorded."""

import json
import re
from pathlib import Path

import errata
import errata_observable_to_yes_no as measured
import numpy as np
import pandas as pd
import pytest

from rnncourse import datasets
from rnncourse.drought import drought_score

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "book" / "reference" / "errata.md").read_text(encoding="utf-8")
# What does not hold, by the section it stands in: an item leaves when its chapter is rewritten.
ITEMS: dict[str, list[str]] = {
    "errata-observable": ["observable-leads", "observable-peers", "observable-head", "river-weather", "river-product"],
    "errata-drought": ["drought-known-part", "drought-quantiles", "drought-facts"],
    "errata-inputs": ["inputs-state", "inputs-frost", "inputs-drought"],
    "errata-yes-no": ["yes-no-peer"],
}
EVERY = {item for items in ITEMS.values() for item in items}
ROLE = r"\{erratum\}`([^`]*)`"


def sections() -> dict[str, str]:
    """Return the text under each anchor."""
    _, *parts = re.split(r"^\(([a-z-]+)\)=\n#", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_item_stands_in_its_chapter() -> None:
    wanted = [anchor for chapter, items in ITEMS.items() for anchor in (chapter, *(f"errata-{item}" for item in items))]
    assert list(sections()) == wanted


def test_an_item_says_three_things_and_shows_its_own_figures() -> None:
    for item in EVERY:
        text = sections()[f"errata-{item}"]
        assert re.findall(r"^(.*)\n: ", text, flags=re.MULTILINE) == ["The chapter says", "Measured", "Instead"], item
        assert {figure.split(" / ")[0] for figure in re.findall(ROLE, text)} == {item}


def test_page_and_record_have_the_same_rows() -> None:
    recorded = errata.record()
    assert {row for row, _ in recorded} == EVERY
    assert {tuple(figure.split(" / ")[:2]) for figure in re.findall(ROLE, PAGE)} <= set(recorded)


def test_what_is_not_recorded_is_an_error() -> None:
    with pytest.raises(LookupError, match="no 'such thing' in the row 'sunspots-fan'"):
        errata.text_of("sunspots-fan / such thing")


def test_a_figure_is_printed_as_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(errata, "ROOT", tmp_path)
    monkeypatch.setattr(datasets, "_data_folder", lambda: tmp_path / "data")
    (tmp_path / "data" / "results").mkdir(parents=True)
    (tmp_path / "data" / "results" / "errata_x.csv").write_text(
        "# command: none\nrow,what,quantity,value,low,high,unit,count\n"
        "a,w,gain,0.384,-0.0555,0.801,sunspots,47 blocks\na,w,share,0.12345,,,,8 seeds\na,w,none,-0.001,,,,\n"
    )
    assert errata.text_of("a / gain / .2f") == "0.38 (−0.06 to 0.80)"
    assert errata.text_of("a / share / .0%") == "12\u00a0%"
    assert errata.text_of("a / share") == "0.123"
    assert errata.text_of("a / none / .2f") == "0.00"


# --- chapters 4 to 7 -----------------------------------------------------------------------------


def text_of_chapter(name: str) -> str:
    """Return what its Markdown cells say."""
    (page,) = (ROOT / "book" / name).glob("[0-9]*.ipynb")
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def test_chapters_5_and_6_say_what_was_recorded() -> None:
    text = text_of_chapter("05-drought")
    found = {name: errata.text_of(f"drought-known-part / {name}") for name in ("RMSE", "MAE", "MAE week 1")}
    found["Brier"], found["score"] = (
        errata.text_of(f"drought-known-part / {name}") for name in ("Brier / .4f", "interval score / .2f")
    )
    assert (
        f"RMSE {found['RMSE']} (the best above has 0.807), MAE {found['MAE']} (0.412), in week 1 {found['MAE week 1']}"
        f" (0.246), Brier score {found['Brier']} (0.1017), interval score {found['score']} (2.64)."
    ) in text
    assert f"The forecast that is missing here has {errata.text_of('drought-known-part / Brier / .3f')} (" in text
    assert f"the forecast that is missing here scores {found['score']} (" in text
    ours, best = (
        errata.text_of(f"inputs-drought / {name}") for name in ("log loss", "log loss, facts + counts + today")
    )
    assert f"has a log loss of {ours}, where the best above has {best} (" in text_of_chapter("06-several-inputs")


def test_the_known_part_with_what_came_is_the_score_that_came() -> None:
    table = datasets.drought()
    for site in ("champion", "hyderabad"):
        score, rows = measured.drought_sites()[site], table[(table["site"] == site) & (table["score"] > 0)]
        for date, truth in rows[["date", "score"]].iloc[[10, 40, -20, -1]].itertuples(index=False):
            day = score.number(date)
            for ahead in (7, 28, 42):
                came = score.upto[day + 1] - score.upto[day - ahead + 1]
                assert score.rank(score.known(day - ahead, ahead) + came, day) == pytest.approx(truth, abs=1e-9)


def test_members_are_past_years_of_the_training_years() -> None:
    days = measured.site_weather().query("site == 'champion'").set_index("date")
    balance, end = days["rain"] - days["et0"], pd.Timestamp(datasets.drought().attrs["training_end"]["champion"])
    today = pd.Timestamp("2012-06-05")
    sums = []
    for year in range(1982, end.year + 1):
        for shift in range(-10, 11):
            first = today.replace(year=year) + pd.Timedelta(days=shift + 1)
            sums.append(balance[first : first + pd.Timedelta(days=13)].sum())  # 14 days ahead
    known = balance[today - pd.Timedelta(days=75) : today].sum()  # 76 of 90 days
    ninety = balance.rolling(90).sum().dropna()
    ranked = [known + ahead for ahead in sums]
    dates = [*ninety.index.astype(str), *(f"{2100 + k}-06-19" for k in range(len(ranked)))]  # the target's, once each
    training = [*(ninety.index <= end), *[False] * len(ranked)]
    wanted = drought_score([*ninety, *ranked], np.array(dates, "datetime64[s]"), training)[len(ninety) :]
    score = measured.drought_sites()["champion"]
    found = score.ensemble(score.number(today))[1]
    np.testing.assert_allclose(found, wanted, atol=0.06)  # rolling sums round otherwise: a rank may differ by one
    assert np.mean(np.abs(found - wanted) < 1e-9) > 0.95


def test_no_member_knows_what_came_after_the_window() -> None:
    days = measured.site_weather().query("site == 'tunis'").reset_index(drop=True)
    end = np.datetime64(datasets.drought().attrs["training_end"]["tunis"])
    today = int(np.searchsorted(days["date"], pd.Timestamp("1999-03-02")))
    before = measured.Score(days, end).ensemble(today)
    other = days.copy()
    other.loc[today + 1 :, "et0"] += 500.0
    assert np.array_equal(measured.Score(other, end).ensemble(today), before)
    other.loc[today, "et0"] += 500.0
    assert not np.array_equal(measured.Score(other, end).ensemble(today), before)
