"""What is installed, and what may be: pins, the lock beneath them, the package's floors say one thing."""

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
FILES = ["requirements.txt", "tests/requirements.txt", "book/_ext/requirements.txt"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOWEST_PYTHON, HIGHEST_PYTHON = Version("3.11.0"), Version("3.14")


def read(name: str) -> list[Requirement]:
    """The requirements in a file, without those of other systems and Pythons."""
    lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-c"))]
    return [requirement for requirement in found if requirement.marker is None or requirement.marker.evaluate()]


def pins(requirements: list[Requirement]) -> dict[str, str]:
    """Package and pinned version."""
    found = {}
    for requirement in requirements:
        (only,) = requirement.specifier
        assert only.operator == "==", f"{requirement}: not pinned"
        found[canonicalize_name(requirement.name)] = only.version
    return found


DIRECT = {name: version for file in FILES for name, version in pins(read(file)).items()}
LOCK = pins(read("constraints.txt"))
FLOORS = [
    Requirement(line)
    for line in (
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["grading"],
    )
]


def disagreements(direct: dict[str, str], lock: dict[str, str], version: Callable[[str], str | None]) -> Iterator[str]:
    """Where pins, lock and what is installed differ; `version` gives what is installed, None if it is not."""
    for name, wanted in direct.items():
        if lock.get(name) != wanted:
            yield f"{name}: pinned at {wanted}, in constraints.txt {lock.get(name, 'missing')}"
    for name in direct.keys() | lock.keys():
        if (here := version(name)) and name in lock and Version(here).public != Version(lock[name]).public:
            yield f"{name}: installed {here}, in constraints.txt {lock[name]}"


def installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def beneath(names: list[str]) -> set[str]:
    """These packages and all that they need here, as far as they are installed."""
    found: set[str] = set()
    queue = [(name, frozenset({""})) for name in names]
    seen = set()
    while queue:
        name, extras = queue.pop()
        if (name, extras) in seen or installed(name) is None:
            continue
        seen.add((name, extras))
        found.add(name)
        for requirement in map(Requirement, metadata.requires(name) or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                queue.append((canonicalize_name(requirement.name), frozenset({"", *requirement.extras})))
    return found


def test_pins_lock_and_installation_agree() -> None:
    assert sorted(disagreements(DIRECT, LOCK, installed)) == [], "make lock; make test"


def test_everything_beneath_the_pins_is_in_the_lock() -> None:
    assert sorted(beneath(list(DIRECT)) - LOCK.keys()) == [], "make lock"


@pytest.mark.parametrize(
    ("direct", "lock", "here", "fault"),
    [
        ({"a": "1"}, {"a": "1", "b": "2"}, {"a": "1+cpu", "b": "2"}, None),
        ({"a": "1"}, {"a": "2"}, {}, "a: pinned at 1, in constraints.txt 2"),
        ({"a": "1"}, {"b": "1"}, {}, "a: pinned at 1, in constraints.txt missing"),
        ({"a": "1"}, {"a": "1", "b": "2"}, {"b": "3"}, "b: installed 3, in constraints.txt 2"),
    ],
)
def test_disagreement_names_the_package(direct: dict, lock: dict, here: dict, fault: str | None) -> None:
    assert list(disagreements(direct, lock, here.get)) == ([fault] if fault else [])


def test_what_is_needed_beneath_is_found() -> None:
    assert {"pytest", "iniconfig", "pluggy"} <= beneath(["pytest"])
    assert beneath(["no-such-package"]) == set()
    assert "dask" in beneath(["distributed"])


def test_lock_is_for_every_python_and_system() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lock = [Requirement(line) for line in text.splitlines() if not line.startswith("#")]
    for system in ({"sys_platform": "win32"}, {"sys_platform": "darwin"}, {"sys_platform": "linux"}):
        for python in (LOWEST_PYTHON, HIGHEST_PYTHON):
            where = {
                **system,
                "python_full_version": str(python),
                "python_version": ".".join(str(python).split(".")[:2]),
            }
            chosen = [r.name for r in lock if r.marker is None or r.marker.evaluate(where)]
            assert len(chosen) == len(set(chosen)), "two versions for one system"
            assert DIRECT.keys() <= {canonicalize_name(name) for name in chosen}


@pytest.mark.parametrize("requirement", FLOORS, ids=lambda requirement: requirement.name)
def test_floors_allow_the_pins(requirement: Requirement) -> None:
    assert requirement.specifier.contains(LOCK[canonicalize_name(requirement.name)]), requirement


def test_floors_allow_what_hosted_notebooks_have() -> None:
    floors = {requirement.name: requirement.specifier for requirement in FLOORS}
    assert floors["numpy"].contains("2.0.2")
    assert floors["pandas"].contains("2.2.2")


def test_binder_has_the_packages_floors() -> None:
    lines = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    floors = {{"torch": "pytorch-cpu"}.get(r.name, r.name): str(r.specifier) for r in FLOORS}
    for name, floor in (re.fullmatch(r"([\w-]+)(.*)", line).groups() for line in lines):
        assert name not in floors or floor in ("", floors[name]), name


# What a hosted notebook has loaded when its first cell installs the course.
HOSTED = """
joblib==1.5.2
matplotlib==3.10.0
numpy==2.0.2
pandas==2.2.2
scikit-learn==1.6.1
scipy==1.16.2
statsmodels==0.14.5
torch==2.8.0
tqdm==4.67.1
"""


@pytest.mark.slow
def test_the_course_installs_beside_what_is_loaded(tmp_path: Path) -> None:
    from uv import find_uv_bin

    (tmp_path / "hosted.txt").write_text(HOSTED, encoding="utf-8")
    command = [
        find_uv_bin(),
        "pip",
        "compile",
        "pyproject.toml",
        "--python-version",
        "3.12",
        "--no-config",
        "--no-python-downloads",
    ]
    command += ["--constraint", str(tmp_path / "hosted.txt"), "--no-header", "--no-annotate"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if re.search("client error|dns error", done.stderr):
        pytest.skip("no package index is in reach")
    assert done.returncode == 0, done.stderr
    assert set(HOSTED.split()) <= set(done.stdout.split())


def test_the_wheels_builder_is_one_version() -> None:
    assert PROJECT["build-system"]["requires"] == [f"hatchling=={DIRECT['hatchling']}"]


def test_no_package_registry_is_named() -> None:
    for file in [*FILES, "constraints.txt"]:
        assert "://" not in (ROOT / file).read_text(encoding="utf-8"), file
