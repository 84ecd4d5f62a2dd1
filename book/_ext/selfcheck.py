"""Sphinx: the directives ``{selfcheck}`` and ``{bet}``, questions with answers to choose from.

    ```{selfcheck}
    How many windows of 3 inputs and 1 target has a series of 10 points?

    - [ ] 10
      Each window needs 4 points, and the last must still fit.
    - [x] 7
      10 − 3 − 1 + 1 = 7.
    ```

    ```{bet} How large is the error after 500 steps?
    - [ ] As small as after one.
    - [x] Larger than the wave itself.
      A small error is an input of the next step.
    ```

A self-check follows what it asks about; a bet stands before the result that answers it, and only
its right answer needs a reason. On the page the reader chooses and sees at once whether, and why
(``selfcheck.js``). Without JavaScript the reasons of a self-check stand below it, and those of the
bets at the page's end; on paper all of them at the book's (``answers.py``).
"""

import re
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective

ANSWER = re.compile(r"^- \[([ x])\] (.*)$")
LETTERS = "abcdefgh"
VERDICT = {True: "Right.", False: "No."}


class Question(nodes.General, nodes.Element):
    """All of it: a prompt, and answers; then reasons, unless they stand at the page's end."""


class Answer(nodes.General, nodes.Element):
    """The text of one answer. Knows its number, and whether it is right."""


class Reason(nodes.General, nodes.Element):
    """Why one answer is right or wrong. Knows its question's title, too."""


class AtTheEnd(nodes.General, nodes.Element):
    """The page's last part: reasons of bets; where it is printed also solutions of your turns."""


class SelfCheck(SphinxDirective):
    """Read a question with its answers."""

    has_content = True
    kind: ClassVar = "self-check"

    def run(self) -> list[nodes.Node]:
        """Make the question."""
        lines = [line for line in self.arguments for line in (*line.splitlines(), "")]
        offset = self.content_offset - len(lines)
        lines += list(self.content)
        starts = [i for i, line in enumerate(lines) if ANSWER.match(line)]
        if len(starts) < 2:
            raise self.error(
                f"a {self.kind} needs at least two answers '- [ ] …', got {len(starts)}"
            )
        prompt = self._parsed(lines[: starts[0]], offset)
        if not any(isinstance(part, nodes.paragraph) for part in prompt):
            raise self.error(f"a {self.kind} needs a question before its answers")
        asked = self._question()
        asked += prompt
        reasons = []
        for number, (start, stop) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
            mark, text = ANSWER.match(lines[start]).groups()  # type: ignore[union-attr]  # matched above
            reason = [line.strip() for line in lines[start + 1 : stop]]
            right = mark == "x"
            if not any(reason) and (right or self.kind == "self-check"):
                raise self.error(f"the answer {text!r} needs a reason, indented below it")
            (paragraph,) = self._parsed([text], offset + start).children
            asked += Answer("", *paragraph.children, number=number)
            because = self._parsed(reason, offset + start + 1).children
            of = {"group": asked["group"], "title": asked["title"]}
            reasons.append(Reason("", *because, number=number, right=right, **of))
        if sum(reason["right"] for reason in reasons) != 1:
            raise self.error(f"exactly one answer of a {self.kind} must be right: '- [x] …'")
        asked += reasons
        self.set_source_info(asked)
        return [asked]

    def _question(self) -> Question:
        group = f"selfcheck-{self.env.new_serialno('selfcheck')}"
        return Question(group=group, title="Check yourself", classes=["selfcheck"])

    def _parsed(self, lines: list[str], offset: int) -> nodes.container:
        inside = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), offset, inside)
        return inside


class Bet(SelfCheck):
    """Read a bet: its question stands in the first line."""

    optional_arguments = 1
    final_argument_whitespace = True
    kind: ClassVar = "bet"

    def _question(self) -> Question:
        number = self.env.new_serialno("bet") + 1
        return Question(group=f"bet-{number}", title=f"Bet {number}", classes=["selfcheck", "bet"])


class ReasonsOfBets(SphinxTransform):
    """Take the reasons of bets to the page's end."""

    default_priority = 850

    def apply(self, **options: Any) -> None:
        """Take them there."""
        for bet in list(self.document.findall(Question)):
            if "bet" in bet["classes"]:
                reasons = [child for child in bet.children if isinstance(child, Reason)]
                bet.children = bet.children[: -len(reasons)]
                at_the_end(self.document).extend(reasons)


def at_the_end(document: nodes.document) -> AtTheEnd:
    """Return the page's last part, made if it is not there."""
    for found in document.findall(AtTheEnd):
        return found
    made = AtTheEnd()
    (document.next_node(nodes.section) or document).append(made)
    return made


def write_html(writer: Any, node: Question) -> None:
    """Write radio buttons, and below them where a screen reader hears of a change."""
    prompt, *others = node.children
    asks = [i for i, part in enumerate(prompt) if isinstance(part, nodes.paragraph)][-1]
    writer.body.append(
        f'<div class="{" ".join(node["classes"])}"><p class="title">{node["title"]}</p>'
    )
    writer.body.append('<div class="asked">')
    walk(writer, prompt[:asks])
    writer.body.append('</div><fieldset><legend class="asked">')
    walk(writer, prompt[asks].children)
    writer.body.append('</legend><div class="asked">')
    walk(writer, prompt[asks + 1 :])
    writer.body.append("</div>\n")
    for given in others:
        if isinstance(given, Answer):
            identity = f"{node['group']}-{given['number']}"
            writer.body.append(
                f'<div class="answer"><input type="radio" name="{node["group"]}" id="{identity}">'
                f'<label for="{identity}">({LETTERS[given["number"]]}) '
            )
            walk(writer, given.children)
            writer.body.append("</label></div>\n")
    writer.body.append('</fieldset><div class="reasons" role="status">\n')
    walk(writer, [child for child in others if isinstance(child, Reason)])
    writer.body.append("</div></div>\n")
    raise nodes.SkipNode


def walk(writer: Any, children: list[nodes.Node]) -> None:
    """Write some nodes here."""
    for child in children:
        child.walkabout(writer)


def open_reason(writer: Any, node: Reason) -> None:
    """Write the verdict."""
    kind, letter = "right" if node["right"] else "wrong", LETTERS[node["number"]]
    writer.body.append(
        f'<div class="{kind}" data-for="{node["group"]}-{node["number"]}"><p class="verdict">'
        f'<span class="of">{node["title"]}, </span>({letter}) {VERDICT[node["right"]]}</p>'
    )


def open_end(writer: Any, node: AtTheEnd) -> None:
    """Open the page's last part: a screen shows it only without JavaScript, a print always."""
    kind = "" if any(isinstance(child, Reason) for child in node) else " on-paper"
    writer.body.append(f'<div class="at-the-end{kind}"><p class="rubric">Answers</p>\n')


def close_html(writer: Any, _node: nodes.Element) -> None:
    """Close either."""
    writer.body.append("</div>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and what the page needs for them."""
    app.add_directive("selfcheck", SelfCheck)
    app.add_directive("bet", Bet)
    app.add_transform(ReasonsOfBets)
    app.add_node(Question, html=(write_html, None))
    app.add_node(Answer)
    app.add_node(Reason, html=(open_reason, close_html))
    app.add_node(AtTheEnd, html=(open_end, close_html))
    app.add_js_file("selfcheck.js", loading_method="defer")
    app.add_css_file("selfcheck.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
