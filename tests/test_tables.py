"""Tables of pandas as pages show them: pandas itself writes what is dressed here."""

import struct
import zlib

import pandas as pd
import pytest
from docutils import nodes
from plots import width_in_inches
from tables import dressed, is_table, shown

TABLE = pd.DataFrame(
    {"change": [-0.5, 1.25, 1.25], "works": [True, False, True], "loss": [1.3e-05, float("nan"), 2e-3]},
    index=["GRU", "AR-36", "-3"],
)


def cells(*classes: str) -> list[list[str]]:
    """The rows of the table when it is dressed, as HTML; the header is left out."""
    html = dressed(nodes.raw("", TABLE._repr_html_(), format="html"), classes).astext()
    rows = html.partition("<tbody>")[2].split("<tr>")[1:]
    return [[part.partition("</t")[0] for part in row.replace("<th>", "<td>").split("<td>")[1:]] for row in rows]


def test_minus_signs_words_and_gaps() -> None:
    assert cells() == [
        ["GRU", "−0.50", "yes", "0.000013"],
        ["AR-36", "1.25", "no", "–"],
        ["−3", "1.25", "yes", "0.002000"],
    ]


def test_winners_are_bold_and_equal_ones_win_together() -> None:
    assert [[cell for cell in row if "<b>" in cell] for row in cells("lowest-3", "highest-1")] == [
        ["<b>0.000013</b>"],
        ["<b>1.25</b>"],
        ["<b>1.25</b>"],
    ]
    assert cells("lowest-1")[0][1] == "<b>−0.50</b>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-1.3e-05", "−1.3e−05"), ("2026-11-26", "2026-11-26"), ("1,000", "1,000"), ("a-b", "a-b"), ("-", "-")],
)
def test_only_numbers_get_minus_signs(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_pandas_writes_is_known() -> None:
    assert is_table(TABLE._repr_html_())
    assert not is_table("<table><tr><td>1</td></tr></table>")


def test_width_of_a_picture() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 880, 480, 8, 2, 0, 0, 0))
    assert width_in_inches(head + chunk(b"pHYs", struct.pack(">IIB", 6299, 6299, 1))) == pytest.approx(5.5, abs=1e-3)
    assert width_in_inches(head) is None
