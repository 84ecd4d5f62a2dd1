"""One address in all places, or none: ``make address``, and the first cell that installs from it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import address
import pytest
import repository
import yaml

ROOT = Path(__file__).parents[1]
HERE = "https://github.com/Someone/a-course"
# Other people's repositories that the pages name.
OTHERS = {"https://github.com/containers/bubblewrap"}
EXAMPLES = {"https://github.com/you/course", "https://github.com/You/course", "https://you.github.io"}
HOSTS = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org|raw\.githubusercontent\.com)/[\w.-]+/[\w-]+"
    r"|https?://[\w-]+\.(?:github|gitlab)\.io\b|mybinder\.org/v2/gh/[\w-]+|colab\.research\.google\.com/github/[\w-]+"
)


def own_files(root: Path) -> list[Path]:
    """The repository's own text, without this file and what others have written."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    vendored = ("book/_static/mathjax/", "book/_static/reveal/", "book/_static/pyodide/")
    names = [name for name in tracked.split("\0") if name and not name.startswith(vendored)]
    binary = {".png", ".woff", ".woff2", ".gz", ".wasm", ".whl", ".zip"}
    return [root / n for n in names if Path(n).suffix not in binary and Path(n).name != Path(__file__).name]


def named(root: Path) -> dict[str, set[str]]:
    """Each address of a repository or of its site that the files name."""
    found: dict[str, set[str]] = {}
    for path in own_files(root):
        if path.is_file():
            for url in HOSTS.findall(path.read_text(encoding="utf-8")):
                found.setdefault(url, set()).add(str(path.relative_to(root)))
    return {url: where for url, where in found.items() if url not in OTHERS | EXAMPLES}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the repository's text."""
    for path in own_files(ROOT):
        if path.is_file():
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return tmp_path


def content(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_no_other_address_than_the_one_that_is_set() -> None:
    url = address.setting()
    assert url == address.normalised(url)
    wanted = {url, repository.site_address(url).rstrip("/")} - {""}
    assert {name: where for name, where in named(ROOT).items() if name not in wanted} == {}


def test_all_places_agree() -> None:
    url = address.setting()
    for path, change in address.places(ROOT):
        text = path.read_text(encoding="utf-8")
        assert change(text, url) == text, f"{path.relative_to(ROOT)}: make address URL={url}"


def test_address_is_set_everywhere_and_taken_out_without_a_trace(tree: Path) -> None:
    address.set_address("", tree)
    before = content(tree)
    changed = {str(path.relative_to(tree)) for path in address.set_address(HERE, tree)}
    notebooks = {
        str(path.relative_to(tree)) for path in tree.rglob("book/**/*.ipynb") if path.name != "assignment.ipynb"
    }
    assert changed == {"_config.yml", "CITATION.cff", "README.md", "pyproject.toml"} | notebooks
    assert named(tree) == {HERE: changed}
    assert address.setting(tree) == HERE
    assert yaml.safe_load((tree / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"] == HERE
    assert address.set_address(HERE, tree) == []
    address.set_address("https://git.example.org/team/sub/course", tree)
    assert named(tree) == {}  # the first one is nowhere left
    address.set_address("", tree)
    assert content(tree) == before


def test_a_place_that_is_not_found_changes_nothing(tree: Path) -> None:
    (tree / "CITATION.cff").write_text("title: something else\n", encoding="utf-8")
    before = content(tree)
    with pytest.raises(ValueError, match=r"0 places match .*, wanted one"):
        address.set_address("https://github.com/Another/b-course", tree)
    assert content(tree) == before


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (HERE, HERE),
        (f"{HERE}/", HERE),
        (f"{HERE}.git", HERE),
        (f" {HERE}.git/\n", HERE),
        ("https://git.example.org/team/sub/course", "https://git.example.org/team/sub/course"),
        ("", ""),
    ],
)
def test_address_is_brought_to_one_form(given: str, wanted: str) -> None:
    assert address.normalised(given) == wanted


@pytest.mark.parametrize(
    "given",
    [
        "http://github.com/a/b",
        "git@github.com:a/b",
        "github.com/a/b",
        "https://github.com/a",
        "https://github.com/a b/c",
        'https://github.com/a/b"',
        "https://github.com/a/b'; rm -rf x",
        "https://me:secret@github.com/a/b",
        "https://github.com/a/b?tab=x",
        "https://github.com/a/b#c",
        "https://github.com/../b",
        "https://localhost/a/b",
        "https://github.com/a/b\nhttps://github.com/a/b",
    ],
)
def test_other_addresses_are_refused_in_one_sentence(given: str) -> None:
    command = [sys.executable, str(ROOT / "tests" / "address.py"), given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"URL must look like https://github.com/you/course, or be empty; got {given!r}"]


# The first cell.


def test_without_an_address_the_first_cell_says_what_to_do_and_does_nothing() -> None:
    # -S: no installed package is seen.
    command = [sys.executable, "-I", "-S", "-c", address.first_cell("")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert re.fullmatch(r"ModuleNotFoundError: The package rnncourse is missing: [^:]*`make book`[^:]*\.", said)
    assert not re.search(r"pip|subprocess|http|git", address.first_cell(""))


def test_where_the_package_is_there_the_first_cell_does_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", address.first_cell("")], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    """A package of one line."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)


@pytest.fixture
def hosted(tmp_path: Path) -> Path:
    """A machine with its own versions of two packages, and an index with newer ones."""
    index = tmp_path / "index"
    index.mkdir()
    venv.create(tmp_path / "venv")
    for name in ("loaded", "bystander"):
        for version in ("1.0", "2.0"):
            wheel(index, name, version)
        with zipfile.ZipFile(index / f"{name}-1.0-py3-none-any.whl") as archive:
            archive.extractall(site_packages(tmp_path))
    wheel(index, "missing", "1.0", "bystander")
    wheel(index, "missing", "2.0", "bystander>=2")
    return tmp_path


def site_packages(folder: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder / "venv")}))


def pip(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python's pip for the hosted one, without a network."""
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "index"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "--python", str(folder / "venv"), *arguments]
    return subprocess.run(command, env=os.environ | index, capture_output=True, text=True, check=False)


def run_first_cell(folder: Path) -> subprocess.CompletedProcess[str]:
    """Do what IPython does with the lines of the first cell, there; the address stands for a wheel."""
    lines = [line for line in address.first_cell(HERE).splitlines() if "%pip" in line]
    listed, install = (line.strip().removeprefix("%pip ") for line in lines)
    assert listed == 'list --format=freeze > "{held}"'
    held = folder / "held.txt"
    held.write_text(pip(folder, "list", "--format=freeze").stdout, encoding="utf-8")
    words = install.replace('"{held}"', str(held)).replace(f"git+{HERE}", "rnncourse").split()
    return pip(folder, *words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("needs", "wanted"),
    [
        (["loaded", "missing>=1"], {"bystander-1.0", "loaded-1.0", "missing-1.0", "rnncourse-0.1"}),
        (["loaded>=2", "missing"], {"bystander-1.0", "loaded-1.0"}),
    ],
    ids=["adds what is missing in a version that fits", "stops where what is there is too old"],
)
def test_first_cell_replaces_nothing_that_is_there(hosted: Path, needs: list[str], wanted: set[str]) -> None:
    wheel(hosted / "index", "rnncourse", "0.1", *needs)
    done = run_first_cell(hosted)
    installed = {path.stem for path in site_packages(hosted).glob("*.dist-info")}
    assert installed == wanted, done.stdout + done.stderr
    if "rnncourse-0.1" not in wanted:
        assert done.returncode == 1
        assert "loaded==1.0" in done.stdout + done.stderr  # the reader learns which package it is
