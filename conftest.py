"""Every test and every doctest starts from PyTorch's own settings, on one thread, and opens no window."""

import os
import sys
from collections.abc import Iterator

import pytest

pytest_plugins = ["nbval_digits"]  # in tests/


def pytest_configure(config: pytest.Config) -> None:
    """Draw without windows, except for notebooks: without the backend that Jupyter gives them they show no figures."""
    if not config.getoption("nbval", default=False):
        os.environ["MPLBACKEND"] = "Agg"


@pytest.fixture(autouse=True)
def pytorch_as_it_starts() -> Iterator[None]:
    """Undo what `reproducible` sets for a whole process: 64-bit floats, deterministic algorithms."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    yield
    if torch := sys.modules.get("torch"):
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
