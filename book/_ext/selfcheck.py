"""Sphinx: the directive ``{selfcheck}``, a question with answers to choose from.

    ```{selfcheck}
    How many windows of 3 inputs and 1 target has a series of 10 points?

    - [ ] 10
      Each window needs 4 points, and the last must still fit.
    - [x] 7
      10 − 3 − 1 + 1 = 7.
    ```

On the page the reader chooses and sees at once whether, and why (``selfcheck.js``). Without
JavaScript and on paper all answers stand there with their reasons.
"""

import re
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ANSWER = re.compile(r"^- \[([ x])\] (.*)$")
LETTERS = "abcdefgh"
VERDICT = {True: "Right.", False: "No."}


class Question(nodes.General, nodes.Element):
    """All of it; holds a prompt, and answers."""


class Answer(nodes.General, nodes.Element):
    """One answer: its text and, last, its reason. Knows its number, and whether it is right."""


class SelfCheck(SphinxDirective):
    """Read a question with its answers."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make the question."""
        lines = list(self.content)
        starts = [i for i, line in enumerate(lines) if ANSWER.match(line)]
        if len(starts) < 2:
            raise self.error(
                f"a self-check needs at least two answers '- [ ] …', got {len(starts)}"
            )
        group = f"selfcheck-{self.env.new_serialno('selfcheck')}"
        asked = Question(group=group)
        asked += self._parsed(lines[: starts[0]], self.content_offset)
        for number, (start, stop) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
            mark, text = ANSWER.match(lines[start]).groups()  # type: ignore[union-attr]  # matched above
            reason = [line.strip() for line in lines[start + 1 : stop]]
            if not any(reason):
                raise self.error(f"the answer {text!r} needs a reason, indented below it")
            given = Answer(number=number, right=mark == "x")
            (paragraph,) = self._parsed([text], self.content_offset + start).children
            given += nodes.inline("", "", *paragraph.children)
            given += self._parsed(reason, self.content_offset + start + 1)
            asked += given
        if sum(given["right"] for given in asked.findall(Answer)) != 1:
            raise self.error("exactly one answer of a self-check must be right: '- [x] …'")
        self.set_source_info(asked)
        return [asked]

    def _parsed(self, lines: list[str], offset: int) -> nodes.container:
        inside = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), offset, inside)
        return inside


def write_html(writer: Any, node: Question) -> None:
    """Write radio buttons, and below them the reasons, where a screen reader hears of a change."""
    group = node["group"]
    prompt, *answers = node.children
    writer.body.append(
        f'<div class="selfcheck"><div id="{group}-asked"><p class="title">Check yourself</p>'
    )
    prompt.walkabout(writer)
    writer.body.append(f'</div><div role="radiogroup" aria-labelledby="{group}-asked">\n')
    for given in answers:
        identity = f"{group}-{given['number']}"
        writer.body.append(
            f'<div class="answer"><input type="radio" name="{group}" id="{identity}">'
        )
        writer.body.append(f'<label for="{identity}">({LETTERS[given["number"]]}) ')
        given[0].walkabout(writer)
        writer.body.append("</label></div>\n")
    writer.body.append('</div><div class="reasons" role="status">\n')
    for given in answers:
        classes = "right" if given["right"] else "wrong"
        letter = LETTERS[given["number"]]
        writer.body.append(f'<div class="{classes}" data-for="{group}-{given["number"]}">')
        writer.body.append(f'<p class="verdict">({letter}) {VERDICT[given["right"]]}</p>')
        given[-1].walkabout(writer)
        writer.body.append("</div>\n")
    writer.body.append("</div></div>\n")
    raise nodes.SkipNode


def write_latex(writer: Any, node: Question) -> None:
    """On paper: the question, and each answer with its reason."""
    prompt, *answers = node.children
    writer.body.append("\n\n\\noindent\\textbf{Check yourself.} ")
    prompt.walkabout(writer)
    for given in answers:
        writer.body.append(f"\n\n\\noindent({LETTERS[given['number']]}) ")
        given[0].walkabout(writer)
        writer.body.append(f" \\emph{{{VERDICT[given['right']]}}} ")
        given[-1].walkabout(writer)
    writer.body.append("\n\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and what the page needs for it."""
    app.add_directive("selfcheck", SelfCheck)
    app.add_node(Question, html=(write_html, None), latex=(write_latex, None))
    app.add_node(Answer)
    app.add_js_file("selfcheck.js", loading_method="defer")
    app.add_css_file("selfcheck.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
