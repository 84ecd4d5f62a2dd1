"""The shipped and the generated series: facts, offline use, damaged and missing files."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnncourse import datasets

DATA = Path(__file__).parents[1] / "data"


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


@pytest.mark.parametrize("until", ["2009-07", "1748-12", "soon", "1983-13", None, 3.5])
def test_until_outside_the_data(until):
    with pytest.raises(ValueError, match="until must be a month"):
        datasets.sunspots(until=until)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the data folder that a test may damage."""
    for name in datasets._SHA256:
        shutil.copy(DATA / name, tmp_path / name)
    monkeypatch.setattr(datasets, "_data_folder", lambda: tmp_path)
    return tmp_path


def test_missing_file(copied):
    (copied / "sunspots.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"data file sunspots\.csv is missing"):
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


def test_data_page_names_the_checksums():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for name, digest in datasets._SHA256.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest
        assert digest in text


def test_recorded_result(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    text = "# command: python data/record.py demo\n# date: 2026-01-01\n# machine: 2 cores: fast\nseed,error\n0,0.25\n"
    (tmp_path / "results" / "demo.csv").write_text(text)
    monkeypatch.setattr(datasets, "_data_folder", lambda: tmp_path)
    table = datasets.recorded("demo")
    assert table.to_dict("list") == {"seed": [0], "error": [0.25]}
    assert table.attrs == {"command": "python data/record.py demo", "date": "2026-01-01", "machine": "2 cores: fast"}
    with pytest.raises(FileNotFoundError, match="no recorded result 'other'; there are: demo"):
        datasets.recorded("other")
