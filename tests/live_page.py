"""A small page with live cells, built by Sphinx with little beside them; its outputs are Jupyter's own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from serving import serve

ROOT = Path(__file__).parents[1]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
project, author = "Live", "nobody"
extensions = ["myst_nb", "sphinx_copybutton", "turn", "live"]
html_theme = "sphinx_book_theme"
html_static_path = [{str(ROOT / "book" / "_static")!r}]
html_css_files = ["course.css"]
html_js_files = [("accessible.js", {{"defer": "defer"}})]
nb_execution_mode = "off"
nb_merge_streams = True
"""
# Cells: a name and tags, then the code.
PAGE = '''
%% setup
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rnncourse import by_hand, windows
%% series live
series = np.sin(0.04 * np.arange(40))  # a comment
series.shape
%% drawn
figure, ax = plt.subplots()
print("not live")
%% functions live
def squared(values):
    """Square."""
    return values**2


print(f"{squared(series).sum():.6f}", end=" ")
print("and", np.round(squared(series[:12]), 3))
squared(series[:3])
%% long live
table = {f"row {i}": [i, i**2] for i in range(12)}
table
%% package live
cut = windows.make_windows(series, lookback=5)
print(cut.inputs.shape, cut.targets.shape)
by_hand.rnn_step([1.0], [0.5], [[0.3]], [[0.2]], [0.1], [0.0])
%% silent live
count = 0
%% counted live
count += 1
print(count)
%% task
%% turn live your-turn
doubled = 2 * series  # SOLUTION
print(doubled.sum().round(6))
%% judge check
assert isinstance(doubled, np.ndarray), f"doubled is to be an array, and is {type(doubled).__name__}"
assert np.array_equal(doubled, series + series), "multiply each number by 2"
print("Right: twice as large.")
%% after live
print(f"{doubled[-1]:.6f}")
%% line live
plt.plot(series, label="a sine")
plt.xlabel("step")
plt.show()
'''
TASK = "```{your-turn} Twice\nMake `doubled`, every number of the series times 2.\n```"


def notebook(text: str = PAGE, title: str = "Live cells") -> nbformat.NotebookNode:
    """Make a notebook, and run it as Jupyter does."""
    made = new_notebook(cells=[new_markdown_cell(f"# {title}", id="title")])
    for head, source in re.findall(r"(?ms)^%% (.*?)\n(.*?)(?=^%%|\Z)", text):
        name, *tags = head.split()
        if name == "task":
            made.cells.append(new_markdown_cell(TASK, id=name))
        else:
            made.cells.append(new_code_cell(source.strip("\n"), id=name, metadata={"tags": tags} if tags else {}))
    NotebookClient(made, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    return made


def build(folder: Path, pages: dict[str, nbformat.NotebookNode]) -> Path:
    """Build the pages into a site, whose folder is returned; a warning is an error."""
    source, site = folder / "source", folder / "site"
    source.mkdir(parents=True)
    (source / "conf.py").write_text(CONF, encoding="utf-8")
    names = "\n".join(pages)
    (source / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{names}\n```\n", encoding="utf-8")
    for name, made in pages.items():
        nbformat.write(made, source / f"{name}.ipynb")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(source), str(site)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return site


def committed(made: nbformat.NotebookNode) -> dict[str, str]:
    """What each live cell printed when the notebook was run, as one text; not what it drew."""
    found = {}
    for cell in made.cells:
        if "live" in cell.metadata.get("tags", []):
            outputs = [o for o in cell.outputs if "image/png" not in o.get("data", {})]
            texts = [o["text"] if o.output_type == "stream" else o["data"]["text/plain"] + "\n" for o in outputs]
            found[cell.id] = "".join(texts)
    return found


@dataclass
class Site:
    """A folder that is served, and what its notebooks print: by page, by cell."""

    folder: Path
    url: str
    printed: dict[str, dict[str, str]] = field(default_factory=dict)


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Build the small page, and serve it."""
    made = notebook()
    site = build(folder, {"small": made})
    with serve(site) as url:
        yield Site(site, url, {"small": committed(made)})
