"""Sphinx: the directive ``{play}``, a figure that the reader can play with.

    ```{play} rnn-by-hand
    What stands here on paper and without JavaScript: a sentence that leads to a figure at rest.
    ```

``_static/play-rnn-by-hand.js`` puts the figure in the place of that sentence. It and what all such
figures share, ``play.js`` and ``play.css``, are loaded by the pages that hold one; what only some
of them share lies in ``_static/play``.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

STATIC = Path(__file__).parents[1] / "_static"
SHARED = {
    "closed-loop": ["chart", "sine"],
    "eigenvalue": ["chart"],
    "leash": ["chart", "sine", "sine-networks"],
    "running": ["chart", "sine", "sine-networks"],
    "time-machine": ["chart"],
}


class Play(nodes.General, nodes.Element):
    """The place of the figure; knows its name, and holds what stands there without it."""


class PlayDirective(SphinxDirective):
    """Make room for a figure."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the place, if there is such a figure and a text instead of it."""
        (name,) = self.arguments
        if not (STATIC / f"play-{name}.js").is_file():
            raise self.error(f"there is no figure _static/play-{name}.js")
        self.assert_has_content()
        place = Play(name=name)
        self.state.nested_parse(self.content, self.content_offset, place)
        self.set_source_info(place)
        return [place]


def write_html(writer: Any, node: Play) -> None:
    """Open the place."""
    writer.body.append(f'<div class="play" data-play="{node["name"]}">\n')


def close_html(writer: Any, _node: Play) -> None:
    """Close it."""
    writer.body.append("</div>\n")


def pass_by(_writer: Any, _node: Play) -> None:
    """On paper there is the text alone."""


def add_scripts(app: Sphinx, *page: Any) -> None:
    """Let the pages with such figures, and no others, load what they need."""
    doctree: nodes.document | None = page[-1]
    names = [place["name"] for place in doctree.findall(Play)] if doctree else []
    if names:
        app.add_css_file("play.css")
        app.add_js_file("play.js", loading_method="defer")
    shared = [f"play/{part}" for name in names for part in SHARED.get(name, [])]
    for script in dict.fromkeys([*shared, *(f"play-{name}" for name in names)]):
        app.add_js_file(f"{script}.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("play", PlayDirective)
    app.add_node(Play, html=(write_html, close_html), latex=(pass_by, pass_by))
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
