"""The errata page: each item stands in its chapter, has a record, and prints what was recorded."""

import re
from pathlib import Path

import errata
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "book" / "reference" / "errata.md").read_text(encoding="utf-8")
# What does not hold, by the section it stands in: an item leaves when its chapter is rewritten.
ITEMS: dict[str, list[str]] = {
    "errata-sine": [],
    "errata-by-hand": [],
    "errata-sunspots": [],
    "errata-observable": [],
    "errata-drought": [],
    "errata-inputs": [],
    "errata-yes-no": [],
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
    with pytest.raises(LookupError, match="no 'such thing' in the row 'sine-kick'"):
        errata.text_of("sine-kick / such thing")


def test_a_figure_is_printed_as_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(errata, "ROOT", tmp_path)
    (tmp_path / "data" / "results").mkdir(parents=True)
    (tmp_path / "data" / "results" / "errata_x.csv").write_text(
        "# command: none\nrow,what,quantity,value,low,high,unit,count\n"
        "a,w,gain,0.384,-0.0555,0.801,sunspots,47 blocks\na,w,share,0.12345,,,,8 seeds\na,w,none,-0.001,,,,\n"
    )
    assert errata.text_of("a / gain / .2f") == "0.38 (−0.06 to 0.80)"
    assert errata.text_of("a / share / .0%") == "12%"
    assert errata.text_of("a / share") == "0.123"
    assert errata.text_of("a / none / .2f") == "0.00"
