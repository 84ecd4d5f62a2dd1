"""Run notebooks in place and bring them to one normal form, so that a diff shows what changed.

``python tests/normalise.py [--execute] NOTEBOOK ...``. Usually called by ``make run``.
"""

import argparse
import base64
import io
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import address
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image

METADATA = {
    "kernelspec": {"display_name": "Python 3", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = {"tags", "mystnb"}


def normal_form(notebook: NotebookNode) -> NotebookNode:
    """Keep of the metadata what the book uses: the kernel, tags and figures; begin with the same cell everywhere.

    Pictures get a palette, with which a page weighs less.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.get("id", "").endswith("-install"):
            cell.source = address.first_cell(address.setting())
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in CELL_METADATA})
        cell.source = cell.source.strip("\n")
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = with_palette(output.data["image/png"])
    return notebook


def with_palette(png: str) -> str:
    """Return a picture, in base64, with 256 colours at most; one that has a palette stays as it is."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode == "P":
        return png
    written = io.BytesIO()
    opaque = picture.convert("RGBA").getextrema()[3][0] == 255
    reduced = picture.convert("RGB" if opaque else "RGBA").quantize(
        256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    reduced.save(written, "PNG", optimize=True, dpi=picture.info.get("dpi"))
    return base64.b64encode(written.getvalue()).decode() + png[len(png.rstrip()) :]


def text_of(notebook: NotebookNode) -> str:
    """The file's text, as Jupyter writes it."""
    return nbformat.writes(notebook) + "\n"


def treat(path: Path, *, execute: bool) -> str | None:
    """Run and rewrite one notebook; return what went wrong, if anything did."""
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    if execute:
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(path.parent)}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            return f"{path} is left as it was, because a cell failed:\n{error}"
    path.write_text(text_of(normal_form(notebook)), encoding="utf-8")
    print(f"{path}: {time.perf_counter() - began:.1f} s", flush=True)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--execute", action="store_true", help="run the cells first")
    parser.add_argument("notebooks", nargs="+", type=Path)
    options = parser.parse_args()
    # Two kernels side by side, one thread each: see the Makefile.
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        faults = list(pool.map(partial(treat, execute=options.execute), options.notebooks))
    for fault in filter(None, faults):
        print(fault, file=sys.stderr)
    return int(any(faults))


if __name__ == "__main__":
    sys.exit(main())
