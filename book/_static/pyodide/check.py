"""Check where the files beside this one come from: see README.md.

``python check.py [pyodide-0.27.7.tgz]``, the package as ``npm pack`` gets it; without it the sums alone.
"""

import base64
import hashlib
import json
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
# What npm says of pyodide@0.27.7: `npm view pyodide@0.27.7 dist.integrity`.
INTEGRITY = "RUSVJlhQdfWfgO9hVHCiXoG+nVZQRS5D9FzgpLJ/VcgGBLSAKoPL8kTiOikxbHQm1kRISeWUBdulEgO26qpSRA=="


def sums(folder: Path = HERE) -> dict[str, str]:
    """Read SHA256SUMS: the sum of each file that is not ours."""
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def faults(folder: Path = HERE) -> list[str]:
    """Name the files that are not what they should be."""
    wanted = sums(folder)
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in wanted}
    wrong = [name for name, digest in found.items() if digest != wanted[name]]
    packages = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = {package["file_name"]: package["sha256"] for package in packages.values()}
    wheels = [name for name in found if name.endswith(".whl")]
    return wrong + [f"{name}: not in the lock" for name in wheels if found[name] != locked.get(name)]


def faults_of_package(package: Path, folder: Path = HERE) -> list[str]:
    """Name the files that differ from those in npm's package, which must be the one that npm names."""
    content = package.read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != INTEGRITY:
        return [f"{package}: not the package that npm names"]
    with tarfile.open(package) as tar:
        theirs = {
            member.name.removeprefix("package/"): file.read() for member in tar if (file := tar.extractfile(member))
        }
    ours = [name for name in sums(folder) if not name.endswith(".whl")]
    return [name for name in ours if theirs.get(name) != (folder / name).read_bytes()]


if __name__ == "__main__":
    found = faults() + [fault for name in sys.argv[1:] for fault in faults_of_package(Path(name))]
    print(*(found or [f"{len(sums())} files are what they should be"]), sep="\n")
    sys.exit(bool(found))
