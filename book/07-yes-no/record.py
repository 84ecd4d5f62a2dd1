"""Chapter 7's recorded results: each name in EXPERIMENTS is one, see ``data/record.py``."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import in_parallel
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    StandardScaler,
)
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam

from rnncourse import datasets, models, training

# Cost of a failure that was missed, and of an inspection that was not needed.
MISSED, NEEDLESS = 5.0, 1.0
FORMULA = NEEDLESS / (
    NEEDLESS + MISSED
)  # the threshold that is right for calibrated probabilities


class YesNoNetwork(ClassifierMixin, BaseEstimator):
    """The thread's network on (N, 3, 8), used as scikit-learn's classifiers are."""

    def __init__(self, seed: int, lr: float = 1e-2) -> None:
        self.seed, self.lr = seed, lr

    def fit(self, x: np.ndarray, y: np.ndarray) -> "YesNoNetwork":
        """Find the number of epochs with a fifth of the devices, then train on all of them."""
        self.mean_, self.std_ = x.mean((0, 1)), x.std((0, 1))
        z = self.scaled(x)
        z_fit, z_stop, y_fit, y_stop = train_test_split(
            z, y, test_size=0.2, stratify=y, random_state=self.seed
        )
        history = self.trained(
            z_fit, y_fit, 200, patience=10, validation=(z_stop, y_stop)
        )
        if history.best_epoch is None:
            raise RuntimeError("training kept no best epoch")
        self.trained(z, y, history.best_epoch)
        return self

    def trained(
        self, z: np.ndarray, y: np.ndarray, epochs: int, **stop: Any
    ) -> training.History:
        """Train from the start, on scaled inputs."""
        training.reproducible(self.seed)
        self.model_ = models.SequenceClassifier(
            nn.LSTM(z.shape[2], 32, batch_first=True), 2
        )
        adam = partial(Adam, lr=self.lr, fused=True)
        return training.fit(
            self.model_, z, y, epochs=epochs, loss=cross_entropy, optimizer=adam, **stop
        )

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Return inputs with mean 0 and standard deviation 1 in the training devices."""
        return (x - self.mean_) / self.std_

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities of "no" and "yes": (N, 2)."""
        return torch.softmax(
            torch.tensor(training.predict(self.model_, self.scaled(x))), 1
        ).numpy()


def yes_no_flat(x: np.ndarray) -> np.ndarray:
    """(N, L, F) -> (N, L·F)."""
    return x.reshape(len(x), -1)


def yes_no_logistic(*steps: Any) -> Any:
    """Logistic regression after some steps; its penalty by cross-validation in the training set."""
    pipeline = make_pipeline(
        *steps, LogisticRegression(solver="newton-cholesky", tol=1e-10)
    )
    grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1.0]}
    return GridSearchCV(pipeline, grid, scoring="neg_log_loss")


def yes_no_peers(seed: int) -> dict[str, Any]:
    """The chapter's classifiers by name: each takes (N, 3, 8)."""
    flat, means = (
        FunctionTransformer(yes_no_flat),
        FunctionTransformer(partial(np.mean, axis=1)),
    )
    changes, scale = FunctionTransformer(partial(np.diff, axis=1)), StandardScaler()
    forest = RandomForestClassifier(200, random_state=seed)
    return {
        "always no": DummyClassifier(strategy="prior"),
        "logistic, 8 means": yes_no_logistic(means, scale),
        "logistic, 24 numbers": yes_no_logistic(flat, scale),
        "logistic, and products": yes_no_logistic(
            flat, scale, PolynomialFeatures(2, include_bias=False)
        ),
        "forest, 24 numbers": make_pipeline(flat, forest),
        "LSTM, 3 × 8": YesNoNetwork(seed),
        "logistic, 16 changes": yes_no_logistic(changes, flat, scale),
        "forest, 16 changes": make_pipeline(changes, flat, forest),
        "LSTM, changes 2 × 8": make_pipeline(changes, YesNoNetwork(seed)),
    }


def yes_no_cost(y: np.ndarray, yes: np.ndarray) -> float:
    """Mean cost of acting on `yes`, for 100 devices."""
    return float(100 * np.mean(np.where(y == 1, MISSED * ~yes, NEEDLESS * yes)))


def yes_no_sets(seeds: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Join several sets of made-up devices."""
    parts = [datasets.device_failures(seed=seed) for seed in seeds]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def yes_no_rates_run(lr: float, data_seed: int) -> list[dict[str, Any]]:
    """Cross-validate the network with one learning rate on one set of 195 devices."""
    x, y = datasets.device_failures(seed=data_seed)
    out = np.zeros(len(y))
    for fold, (train, test) in enumerate(
        StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)
    ):
        out[test] = (
            YesNoNetwork(fold, lr).fit(x[train], y[train]).predict_proba(x[test])[:, 1]
        )
    return [
        {
            "lr": lr,
            "data_seed": data_seed,
            "auc": roc_auc_score(y, out),
            "log_loss": log_loss(y, out),
        }
    ]


def yes_no_rates() -> pd.DataFrame:
    """Three learning rates on ten sets of devices that serve for nothing else."""
    settings = [
        {"lr": lr, "data_seed": data}
        for lr in (0.003, 0.01, 0.03)
        for data in range(1000, 1010)
    ]
    return in_parallel(yes_no_rates_run, settings)


def yes_no_folds_run(data_seed: int, repeat: int) -> list[dict[str, Any]]:
    """Cross-validate each classifier on 195 devices, and judge it on 3,900 others too."""
    x, y = datasets.device_failures(seed=data_seed)
    fresh_x, fresh_y = yes_no_sets(range(2000, 2020))
    folds = list(StratifiedKFold(5, shuffle=True, random_state=repeat).split(x, y))
    rows = []
    for name in yes_no_peers(0):
        out, fresh = np.zeros(len(y)), []
        for fold, (train, test) in enumerate(folds):
            peer = yes_no_peers(10 * repeat + fold)[name].fit(x[train], y[train])
            out[test] = peer.predict_proba(x[test])[:, 1]
            fresh.append(peer.predict_proba(fresh_x)[:, 1])
        row = {
            "auc": roc_auc_score(y, out),
            "average_precision": average_precision_score(y, out),
            "accuracy": np.mean((out >= 0.5) == y),
            "log_loss": log_loss(y, out),
            "brier": brier_score_loss(y, out),
            "cost_half": yes_no_cost(y, out >= 0.5),
            "cost_formula": yes_no_cost(y, out >= FORMULA),
            "fresh_auc": np.mean([roc_auc_score(fresh_y, p) for p in fresh]),
            "fresh_brier": np.mean([brier_score_loss(fresh_y, p) for p in fresh]),
            "fresh_cost_half": np.mean([yes_no_cost(fresh_y, p >= 0.5) for p in fresh]),
            "fresh_cost_formula": np.mean(
                [yes_no_cost(fresh_y, p >= FORMULA) for p in fresh]
            ),
        }
        rows.append({"data_seed": data_seed, "repeat": repeat, "model": name, **row})
    return rows


def yes_no_folds() -> pd.DataFrame:
    """Ten sets of 195 devices, two repeats of stratified five-fold cross-validation each."""
    settings = [
        {"data_seed": data, "repeat": repeat}
        for data in range(10)
        for repeat in range(2)
    ]
    return in_parallel(yes_no_folds_run, settings)


def yes_no_sizes_run(devices: int, draw: int) -> list[dict[str, Any]]:
    """Train on so many made-up devices; judge on 3,900 others."""
    x, y = yes_no_sets(
        range(3000 + 20 * draw, 3000 + 20 * draw + math.ceil(devices / 195))
    )
    fresh_x, fresh_y = yes_no_sets(range(2000, 2020))
    names = [
        "logistic, 24 numbers",
        "forest, 24 numbers",
        "LSTM, 3 × 8",
        "forest, 16 changes",
        "LSTM, changes 2 × 8",
    ]
    peers = {
        name: yes_no_peers(draw)[name].fit(x[:devices], y[:devices]) for name in names
    }
    return [
        {
            "devices": devices,
            "draw": draw,
            "model": name,
            "auc": roc_auc_score(fresh_y, p.predict_proba(fresh_x)[:, 1]),
        }
        for name, p in peers.items()
    ]


def yes_no_sizes() -> pd.DataFrame:
    """What more devices would be worth: from 100 to 1,560 of them, five draws each."""
    sizes = (1560, 780, 390, 195, 100)
    settings = [
        {"devices": devices, "draw": draw} for devices in sizes for draw in range(5)
    ]
    order = ["devices", "draw"]
    return in_parallel(yes_no_sizes_run, settings).sort_values(
        order, kind="stable", ignore_index=True
    )


EXPERIMENTS: dict[str, Callable[[], pd.DataFrame]] = {
    "yes_no_rates": yes_no_rates,
    "yes_no_folds": yes_no_folds,
    "yes_no_sizes": yes_no_sizes,
}
