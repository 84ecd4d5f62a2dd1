"""FAO-56's printed examples, scores without hindsight, windows by brute force, and files of DroughtED."""

import os
from functools import partial

import numpy as np
import pandas as pd
import pytest

from rnncourse import datasets
from rnncourse.datasets import DROUGHTED_COLUMNS, read_droughted
from rnncourse.drought import (
    LATITUDES,
    DroughtWindows,
    _percentiles,
    _place,
    climatological_ensemble,
    drought_score,
    drought_table,
    drought_windows,
    sun,
    vapour_pressure,
)

FEATURES = 18
OTHER_ORDER = ">" if int(pd.__version__.partition(".")[0]) > 2 else "<"  # pandas 2 cannot take rows of such columns


# Formulas, against the figures that FAO-56 prints.


def test_vapour_pressure_is_fao_56_s():
    # Example 3: Tmax 24.5, Tmin 15.0; annex 2, table 2.3, for the others.
    assert vapour_pressure(24.5) == pytest.approx(3.075, abs=5e-4)
    assert vapour_pressure(15.0) == pytest.approx(1.705, abs=5e-4)
    assert vapour_pressure([24.5, 15.0]).mean() == pytest.approx(2.39, abs=5e-3)
    assert vapour_pressure([1.0, 20.0]) == pytest.approx([0.657, 2.338], abs=5e-4)


def test_sun_is_fao_56_s():
    # Examples 8 and 9: 20° S, 3 September, the 246th day.
    radiation, daylight = sun(-20.0, 246)
    assert radiation == pytest.approx(32.2, abs=0.05)
    assert daylight == pytest.approx(11.7, abs=0.05)
    # Example 18: Uccle, 50°48' N, 6 July, the 187th day: Ra 41.09 and N 16.1.
    radiation, daylight = sun(50.80, [187])
    assert radiation == pytest.approx([41.09], abs=0.02)
    assert daylight == pytest.approx([16.1], abs=0.05)


@pytest.mark.parametrize(
    ("latitude", "radiation", "daylight"),
    [
        (0, [36.2, 37.5, 37.9, 36.8, 34.8, 33.4, 33.9, 35.7, 37.2, 37.4, 36.3, 35.6], [12.0] * 12),
        (
            20,
            [26.8, 30.6, 34.7, 37.9, 39.3, 39.5, 39.3, 38.3, 35.8, 31.8, 27.7, 25.6],
            [10.9, 11.3, 11.9, 12.5, 12.9, 13.2, 13.1, 12.7, 12.1, 11.5, 11.0, 10.8],
        ),
        (
            50,
            [8.9, 14.4, 22.2, 31.5, 38.5, 41.7, 40.2, 34.4, 25.7, 16.9, 10.2, 7.5],
            [8.3, 9.8, 11.6, 13.5, 15.2, 16.1, 15.7, 14.3, 12.3, 10.4, 8.7, 7.9],
        ),
    ],
)
def test_sun_through_the_year_is_fao_56_s(latitude, radiation, daylight):
    # Annex 2, tables 2.6 and 2.7: the 15th of each month, north, printed to 0.1.
    middles = pd.to_datetime([f"2015-{month:02}-15" for month in range(1, 13)]).day_of_year
    found_radiation, found_daylight = sun(latitude, middles)
    np.testing.assert_allclose(found_radiation, radiation, atol=0.15)
    np.testing.assert_allclose(found_daylight, daylight, atol=0.11)


def test_sun_beyond_the_polar_circle():
    radiation, daylight = sun(80.0, [172, 355])
    np.testing.assert_allclose(daylight, [24, 0])
    assert radiation[0] > 40
    assert radiation[1] == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match=r"latitude must be between -90 and 90 degrees, got 91"):
        sun(91.0, 1)


# The shipped table.


@pytest.fixture(scope="module")
def table():
    return datasets.drought()


def test_drought_facts(table):
    assert table.shape == (116_303 - 11 * 89, 2 + FEATURES + 3)
    assert list(table["site"].unique()) == sorted(LATITUDES)
    assert np.isfinite(table.drop(columns=["site", "date", "score"]).to_numpy()).all()
    scored = table.dropna(subset="score")
    assert set(scored["date"].dt.day_of_week) == {1}
    assert scored["score"].between(0, 5).all()
    assert scored["score"].max() == 5
    assert scored["score"].eq(0).mean() == pytest.approx(0.70, abs=0.01)
    first = table.iloc[0]
    assert str(first["date"].date()) == "1976-03-30"
    assert (table["rain_90"] > table["rain_30"] - 1e-9).all()
    assert (table.loc[table["rain"] >= 1, "dry_spell"] == 0).all()


def test_features_are_what_their_names_say(table):
    days = table[table["site"] == "tunis"].reset_index(drop=True)
    row = 1000
    past = days.iloc[: row + 1]
    for name, length in (("rain", 7), ("rain", 30), ("rain", 90), ("et0", 7), ("et0", 30)):
        assert days[f"{name}_{length}"][row] == pytest.approx(past[name].tail(length).sum())
    wet = past.index[past["rain"] >= 1]
    assert days["dry_spell"][row] == row - wet[-1]
    today = days.loc[row]
    assert today["vpd"] == pytest.approx(today["es"] - today["ea"])
    assert today["tmean"] == pytest.approx((today["tmin"] + today["tmax"]) / 2)
    assert today["trange"] == pytest.approx(today["tmax"] - today["tmin"])
    assert today["balance"] == pytest.approx(today["rain"] - today["et0"])


# The score.


def made_up_weather(years=10, site="here", seed=0):
    random = np.random.default_rng(seed)
    date = pd.date_range("2001-01-01", f"{2000 + years}-12-31")
    low, rain, et0 = random.normal(8, 3, len(date)), random.exponential(2, len(date)), random.uniform(1, 3, len(date))
    return pd.DataFrame({"site": site, "date": date, "tmin": low, "tmax": low + 9, "rain": rain, "et0": et0})


def test_score_by_brute_force():
    weather = made_up_weather(4)
    table = drought_table(weather, {"here": 50.0})
    balance = (weather["rain"] - weather["et0"]).rolling(90).sum().to_numpy()[89:]
    np.testing.assert_allclose(table["balance_90"], balance)
    date = table["date"]
    training = (date.dt.year <= 2002).to_numpy()
    assert table.attrs["training_end"] == {"here": "2002-12-31"}
    score = drought_score(table["balance_90"], date, training)
    for row in range(0, len(date), 41):
        peers = []
        for other in np.flatnonzero(training):
            # Both days in the leap year 2004, and in the years beside it.
            day = date[row].replace(year=2004)
            apart = [abs((date[other].replace(year=year) - day).days) for year in (2004,)]
            apart.append(366 - apart[0])
            if min(apart) <= 7:
                peers.append(table["balance_90"][other])
        share = np.mean(
            [(value < table["balance_90"][row]) + 0.5 * (value == table["balance_90"][row]) for value in peers]
        )
        assert table["percentile"][row] == pytest.approx(share, abs=1e-12)
        expected = np.interp(share, [0, 0.02, 0.05, 0.1, 0.2, 0.3], [5, 4, 3, 2, 1, 0])
        assert score[row] == pytest.approx(expected, abs=1e-12)
    tuesdays = date.dt.day_of_week == 1
    np.testing.assert_array_equal(table["score"], np.where(tuesdays, score, np.nan))


def test_scores_know_nothing_of_later_years():
    weather = made_up_weather()
    before = drought_table(weather, {"here": 50.0})
    assert before.attrs["training_end"] == {"here": "2007-12-31"}
    later = weather["date"] >= "2008-01-01"
    drier = weather.assign(rain=weather["rain"].where(~later, 0.0))
    after = drought_table(drier, {"here": 50.0})
    training = before["date"] < "2008-01-01"
    pd.testing.assert_frame_equal(before[training], after[training])
    assert after["score"][~training].dropna().mean() > 4


def test_a_later_score_depends_on_its_own_ninety_days_only():
    weather = made_up_weather()
    before = drought_table(weather, {"here": 50.0})
    storm = pd.Timestamp("2009-05-01")
    wetter = weather.assign(rain=weather["rain"] + 500.0 * (weather["date"] == storm))
    after = drought_table(wetter, {"here": 50.0})
    changed = before["date"][(before["score"] != after["score"]) & before["score"].notna()]
    assert len(changed) > 0
    assert changed.between(storm, storm + pd.Timedelta(days=89)).all()
    elsewhere = ~before["date"].between(storm, storm + pd.Timedelta(days=89))
    np.testing.assert_array_equal(before["score"][elsewhere], after["score"][elsewhere])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w: w.drop(columns="rain"), ValueError, r"weather lacks the columns \['rain'\]"),
        (lambda w: w.assign(date=w["date"].astype(str)), TypeError, "weather must have dates in its column 'date'"),
        (lambda w: w.to_numpy(), TypeError, "weather must be a DataFrame, got ndarray"),
        (lambda w: w.iloc[:0], ValueError, "weather has no rows"),
        (lambda w: w.assign(rain=w["rain"].where(w.index != 5)), ValueError, "column 'rain' must be finite, got nan"),
        (lambda w: w.assign(et0=np.inf), ValueError, "weather: column 'et0' must be finite, got inf"),
        (lambda w: w.assign(et0=-999.0), ValueError, "column 'et0' must be between -5 and 50, got -999.0"),
        (lambda w: w.assign(rain=-0.1), ValueError, "column 'rain' must be between 0 and 2000, got -0.1"),
        (lambda w: w.assign(tmax=w["tmax"] + 273), ValueError, r"column 'tmax' must be between -100 and 100, got 2"),
        (lambda w: w.assign(tmax="warm"), TypeError, "column 'tmax' must hold real numbers"),
        (lambda w: w.assign(tmax=5.0, tmin=6.0), ValueError, "tmin must not exceed tmax, got 6.0 and 5.0 in row 0"),
        (lambda w: w.assign(site=w["site"].where(w.index != 7)), ValueError, "'site' must not be blank.* row 7"),
        (lambda w: w.assign(date=w["date"].where(w.index != 7)), ValueError, "'date' must not be blank.* row 7"),
        (lambda w: pd.concat([w, w[["rain"]]], axis=1), ValueError, "weather has the column 'rain' twice"),
        (lambda w: w.drop(index=200), ValueError, "weather of site 'here' must be more than 90 consecutive days"),
        (lambda w: w.iloc[:90], ValueError, "weather of site 'here' must be more than 90 consecutive days"),
        (lambda w: w.iloc[::-1], ValueError, "weather of site 'here' must be more than 90 consecutive days"),
        (lambda w: w.assign(site="there"), ValueError, "latitudes has no entry for site 'there'"),
        (lambda w: w.iloc[:300], ValueError, "share = 0.7 of 1 years leaves site 'here' no training year"),
    ],
)
def test_drought_table_refuses(change, error, message):
    with pytest.raises(error, match=message):
        drought_table(change(made_up_weather(2)), {"here": 50.0})


@pytest.mark.parametrize(
    ("share", "error", "message"),
    [
        *((share, ValueError, f"share must be greater than 0 and at most 1, got {share}") for share in (-0.5, 0, 1.7)),
        *((share, ValueError, f"share must be finite, got {share}") for share in (np.nan, np.inf)),
        *((share, TypeError, "share must be a number") for share in ("0.7", None, True, [0.7])),
    ],
)
def test_drought_table_refuses_share(share, error, message):
    with pytest.raises(error, match=message):
        drought_table(made_up_weather(2), {"here": 50.0}, share=share)


@pytest.mark.parametrize("year", [2003, 2004])  # and a leap year
def test_seven_days_reach_across_the_turn_of_the_year(year):
    eve = f"{year}-12-31"
    np.testing.assert_array_equal(
        drought_score([0, -1, 1], [eve, "2006-01-07", "2007-01-07"], [True, False, False])[1:], [5, 0]
    )
    with pytest.raises(ValueError, match="training has no day within 7 days of 2006-01-08"):
        drought_score([0, 1], [eve, "2006-01-08"], [True, False])


@pytest.mark.parametrize("latitudes", [None, [50.0], "here", pd.DataFrame({"here": [50.0]})])
@pytest.mark.parametrize("weather", [made_up_weather(2), None], ids=["weather", "none"])
def test_drought_table_refuses_latitudes(weather, latitudes):
    with pytest.raises(TypeError, match="latitudes must be a mapping of sites to degrees north, got"):
        drought_table(weather, latitudes)


@pytest.mark.parametrize(("share", "last"), [(1, 2010), (0.29, 2002), (0.3, 2003), (0.99, 2009)])
def test_share_of_ten_years(share, last):
    table = drought_table(made_up_weather(10), {"here": 50.0}, share=share)
    assert table.attrs["training_end"] == {"here": f"{last}-12-31"}


def test_share_of_a_hundred_years():
    # 0.57 · 100 is 56.99… in floats: 57 years all the same.
    table = drought_table(made_up_weather(100), {"here": 50.0}, share=0.57)
    assert table.attrs["training_end"] == {"here": "2057-12-31"}


@pytest.mark.parametrize(("years", "last"), [(3, 2002), (9, 2006), (10, 2007), (30, 2021)])
def test_training_years_are_seven_tenths_rounded_down(years, last):
    table = drought_table(made_up_weather(years), {"here": 50.0})
    assert table.attrs["training_end"] == {"here": f"{last}-12-31"}


def test_weather_of_other_dtypes_gives_the_same_table():
    weather = made_up_weather(3).assign(rain=lambda table: table["rain"].round().astype(int))
    weather["et0"] = weather["et0"].round(2)
    other = weather.astype({"tmin": "Float64", "rain": "Int64", "et0": OTHER_ORDER + "f8", "site": "category"})
    other["site"] = other["site"].cat.add_categories("elsewhere")  # a category without rows is no site
    usual, unusual = (drought_table(table, {"here": 50.0}) for table in (weather, other))
    pd.testing.assert_frame_equal(usual, unusual.astype({"site": usual["site"].dtype}))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vapour_pressure([15.0, np.nan]), ValueError, "temperature must be finite, got nan at index 1"),
        (lambda: vapour_pressure(288.15), ValueError, "temperature must be between -100 and 100, got 288.15"),
        (lambda: vapour_pressure([[-999.0]]), ValueError, "temperature must be between -100 and 100, got -999.0"),
        (lambda: vapour_pressure("15"), TypeError, "temperature must hold real numbers"),
        (lambda: vapour_pressure(np.ma.masked_equal([1.0, 2.0], 2)), TypeError, "temperature must .* masked"),
        (lambda: sun(np.nan, 1), ValueError, "latitude must be finite, got nan"),
        (lambda: sun(-90.1, 1), ValueError, "latitude must be between -90 and 90 degrees, got -90.1"),
        (lambda: sun("50", 1), TypeError, "latitude must be a number, got '50'"),
        (lambda: sun([50.0], 1), TypeError, "latitude must be a number"),
        (lambda: sun(50.0, [1, 0]), ValueError, "day must be between 1 and 366, got 0"),
        (lambda: sun(50.0, 367), ValueError, "day must be between 1 and 366, got 367"),
        (lambda: sun(50.0, [1.0, 2.5]), ValueError, "day must be a whole number, got 2.5"),
        (lambda: sun(50.0, [np.nan]), ValueError, "day must be finite"),
        (lambda: sun(50.0, pd.Timestamp("2001-01-01")), TypeError, "day must hold real numbers"),
    ],
)
def test_formulas_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


DATES = ["2001-06-01", "2002-06-01", "2003-06-02"]


@pytest.mark.parametrize(
    "date",
    [
        np.array(DATES, "datetime64[D]"),
        pd.DatetimeIndex(DATES, tz="America/Chicago"),  # the day that the clock shows there
        pd.PeriodIndex(DATES, freq="D"),
        pd.Series(pd.to_datetime(DATES)),
        list(pd.to_datetime(DATES)),
        [pd.Timestamp(date).date() for date in DATES],
    ],
)
def test_dates_of_any_kind(date):
    score = drought_score([-10, 20, 30], date, pd.Series([True] * 3, dtype="boolean"))
    np.testing.assert_allclose(score, [4 / 3, 0, 0])  # 1/6, between 0.10 and 0.20: 3 - (1/6 - 0.1) / 0.1 = 7/3
    np.testing.assert_array_equal(score, drought_score([-10.0, 20.0, 30.0], DATES, [True] * 3))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"balance": [np.nan, 1, 2]}, ValueError, "balance must be finite, got nan at index 0"),
        ({"balance": [np.inf, 1, 2]}, ValueError, "balance must be finite, got inf at index 0"),
        ({"balance": np.ma.masked_equal([0.0, 1, 2], 1)}, TypeError, "balance must .* masked"),
        ({"balance": [[0.0, 1, 2]]}, ValueError, r"balance must be 1-D, got shape \(1, 3\)"),
        ({"balance": ["0", "1", "2"]}, TypeError, "balance must hold real numbers"),
        ({"date": [1, 2, 3]}, TypeError, "date must hold dates, got list of dtype int64"),
        ({"date": ["2001-06-01", "soon", "2003-06-02"]}, TypeError, "date must hold dates: .*soon"),
        ({"date": ["01/02/2001", "13/02/2001", "14/02/2001"]}, TypeError, "date must hold dates: .*01/02/2001"),
        ({"date": [f"{DATES[0]} 00:00", f"{DATES[0]} 12:00", DATES[2]]}, ValueError, "got 2001-06-01 twice"),
        ({"date": ["2001-06-01", None, "2003-06-02"]}, ValueError, "each day once, got a day without a date"),
        ({"date": [DATES[0], DATES[1], DATES[0]]}, ValueError, "date must hold each day once, got 2001-06-01 twice"),
        ({"date": np.ma.masked_equal(np.array(DATES, "M8[D]"), np.datetime64(DATES[1]))}, TypeError, "date must hold"),
        ({"training": [1.0, np.nan, 1.0]}, TypeError, "training must hold True and False, got list of dtype float64"),
        ({"training": [0, 1, 2]}, TypeError, "training must hold True and False, got list of dtype int64"),
        ({"training": pd.array([True, None, True])}, TypeError, "training must hold True and False"),
        ({"training": np.ma.masked_array([True] * 3, [0, 0, 1])}, TypeError, "got MaskedArray of dtype bool"),
    ],
)
def test_drought_score_refuses_values(change, error, message):
    with pytest.raises(error, match=message):
        drought_score(**{"balance": [0.0, 1.0, 2.0], "date": DATES, "training": [True] * 3} | change)


def test_drought_score_refuses():
    days = pd.date_range("2001-01-01", periods=40)
    with pytest.raises(ValueError, match=r"differ in shape: \(3,\), \(40,\), \(40,\)"):
        drought_score(np.zeros(3), days, np.ones(40, bool))
    with pytest.raises(ValueError, match="training has no day within 7 days of 2001-01-16"):
        drought_score(np.zeros(40), days, days < "2001-01-09")


# Windows.


def small_table(days=100, site="a", start="2019-01-01"):
    """Two features, and a score on every Tuesday: the number of the day, scaled."""
    date = pd.date_range(start, periods=days)
    number = np.arange(days, dtype=np.float64)
    score = np.where(date.day_of_week == 1, number / 200, np.nan)
    return pd.DataFrame({"site": site, "date": date, "rain": number, "wind": -number, "score": score})


def test_windows_by_hand():
    # 2019-01-01 is a Tuesday: days 0, 7, 14, … have scores.
    windows = drought_windows(small_table(), lookback=10, weeks=2, stride=21)
    assert windows.inputs.shape == (4, 10, 5)
    assert windows.inputs[:, -1, 0].tolist() == [14, 35, 56, 77]
    assert windows.inputs[0, :, 0].tolist() == list(range(5, 15))
    np.testing.assert_array_equal(windows.inputs[..., 1], -windows.inputs[..., 0])
    np.testing.assert_allclose(windows.inputs[..., 2], windows.inputs[..., 0] / 200)  # straight between the weeks
    np.testing.assert_allclose(windows.targets[0], np.array([21, 28]) / 200)
    assert windows.target_date[0].astype(str).tolist() == ["2019-01-22", "2019-01-29"]
    assert windows.site.tolist() == ["a"] * 4
    angle = 2 * np.pi * (windows.inputs[0, :, 0] + 1) / 366
    np.testing.assert_allclose(windows.inputs[0, :, 3:], np.column_stack([np.sin(angle), np.cos(angle)]))


@pytest.mark.parametrize(("lookback", "weeks", "stride"), [(10, 2, 7), (1, 1, 7), (15, 3, 21), (8, 1, 14)])
def test_windows_by_brute_force(lookback, weeks, stride):
    parts = [small_table(120, "a").drop(index=60), small_table(90, "b", "2019-01-04"), small_table(50, "c")]
    table = pd.concat(parts, ignore_index=True)
    table.loc[180, "rain"] = 7.5
    missing = table.index[(table["site"] == "b") & table["score"].notna()][6]
    table.loc[missing, "score"] = np.nan
    found = drought_windows(table, lookback=lookback, weeks=weeks, stride=stride)
    rows = []
    for end in range(len(table)):
        # The last day's week, those of the input before it, and those to come.
        back = -(-(lookback - 1) // 7)
        weekly = end + 7 * np.arange(-back, weeks + 1)
        if weekly[0] < 0 or weekly[-1] >= len(table):
            continue
        span = table.iloc[weekly[0] : weekly[-1] + 1]
        whole = (
            span["site"].eq(span["site"].iloc[0]).all() and (span["date"].diff().iloc[1:] == pd.Timedelta(days=1)).all()
        )
        if whole and table["score"].iloc[weekly].notna().all():
            rows.append(end)
    kept, chain = [], []
    for end in rows:  # of each unbroken series of weeks every (stride / 7)-th
        chain = [*chain, end] if chain and end - chain[-1] == 7 else [end]
        if (len(chain) - 1) % (stride // 7) == 0:
            kept.append(end)
    assert len(found.inputs) == len(kept)
    for number, end in enumerate(kept):
        past = table.iloc[end - lookback + 1 : end + 1]
        np.testing.assert_array_equal(found.inputs[number, :, 0], past["rain"])
        targets = table.iloc[end + 7 : end + 7 * weeks + 1 : 7]
        np.testing.assert_array_equal(found.targets[number], targets["score"])
        np.testing.assert_array_equal(found.target_date[number], targets["date"].to_numpy("datetime64[D]"))
        assert found.site[number] == table["site"][end]
        known = past["score"].notna().to_numpy()
        np.testing.assert_allclose(found.inputs[number, known, 2], past["score"][known])


def test_windows_of_all_sites(table):
    windows = drought_windows(table)
    assert windows.inputs.shape == (2696, 180, 21)
    assert windows.targets.shape == windows.target_date.shape == (2696, 6)
    # With stride 42 the six targets of each window tile the calendar.
    for site in LATITUDES:
        dates = windows.target_date[windows.site == site].ravel()
        assert (np.diff(dates) == np.timedelta64(7, "D")).all()


def test_inputs_use_no_score_of_the_future(table):
    part = table[table["site"] == "tunis"].iloc[:1000].reset_index(drop=True)
    before = drought_windows(part, lookback=30, weeks=2, stride=7)
    for number in (0, 50, 100):
        later = part["date"].to_numpy("datetime64[D]") >= before.target_date[number, 0]
        after = drought_windows(
            part.assign(score=part["score"].where(~later | part["score"].isna(), 5.0)), lookback=30, weeks=2, stride=7
        )
        np.testing.assert_array_equal(before.inputs[number], after.inputs[number])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lookback": 0}, ValueError, "lookback must be at least 1, got 0"),
        ({"weeks": 0}, ValueError, "weeks must be at least 1, got 0"),
        ({"weeks": 1.5}, TypeError, "weeks must be an integer"),
        ({"stride": 0}, ValueError, "stride must be at least 1, got 0"),
        ({"stride": 10}, ValueError, "stride must be a multiple of 7 days, as scores are weekly, got 10"),
        ({"lookback": 180}, ValueError, "table has no 180 days in a row that are followed by 2 weekly scores"),
    ],
)
def test_windows_refuse_options(options, error, message):
    with pytest.raises(error, match=message):
        drought_windows(small_table(), **{"lookback": 10, "weeks": 2, "stride": 7} | options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.to_numpy(), TypeError, "table must be a DataFrame, got ndarray"),
        (lambda t: t.drop(columns="score"), ValueError, r"table lacks the columns \['score'\]"),
        (lambda t: t.assign(date=t["date"].astype(str)), TypeError, "table must have dates in its column 'date'"),
        (lambda t: t.assign(wind="calm"), TypeError, "table: column 'wind' must hold real numbers"),
        (
            lambda t: t.assign(wind=np.nan),
            ValueError,
            r"table must be finite, got nan at index \(0, 1\), column 'wind'",
        ),
        (lambda t: t.assign(wind=1j), TypeError, "table: column 'wind' must hold real numbers, got dtype complex128"),
        (
            lambda t: t.assign(rain=pd.array([1, None] * 50)),
            ValueError,
            r"table must be finite, got nan at index \(1, 0\), column 'rain'",
        ),
        (lambda t: t.assign(site=t["site"].where(t.index != 3)), ValueError, "'site' must not be blank.* row 3"),
        (lambda t: t.assign(date=t["date"].where(t.index != 3)), ValueError, "'date' must not be blank.* row 3"),
        (lambda t: pd.concat([t, t[["wind"]]], axis=1), ValueError, "table has the column 'wind' twice"),
        (
            lambda t: t.assign(score=5.1),
            ValueError,
            "table: score, where it is not blank, must be between 0 and 5, got 5.1",
        ),
        (lambda t: t.assign(score=np.nan), ValueError, "table has no 10 days in a row"),
        (lambda t: t.iloc[:0], ValueError, "table has no rows"),
        (lambda t: t.iloc[::-1], ValueError, "table: 2019-04-09 comes after a later day at a"),
        (lambda t: t.iloc[[0, 0, 1]], ValueError, "table: 2019-01-01 comes twice at a"),
        (lambda t: t.assign(site=["a", "b"] * 50), ValueError, "table: the rows of each site must stand together"),
    ],
)
def test_windows_refuse_tables(change, error, message):
    with pytest.raises(error, match=message):
        drought_windows(change(small_table()), lookback=10, weeks=2, stride=7)


def test_tables_of_other_dtypes_give_the_same_windows():
    table = small_table().assign(wet=lambda t: t["rain"] % 3 == 0)
    other = table.astype(
        {"rain": "Int64", "wind": OTHER_ORDER + "f4", "wet": "boolean", "score": "Float64", "site": "category"}
    )
    plain, unusual = (drought_windows(t, lookback=10, weeks=2, stride=7) for t in (table, other))
    assert plain.inputs[0, :3, 2].tolist() == [0, 1, 0]
    for one, same in zip(plain, unusual, strict=True):
        np.testing.assert_array_equal(one, same)
        assert one.dtype == same.dtype


# The ensemble.


def windows_at(site, ends, weeks=6):
    """Windows without inputs or scores that end on these days."""
    target_date = np.array(ends, "datetime64[D]")[:, np.newaxis] + 7 * np.arange(1, weeks + 1)
    return DroughtWindows(
        np.empty((len(ends), 0, 0)), np.empty(target_date.shape), np.array([site] * len(ends)), target_date
    )


def slow_members(table, site, end, weeks, until):
    """The members of one window, day by day: (weeks, members)."""
    days = table[table["site"] == site].set_index("date")
    end, until, one = pd.Timestamp(end), pd.Timestamp(until), pd.Timedelta(days=1)

    def near(day, other, year, most):
        """Whether two days are close in a year: all dates in a leap year, 29 February as the 28th in another."""
        places = [
            each.replace(year=year, day=28 if year == 2001 and (each.month, each.day) == (2, 29) else each.day)
            for each in (day, other)
        ]
        apart = abs((places[0] - places[1]).days)
        return min(apart, (366 if year == 2004 else 365) - apart) <= most

    past = days[:until]
    starts = [day for day in past.index if near(day, end, 2001, 10) and abs((day - end).days) > 180]
    members = []
    for lead in range(7, 7 * weeks + 1, 7):
        target = end + lead * one
        known = days["balance"][target - 89 * one : end]
        assert len(known) == 90 - lead
        peers = [round(past["balance_90"][day], 6) for day in past.index if near(day, target, 2004, 7)]
        scores = []
        for start in starts:
            if start + 7 * weeks * one <= until:
                total = round(known.sum() + days["balance"][start + one : start + lead * one].sum(), 6)
                share = np.mean([(peer < total) + 0.5 * (peer == total) for peer in peers])
                scores.append(np.interp(share, [0, 0.02, 0.05, 0.1, 0.2, 0.3], [5, 4, 3, 2, 1, 0]))
        members.append(scores)
    return np.array(members)


@pytest.mark.parametrize(
    ("site", "ends"),
    [
        ("hyderabad", ["2000-12-26", "2004-03-02", "2009-06-16"]),  # a training day: its own year does not lend
        ("brussels", ["2000-02-29", "1980-01-01"]),
    ],
)
def test_members_by_brute_force(table, site, ends):
    weeks, until = 2, table.attrs["training_end"][site]
    found = climatological_ensemble(table, windows_at(site, ends, weeks), members_until=table.attrs["training_end"])
    for members, end in zip(found, ends, strict=True):
        wanted = slow_members(table, site, end, weeks, until)
        np.testing.assert_allclose(members[:, : wanted.shape[1]], wanted, atol=1e-9)
        assert np.isnan(members[:, wanted.shape[1] :]).all()


def test_29_february_is_the_28th():
    # 2004, 2008 and 2012 are leap years; the training years end with 2012.
    table = drought_table(made_up_weather(18), {"here": 50.0})
    ends = ["2016-02-28", "2016-02-29", "2015-02-28"]
    until = table.attrs["training_end"]
    assert until == {"here": "2012-12-31"}
    members = climatological_ensemble(table, windows_at("here", ends, 1), members_until=until)
    # 11 years from 2002 with 21 days each; in the three leap years one more, as two of their days are the 28th.
    assert (~np.isnan(members)).sum(axis=2).ravel().tolist() == [11 * 21 + 3] * 3


def test_the_own_year_lends_nothing():
    table = drought_table(made_up_weather(), {"here": 50.0})
    ends = np.array(["2004-07-06", "2004-12-28", "2009-07-07", "2009-12-29"])
    members = climatological_ensemble(table, windows_at("here", ends), members_until={"here": "2007-12-31"})
    # Of seven years those of 2004 do not lend to 2004; the stretches around 29 December 2007 end too late,
    # and so do those of January and February that would follow 2001's: the table begins in March.
    counts = (~np.isnan(members)).sum(axis=2)
    assert (counts == counts[:, :1]).all()
    assert counts[:, 0].tolist() == [6 * 21, 5 * 21, 7 * 21, 6 * 21]
    lent = table["date"].between("2004-01-10", "2004-12-31")
    marked = climatological_ensemble(
        table.assign(balance=table["balance"] + 5.0 * (lent & (table["date"] > "2004-07-06"))),
        windows_at("here", ends[:1]),
        members_until={"here": "2007-12-31"},
    )
    np.testing.assert_array_equal(members[0, :, : 6 * 21], marked[0])  # what is ranked against is the same


def test_members_know_nothing_of_what_comes_later():
    weather, end, until = made_up_weather(12), pd.Timestamp("2010-05-04"), {"here": "2006-06-15"}
    windows = windows_at("here", [str(end.date())])
    before = climatological_ensemble(drought_table(weather, {"here": 50.0}), windows, members_until=until)
    known = weather["date"].between(end - pd.Timedelta(days=82), end)  # of the 90 days to the first week's target
    later = (weather["date"] > until["here"]) & ~known
    other = weather.assign(rain=weather["rain"].where(~later, 77.7), et0=weather["et0"].where(~later, 0.1))
    after = climatological_ensemble(drought_table(other, {"here": 50.0}), windows, members_until=until)
    np.testing.assert_array_equal(before, after)
    for day in (end, end - pd.Timedelta(days=82), pd.Timestamp(until["here"])):
        drier = weather.assign(et0=weather["et0"] + 40.0 * (weather["date"] == day))
        after = climatological_ensemble(drought_table(drier, {"here": 50.0}), windows, members_until=until)
        assert not np.array_equal(before, after)


def test_a_site_with_fewer_years_lends_fewer():
    parts = [drought_table(made_up_weather(years, site, years), {site: 50.0}) for years, site in ((10, "a"), (5, "b"))]
    table, until = pd.concat(parts, ignore_index=True), {"a": "2007-12-31", "b": pd.Timestamp("2003-12-31")}
    both = [windows_at(site, ["2005-07-05"]) for site in ("b", "a")]
    windows = DroughtWindows(*(np.concatenate(pair) for pair in zip(*both, strict=True)))
    members = climatological_ensemble(table, windows, members_until=pd.Series(until))
    assert members.shape == (2, 6, 6 * 21)
    assert np.isnan(members).sum(axis=2).tolist() == [[3 * 21] * 6, [0] * 6]
    assert np.isnan(members[0, :, 3 * 21 :]).all()
    for number, site in enumerate("ba"):
        alone = climatological_ensemble(
            table[table["site"] == site], windows_at(site, ["2005-07-05"]), members_until=until
        )
        np.testing.assert_array_equal(alone[0], members[number, :, : alone.shape[2]])


def test_members_in_the_order_of_time_and_those_of_a_dry_year_are_dry():
    weather = made_up_weather(10)
    dry = weather["date"].dt.year == 2003
    table = drought_table(weather.assign(rain=weather["rain"].where(~dry, 0.0)), {"here": 50.0})
    members = climatological_ensemble(
        table, windows_at("here", ["2009-07-07"]), members_until=table.attrs["training_end"]
    )
    by_year = members[0, -1].reshape(7, 21).mean(axis=1)  # 2001 to 2007
    assert by_year.argmax() == 2


def test_beyond_twelve_weeks_members_are_90_days_of_other_years():
    table = drought_table(made_up_weather(), {"here": 50.0})
    members = climatological_ensemble(
        table, windows_at("here", ["2009-03-03"], 14), members_until=table.attrs["training_end"]
    )
    days = table.set_index("date")
    starts = pd.date_range("2002-02-21", "2002-03-13")  # the first year that the table has whole
    sums = days["balance_90"][starts + pd.Timedelta(days=98)]
    place = _place(table["date"])
    training = (table["date"] <= "2007-12-31").to_numpy()
    target = int(place[(table["date"] == "2009-06-09").to_numpy()][0])
    peers = training & (np.abs(place - target) <= 7)
    share = _percentiles(sums.round(6), table["balance_90"][peers].round(6))
    wanted = np.interp(share, [0, 0.02, 0.05, 0.1, 0.2, 0.3], [5, 4, 3, 2, 1, 0])
    np.testing.assert_array_equal(members[0, 13, :21], wanted)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"windows": [1]}, TypeError, "windows must be DroughtWindows, got list"),
        ({"members_until": None}, TypeError, "members_until must be a mapping of sites to dates, got NoneType"),
        ({"members_until": {"there": "2002-12-31"}}, ValueError, "members_until has no entry for site 'here'"),
        ({"members_until": {"here": 2002}}, TypeError, "members_until must hold dates .* got 2002 for site 'here'"),
        ({"members_until": {"here": pd.NaT}}, TypeError, "members_until must hold dates .* got NaT for site 'here'"),
        ({"members_until": {"here": "1999-12-31"}}, ValueError, "members_until leaves no day within 7 days of day"),
        (
            {"windows": windows_at("here", ["2001-07-03"]), "members_until": {"here": "2002-05-31"}},
            ValueError,
            "members_until must leave a window of 'here' another year, got 2002-05-31",
        ),
        ({"windows": windows_at("there", ["2003-07-01"])}, ValueError, "members_until has no entry for site 'there'"),
        (
            {"windows": windows_at("here", ["2001-05-01"])},
            ValueError,
            "all days of 'here', those of windows and 90 bef",
        ),
        (
            {"windows": windows_at("here", ["2003-12-02"])},
            ValueError,
            "all days of 'here', those of windows and 90 bef",
        ),
    ],
)
def test_ensemble_refuses(change, error, message):
    table = drought_table(made_up_weather(3), {"here": 50.0})
    given = {"windows": windows_at("here", ["2003-07-01"]), "members_until": {"here": "2002-12-31"}} | change
    with pytest.raises(error, match=message):
        climatological_ensemble(table, **given)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.to_numpy(), TypeError, "table must be a DataFrame, got ndarray"),
        (lambda t: t.drop(columns="balance_90"), ValueError, r"table lacks the columns \['balance_90'\]"),
        (lambda t: t.assign(balance=np.nan), ValueError, "table must be finite, got nan .* column 'balance'"),
        (lambda t: t.drop(index=300), ValueError, "table must hold all days of 'here'"),
        (lambda t: t.iloc[[*range(300), 300, *range(300, len(t))]], ValueError, "table must hold all days of 'here'"),
        (lambda t: t.iloc[::-1], ValueError, "table must hold all days of 'here'"),
        (lambda t: t.assign(site="there"), ValueError, "table must hold all days of 'here'"),
    ],
)
def test_ensemble_refuses_tables(change, error, message):
    table = change(drought_table(made_up_weather(3), {"here": 50.0}))
    with pytest.raises(error, match=message):
        climatological_ensemble(table, windows_at("here", ["2003-07-01"]), members_until={"here": "2002-12-31"})


def test_what_is_ranked_is_no_input(table):
    part = table[table["site"] == "tunis"].iloc[:1000].reset_index(drop=True)
    with_it, without = drought_windows(part), drought_windows(part.drop(columns=["balance_90", "percentile"]))
    np.testing.assert_array_equal(with_it.inputs, without.inputs)
    assert with_it.inputs.shape[2] == 21


# Files of DroughtED.


def droughted(fips="1001", start="2019-01-01", days=100):
    """A made-up county in the form of the real files."""
    date = pd.date_range(start, periods=days)
    weather = {name: np.arange(days) + number for number, name in enumerate(DROUGHTED_COLUMNS)}
    score = np.where(date.day_of_week == 1, 1.5, np.nan)
    return pd.DataFrame({"fips": fips, "date": date.strftime("%Y-%m-%d")} | weather | {"score": score})


@pytest.fixture
def write(tmp_path):
    def to(name, *tables):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pd.concat(tables).to_csv(path, index=False)
        return path

    return to


@pytest.mark.parametrize("name", ["some.csv", "some.csv.gz"])
def test_read_droughted_file(write, name):
    table = read_droughted(write(name, droughted("1001"), droughted("41001")))
    assert list(table) == ["site", "date", *DROUGHTED_COLUMNS, "score"]
    assert len(DROUGHTED_COLUMNS) == FEATURES
    assert table["site"].unique().tolist() == ["01001", "41001"]
    assert len(table) == 200
    assert table["score"].count() == 30
    windows = drought_windows(table, lookback=20, weeks=6, stride=42)
    assert windows.inputs.shape == (2, 20, 21)
    assert windows.site.tolist() == ["01001", "41001"]


def test_read_droughted_folder(write, tmp_path):
    # As on Kaggle: a folder for each part, and a file of soils beside them.
    write("train/train.csv", droughted(days=50), droughted("2002", days=50))
    write("valid/valid.csv", droughted(start="2019-02-20", days=50), droughted("2002", start="2019-02-20", days=50))
    write("soil_data.csv", pd.DataFrame({"fips": ["1001"], "slope": [1.0]}))
    table = read_droughted(tmp_path)
    whole = pd.concat([droughted(), droughted("2002")])
    assert table["site"].tolist() == ["01001"] * 100 + ["02002"] * 100
    assert table["date"].dt.strftime("%Y-%m-%d").tolist() == whole["date"].tolist()
    write("again.csv", droughted(days=50))
    with pytest.raises(ValueError, match="2019-01-01 comes twice at 01001"):
        read_droughted(tmp_path)


def test_hidden_files_are_no_data(write, tmp_path):
    folder = tmp_path / ".cache" / "droughted"  # the folder itself may be hidden
    folder.mkdir(parents=True)
    for name in (
        "some.csv",
        ".ipynb_checkpoints/some-checkpoint.csv",
        "__MACOSX/some.csv",
        "._some.csv",
        ".x/y.csv.gz",
    ):
        write(folder / name, droughted())
    write(folder / "MORE.CSV", droughted("2002"))
    (folder / "folder.csv").mkdir()
    assert read_droughted(folder)["site"].unique().tolist() == ["01001", "02002"]
    assert len(read_droughted(folder / "._some.csv")) == 100  # named, it is read


def test_path_from_the_home_folder(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write("some.csv", droughted())
    assert len(read_droughted("~/some.csv")) == len(read_droughted("~")) == 100


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("picture.csv", b"\x89PNG\xff\xfe"),
        ("cut.csv.gz", b"\x1f\x8b\x08"),
        ("text.csv.gz", b"a,b\n"),
    ],
)
def test_files_that_are_no_tables(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a table: "):
            read_droughted(path)


def put(row, column, value, table):
    table = table.astype({column: object})
    table.iloc[row, table.columns.get_loc(column)] = value
    return table


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.drop(columns="PS"), ValueError, r"missing columns \['PS'\], unknown columns \[\]"),
        (
            lambda t: t.rename(columns={"T2M": "t2m"}),
            ValueError,
            r"missing columns \['T2M'\], unknown columns \['t2m'\]",
        ),
        (lambda t: t.assign(soil=1), ValueError, r"unknown columns \['soil'\]"),
        (lambda t: t.iloc[:0], ValueError, "has no rows"),
        (partial(put, 3, "fips", "10x1"), ValueError, "fips must be at most five digits, got '10x1'"),
        (partial(put, 3, "fips", None), ValueError, "fips must be at most five digits, got nan"),
        (partial(put, 3, "date", "04.01.2019"), ValueError, "date must be like 2019-01-31, got '04.01.2019'"),
        (partial(put, 3, "date", None), ValueError, "date must be like 2019-01-31, got nan"),
        (partial(put, 3, "TS", "warm"), TypeError, "column 'TS' must hold real numbers"),
        (partial(put, 3, "TS", None), ValueError, r"must be finite, got nan at index \(3, 9\), column 'TS'"),
        (
            partial(put, 3, "TS", -999.0),
            ValueError,
            "column 'TS' must hold weather, got -999.0, which stands for a blank",
        ),
        (partial(put, 7, "score", 5.5), ValueError, "score, where it is not blank, must be between 0 and 5, got 5.5"),
        (partial(put, 7, "score", -0.1), ValueError, "score, where it is not blank, must be between 0 and 5, got -0.1"),
        (lambda t: t.iloc[[0, 2, 1, 3]], ValueError, "2019-01-02 comes after a later day at 01001"),
        (lambda t: t.iloc[[0, 1, 1, 2]], ValueError, "2019-01-02 comes twice at 01001"),
        (lambda t: t.drop(index=[4, 5]), ValueError, "days are missing at 01001 between 2019-01-04 and 2019-01-07"),
    ],
)
def test_read_droughted_refuses(write, change, error, message):
    path = write("bad.csv", change(droughted()))
    with pytest.raises(error, match=message):
        read_droughted(path)


def test_read_droughted_finds_nothing(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(FileNotFoundError, match="path names no CSV file and no folder that holds one"):
            read_droughted(path)


@pytest.mark.skipif("DROUGHTED" not in os.environ, reason="DROUGHTED names no file of the real data set")
def test_read_the_real_droughted():
    table = read_droughted(os.environ["DROUGHTED"])
    assert table["site"].str.fullmatch(r"\d{5}").all()
    assert set(table.loc[table["score"].notna(), "date"].dt.day_of_week) == {1}
    windows = drought_windows(table[table["site"] == table["site"].iloc[0]])
    assert windows.inputs.shape[1:] == (180, 21)
    assert np.abs(windows.inputs[:, -1, [18]] - windows.targets).mean() < 1.0
