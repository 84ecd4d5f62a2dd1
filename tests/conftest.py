"""Each test starts from PyTorch's own settings, whatever the one before has set."""

import matplotlib
import pytest
import torch

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def torch_defaults():
    """One thread; float32 and nondeterministic algorithms again after a test that called `reproducible`."""
    torch.set_num_threads(1)
    yield
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
