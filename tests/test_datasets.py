"""The shipped and the generated series: facts, offline use, damaged and missing files."""

import datetime
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnncourse import datasets

DATA = Path(__file__).parents[1] / "data"


def test_generated_arrays_need_numpy_alone():
    script = (
        "import sys; from rnncourse import datasets; datasets.sine(), datasets.device_failures(); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"torch", "pandas", "scipy", "sklearn"} & set(loaded)


def test_sine_is_the_source_s_series():
    series = datasets.sine()
    assert series.shape == (2501,)
    assert series[0] == 0
    assert series[-1] == pytest.approx(np.sin(100))
    start = datasets.sine(50, start=-49 * 0.04)
    assert start[-1] == pytest.approx(0, abs=1e-15)
    assert start[0] == pytest.approx(np.sin(-1.96))
    np.testing.assert_allclose(datasets.sine(5, step=0.1, angular_frequency=3.0), np.sin([0, 0.3, 0.6, 0.9, 1.2]))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": 2.5}, TypeError, "steps must be an integer"),
        ({"step": 0.0}, ValueError, "step must be greater than 0, got 0.0"),
        ({"angular_frequency": np.nan}, ValueError, "angular_frequency must be finite, got nan"),
        ({"start": np.inf}, ValueError, "start must be finite"),
        ({"start": "0"}, TypeError, "start must be a number, got '0' of type str"),
        ({"step": True}, TypeError, "step must be a number, got True of type bool"),
        ({"angular_frequency": [1.0, 3.0]}, TypeError, "angular_frequency must be a number"),
    ],
)
def test_sine_refuses(options, error, message):
    with pytest.raises(error, match=message):
        datasets.sine(**options)


def test_sunspots_facts():
    series = datasets.sunspots()
    assert len(series) == 2820
    assert str(series.index[0]) == "1749-01"
    assert str(series.index[-1]) == "1983-12"
    assert series.index.freqstr == "M"
    assert series.iloc[0] == 58.0
    assert series.iloc[-1] == 33.4
    assert series.max() == 253.8
    assert str(series.idxmax()) == "1957-10"
    assert series.mean() == pytest.approx(51.266, abs=5e-4)


def test_sunspots_later_and_earlier():
    whole = datasets.sunspots(until="2009-06")
    assert len(whole) == 3126
    assert whole.index.is_monotonic_increasing
    assert len(whole.index.unique()) == 3126
    pd.testing.assert_series_equal(whole[:"1983-12"], datasets.sunspots())
    assert whole["1984-01"] == 57.0
    assert whole["2009-06"] == 2.6
    assert len(datasets.sunspots(until="1800-12")) == 52 * 12


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("1983", "1983-12"),
        ("1983Q2", "1983-06"),
        ("1983-02-01", "1983-02"),
        ("Feb 1983", "1983-02"),
        (pd.Period("1990", freq="Y"), "1990-12"),
        (pd.Period("1983-02-28", freq="D"), "1983-02"),
        (pd.Timestamp("1983-02-28 23:00"), "1983-02"),
        (datetime.date(1983, 2, 1), "1983-02"),
        (np.datetime64("1983"), "1983-12"),
        (np.datetime64("1983-02"), "1983-02"),
        (np.datetime64("1983-02-01T12:00"), "1983-02"),
        ("1749-01", "1749-01"),
    ],
)
def test_until_the_last_month_of_a_span(until, last):
    series = datasets.sunspots(until=until)
    assert str(series.index[-1]) == last
    assert len(series) == 12 * (int(last[:4]) - 1749) + int(last[-2:])


@pytest.mark.parametrize(
    "until",
    [
        *("2009-07", "2009", "1748-12", "1748", "soon", "1983-13", "", "NaT", None, 3.5, 1983, True, pd.NaT),
        *(np.int64(100), np.datetime64("NaT"), ["1983"], datetime.time(12)),
    ],
)
def test_until_outside_the_data(until):
    with pytest.raises(ValueError, match="until must be a month"):
        datasets.sunspots(until=until)


def test_fulda_facts():
    table = datasets.fulda()
    assert list(table) == ["tmax", "tmin", "tmean", "rain", "discharge"]
    assert table.shape == (3653, 5)
    assert table.index.freqstr == "D"
    assert [str(day.date()) for day in table.index[[0, -1]]] == ["1979-01-01", "1988-12-31"]
    assert np.isfinite(table.to_numpy()).all()
    assert table.iloc[0].tolist() == [-12.9, -20.1, -16.5, 1.0, 143.0]
    assert table["discharge"].iloc[-1] == 30.5
    assert (table["rain"] >= 0).all()
    # Rain leads the discharge by two to three days; yesterday's discharge says more than any rain.
    by_lead = {lead: table["rain"].shift(lead).corr(table["discharge"]) for lead in range(8)}
    assert max(by_lead, key=by_lead.get) in (2, 3)
    assert max(by_lead.values()) == pytest.approx(0.42, abs=0.01)
    assert table["discharge"].autocorr(1) == pytest.approx(0.91, abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_leads_can_be_found(seed):
    table = datasets.leading_parameters(seed=seed)
    for name, lead in table.attrs["leads"].items():
        correlation = [table[name].shift(shift).corr(table["obs"]) for shift in range(-20, 21)]
        assert np.argmax(correlation) - 20 == lead
    assert (table > 0).all(axis=None)


def test_leading_parameters_are_what_the_docstring_says():
    # Without noise of its own each parameter is the driver, seen earlier; so all follow from one.
    table = datasets.leading_parameters(400, seed=3, noise=0.0)
    z = [(table["par1"] - 10) / 2, table["par2"] - 5, (table["par3"] - 30) / 6]
    z1, z2, z3 = (series.shift(lead) for series, lead in zip(z, (5, 9, 14), strict=True))
    np.testing.assert_allclose(z1[14:], z3[14:], atol=1e-12)
    np.testing.assert_allclose(z2[14:], z3[14:], atol=1e-12)
    link = 4 + np.exp(0.4 * z1) + np.tanh(z2) + 0.25 * z2 * z3**2
    np.testing.assert_allclose(table["obs"][14:], link[14:], rtol=1e-12)
    # A period of about 44 steps: upward crossings of the middle.
    crossings = np.flatnonzero((z[1][:-1].to_numpy() < 0) & (z[1][1:].to_numpy() >= 0))
    assert np.diff(crossings).mean() == pytest.approx(44.4, abs=0.5)
    # With noise the observable still answers to the parameters that the table shows.
    table = datasets.leading_parameters(400, seed=3, noise=0.01)
    z1, z2, z3 = (table["par1"] - 10) / 2, table["par2"] - 5, (table["par3"] - 30) / 6
    link = 4 + np.exp(0.4 * z1.shift(5)) + np.tanh(z2.shift(9)) + 0.25 * z2.shift(9) * z3.shift(14) ** 2
    assert (table["obs"] - link).std() == pytest.approx(0.02, rel=0.15)


def test_a_kick_throws_the_driver_off_its_cycle():
    plain, kicked = (datasets.leading_parameters(500, seed=3, noise=0.0, kicks=kicks) for kicks in ((), (200,)))
    # par1 = 10 + 2 z shows a kick its lead before the observable does; before that nothing has changed.
    for name, lead in kicked.attrs["leads"].items():
        pd.testing.assert_series_equal(kicked.loc[: 199 - lead, name], plain.loc[: 199 - lead, name])
        assert kicked.loc[200 - lead, name] != plain.loc[200 - lead, name]
    pd.testing.assert_series_equal(kicked.loc[:199, "obs"], plain.loc[:199, "obs"])
    before, after = ((table.loc[195, "par1"] - 10) / 2 for table in (plain, kicked))
    assert after == pytest.approx(0.1 * before, rel=1e-6)
    # It grows back to the cycle within three periods.
    swing = np.ptp(plain["obs"])
    assert np.ptp(kicked.loc[200:210, "obs"]) < 0.2 * swing
    assert np.ptp(kicked.loc[350:, "obs"]) == pytest.approx(swing, rel=0.05)


def test_generators_depend_on_the_seed_alone():
    pd.testing.assert_frame_equal(datasets.leading_parameters(50, seed=1), datasets.leading_parameters(50, seed=1))
    assert not datasets.leading_parameters(50, seed=1).equals(datasets.leading_parameters(50, seed=2))
    for one, same in zip(datasets.device_failures(seed=1), datasets.device_failures(seed=1), strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(datasets.device_failures(seed=1)[0], datasets.device_failures(seed=2)[0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ({"noise": -0.1}, ValueError, "noise must be at least 0, got -0.1"),
        ({"noise": np.nan}, ValueError, "noise must be finite, got nan"),
        ({"noise": "0.1"}, TypeError, "noise must be a number, got '0.1' of type str"),
        ({"kicks": 5}, TypeError, "kicks must be a sequence of rows, got 5"),
        ({"kicks": [0.5]}, TypeError, "kicks must be an integer"),
        ({"kicks": [-1]}, ValueError, "kicks must be at least 0, got -1"),
        ({"steps": 10, "kicks": [3, 10]}, ValueError, "kicks must be rows below steps = 10, got 10"),
    ],
)
def test_leading_parameters_refuses(options, error, message):
    with pytest.raises(error, match=message):
        datasets.leading_parameters(**options)


def test_device_failures_depend_on_the_order_of_the_steps():
    parts = [datasets.device_failures(seed=seed) for seed in range(40)]
    x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert parts[0][0].shape == (195, 3, 8)
    assert parts[0][1].shape == (195,)
    assert set(y) == {0, 1}
    assert y.mean() == pytest.approx(0.3 * 0.97 + 0.7 * 0.03, abs=0.02)
    # Whatever does not know the order of the steps is the same for both outcomes: four standard errors at most.
    for summary in (np.mean, np.max, np.min, np.std):
        one, other = summary(x[y == 1], axis=1), summary(x[y == 0], axis=1)
        error = np.sqrt(one.var(axis=0) / len(one) + other.var(axis=0) / len(other))
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 4 * error).all()
    # Who knows it sees wear build up, in the first six sensors and not in the last two.
    rise = x[:, 2] - x[:, 0]
    gap = rise[y == 1].mean(axis=0) - rise[y == 0].mean(axis=0)
    assert (np.abs(gap[:6]) > 0.5).all()
    assert (np.abs(gap[6:]) < 0.05).all()
    assert (np.sign(gap[:6]) == [1, 1, 1, -1, 1, -1]).all()


def test_device_failures_refuses():
    with pytest.raises(TypeError, match="seed must be an integer, got '1'"):
        datasets.device_failures(seed="1")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the data folder that a test may damage."""
    for name in datasets._SHA256:
        shutil.copy(DATA / name, tmp_path / name)
    monkeypatch.setattr(datasets, "_data_folder", lambda: tmp_path)
    return tmp_path


def test_missing_file(copied):
    (copied / "sunspots.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*sunspots\.csv"):
        datasets.sunspots()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-10],
        lambda content: content.replace(b"58.0", b"58.1", 1),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"",
    ],
    ids=["cut", "changed", "line endings", "empty"],
)
@pytest.mark.parametrize("name", ["sunspots.csv", "sunspots_later.csv"])
def test_damaged_file(copied, damage, name):
    path = copied / name
    path.write_bytes(damage(path.read_bytes().replace(b"57.0", b"58.0", 1) if "later" in name else path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{name} is damaged: its sha256 is"):
        datasets.sunspots(until="2009-06")


@pytest.mark.parametrize(("name", "load"), [("fulda.csv", datasets.fulda), ("weather.csv.gz", datasets.drought)])
def test_damaged_or_missing_daily_file(copied, name, load):
    path = copied / name
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=rf"{name} is damaged: its sha256 is"):
        load()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"No such file or directory: .*{name}"):
        load()


def test_packed_file_holds_no_time_of_packing():
    header = (DATA / "weather.csv.gz").read_bytes()[:8]
    assert header == b"\x1f\x8b\x08\x00" + bytes(4)


def test_data_page_names_the_checksums():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for name, digest in datasets._SHA256.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest
        assert digest in text


def test_recorded_result(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    text = "# command: python data/record.py demo\n# date: 2026-01-01\n# machine: 2 cores: fast\n"
    (tmp_path / "results" / "demo.csv").write_text(text + "seed,error,what\n0,0.25,a#b\n")
    monkeypatch.setattr(datasets, "_data_folder", lambda: tmp_path)
    table = datasets.recorded("demo")
    assert table.to_dict("list") == {"seed": [0], "error": [0.25], "what": ["a#b"]}
    assert table.attrs == {"command": "python data/record.py demo", "date": "2026-01-01", "machine": "2 cores: fast"}
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for name in ("other", "../secret", "demo.csv", None, {}):
        with pytest.raises(FileNotFoundError, match=f"no recorded result {name!r}; there are: demo"):
            datasets.recorded(name)
