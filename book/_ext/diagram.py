"""Sphinx: the directive ``{diagram}``, a figure whose drawing follows the page's colours.

    ```{diagram} figures/windows.svg
    :name: fig-sine-heads
    :alt: What is to be seen, for those who cannot see it.

    The caption.
    ```

It takes the options of ``{figure}`` and is numbered like one. A file holds plain colours, those of
``PALETTE``, so that it looks right alone, in an editor and on paper. On the page the drawing stands
in the HTML, and each colour becomes a variable, such as ``--diagram-ink``, to which ``course.css``
gives another value in the dark.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.patches import Figure
from sphinx.util.docutils import SphinxDirective

# Strokes and areas have the colours of the plots; text has darker ones, to be read on pale ground.
PALETTE = {
    "#333333": "ink",
    "#666666": "muted",
    "#8a8a8a": "line",
    "#ffffff": "ground",
    "#eeeeee": "pale",
    "#0072b2": "blue",
    "#d55e00": "orange",
    "#009e73": "green",
    "#cc79a7": "pink",
    "#dcebf5": "blue-pale",
    "#fde6d9": "orange-pale",
    "#d9f0e8": "green-pale",
    "#f7e6f0": "pink-pale",
    "#00609a": "blue-text",
    "#a84300": "orange-text",
    "#006b4f": "green-text",
    "#8f4474": "pink-text",
}
SVG = "{http://www.w3.org/2000/svg}"


class Drawing(nodes.image):
    """The SVG of a diagram: in HTML part of the page, elsewhere a picture."""


class Diagram(Figure, SphinxDirective):
    """Make a figure with a drawing in place of the picture."""

    def run(self) -> list[nodes.Node]:
        """Make the figure, if it has an alternative text, a caption and the palette's colours."""
        if not self.options.get("alt") or not self.options.get("name") or not self.content:
            raise self.error("a diagram needs a name, an alternative text and a caption")
        label = self.options["name"]
        made = super().run()
        for image in [image for node in made for image in node.findall(nodes.image)]:
            path = Path(self.env.relfn2path(image["uri"])[1])
            unknown = colours(ET.parse(path).getroot()) - set(PALETTE)
            if unknown:
                raise self.error(f"{path.name} has colours outside the palette: {sorted(unknown)}")
            self.env.note_dependency(str(path))
            image.replace_self(Drawing(label=label, **image.attributes))
        return made


def colours(svg: ET.Element) -> set[str]:
    """Return all colours of a drawing."""
    used = {e.get(key, "none").lower() for e in svg.iter() for key in ("fill", "stroke")}
    return used - {"none"}


def for_page(svg: ET.Element, *, label: str, alt: str) -> str:
    """Write a drawing as a part of a page: colours as variables, identifiers that occur once."""
    for element in svg.findall(f"{SVG}title") + svg.findall(f"{SVG}desc"):
        svg.remove(element)  # the alternative text says it
    svg.attrib.pop("style", None)  # the white ground
    svg.attrib.update({"class": "diagram", "role": "img", "aria-label": alt})
    for element in svg.iter():
        element.tag = element.tag.removeprefix(SVG)
        for key, value in element.attrib.items():
            if key in {"fill", "stroke"} and value != "none":
                value = f"var(--diagram-{PALETTE[value.lower()]}, {value})"
            elif key == "id":
                value = f"{label}-{value}"
            element.set(key, re.sub(r"url\(#", f"url(#{label}-", value))
    return ET.tostring(svg, encoding="unicode")


def write_html(writer: Any, node: Drawing) -> None:
    """Write the drawing into the page."""
    svg = ET.parse(Path(writer.builder.srcdir) / node["uri"]).getroot()
    if "width" in node:
        svg.set("width", node["width"])
    writer.body.append(for_page(svg, label=node["label"], alt=node["alt"]))
    raise nodes.SkipNode


def visit_image(writer: Any, node: Drawing) -> None:
    """On paper it is a picture like others."""
    writer.visit_image(node)


def depart_image(writer: Any, node: Drawing) -> None:
    """End the picture."""
    writer.depart_image(node)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("diagram", Diagram)
    app.add_node(
        Drawing,
        html=(write_html, None),
        latex=(visit_image, depart_image),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
