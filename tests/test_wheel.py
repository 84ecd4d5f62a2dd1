"""The wheel, installed elsewhere: the data travel with it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOADS_EVERYTHING = """
from pathlib import Path
import rnncourse
from rnncourse import datasets
assert Path(rnncourse.__file__).is_relative_to(Path("installed").resolve()), rnncourse.__file__
assert len(datasets.sunspots()) == 2820
assert len(datasets.sunspots(until="2009-06")) == 3126
assert datasets.sine().shape == (2501,)
assert datasets.fulda().shape == (3653, 5)
assert datasets.drought().shape == (115324, 23)
assert datasets.leading_parameters().shape == (1000, 4)
assert datasets.device_failures()[0].shape == (195, 3, 8)
for name in {results!r}:
    assert len(datasets.recorded(name)) > 0
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rnncourse").rglob("*.py")}
    tables = {f"rnncourse/{path.relative_to(ROOT)}" for path in (ROOT / "data").rglob("*.csv*")}
    assert names == code | tables | {"rnncourse/py.typed"}


def test_wheel_loads_every_data_set_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    # An empty folder that holds the wheel's content comes first on the path: the checkout is out of sight,
    # while NumPy and pandas still come from the environment of the tests.
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--disable-pip-version-check", "--target", str(tmp_path / "installed"), str(wheel)]
    subprocess.run(install, check=True)
    results = sorted(path.stem for path in (ROOT / "data" / "results").glob("*.csv"))
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}
    code = LOADS_EVERYTHING.format(results=results)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
