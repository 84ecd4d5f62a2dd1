"""Run the tests where a reader may be: other systems, processors' kernels, builds of PyTorch, versions.

``python tests/machines.py [name ...]``, or ``make machines NAMES="..."``. Each environment gets a row in
``data/results/machines.csv``, which the page *Running the chapters* shows; a row is replaced when its environment is
run again, and says when that was. Logs, and the folders with the other systems, are left in ``MACHINES`` (default:
``_machines`` beside the repository). Needs Linux; the other systems need root and ``debootstrap``, arm64 also
``qemu-user-static``.
"""

import csv
import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "data/results/machines.csv"
PLACE = Path(os.environ.get("MACHINES", ROOT.parent / "_machines"))
PACKAGES = "python3,python3-venv,make,git,ca-certificates"
KEPT = ("PIP_CERT", "SSL_CERT_FILE", "http_proxy", "https_proxy", "TORCH_INDEX")  # how packages are reached from here
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class Environment(NamedTuple):
    """What differs from a reader's usual machine."""

    where: str
    suite: str = ""  # a Debian release, put into a folder of its own
    architecture: str = ""
    variables: Mapping[str, str] = {}
    copy: bool = False  # an installation of its own
    command: str = "make test"
    installation: str = ".venv"


NAMED = {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2"}
TWO = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
SOME = "book/02-by-hand/3-backwards.ipynb book/07-yes-no/1-yes-no.ipynb"  # under emulation all would take hours
ENVIRONMENTS = {
    "here": Environment("as the machine is"),
    "second": Environment("kernels of an old processor", command="make second-kernels"),
    "haswell": Environment("kernels for Haswell and AVX2", variables=NAMED, command="make notebooks"),
    "threads": Environment("two threads", variables=TWO, command="make notebooks"),
    "cuda": Environment("PyTorch's CUDA build", variables={"TORCH_INDEX": ""}, copy=True),
    "lowest": Environment("lowest versions", command="make lowest", installation=".venv-lowest"),
    "bookworm": Environment("Debian 12", suite="bookworm"),
    "trixie": Environment("Debian 13", suite="trixie"),
    "sid": Environment("Debian unstable", suite="sid"),
    "arm64": Environment(
        "Debian 13, arm64, emulated",
        suite="trixie",
        architecture="arm64",
        command=f"make package notebooks NOTEBOOKS='{SOME}'",
    ),
}


def folder_of(name: str, environment: Environment) -> Path:
    """Return where the repository is in an environment, a fresh clone but for those that differ in variables only."""
    if not (environment.suite or environment.copy):
        return ROOT
    system = PLACE / name
    if environment.suite and not (system / "usr/bin/git").exists():
        shutil.rmtree(system, ignore_errors=True)
        options = [f"--arch={environment.architecture}"] if environment.architecture else []
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", *options, environment.suite, system)
    for file in ("/etc/resolv.conf", "/etc/hosts", CERTIFICATES):  # what reaches the network here reaches it there
        if environment.suite and Path(file).exists():
            shutil.copyfile(file, f"{system}{file}")
    course = system / "course"
    shutil.rmtree(course, ignore_errors=True)
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, course)
    return course


def run(*command: object) -> None:
    """Run a command that must succeed."""
    subprocess.run([str(word) for word in command], check=True)


def words_for(environment: Environment, course: Path) -> list[str]:
    """Return the command that builds the book where it is new there, and tests it, without this machine's settings."""
    kept = {key: value for key, value in os.environ.items() if key in KEPT}
    home = "/root" if environment.suite else str(Path.home())
    variables = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": home,
        "LANG": "C.UTF-8",
        **kept,
        **environment.variables,
    }
    task = f"make book && {environment.command}" if course != ROOT else environment.command
    here = "/course" if environment.suite else course
    words = ["env", "-i", *(f"{key}={value}" for key, value in variables.items()), "sh", "-c", f"cd {here} && {task}"]
    if not environment.suite:
        return words
    cache = PLACE / f"pip-{environment.architecture or platform.machine()}"  # what one system fetched, the next has
    for folder in (cache, course.parent / "root/.cache/pip"):
        folder.mkdir(parents=True, exist_ok=True)
    enter = (
        'mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount --bind "$1" "$0/root/.cache/pip" &&'
        ' shift && exec chroot "$0" "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", enter, str(course.parent), str(cache), *words]


def sections(log: str) -> Iterator[tuple[str, str]]:
    """Split what was printed at the lines that name a stage."""
    parts = re.split(r"^(Testing the package|Running every notebook[^:\n]*)$", log, flags=re.MULTILINE)
    return zip(parts[1::2], parts[2::2], strict=True)


def counted(log: str) -> dict[str, str]:
    """Read the numbers of tests and of cells from pytest's closing lines."""
    row = {"package": "not run", "notebooks": "not run"}
    for stage, text in sections(log):
        closing = re.search(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", text, flags=re.MULTILINE)
        counts = dict(reversed(part.split()) for part in closing[1].split(", ")) if closing else {}
        bad = int(counts.get("failed", 0)) + int(counts.get("error", 0)) + int(counts.get("errors", 0))
        told = f"{int(counts.get('passed', 0)):,} passed" + (f", {bad} failed" if bad else "") if counts else "stopped"
        if stage == "Testing the package":
            row["package"] = told
        else:
            moved = len({line.split(": ")[0] for line in re.findall(r"^.+ in the book, .+ here$", text, re.MULTILINE)})
            row["notebooks"] = told + (f", {moved} differ in a last place" if moved else "")
    return row


def versions(environment: Environment, course: Path) -> dict[str, str]:
    """Ask the installation which Python and which build of PyTorch it has."""
    ask = "import platform, torch; print(platform.python_version(), torch.__version__, torch.version.cuda or 'CPU')"
    python = (
        ["chroot", str(course.parent), f"/course/{environment.installation}/bin/python"]
        if environment.suite
        else [course / environment.installation / "bin/python"]
    )
    answer = subprocess.run([*python, "-c", ask], capture_output=True, text=True, check=False).stdout.split()
    version, torch, build = answer or ("unknown", "not installed", "")
    return {"Python": version, "PyTorch": f"{torch.split('+')[0]} {'CUDA ' if build[:1].isdigit() else ''}{build}"}


def tested(name: str, environment: Environment) -> dict[str, str]:
    """Run the tests in one environment and return its row."""
    course = folder_of(name, environment)
    log = PLACE / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        words = words_for(environment, course)
        options = {"stdout": file, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        code = subprocess.run(words, check=False, **options).returncode
    minutes = (time.monotonic() - begin) / 60
    print(f"{name}: {'failed' if code else 'passed'} after {minutes:.0f} minutes, see {log}", flush=True)
    row = {"where": environment.where, **versions(environment, course), **counted(log.read_text(encoding="utf-8"))}
    return {
        **row,
        "minutes": f"{minutes:.0f}",
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "processor": processor(),
    }


def processor() -> str:
    """Name the machine's processor."""
    names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return names[0] if names else platform.machine()


def main() -> None:
    """Run the environments that are named, or all, and write the table after each."""
    names = sys.argv[1:] or list(ENVIRONMENTS)
    if unknown := [name for name in names if name not in ENVIRONMENTS]:
        sys.exit(f"no environment {unknown[0]!r}; there are: {', '.join(ENVIRONMENTS)}")
    if sum(bool(ENVIRONMENTS[name].suite) for name in names) and (os.geteuid() or not shutil.which("debootstrap")):
        sys.exit("the Debian systems need root and debootstrap; name the others to run them")
    rows = {}
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            rows = {row["where"]: row for row in csv.DictReader(file)}
    for name in names:
        rows[ENVIRONMENTS[name].where] = row = tested(name, ENVIRONMENTS[name])
        ordered = [rows[each.where] for each in ENVIRONMENTS.values() if each.where in rows]
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, row, lineterminator="\n")
            writer.writeheader()
            writer.writerows(ordered)


if __name__ == "__main__":
    main()
