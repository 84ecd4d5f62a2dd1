"""The chapters as files: that they were run from top to bottom, and are told in one form.

nbval runs them and compares each output, but it compares nothing where an execution count is
missing, and skips pictures. These checks close the gap.
"""

import ast
import base64
import copy
import io
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import address
import nbformat
import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from normalise import CELL_METADATA, METADATA, normal_form, text_of, with_palette
from PIL import Image

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(path for path in (ROOT / "book").glob("*/*.ipynb") if path.name != "assignment.ipynb")
MOST_LINES = 12
# What fits beside both sidebars at 1300 pixels.
MOST_COLUMNS = 88
# Pages of the first edition, and how many of their cells are longer than the rule allows. Only ever less.
LONG_CELLS = {
    "04-observable/1-observable": 2,
    "05-drought/1-drought": 13,
    "06-several-inputs/1-several-inputs": 1,
    "06-several-inputs/solutions": 1,
    "07-yes-no/1-yes-no": 3,
    "07-yes-no/solutions": 1,
    "reference/speed": 1,
}
# A picture of one point.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQMAAAAl21bKAAAAA1BMVEUAAACnej3aAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
# The first cell of each notebook, not shown in the book.
INSTALL = address.first_cell(address.setting())
# What is called otherwise where it is installed from, or comes with something else.
CONDA = {
    "cycler": "matplotlib",
    "dask": "distributed",
    "scipy": "scikit-learn",
    "sklearn": "scikit-learn",
    "torch": "pytorch-cpu",
}


def faults(notebook: NotebookNode) -> Iterator[str]:
    """Everything in a notebook that is not as the book wants it."""
    if notebook.metadata != METADATA:
        yield f"notebook metadata: {notebook.metadata}"
    if notebook.cells[0].cell_type != "markdown" or not notebook.cells[0].source.startswith("# "):
        yield "does not begin with a title"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        yield f"not run from top to bottom: execution counts {counts}"
    if code[0].source != INSTALL or code[0].metadata.get("tags") != ["remove-cell"]:
        yield f"the first cell, with the tag remove-cell, is not:\n{INSTALL}"
    if not begins_reproducibly(code[1:]):
        yield "the first cell that does more than import does not call reproducible(...)"
    for cell in notebook.cells:
        if set(cell.metadata) - CELL_METADATA:
            yield f"cell {cell.id}: metadata {sorted(cell.metadata)}"
    for cell, following in zip(code, [*code[1:], None], strict=True):
        for fault in cell_faults(cell, following):
            yield f"cell {cell.id}: {fault}"


def begins_reproducibly(code: list[NotebookNode]) -> bool:
    for cell in code:
        if not all(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(cell.source).body):
            return "reproducible(" in cell.source
    return False


def cell_faults(cell: NotebookNode, following: NotebookNode | None) -> Iterator[str]:
    yield from source_faults(cell, following)
    for output in cell.outputs:
        yield from output_faults(output, may_stop="raises-exception" in cell.metadata.get("tags", []))
    pictures = sum(any(kind.startswith("image/") for kind in o.get("data", {})) for o in cell.outputs)
    if pictures:
        yield from picture_faults(cell, pictures)


def source_faults(cell: NotebookNode, following: NotebookNode | None) -> Iterator[str]:
    tags = cell.metadata.get("tags", [])
    lines = [line for line in cell.source.splitlines() if line.strip()]
    if not lines:
        yield "empty"
    if len(lines) > MOST_LINES:
        yield f"{len(lines)} lines of code, more than {MOST_LINES}"
    if "nbval-skip" in tags or "NBVAL_SKIP" in cell.source:
        yield "nbval-skip: never run by the tests"
    ignored = "nbval-ignore-output" in tags or "NBVAL_IGNORE_OUTPUT" in cell.source
    if ignored and "assert" not in cell.source + (following.source if following else ""):
        yield "output not compared, and no assert in this cell or the next says what must hold"


def output_faults(output: NotebookNode, *, may_stop: bool) -> Iterator[str]:
    data = output.get("data", {})
    text = str(output.get("text", "")) + str(data.get("text/plain", ""))
    if output.output_type == "error" and not may_stop:
        yield f"stopped with {output.ename}"
    if output.get("name") == "stderr":
        yield f"wrote to stderr: {text[:60]!r}"
    if "\r" in text or re.search(r"\d+%\|", text) or any("widget" in kind for kind in data):
        yield "a progress bar in the output"
    if any(place in text for place in (str(ROOT), str(Path.home()))):
        yield "a path of this machine in the output"


def picture_faults(cell: NotebookNode, pictures: int) -> Iterator[str]:
    settings = cell.metadata.get("mystnb", {})
    if pictures > 1:
        yield "more than one picture: they would share one caption"
    if not settings.get("image", {}).get("alt", "").strip():
        yield "picture without alternative text"
    for key in ("name", "caption"):
        if not settings.get("figure", {}).get(key, "").strip():
            yield f"picture without figure {key}"
    if not cell.source.rstrip().endswith("plt.show()"):
        yield "picture, but the cell does not end with plt.show()"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_chapter_has_no_fault(path: Path) -> None:
    found = list(faults(nbformat.read(path, as_version=4)))
    long = [fault for fault in found if fault.endswith(f"more than {MOST_LINES}")]
    assert [fault for fault in found if fault not in long] == []
    assert len(long) == LONG_CELLS.get(f"{path.parent.name}/{path.stem}", 0), long


@pytest.mark.parametrize("path", sorted((ROOT / "book").rglob("*.ipynb")), ids=lambda path: path.stem)
def test_no_line_of_code_is_wider_than_the_page(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert [f"cell {cell.id}: {line}" for cell in cells for line in code_lines(cell) if len(line) > MOST_COLUMNS] == []


def code_lines(cell: NotebookNode) -> list[str]:
    """The lines of a code cell, or of the code in a Markdown cell, fenced and with its language."""
    if cell.cell_type == "code":
        return list(cell.source.splitlines())
    fenced = re.findall(r"(?ms)^ *```(?:python|text|console)$(.*?)^ *```$", cell.source)
    return [line for block in fenced for line in block.splitlines()]


def test_lines_of_code_are_found_in_both_kinds_of_cells() -> None:
    words = new_markdown_cell("Words\n\n```python\na = 1\n```\n\n```{note}\nmore words\n```")
    assert code_lines(words) == ["", "a = 1"]
    assert code_lines(new_code_cell("a = 1\nb = 2")) == ["a = 1", "b = 2"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_chapter_is_in_normal_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert path.read_text(encoding="utf-8") == text_of(normal_form(notebook)), "run `make run`"


def test_cell_ids_are_unique_over_the_book() -> None:
    ids = Counter(cell.id for path in CHAPTERS for cell in nbformat.read(path, as_version=4).cells)
    assert [name for name, count in ids.items() if count > 1] == []


def test_binder_installs_what_the_notebooks_import() -> None:
    lines = (ROOT / ".binder" / "environment.yml").read_text(encoding="utf-8")
    installed = {re.split(r"[<>=]", name)[0] for name in yaml.safe_load(lines)["dependencies"]}
    assert imported() - installed - sys.stdlib_module_names == {"rnncourse"}


def test_the_package_brings_what_the_notebooks_import() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {re.split(r"[<>=]", name)[0] for name in project["dependencies"]}
    assert imported() - {CONDA.get(name, name) for name in installed} - sys.stdlib_module_names == {"rnncourse"}


def imported() -> set[str]:
    """What is imported in the notebooks and in the package, under the names that conda uses."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "rnncourse").glob("*.py")]
    for path in CHAPTERS:
        code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        sources += [source for source in code if source != INSTALL]
    names = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {CONDA.get(top, top) for top in (name.partition(".")[0] for name in names)}


# The rules themselves, on a notebook with one fault at a time.


def good() -> NotebookNode:
    picture = new_output("display_data", data={"image/png": DOT, "text/plain": "<Figure size 1x1>"})
    plot = new_code_cell("plt.plot(x)\nplt.show()", execution_count=4, outputs=[picture])
    plot.metadata.mystnb = {"image": {"alt": "A line."}, "figure": {"name": "fig-line", "caption": "A line."}}
    cells = [
        new_markdown_cell("# A title"),
        new_code_cell(INSTALL, execution_count=1, metadata={"tags": ["remove-cell"]}),
        new_code_cell("import numpy as np", execution_count=2),
        new_code_cell("reproducible(seed=0)", execution_count=3, outputs=[new_output("stream", text="1.0\n")]),
        plot,
    ]
    return normal_form(new_notebook(cells=cells))


def test_good_notebook_has_no_fault() -> None:
    assert list(faults(good())) == []


@pytest.mark.parametrize(
    ("cell", "change", "expected"),
    [
        (0, {"source": "A title"}, "begin with a title"),
        (1, {"source": INSTALL.replace("find_spec", "find_a_spec")}, "the first cell"),
        (1, {"metadata": {}}, "the first cell"),
        (3, {"execution_count": None}, "not run from top to bottom"),
        (3, {"execution_count": 9}, "not run from top to bottom"),
        (3, {"source": "torch.manual_seed(0)"}, "reproducible"),
        (3, {"source": "reproducible(seed=0)\n" + "x = 1\n" * 12}, "13 lines"),
        (3, {"source": ""}, "empty"),
        (3, {"metadata": {"collapsed": True}}, "metadata"),
        (3, {"metadata": {"tags": ["nbval-skip"]}}, "never run"),
        (3, {"metadata": {"tags": ["nbval-ignore-output"]}}, "no assert"),
        (3, {"outputs": [new_output("stream", name="stderr", text="Warning")]}, "stderr"),
        (3, {"outputs": [new_output("stream", text=" 40%|####      |")]}, "progress bar"),
        (3, {"outputs": [new_output("stream", text=str(ROOT))]}, "a path of this machine"),
        (3, {"outputs": [new_output("error", ename="ValueError", evalue="")]}, "ValueError"),
        (4, {"source": "plt.plot(x);"}, "plt.show()"),
        (4, {"outputs": good().cells[4].outputs * 2}, "more than one picture"),
        (4, {"metadata": {"mystnb": {"figure": {"name": "a", "caption": "b"}}}}, "alternative text"),
        (4, {"metadata": {"mystnb": {"image": {"alt": "A line."}}}}, "figure caption"),
    ],
)
def test_each_rule_finds_its_fault(cell: int, change: dict[str, object], expected: str) -> None:
    notebook = good()
    notebook.cells[cell].update(nbformat.from_dict(copy.deepcopy(change)))
    found = list(faults(notebook))
    assert any(expected in fault for fault in found), found


def test_pictures_get_a_palette_once() -> None:
    figure = Figure(figsize=(2, 1), dpi=160)
    figure.gca().imshow(np.arange(400).reshape(20, 20))
    written = io.BytesIO()
    figure.savefig(written)
    before = base64.b64encode(written.getvalue()).decode()
    after = with_palette(before)
    assert len(after) < len(before)
    old, new = (Image.open(io.BytesIO(base64.b64decode(text))) for text in (before, after))
    assert (new.mode, new.size, new.info["dpi"]) == ("P", old.size, pytest.approx((160, 160), abs=0.1))
    difference = np.abs(np.asarray(old.convert("RGB"), dtype=int) - np.asarray(new.convert("RGB"), dtype=int))
    assert difference.mean() < 5
    assert with_palette(after) == after
