"""The solutions: a folded cell that repeats the chapter's preparations is the chapter's own."""

import json
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[1] / "book"
SOLUTIONS = sorted(BOOK.glob("*/solutions.ipynb"))


def cells_of(path: Path) -> dict[str, dict]:
    return {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.parent.name)
def test_folded_cells_are_the_chapters(path: Path) -> None:
    chapter = {name: cell for page in path.parent.glob("[0-9]*.ipynb") for name, cell in cells_of(page).items()}
    for name, cell in cells_of(path).items():
        original = chapter.get(name.replace("-sol-", "-", 1))
        if original and "hide-cell" in cell["metadata"].get("tags", []):
            assert cell["source"] == original["source"], name
