"""The directive for questions with answers: what it refuses."""

import re

import pytest
from selfcheck import ANSWER, SelfCheck


class Directive(SelfCheck):
    """Without Sphinx around it: only the reading of the lines."""

    def __init__(self, *lines: str) -> None:
        self.content, self.content_offset, self.lineno = list(lines), 0, 1  # type: ignore[assignment]
        self.state_machine = self.state = None

    class _Env:
        docname = "page"

        def new_serialno(self, _: str) -> int:
            return 0

    env = _Env()  # type: ignore[assignment]

    def error(self, message: str) -> Exception:  # type: ignore[override]
        return ValueError(message)

    def _parsed(self, lines: list[str], offset: int):
        from docutils import nodes

        return nodes.container("", nodes.paragraph("", " ".join(lines)))

    def set_source_info(self, node) -> None:
        pass


GOOD = ("How many?", "", "- [ ] one", "  Too few.", "- [x] two", "  One and one.")


def test_question_is_read() -> None:
    (asked,) = Directive(*GOOD).run()
    prompt, first, second = asked.children
    assert prompt.astext().strip() == "How many?"
    assert [given["right"] for given in (first, second)] == [False, True]
    assert [given[0].astext() for given in (first, second)] == ["one", "two"]
    assert [given[-1].astext().strip() for given in (first, second)] == ["Too few.", "One and one."]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (GOOD[:4], "at least two answers"),
        ((*GOOD[:3], *GOOD[4:]), "'one' needs a reason"),
        ((*GOOD, "- [x] three", "  No."), "exactly one answer"),
        ((*GOOD[:4], "- [ ] two", "  One and one."), "exactly one answer"),
    ],
)
def test_faulty_question_stops_the_build(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Directive(*lines).run()


def test_answers_are_recognised() -> None:
    assert [bool(ANSWER.match(line)) for line in ("- [x] a", "- [ ] b", "- [X] c", "  - [ ] d", "- e")] == [
        *(True, True, False, False, False)
    ]
    assert re.fullmatch(ANSWER, "- [x] $x_t$").groups() == ("x", "$x_t$")
