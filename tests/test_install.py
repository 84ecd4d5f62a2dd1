"""Installing, for real: `make` in a copy of what it needs, made-up packages, indexes on the loopback address."""

import base64
import functools
import hashlib
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import install

ROOT = Path(__file__).parents[1]
# The course's package, as make installs it: the wheel that the copy holds.
BACKEND = """
import shutil

def build_editable(folder, settings=None, metadata=None):
    return shutil.copy("rnncourse-1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
NO_ROOM = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"


def made_up(folder: str | Path, name: str, version: str) -> Path:
    """A wheel that holds nothing."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {file: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for file, text in files.items()}
    lines = [f"{file},sha256={digests[file].decode().rstrip('=')},{len(text)}" for file, text in files.items()]
    files[f"{about}/RECORD"] = "\n".join([*lines, f"{about}/RECORD,,"]) + "\n"
    path = Path(folder) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


class Index(http.server.SimpleHTTPRequestHandler):
    """Folders of wheels, as pip wants them; what is asked for is remembered; what `hold` names never comes."""

    asked: list[str]
    hold = "nothing"

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.hold in self.path:
            time.sleep(600)
        super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[object]:
    """A function that serves a folder, and returns its address and its handler."""
    servers = []

    def start(folder: Path) -> tuple[str, type[Index]]:
        handler = type("Handler", (Index,), {"asked": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", handler

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Copy:
    """What `make` needs for an installation, in a folder of its own, and an index in the place of PyPI."""

    def __init__(self, folder: Path, serve) -> None:
        self.folder = folder / "copy"
        (self.folder / "book").mkdir(parents=True)
        for name in ("Makefile", "install.py"):
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "pyproject.toml").write_text(PYPROJECT)
        (self.folder / "backend.py").write_text(BACKEND)
        made_up(self.folder, "rnncourse", "1.0")
        self.require("torch==9.9", "companion==1.0")
        self.packages = folder / "packages"
        for name, version in (("torch", "9.9"), ("companion", "1.0"), ("companion", "2.0")):
            (self.packages / name).mkdir(parents=True, exist_ok=True)
            made_up(self.packages / name, name, version)
        self.index, self.handler = serve(self.packages)

    def require(self, *lines: str, constraints: str = "") -> None:
        (self.folder / "requirements.txt").write_text("-c constraints.txt\n" + "\n".join(lines) + "\n")
        (self.folder / "constraints.txt").write_text(constraints)

    def start(self, torch_index: str = "", **more: str) -> subprocess.Popen:
        clean = {name: value for name, value in os.environ.items() if not re.match("PIP_|PYTHON|MAKE|MFLAGS", name)}
        clean |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.index, "PIP_NO_CACHE_DIR": "1"}
        clean |= {"TORCH_INDEX": torch_index, "PYTHON": sys.executable, **more}
        command = [shutil.which("make"), ".venv/.installed"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=clean, start_new_session=True, **pipes)

    def make(self, torch_index: str = "", *, fails: bool = False, **more: str) -> str:
        process = self.start(torch_index, **more)
        told = process.communicate()[0]
        assert bool(process.returncode) == fails, told
        return told

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv" / ".installed"

    def installed(self) -> dict[str, str]:
        found = (self.folder / ".venv").glob("lib/python*/site-packages/*.dist-info")
        names = dict(path.name.removesuffix(".dist-info").split("-") for path in found)
        return {name: version for name, version in names.items() if name not in {"pip", "setuptools"}}


@pytest.fixture
def copy(tmp_path: Path, serve) -> Copy:
    if not shutil.which("make"):
        pytest.skip("there is no make here")
    return Copy(tmp_path, serve)


USUAL = {"torch": "9.9", "companion": "1.0", "rnncourse": "1.0"}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere pip's usual build is the small one")


@on_linux
@pytest.mark.slow
def test_the_build_for_processors_comes_first(copy: Copy, serve, tmp_path: Path) -> None:
    (tmp_path / "cpu" / "torch").mkdir(parents=True)
    made_up(tmp_path / "cpu" / "torch", "torch", "9.9+cpu")
    address, _ = serve(tmp_path / "cpu")
    assert f"PyTorch: 9.9+cpu, from {address}." in copy.make(address)
    assert copy.installed() == USUAL | {"torch": "9.9+cpu"}
    assert not any("torch" in path for path in copy.handler.asked)
    # Nothing to do, and after a change of the pins only what is new.
    assert copy.make(address) == ""
    copy.require("torch==9.9", "companion==2.0")
    assert "PyTorch" not in copy.make(address)
    assert copy.installed() == USUAL | {"torch": "9.9+cpu", "companion": "2.0"}


@on_linux
@pytest.mark.slow
def test_an_address_that_never_answers_is_tried_once(copy: Copy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        told = copy.make(address)
        assert f"PyTorch: pip's usual build, because {address} does not answer" in told
        assert told.count("PyTorch") == 1
        silent.settimeout(1)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()
    assert copy.installed() == USUAL


@on_linux
@pytest.mark.slow
def test_an_address_that_answers_and_then_stops_is_tried_once(copy: Copy, serve, tmp_path: Path) -> None:
    (tmp_path / "cpu" / "torch").mkdir(parents=True)
    made_up(tmp_path / "cpu" / "torch", "torch", "9.9+cpu")
    address, handler = serve(tmp_path / "cpu")
    handler.hold = ".whl"
    assert f"PyTorch: pip's usual build, because none came from {address}" in copy.make(address)
    assert len([path for path in handler.asked if ".whl" in path]) == 1
    assert copy.installed() == USUAL


@on_linux
@pytest.mark.slow
def test_an_index_without_our_version(copy: Copy, serve, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    address, _ = serve(tmp_path / "cpu")
    assert f"because none came from {address}" in copy.make(address)
    assert copy.installed() == USUAL


@pytest.mark.slow
def test_no_address_asks_nobody(copy: Copy) -> None:
    assert "PyTorch: pip's usual build.\n" in copy.make("")
    assert copy.installed() == USUAL


@pytest.mark.slow
def test_an_installation_that_was_killed_is_repaired(copy: Copy) -> None:
    copy.handler.hold = "companion-1.0"
    process = copy.start()
    while not any("companion-1.0" in path for path in copy.handler.asked):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not copy.stamp.exists()
    # As if pip had been in the middle of a package.
    half = next((copy.folder / ".venv").glob("lib/python*/site-packages")) / "companion-1.0.dist-info"
    half.mkdir()
    (half / "METADATA").write_text("Metadata-Version: 2.1\nName: companion\nVersion: 1.0\n")
    copy.handler.hold = "nothing"
    assert "Creating .venv" in copy.make()
    assert copy.installed() == USUAL
    assert (half / "RECORD").is_file()
    # Broken off while pins are changed: the stamp of the earlier one does not hide it.
    (copy.folder / ".venv" / ".unfinished").touch()
    assert "Creating .venv" in copy.make()


@pytest.mark.slow
def test_an_environment_without_pip_is_repaired(copy: Copy) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(copy.folder / ".venv")], check=True)
    assert "Creating .venv" in copy.make()
    assert copy.installed() == USUAL


@pytest.mark.slow
def test_pins_that_do_not_fit(copy: Copy) -> None:
    copy.make()
    copy.require("torch==9.9", "companion==1.0", constraints="companion==2.0")
    told = copy.make(fails=True)
    assert "The pins in requirements.txt and constraints.txt do not fit together" in told
    assert "companion==1.0" in told
    assert "Traceback" not in told
    copy.require("torch==9.9", "companion==3.0")
    assert "do not fit together" in copy.make(fails=True)
    # Nothing was changed, so nothing is made anew.
    copy.require("torch==9.9", "companion==2.0")
    assert "Creating" not in copy.make()
    assert copy.installed() == USUAL | {"companion": "2.0"}


@pytest.mark.slow
def test_no_package_index_is_not_taken_for_pins_that_do_not_fit(copy: Copy) -> None:
    told = copy.make(fails=True, PIP_INDEX_URL="http://127.0.0.1:9", PIP_RETRIES="0")
    assert "The packages were not installed" in told
    assert "fit" not in told
    assert not copy.stamp.exists()
    copy.make()


@pytest.mark.parametrize("answer", ["1", "0"], ids=["too old or too new", "without venv"])
def test_no_python_that_fits(copy: Copy, tmp_path: Path, answer: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "touch", "find", "grep", "sed"):
        (tools / name).symlink_to(shutil.which(name))
    (tools / "python3").write_text(f'#!/bin/sh\ncase "$2" in *version_info*) exit {answer} ;; esac\nexit 1\n')
    (tools / "python3").chmod(0o755)
    told = copy.make(fails=True, PATH=str(tools), PYTHON="").splitlines()
    expected = {"1": "No Python from 3.11 to 3.14 was found", "0": "python3 has no venv module"}[answer]
    assert next(line for line in told if not line.startswith("make: ***")).startswith(expected)
    assert len(told) == 2


def test_no_room_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    fails = f"import sys; sys.stderr.write('WARNING: slow\\n' + {NO_ROOM + 'Traceback'!r}); sys.exit(1)"
    monkeypatch.setattr(install, "PIP", [sys.executable, "-c", fails])
    with pytest.raises(install.InstallError, match=r"^Not enough disk: \d GB are needed, .* free are \d[^\n]*\.$"):
        install.pip("--requirement", "requirements.txt")
    assert capfd.readouterr().err == "WARNING: slow\n"
