"""The notebooks that readers get, with the solutions put in: what nbval runs in ``make test-all``.

``python tests/solved.py SITE FOLDER`` copies all of ``SITE/notebooks``. A cell to complete gets the code that the
book's own notebook has, it and its check get their outputs, and each cell its tags, some of which speak to nbval.
"""

import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]


def solve(plain: nbformat.NotebookNode, source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Put the solutions in."""
    cells = {cell.id: cell for cell in source.cells}
    for cell in plain.cells:
        if cell.cell_type == "code":
            tags = cells[cell.id].metadata.get("tags", [])
            cell.metadata = nbformat.from_dict({"tags": tags})
            if {"your-turn", "check"} & set(tags):
                cell.update({key: cells[cell.id][key] for key in ("source", "outputs", "execution_count")})
    return plain


def main() -> None:
    made, folder = Path(sys.argv[1], "notebooks"), Path(sys.argv[2])
    for path in sorted(made.rglob("*.ipynb")):
        name = path.relative_to(made)
        solved = solve(nbformat.read(path, as_version=4), nbformat.read(ROOT / "book" / name, as_version=4))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(solved, folder / name)


if __name__ == "__main__":
    main()
