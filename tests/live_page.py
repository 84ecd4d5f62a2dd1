"""A small page with live cells, built by Sphinx alone; its outputs are Jupyter's own."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
project, author = "Live", "nobody"
extensions = ["myst_nb", "sphinx_copybutton", "live"]
html_theme = "sphinx_book_theme"
html_static_path = [{str(ROOT / "book" / "_static")!r}]
html_css_files = ["course.css"]
nb_execution_mode = "off"
nb_merge_streams = True
"""
LIVE, NO = ["live"], []
CELLS: list[tuple[str, list[str], str]] = [
    ("setup", NO, "import matplotlib.pyplot as plt\nimport numpy as np\n\nfrom rnncourse import by_hand, windows"),
    ("series", LIVE, "series = np.sin(0.04 * np.arange(40))  # a comment\nseries.shape"),
    ("drawn", NO, 'figure, ax = plt.subplots()\nprint("not live")'),
    (
        "functions",
        LIVE,
        'def squared(values):\n    """Square."""\n    return values**2\n\n\nprint(f"{squared(series).sum():.6f}", end=" ")\n'
        'print("and", np.round(squared(series[:12]), 3))\nsquared(series[:3])',
    ),
    ("long", LIVE, 'table = {f"row {i}": [i, i**2] for i in range(12)}\ntable'),
    (
        "package",
        LIVE,
        "cut = windows.make_windows(series, lookback=5)\nprint(cut.inputs.shape, cut.targets.shape)\n"
        "by_hand.rnn_step([1.0], [0.5], [[0.3]], [[0.2]], [0.1], [0.0])",
    ),
    ("silent", LIVE, "count = 0"),
    ("counted", LIVE, "count += 1\nprint(count)"),
]


def notebook(cells: list[tuple[str, list[str], str]] = CELLS) -> nbformat.NotebookNode:
    """Make the notebook, and run it as Jupyter does."""
    made = new_notebook(cells=[new_markdown_cell("# Live cells", id="title")])
    for name, tags, source in cells:
        made.cells.append(new_code_cell(source, id=name, metadata={"tags": tags} if tags else {}))
    NotebookClient(made, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    return made


def build(folder: Path, pages: dict[str, nbformat.NotebookNode]) -> Path:
    """Build the pages into a site, whose folder is returned; a warning is an error."""
    from sphinx.application import Sphinx

    source = folder / "source"
    source.mkdir(parents=True)
    (source / "conf.py").write_text(CONF, encoding="utf-8")
    names = "\n".join(pages)
    (source / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{names}\n```\n", encoding="utf-8")
    for name, made in pages.items():
        nbformat.write(made, source / f"{name}.ipynb")
    site = folder / "site"
    Sphinx(source, source, site, folder / "doctrees", "html", status=None, warningiserror=True).build()
    return site


def committed(made: nbformat.NotebookNode) -> dict[str, str]:
    """What each live cell printed when the notebook was run, as one text."""
    found = {}
    for cell in made.cells:
        if cell.cell_type == "code" and "live" in cell.metadata.get("tags", []):
            texts = [o["text"] if o.output_type == "stream" else o["data"]["text/plain"] + "\n" for o in cell.outputs]
            found[cell.id] = "".join(texts)
    return found
