"""The home page's pictures: as their script makes them, light, in the diagrams' colours."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import diagram
import numpy as np
import pictures
import pytest

BOOK = Path(__file__).parents[1] / "book"
NUMBERS = r"-?\d+\.\d+"


def split(drawing: str) -> tuple[list[str], np.ndarray]:
    return re.split(NUMBERS, drawing), np.array(re.findall(NUMBERS, drawing), dtype=float)


@pytest.mark.parametrize("folder", pictures.CARDS)
def test_card_is_what_the_script_makes(folder: str) -> None:
    words, places = split((BOOK / folder / "card.svg").read_text(encoding="utf-8"))
    lines = list(pictures.CARDS[folder]())
    made_words, made_places = split(pictures.as_svg(lines, width=320, height=130))
    assert words == made_words
    np.testing.assert_allclose(places, made_places, rtol=0, atol=0.11)  # a tenth: another processor may round otherwise


@pytest.mark.parametrize("file", [f"{folder}/card.svg" for folder in pictures.CARDS] + ["_static/home.svg"])
def test_picture_is_light_and_follows_the_theme(file: str) -> None:
    assert (BOOK / file).stat().st_size < 15_000
    assert diagram.colours(ET.parse(BOOK / file).getroot()) <= set(diagram.PALETTE)


def test_frame_is_filled() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([-1.0, 3.0, 1.0])
    svg = pictures.as_svg([(x, y, pictures.BLUE, 2)], width=100, height=50, margin=5)
    assert 'd="M5.0 45.0L50.0 5.0L95.0 25.0"' in svg
