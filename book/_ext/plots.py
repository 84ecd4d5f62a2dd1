"""Sphinx: a plot is shown at the size that Matplotlib gave it, 96 pixels an inch."""

import struct
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class Sizes(SphinxTransform):
    """Give the pictures in the cells' outputs their width."""

    default_priority: ClassVar = 410

    def apply(self, **options: Any) -> None:
        """Go through the page."""
        for image in self.document.findall(nodes.image):
            if image["uri"].endswith(".png") and "width" not in image:
                _, path = self.env.relfn2path(image["uri"], self.env.docname)
                if inches := width_in_inches(Path(path).read_bytes()):
                    image["width"] = f"{96 * inches:.0f}px"


def width_in_inches(png: bytes) -> float | None:
    """Return the width of a PNG by the resolution that it names, if it does."""
    place = png.find(b"pHYs", 0, 4096)
    if place < 0:
        return None
    (pixels,) = struct.unpack(">I", png[16:20])
    (per_metre,) = struct.unpack(">I", png[place + 4 : place + 8])
    return float(pixels / (per_metre * 0.0254))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(Sizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
