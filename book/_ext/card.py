"""Make the picture that stands beside a link to the book, from a figure of chapter 1.

``python book/_ext/card.py``, once; the picture is kept in the repository.
"""

import base64
import io
import json
from pathlib import Path

import matplotlib.pyplot as plt

BOOK = Path(__file__).parents[1]
FIGURE = "fig-sine-fails"


def figure_of(name: str) -> bytes:
    """Return the picture under a cell, as PNG."""
    cells = json.loads((BOOK / "01-sine" / "1-sine.ipynb").read_text(encoding="utf-8"))["cells"]
    (cell,) = [
        c for c in cells if c["metadata"].get("mystnb", {}).get("figure", {}).get("name") == name
    ]
    (picture,) = [
        o["data"]["image/png"] for o in cell["outputs"] if "image/png" in o.get("data", {})
    ]
    return base64.b64decode(picture)


def main() -> None:
    """Write social-card.png: 1200 × 630 pixels."""
    card = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    card.text(
        0.06,
        0.86,
        "Recurrent Networks for Time Series",
        fontsize=36,
        weight="bold",
        color="#333333",
    )
    card.text(0.06, 0.77, "An executable textbook, in PyTorch", fontsize=23, color="#00609A")
    ax = card.add_axes((0.04, 0.03, 0.92, 0.7))
    ax.imshow(plt.imread(io.BytesIO(figure_of(FIGURE))))
    ax.set_axis_off()
    card.savefig(BOOK / "_static" / "social-card.png")


if __name__ == "__main__":
    main()
