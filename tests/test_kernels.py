"""The kernels under which NumPy, SciPy and PyTorch compute.

`make second-kernels` sets the variables of ``second_kernels.env`` and KERNELS=second, and begins with these tests: a
variable that a library no longer knows would change nothing, and the second run would be the first one again. On
another architecture they are skipped, except in continuous integration, where KERNELS_REQUIRED is set.
"""

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - loads its own OpenBLAS
import threadpoolctl
import torch

FILE = Path(__file__).parent / "second_kernels.env"
SECOND = dict(word.split("=", 1) for word in shlex.split(FILE.read_text(encoding="utf-8"), comments=True))
PRODUCTS = """
import torch

torch.conv1d(torch.ones(8, 64, 64), torch.ones(64, 64, 5))
torch.eye(64, dtype=torch.float64) @ torch.eye(64, dtype=torch.float64)
"""


if os.environ.get("KERNELS") != "second":
    pytest.skip("the libraries choose their kernels; make second-kernels says which", allow_module_level=True)
if platform.machine().lower() not in ("x86_64", "amd64") and not os.environ.get("KERNELS_REQUIRED"):
    pytest.skip(f"the second set of kernels is one of x86-64, this is {platform.machine()}", allow_module_level=True)


def test_the_variables_are_those_of_the_file() -> None:
    assert {name: os.environ.get(name) for name in SECOND} == SECOND


def test_openblas_of_numpy_and_of_scipy() -> None:
    found = [pool for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
    assert len(found) >= 2, found
    # On 64 bits the kernels called Prescott are those of Katmai, the older of the two, and report themselves so.
    assert {pool["architecture"] for pool in found} <= {SECOND["OPENBLAS_CORETYPE"], "Katmai"}, found


def test_numpy_dispatches_to_none_of_its_kernels() -> None:
    features = np._core._multiarray_umath.__cpu_features__
    off = SECOND["NPY_DISABLE_CPU_FEATURES"].split()
    assert set(off) == set(np._core._multiarray_umath.__cpu_dispatch__)
    assert not [name for name in off if features[name]]


def test_pytorch_and_the_two_libraries_in_it() -> None:
    assert torch.backends.cpu.get_cpu_capability() == SECOND["ATEN_CPU_CAPABILITY"].upper()
    told = os.environ | {"MKL_VERBOSE": "1", "ONEDNN_VERBOSE": "1"}
    run = subprocess.run([sys.executable, "-c", PRODUCTS], env=told, capture_output=True, text=True, check=True)
    assert f"CNR:{SECOND['MKL_CBWR']}" in run.stdout, run.stdout
    assert "isa:Intel SSE4.1" in run.stdout, run.stdout
