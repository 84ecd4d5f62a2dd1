"""The directive for questions with answers: what it refuses."""

import re

import pytest
from selfcheck import ANSWER, Answer, Bet, Reason, SelfCheck


class Directive:
    """Without Sphinx around it: only the reading of the lines."""

    class env:  # noqa: N801
        docname = "page"
        new_serialno = staticmethod(lambda _: 0)

    def __init__(self, *lines: str, arguments: tuple[str, ...] = ()) -> None:
        self.content, self.content_offset, self.lineno = list(lines), 0, 1
        self.arguments = list(arguments)

    def error(self, message: str) -> Exception:
        return ValueError(message)

    def _parsed(self, lines: list[str], offset: int):
        from docutils import nodes

        text = " ".join(filter(None, lines))
        return nodes.container("", *([nodes.paragraph("", text)] if text else []))

    def set_source_info(self, node) -> None:
        pass


class Check(Directive, SelfCheck):
    pass


class Wager(Directive, Bet):
    pass


GOOD = ("How many?", "", "- [ ] one", "  Too few.", "- [x] two", "  One and one.")


def test_question_is_read() -> None:
    (asked,) = Check(*GOOD).run()
    prompt, *answers = asked.children
    assert prompt.astext() == "How many?"
    assert [a.astext() for a in answers if isinstance(a, Answer)] == ["one", "two"]
    reasons = [reason for reason in answers if isinstance(reason, Reason)]
    assert [(r["right"], r.astext()) for r in reasons] == [(False, "Too few."), (True, "One and one.")]


def test_bet_is_read() -> None:
    (asked,) = Wager("- [ ] one", "- [x] two", "  One and one.", arguments=("How many?",)).run()
    assert asked["title"] == "Bet 1"
    assert asked["classes"] == ["selfcheck", "bet"]
    assert asked[0].astext() == "How many?"
    assert [reason.astext() for reason in asked if isinstance(reason, Reason)] == ["", "One and one."]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("- [ ] one", "- [x] two"), "'two' needs a reason"),
        (("- [ ] one", "- [ ] two"), "exactly one answer of a bet"),
        ((), "a bet needs at least two answers .* got 0"),
    ],
)
def test_faulty_bet_stops_the_build(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wager(*lines, arguments=("How many?",)).run()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (GOOD[:4], "a self-check needs at least two answers"),
        (GOOD[2:], "needs a question"),
        ((*GOOD[:3], *GOOD[4:]), "'one' needs a reason"),
        ((*GOOD, "- [x] three", "  No."), "exactly one answer"),
        ((*GOOD[:4], "- [ ] two", "  One and one."), "exactly one answer"),
    ],
)
def test_faulty_question_stops_the_build(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Check(*lines).run()


def test_answers_are_recognised() -> None:
    assert [bool(ANSWER.match(line)) for line in ("- [x] a", "- [ ] b", "- [X] c", "  - [ ] d", "- e")] == [
        *(True, True, False, False, False)
    ]
    assert re.fullmatch(ANSWER, "- [x] $x_t$").groups() == ("x", "$x_t$")
