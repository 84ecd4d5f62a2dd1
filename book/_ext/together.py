"""Sphinx: a comma or a full stop after a formula stays on the formula's line."""

import re
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

AFTER = re.compile(r"[.,;:!?)\]”’]+")


class Together(SphinxPostTransform):
    """Put a formula and the marks right after it into an inline that does not break."""

    default_priority: ClassVar = 400
    builders: ClassVar = ("html",)

    def run(self, **options: Any) -> None:
        """Go through the page."""
        for formula in list(self.document.findall(nodes.math)):
            text = formula.next_node(descend=False, siblings=True)
            marks = AFTER.match(text) if isinstance(text, nodes.Text) else None
            if marks is None:
                continue
            rest = nodes.Text(text[marks.end() :])
            text.parent.replace(text, rest)
            both = nodes.inline(classes=["together"])
            formula.replace_self(both)
            both += [formula, nodes.Text(marks[0])]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_post_transform(Together)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
