"""Draw each diagram once more, as PNG: ``python tests/rasters.py`` does so where it is missing or older than its SVG.

Colab shows no SVG in text: the notebooks that readers get hold these. It needs Chromium, as the browser checks do.
"""

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin
from serving import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
DIAGRAMS = sorted(ROOT.glob("book/*/figures/*.svg"))
SHARP = 2  # pixels for each of the drawing's own
COLOURS = 64  # of the palette, and between them at the edges


def of(path: Path) -> str:
    """Name a drawing by its content."""
    return hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()


def is_fresh(path: Path) -> bool:
    """Whether a drawing's PNG was made from it as it is now."""
    made = path.with_suffix(".png")
    if not made.exists():
        return False
    with Image.open(made) as image:
        return image.info.get("svg") == of(path)


def draw(browser: "Browser", path: Path) -> Image.Image:
    """Draw it."""
    svg = path.read_text(encoding="utf-8")
    width, height = (int(re.search(rf'<svg[^>]*? {side}="(\d+)"', svg)[1]) for side in ("width", "height"))
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=SHARP)
    page.set_content(f'<body style="margin: 0">{svg}')
    shot = page.screenshot()
    page.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def main() -> None:
    """Draw what has changed."""
    from playwright.sync_api import sync_playwright

    stale = [path for path in DIAGRAMS if not is_fresh(path)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--disable-gpu"])
        for path in stale:
            info = PngImagePlugin.PngInfo()
            info.add_text("svg", of(path))
            small = draw(browser, path).quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(path.with_suffix(".png"), optimize=True, pnginfo=info)
        browser.close()


if __name__ == "__main__":
    main()
