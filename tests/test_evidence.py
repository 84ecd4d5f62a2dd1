"""The page on the sources: its figures, where they are read, and the sentences that rest on them."""

import re
import shutil
from pathlib import Path

import evidence
import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "reference" / "sources.md"


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Path:
    """Make a copy of the record and the chapters, from which the figures are read."""
    shutil.copytree(ROOT / "data", tmp_path / "data", ignore=shutil.ignore_patterns("unfinished"))
    for notebook in (ROOT / "book").rglob("*.ipynb"):
        copy = tmp_path / notebook.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(notebook, copy)
    monkeypatch.setattr(evidence, "ROOT", tmp_path)
    return tmp_path


def numbers(key: str) -> list[float]:
    """Read the numbers in a figure: a value alone, or median, lowest and highest."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", evidence.text_of(key))]


def test_the_page_uses_every_figure_and_no_other() -> None:
    used = re.findall(r"\{measured\}`([^`]*)`", PAGE.read_text(encoding="utf-8"))
    assert set(used) == set(evidence.FIGURES)


def test_the_page_has_the_fifteen_items_in_order() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## S(\d+) ", text, flags=re.MULTILINE) == [str(n) for n in range(1, 16)]
    for section in re.split(r"^## S\d+ ", text.split("\n## Beyond")[0], flags=re.MULTILINE)[1:]:
        terms = re.findall(r"^(.*)\n: ", section, flags=re.MULTILINE)
        assert terms == ["The source reports", "We get", "Where they differ"]
        assert "{measured}`" in section


@pytest.mark.parametrize("key", evidence.FIGURES)
def test_figure_is_read_and_its_cell_is_there(key: str) -> None:
    assert re.search(r"\d", evidence.text_of(key))
    assert evidence.chapter_of(evidence.FIGURES[key].cell)


def test_a_changed_record_changes_the_figure(copied) -> None:
    before = evidence.text_of("s1-all")
    path = copied / "data" / "results" / "sine_heads.csv"
    table = evidence.table_at(path).copy()
    first = table.query("readout == 'all' and not residual and not lbfgs").index[0]
    table.loc[first, "max_error_500"] = 0.5
    table.to_csv(path, index=False)
    evidence.table_at.cache_clear()
    assert evidence.text_of("s1-all") != before
    assert evidence.text_of("s1-all").endswith("–0.500)")


def test_a_changed_output_changes_the_figure(copied) -> None:
    path = copied / "book" / "06-several-inputs" / "1-several-inputs.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("53815  53815", "53815  53816"), encoding="utf-8")
    assert evidence.text_of("s13-total") == "53,816"


def test_what_is_not_found_is_an_error(copied) -> None:
    path = copied / "book" / "06-several-inputs" / "1-several-inputs.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("total      ", "altogether "), encoding="utf-8")
    with pytest.raises(LookupError, match="has no row 'total'"):
        evidence.text_of("s13-total")
    with pytest.raises(LookupError, match="does not match"):
        evidence.found("sine-data", "no such words")
    with pytest.raises(LookupError, match="no rows"):
        evidence.recorded("sine_heads", readout="middle")
    with pytest.raises(KeyError):
        evidence.chapter_of("no-such-cell")


def test_the_sentences_rest_on_the_figures() -> None:
    middle = {key: numbers(key)[0] for key in evidence.FIGURES}
    assert middle["s1-mended"] < middle["s1-last"] / 10
    assert middle["s2-wide"] < middle["s2-thread"] < middle["s2-two"]
    assert middle["s2-thread"] < middle["s2-narrow"]
    assert middle["s3-between"] < middle["s3-asked"] / 10
    assert middle["s3-beyond"] > 5 * middle["s3-between"]
    assert middle["s4-last-long"] > 0.9
    assert middle["s4-ridge"] < min(middle["s4-all-long"], middle["s4-all-features"], middle["s4-all-branches"])
    assert middle["s5-small"] < middle["s5-ridge"] < numbers("s5-range")[0]
    assert middle["s5-ridge-rmse"] < middle["s5-small-rmse"] < middle["s5-naive-rmse"]
    assert max(middle["s6-rate-2"], middle["s6-rate-3"]) < middle["s6-state"] < middle["s6-rate-1"]
    assert middle["s8-long"] > 0.8 * middle["s8-long-mean"]
    assert numbers("s10-test")[1] > 0.077
    assert middle["s10-naive-test"] < middle["s10-test"]
    assert middle["s11-steps"] < middle["s11-units"]
    assert middle["s11-test"] < middle["s11-ar"] < middle["s11-naive"]
    assert middle["s12-best"] < middle["s12-end"] < middle["s12-naive"]
    assert middle["s12-naive-mae"] < middle["s12-recipe-mae"]
    assert middle["droughted-naive"] <= min(middle["droughted-best"], middle["droughted-blended"])
    for name in ("month-naive", "month-ar", "month-gru", "cycle-ar", "week-ridge", "week-change", "week-net"):
        assert 0.85 < middle[f"{name}-all"] < 0.95
    assert middle["month-ar-numbers-high"] < 0.75
    assert middle["cycle-gru-all"] < middle["cycle-ar-all"]
    assert middle["week-net-score"] < min(middle[f"week-{name}-score"] for name in ("naive", "ridge", "change"))
    page = PAGE.read_text(encoding="utf-8")
    for key in ("s13-total", "s13-rows", "s14-total", "s14-rows"):  # the source's, written on the page
        assert evidence.text_of(key) in page
    assert middle["s14-more"] == middle["s14-total"] - middle["s13-total"]
