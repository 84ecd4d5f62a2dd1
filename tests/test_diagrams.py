"""The diagrams: one palette, text that can be read in the light and in the dark."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import diagram
import numpy as np
import pytest
from test_pages import EXEMPT, PAGES

BOOK = Path(__file__).parents[1] / "book"
DIAGRAMS = sorted(BOOK.glob("*/figures/*.svg"))
CSS = (BOOK / "_static" / "course.css").read_text(encoding="utf-8")
LIGHT = {name: colour for colour, name in diagram.PALETTE.items()}
DARK = {**dict(re.findall(r"--diagram-([a-z-]+): (#\w{6});", CSS)), "ground": "#121212"}  # the theme's
HUES = ("blue", "orange", "green", "pink")
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
# How colours look without one of the three kinds of cones: Machado, Oliveira and Fernandes (2009).
SIGHT = {
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}

PHONE = 374  # pixels for a drawing on a screen of 390: tests/test_browser.py measures them
LEAST = 11  # pixels for text there
REDUCED = re.compile("[¼-¾⅐-⅞⁰-₟]")  # signs with digits of 0.6 their size
DRAWN = {  # the pages of the new form that hold diagrams
    name: drawings
    for name in PAGES.keys() - EXEMPT
    if (drawings := re.findall(r"`{diagram} (\S+?)\\n", PAGES[name].read_text(encoding="utf-8")))
}


def linear(colour: str) -> np.ndarray:
    shares = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    return float(linear(colour) @ TO_XYZ[1])


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out(colours: dict[str, str]) -> None:
    assert set(colours) == set(LIGHT)
    text = [("ink", ground) for ground in ("ground", "pale", *(f"{hue}-pale" for hue in HUES))]
    text += [("muted", "ground")]
    text += [(f"{hue}-text", ground) for hue in HUES for ground in ("ground", f"{hue}-pale")]
    lines = [(line, "ground") for line in ("line", *HUES)]
    assert [pair for pair in text if contrast(*(colours[name] for name in pair)) < 4.5] == []
    assert [pair for pair in lines if contrast(*(colours[name] for name in pair)) < 3] == []


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b*, in which a distance of 2 is just seen."""
    x, y, z = np.cbrt(TO_XYZ @ rgb.clip(0.01, 1) / TO_XYZ.sum(axis=1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("cones", SIGHT)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colour_blind_readers_can_tell_the_colours_apart(colours: dict[str, str], cones: str) -> None:
    seen = {hue: lab(np.array(SIGHT[cones]) @ linear(colours[hue])) for hue in HUES}
    distances = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(HUES, 2)}
    assert min(distances.values()) > 12, distances


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_diagram_keeps_the_style(path: Path) -> None:
    svg = ET.parse(path).getroot()
    assert diagram.colours(svg) <= set(diagram.PALETTE)
    assert svg.find(f"{diagram.SVG}title") is not None
    assert svg.get("font-family") == "sans-serif"
    text = list(svg.iter(f"{diagram.SVG}text"))
    assert min(float(e.get("font-size", svg.get("font-size", ""))) for e in text) >= 13
    assert int(svg.get("width", "")) <= 760
    solid = {LIGHT[hue] for hue in HUES}
    assert not {e.get("fill", "").lower() for e in text} & solid, "text has the darker colours"


def pieces(element: ET.Element, size: float = 16) -> Iterator[tuple[str, float]]:
    """All text of a drawing with its size, in the drawing's own units."""
    own = element.get("font-size", f"{size}")
    size = size * float(own[:-1]) / 100 if own.endswith("%") else float(own)
    if element.tag in {f"{diagram.SVG}{tag}" for tag in ("text", "tspan")}:
        yield element.text or "", size
    for child in element:
        yield from pieces(child, size)
        if child.tag == f"{diagram.SVG}tspan":
            yield child.tail or "", size


def too_small(texts: list[tuple[str, float]], scale: float = 1) -> list[tuple[str, float]]:
    """Those that a reader with a phone would have to enlarge."""
    shown = [(text, size * scale * (0.6 if REDUCED.search(text) else 1)) for text, size in texts if text.strip()]
    assert shown, "a drawing without text"
    return [(text, size) for text, size in shown if size < LEAST - 0.01]


@pytest.mark.parametrize("name", sorted(DRAWN) or ["none"])
def test_text_can_be_read_on_a_phone(name: str) -> None:
    for drawing in DRAWN[name]:
        svg = ET.parse(PAGES[name].parent / drawing).getroot()
        assert too_small(list(pieces(svg)), min(1, PHONE / float(svg.get("width", "")))) == [], drawing


def test_small_text_is_noticed() -> None:
    svg = ET.fromstring(
        '<svg xmlns="http://www.w3.org/2000/svg" font-size="20"><title>small</title><text>a<tspan font-size="50%">b'
        '</tspan>c</text><text font-size="14">d</text><text font-size="16">× ½ y₁</text></svg>'
    )
    found = list(pieces(svg))
    assert found == [("a", 20), ("b", 10), ("c", 20), ("d", 14), ("× ½ y₁", 16)]
    assert too_small(found) == [("b", 10), ("× ½ y₁", pytest.approx(9.6))]
    assert too_small(found, 0.75) == [("b", 7.5), ("d", 10.5), ("× ½ y₁", pytest.approx(7.2))]


def test_diagram_in_a_page_shares_nothing_with_another() -> None:
    svg = ET.fromstring(
        '<svg xmlns="http://www.w3.org/2000/svg" style="background: #ffffff"><title>T</title>'
        '<defs><marker id="arrow"/></defs><path stroke="#0072B2" fill="none" marker-end="url(#arrow)"/></svg>'
    )
    text = diagram.for_page(svg, label="fig-one", alt="A line & an arrow.")
    assert 'aria-label="A line &amp; an arrow."' in text
    assert 'id="fig-one-arrow"' in text
    assert 'marker-end="url(#fig-one-arrow)"' in text
    assert 'stroke="var(--diagram-blue, #0072B2)"' in text
    assert "title" not in text
    assert "background" not in text
