"""Sphinx: the directive ``{your-turn}``, a task whose code the reader completes in the next cell.

    ```{your-turn} One step
    Complete the line: the new state, from the input and the state before.
    ```

Then comes a code cell tagged ``your-turn``, which holds the solution: lines to be completed end in
``# SOLUTION``, or stand between ``# BEGIN SOLUTION`` and ``# END SOLUTION``, as in Otter-Grader.
Then a cell tagged ``check``, whose asserts say what is wrong. So the notebook runs, and the page
shows the starting code, and folded below it the solution with its output, and the check. The cell
carries the whole solution as ``data-solution``, and as ``data-makes`` the names that it makes: they
are forgotten before it runs in the page, or a check finds what an earlier run left. Where the page
is printed the solution stands at its end, in the book on paper with the answers (``answers.py``).
"""

import ast
import re
from html import escape
from typing import Any

from docutils import nodes
from live import names_in
from selfcheck import at_the_end
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LINE = re.compile(r"(.*?)\s*#\s*SOLUTION\s*")
BEGIN, END = re.compile(r"(\s*)#\s*BEGIN SOLUTION\s*"), re.compile(r"\s*#\s*END SOLUTION\s*")
ASSIGNED = ast.Assign | ast.AnnAssign | ast.AugAssign
LOG = logging.getLogger(__name__)


class TurnCell(nodes.container):
    """A code cell to complete; in HTML it carries the solution."""


class Solution(nodes.General, nodes.Element):
    """The solution and its output, folded."""


class SolutionAtTheEnd(nodes.General, nodes.Element):
    """The solution at the page's end, for a page that is printed."""


def solution(source: str) -> str:
    r"""Return a cell's code without the marks.

    Examples
    --------
    >>> solution("a = 1\nb = 2  # SOLUTION")
    'a = 1\nb = 2'
    """
    lines = [
        line for line in source.splitlines() if not (BEGIN.fullmatch(line) or END.fullmatch(line))
    ]
    return "\n".join(found[1] if (found := LINE.fullmatch(line)) else line for line in lines)


def made(source: str) -> list[str]:
    r"""Return the names that a cell makes, completed or not, and does not take from elsewhere.

    Examples
    --------
    >>> made("a = b\nb = 2\nc = 2 * a  # SOLUTION")
    ['a', 'c']
    """
    codes = (compile(code, "<cell>", "exec") for code in (solution(source), starting_code(source)))
    uses, sets = map(set.union, *map(names_in, codes))
    return sorted(sets - uses)


def starting_code(source: str) -> str:
    r"""Return what the reader begins with.

    Raises
    ------
    ValueError
        If nothing is marked, or a part that begins does not end.

    Examples
    --------
    >>> print(starting_code("a = 1\nb = 2 * a  # SOLUTION"))
    a = 1
    b = ...
    """
    kept: list[str] = []
    marked, inside = False, False
    for line in source.splitlines():
        if begins := BEGIN.fullmatch(line):
            if inside:
                raise ValueError("'# BEGIN SOLUTION' stands within another")
            marked = inside = True
            kept.append(f"{begins[1]}...")
        elif END.fullmatch(line):
            if not inside:
                raise ValueError("'# END SOLUTION' ends nothing")
            inside = False
        elif found := LINE.fullmatch(line):
            marked = True
            kept += [] if inside else [to_complete(found[1])]
        elif not inside:
            kept.append(line)
    if inside:
        raise ValueError("'# BEGIN SOLUTION' has no '# END SOLUTION'")
    if not marked:
        raise ValueError("no line is marked '# SOLUTION', so nothing is left to complete")
    return "\n".join(kept)


def to_complete(line: str) -> str:
    """Leave of an assignment its left side, of anything else the indentation."""
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    try:
        (statement,) = ast.parse(code).body
    except (SyntaxError, ValueError):  # a part of a statement, or several
        return f"{indent}..."
    if not isinstance(statement, ASSIGNED):
        return f"{indent}..."
    last = statement.targets[-1] if isinstance(statement, ast.Assign) else statement.target
    end = len(code.encode()[: last.end_col_offset].decode())
    sign = re.match(r"[^=]*=", code[end:])
    return f"{indent}{code[:end]}{sign[0] if sign else ' ='} ..."


class YourTurn(SphinxDirective):
    """Read a task."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Make the box."""
        self.assert_has_content()
        task = nodes.admonition(classes=["your-turn"])
        self.set_source_info(task)
        words, messages = self.state.inline_text(self.arguments[0], self.lineno)
        task += nodes.title("", "Your turn: ", *words)
        self.state.nested_parse(self.content, self.content_offset, task)
        return [task, *messages]


class Turns(SphinxTransform):
    """Put starting code into the cells to complete, and fold solution and check."""

    default_priority = 860  # the reasons of bets come first at the page's end

    def apply(self, **options: Any) -> None:
        """Go through the page's tasks and cells in their order."""
        blocks = [node for node in self.document.findall() if is_task(node) or is_cell(node)]
        for before, block, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False):
            if is_task(block) and not has_tag(after, "your-turn"):
                LOG.warning("no code cell tagged 'your-turn' follows the task", location=block)
            if has_tag(block, "check"):
                block["hide_mode"] = block.get("hide_mode", "all")
                block["prompt_show"], block["prompt_hide"] = "Show the check", "Hide the check"
            if has_tag(block, "your-turn"):
                if not is_task(before):
                    LOG.warning("no {your-turn} stands before the cell to complete", location=block)
                if not has_tag(after, "check"):
                    LOG.warning("no code cell tagged 'check' follows it", location=block)
                try:
                    self._fold(block, before)
                except (ValueError, SyntaxError) as error:
                    LOG.warning("the cell to complete: %s", error, location=block)

    def _fold(self, cell: nodes.Element, task: nodes.Element | None) -> None:
        code, *output = cell.children
        source = cell.next_node(nodes.literal_block)
        whole, start = (
            nodes.literal_block(text, text, **source.attributes)
            for text in (solution(source.astext()), starting_code(source.astext()))
        )
        source.replace_self(start)
        parts = code, Solution("", whole, *output)
        makes = " ".join(made(source.astext()))
        turn = TurnCell("", *parts, solution=whole.astext(), makes=makes, **cell.attributes)
        turn.source, turn.line = cell.source, cell.line
        cell.replace_self(turn)
        title = task.next_node(nodes.title).deepcopy() if task else nodes.title("", "Your turn")
        name = nodes.paragraph("", "", nodes.strong("", "", *title.children))
        at_the_end(self.document).append(SolutionAtTheEnd("", name, whole.deepcopy()))


def is_task(node: nodes.Node | None) -> bool:
    """Say whether it is what a directive made."""
    return isinstance(node, nodes.admonition) and "your-turn" in node["classes"]


def is_cell(node: nodes.Node | None) -> bool:
    """Say whether it is a code cell."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def has_tag(node: nodes.Node | None, tag: str) -> bool:
    """Say whether it is a code cell with this tag."""
    return is_cell(node) and f"tag_{tag}" in node["classes"]  # type: ignore[index]  # a cell is an element


def open_cell(writer: Any, node: TurnCell) -> None:
    """Open the cell; an attribute keeps its lines only as references to characters."""
    whole = escape(node["solution"]).replace("\n", "&#10;")
    tag = writer.starttag(node, "div", CLASS="docutils container")
    carried = f'data-solution="{whole}" data-makes="{node["makes"]}"'
    writer.body.append(tag.replace("<div", f"<div {carried}", 1))


def close_block(writer: Any, _node: nodes.Element) -> None:
    """Close a cell, or a solution at the page's end."""
    writer.body.append("</div>\n")


def open_solution(writer: Any, _node: Solution) -> None:
    """Fold the solution, as MyST-NB folds code."""
    writer.body.append(
        '<details class="admonition hide above-input your-turn-solution"><summary>'
        '<p class="collapsed admonition-title">Show a solution</p>'
        '<p class="expanded admonition-title">Hide the solution</p></summary>\n'
    )


def close_solution(writer: Any, _node: Solution) -> None:
    """End the fold."""
    writer.body.append("</details>\n")


def open_at_the_end(writer: Any, _node: SolutionAtTheEnd) -> None:
    """Open the solution at the page's end."""
    writer.body.append('<div class="your-turn-solution">\n')


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive; its style is the self-checks'."""
    app.setup_extension("selfcheck")
    app.add_directive("your-turn", YourTurn)
    app.add_transform(Turns)
    app.add_node(TurnCell, html=(open_cell, close_block))
    app.add_node(Solution, html=(open_solution, close_solution))
    app.add_node(SolutionAtTheEnd, html=(open_at_the_end, close_block))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
