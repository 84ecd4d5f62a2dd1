"""Sphinx: on paper, questions to tick, and all answers in a chapter at the book's end.

On a screen an answer is hidden until it is asked for. Here it stands where nobody sees it by
chance: reasons of self-checks and bets, solutions of your turns with their output, and their
checks. Question and answer name each other's page.
"""

from typing import Any

from docutils import nodes
from paper import anchor, latex
from selfcheck import LETTERS, VERDICT, Answer, AtTheEnd, Question, Reason
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from turn import Solution, TurnCell, has_tag, is_cell, is_task

BOX = r"\hangindent=3.6em{\fboxsep=0pt\fbox{\rule{0pt}{1.3ex}\rule{1.3ex}{0pt}}}\enspace "


class Answers(SphinxPostTransform):
    """Take the answers of each page to the book's end."""

    default_priority = 710  # the parts of the book have been put in order
    formats = ("latex",)

    def run(self, **options: Any) -> None:
        """Go through the pages."""
        reasons = self._reasons()
        chapter = nodes.section("", nodes.title("", "Answers"), ids=["answers"])
        for page, title, parts in self._pages():
            listed = nodes.definition_list()
            checks = 0
            for part in parts:
                if isinstance(part, Question):
                    if "bet" not in part["classes"]:
                        checks += 1
                        part["title"] += f" {checks}"
                    listed += answers(page, part, reasons[page, part["group"]])
                    box = printed(page, part)
                    part.replace_self([latex(rf"\needspace{{{height(box)}\baselineskip}}"), box])
                elif isinstance(part, TurnCell):
                    listed += completed(page, part, [p for p in parts if is_task(p) or is_cell(p)])
            if listed.children:
                name = nodes.title("", "", *(child.deepcopy() for child in title.children))
                ids = [f"answers-{page.replace('/', '-')}"]
                chapter += nodes.section("", name, listed, ids=ids)
        if len(chapter) > 1:
            (self.document.next_node(nodes.section) or self.document).append(chapter)

    def _reasons(self) -> dict[tuple[str, str], list[Reason]]:
        """Return the reasons by page and question, and clear the end of each page."""
        found: dict[tuple[str, str], list[Reason]] = {}
        for reason in self.document.findall(Reason):
            found.setdefault((page_of(reason), reason["group"]), []).append(reason)
        for end in list(self.document.findall(AtTheEnd)):
            end.parent.remove(end)
        return found

    def _pages(self) -> list[tuple[str, nodes.title, list[nodes.Element]]]:
        """Return each page: its name, its title, its questions, tasks and cells."""
        found: dict[str, tuple[nodes.title, list[nodes.Element]]] = {}
        for node in self.document.findall(nodes.Element):
            page = page_of(node)
            if isinstance(node, nodes.title) and isinstance(node.parent, nodes.section):
                found.setdefault(page, (node, []))
            elif isinstance(node, Question) or is_task(node) or is_cell(node):
                found[page][1].append(node)
        return [(page, *parts) for page, parts in found.items()]


def page_of(node: nodes.Node) -> str:
    """Return the page from which a node comes: in the whole book its section knows."""
    place: nodes.Element | None = node.parent
    while place and "docname" not in place:
        place = place.parent
    return str(place["docname"]) if place else ""


def printed(page: str, question: Question) -> nodes.admonition:
    """Return a question with boxes to tick."""
    prompt, *others = question.children
    prompt.next_node(nodes.paragraph).insert(0, latex(anchor(page, question["group"])))
    box = nodes.admonition("", nodes.title("", question["title"]), *prompt.children)
    for each in others:
        if isinstance(each, Answer):
            letter = f"({LETTERS[each['number']]}) "
            box += nodes.paragraph("", "", latex(BOX), nodes.Text(letter), *each.children)
    box += where("Answer", page, question["group"])
    return box


def height(box: nodes.admonition) -> int:
    """Return about how many lines a question takes, so that it is not torn apart."""
    return 5 + sum(2 + len(part.astext()) // 90 for part in box.children[1:-1])


def where(what: str, page: str, name: str) -> nodes.paragraph:
    """Say on which page it stands."""
    place = rf"\detokenize{{{page}:{name}-answer}}"
    words = rf"\null\hfill{{\footnotesize\hyperref[{place}]{{{what} on page~\pageref{{{place}}}}}}}"
    return nodes.paragraph("", "", latex(words))


def entry(page: str, name: str, title: list[nodes.Node], body: list[nodes.Node]) -> nodes.Element:
    """Return an answer that names the page of its question."""
    back = rf", page~\pageref{{\detokenize{{{page}:{name}}}}}"
    term = nodes.term("", "", latex(anchor(page, f"{name}-answer")), *title, latex(back))
    return nodes.definition_list_item("", term, nodes.definition("", *body))


def answers(page: str, question: Question, reasons: list[Reason]) -> nodes.Element:
    """Return what is said of each answer; one without a reason is left out."""
    body: list[nodes.Node] = []
    for reason in reasons:
        if reason.children:
            first, *more = reason.children
            verdict = nodes.emphasis("", VERDICT[reason["right"]])
            begins = nodes.Text(f"({LETTERS[reason['number']]}) "), verdict, nodes.Text(" ")
            body += [nodes.paragraph("", "", *begins, *first.children), *more]
    return entry(page, question["group"], [nodes.Text(question["title"])], body)


def completed(page: str, cell: TurnCell, around: list[nodes.Element]) -> nodes.Element:
    """Return a solution with its output and its check; take them from the page."""
    place = around.index(cell)
    name = cell["ids"][0] if cell["ids"] else f"turn-{place}"
    title: list[nodes.Node] = [nodes.Text("Your turn")]
    if place and is_task(task := around[place - 1]):
        title = [child.deepcopy() for child in task.next_node(nodes.title).children]
        task.next_node(nodes.paragraph).insert(0, latex(anchor(page, name)))
        task += where("Solution", page, name)
    body: list[nodes.Node] = []
    for solution in list(cell.findall(Solution)):
        body += solution.children
        cell.remove(solution)
    if place + 1 < len(around) and has_tag(check := around[place + 1], "check"):
        check.parent.remove(check)
        body += [nodes.paragraph("", "The check:"), check]
    return entry(page, name, title, body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform."""
    app.setup_extension("turn")
    app.add_post_transform(Answers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
