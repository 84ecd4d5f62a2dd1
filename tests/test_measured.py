"""The page on the sources: its figures, the cells that set them, and the sentences that rest on them."""

import re
import shutil
from pathlib import Path

import measured
import pytest
from measured import Figure, figures

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "reference" / "sources.md"


@pytest.fixture
def copied(tmp_path) -> Path:
    """Make a copy of one chapter, from which its figures are read."""
    folder = tmp_path / "06-several-inputs"
    folder.mkdir()
    shutil.copy(ROOT / "book" / folder.name / "1-several-inputs.ipynb", folder)
    return folder / "1-several-inputs.ipynb"


def changed(notebook: Path, before: str, after: str) -> dict[str, Figure]:
    """Return the figures when a text in the notebook is another."""
    text = notebook.read_text(encoding="utf-8")
    assert before in text
    notebook.write_text(text.replace(before, after), encoding="utf-8")
    return figures(notebook.parents[1])


def numbers(key: str) -> list[float]:
    """Read the numbers in a figure: a value alone, or median, lowest and highest."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", figures()[key].text)]


def test_the_page_uses_every_figure_and_no_other() -> None:
    used = re.findall(r"\{measured\}`([^`]*)`", PAGE.read_text(encoding="utf-8"))
    assert set(used) == set(figures())


def test_the_page_has_the_fifteen_items_in_order() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## S(\d+) ", text, flags=re.MULTILINE) == [str(n) for n in range(1, 16)]
    for section in re.split(r"^## S\d+ ", text.split("\n## Beyond")[0], flags=re.MULTILINE)[1:]:
        terms = re.findall(r"^(.*)\n: ", section, flags=re.MULTILINE)
        assert terms == ["The source reports", "We get", "Where they differ"]
        assert "{measured}`" in section


def test_each_figure_is_a_number() -> None:
    assert [key for key, figure in figures().items() if not re.search(r"\d", figure.text)] == []


def test_cells_that_set_keys_are_not_shown() -> None:
    tags = {name: cell["metadata"].get("tags", []) for name, (_, cell) in measured.cells().items()}
    setting = {name: found for name, found in tags.items() if "keys" in found}
    assert setting == {f"{figure.cell}-keys": ["remove-cell", "keys"] for figure in figures().values()}


def test_a_changed_output_changes_the_figure(copied) -> None:
    assert changed(copied, "'s13-total': '53,815'", "'s13-total': '53,816'")["s13-total"].text == "53,816"


def test_a_key_set_twice_is_an_error(copied) -> None:
    with pytest.raises(LookupError, match="'s13-total' is set after 'inputs-count' and after 'inputs-compared'"):
        changed(copied, "{'s14-total'", "{'s13-total'")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("53,815", "53,815"),
        ("-1.25", "−1.25"),
        ("4e+03", "4 × 10³"),
        ("9e-21", "9 × 10⁻²¹"),
        (["0.0957", "0.0781", "0.1362"], "0.0957 (0.0781–0.1362)"),
        (["-0.1", "-0.2", "0.3"], "−0.1 (−0.2–0.3)"),
    ],
)
def test_how_a_figure_is_written(value: str | list[str], text: str) -> None:
    assert measured.typeset(value) == text


def test_the_sentences_rest_on_the_figures() -> None:
    middle = {key: numbers(key)[0] for key in figures()}
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
    for name in ("week-ridge", "week-change", "week-net"):
        assert 0.85 < middle[f"{name}-all"] < 0.95
    assert middle["week-net-score"] < min(middle[f"week-{name}-score"] for name in ("naive", "ridge", "change"))
    page = PAGE.read_text(encoding="utf-8")
    for key in ("s13-total", "s13-rows", "s14-total", "s14-rows"):  # the source's, written on the page
        assert figures()[key].text in page
    assert middle["s14-more"] == middle["s14-total"] - middle["s13-total"]
