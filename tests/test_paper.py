"""The tables on paper: pandas's HTML, read again."""

import pandas as pd
import pytest
from docutils import nodes
from paper import table_of
from sphinx import addnodes


def parts_of(frame: pd.DataFrame) -> tuple[str, str, list[list[str]]]:
    """The size of its letters, the columns' alignment, and the cells by rows, of a table as it is set."""
    size, columns, table, _ = table_of(f"<div><style>p > a</style>{frame.to_html()}</div>")
    assert isinstance(columns, addnodes.tabular_col_spec)
    rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
    return size.astext(), columns["spec"], rows


def test_a_table_keeps_its_cells() -> None:
    frame = pd.DataFrame({"a": [1.5, 2.0], "b < c": ["x", "–"]}, index=["one", "two"])
    size, columns, rows = parts_of(frame)
    assert size == r"\begingroup\footnotesize"
    assert columns == "lrr"
    assert rows == [["", "a", "b < c"], ["one", "1.5", "x"], ["two", "2.0", "–"]]


def test_a_cell_over_several_rows_leaves_the_next_ones_empty() -> None:
    index = pd.MultiIndex.from_product([["u", "v"], ["p", "q"]], names=["k", "l"])
    _, columns, rows = parts_of(pd.DataFrame({"n": range(4)}, index=index))
    assert columns == "llr"
    assert [row[:2] for row in rows[2:]] == [["u", "p"], ["", "q"], ["v", "p"], ["", "q"]]


def test_a_cell_over_several_columns_spans_them() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=pd.MultiIndex.from_tuples([("s", 1), ("s", 2), ("t", 1)]))
    *_, table, _ = table_of(frame.to_html())
    (first, *_) = table.findall(nodes.row)
    assert [entry.get("morecols", 0) for entry in first] == [0, 1, 0]


@pytest.mark.parametrize(("columns", "size"), [(3, "footnotesize"), (12, "scriptsize")])
def test_a_wide_table_is_set_small(columns: int, size: str) -> None:
    frame = pd.DataFrame({f"column {k}": [1.25] for k in range(columns)})
    assert parts_of(frame)[0].endswith(size)
