"""Write the networks that run in the page: ``python book/01-sine/networks.py``, half a minute.

They are the chapter's, seed 0: the thread's GRU(10) with a head on the last state, which fails in
closed loop, and the same one mended; beside them least squares on the same windows. Every digit
of their weights goes into ``book/_static/play/sine-networks.js``, since a page that is opened from
a disk may load a script but no data. The file is kept in the repository; the polish by L-BFGS
magnifies rounding, so that another machine writes another mended network, as good as this one.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from torch import nn

from rnncourse import datasets, models, training, windows

SCRIPT = Path(__file__).parents[1] / "_static" / "play" / "sine-networks.js"
HEAD = "// Made by book/01-sine/networks.py: weights of chapter 1's networks and linear rule.\n"
ONE_CYCLE = partial(
    torch.optim.lr_scheduler.OneCycleLR, max_lr=1e-2, total_steps=20 * 39
)
TIGHT = {
    "tolerance_grad": 1e-12,
    "tolerance_change": 1e-15,
    "line_search_fn": "strong_wolfe",
}
POLISH = partial(torch.optim.LBFGS, max_iter=20, history_size=20, **TIGHT)


def trained(cut: windows.Windows, *, mended: bool) -> models.Forecaster:
    """Train the chapter's network with the head on the last state, and mend it where asked."""
    training.reproducible(seed=0)
    core = nn.GRU(1, 10, batch_first=True)
    model = models.Forecaster(core, readout="last", lookback=50, residual=mended)
    options = {"epochs": 20, "batch_size": 64, "scheduler": ONE_CYCLE}
    training.fit(model, cut.inputs, cut.targets, **options)
    if mended:
        some = slice(None, None, 10)
        polish = {"epochs": 10, "batch_size": None, "optimizer": POLISH}
        training.fit(model, cut.inputs[some], cut.targets[some], **polish)
    return model


def exported(model: models.Forecaster, cut: windows.Windows) -> dict[str, Any]:
    """Return what the page needs to run a network, and its loss one step ahead."""
    loss = np.mean((training.predict(model, cut.inputs) - cut.targets) ** 2)
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return {
        "readout": model.readout,
        "residual": model.residual,
        "loss": float(loss),
        "weights": weights,
    }


def networks() -> dict[str, Any]:
    """Return everything that runs in the page, under the names that are shown there."""
    cut = windows.make_windows(datasets.sine(), lookback=50)
    rule = LinearRegression().fit(cut.inputs[..., 0], cut.targets[:, 0, 0])
    return {
        "last state": exported(trained(cut, mended=False), cut),
        "last state, mended": exported(trained(cut, mended=True), cut),
        "linear rule": {
            "coefficients": rule.coef_.tolist(),
            "intercept": float(rule.intercept_),
        },
    }


if __name__ == "__main__":
    text = json.dumps(networks(), separators=(",", ":"))
    SCRIPT.parent.mkdir(exist_ok=True)
    SCRIPT.write_text(
        f'{HEAD}"use strict";\nplay.sineNetworks = {text};\n', encoding="utf-8"
    )
