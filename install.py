"""Install what is pinned into the environment whose Python runs this: ``python install.py requirements.txt``.

`make` calls it. On Linux it tries PyTorch's build for processors first, in one try: pip's usual build brings gigabytes
of software for graphics cards. `TORCH_INDEX` in the environment is the address of that build; empty, pip takes its own.
"""

import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ANSWER = 4  # seconds that PyTorch's address has for its first answer; pip gets twice that for each further one
GIGABYTES = {"cpu": 2, "usual": 6}  # what the environment takes, with each build of torch on Linux
FULL = re.compile(r"No space left on device|Disk quota exceeded|Errno (28|122)\b")
UNFIT = re.compile(r"ResolutionImpossible|from versions: (?!none)")
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]


class InstallError(Exception):
    """The installation cannot go on, for the reason given."""


class ResolutionError(InstallError):
    """Pip found no versions to install, and has changed nothing."""


def main() -> None:
    """Install the files named on the command line; with ``--editable`` the course's own package, too."""
    unfinished = Path(sys.prefix) / ".unfinished"  # as long as this is there, `make` starts over
    unfinished.touch()
    try:
        for name in sys.argv[1:]:
            if name == "--editable":
                pip("--no-build-isolation", "--no-deps", "--editable", str(ROOT))
            else:
                torch_first(Path(name), os.environ.get("TORCH_INDEX", ""))
                pip("--requirement", name)
    except InstallError as failed:
        if isinstance(failed, ResolutionError):
            unfinished.unlink()
        sys.exit(str(failed))
    except KeyboardInterrupt:
        sys.exit("Stopped: the next make starts over.")
    unfinished.unlink()


def torch_first(requirements: Path, index: str) -> None:
    """Install the pinned torch from `index`, if it is not there, and say in a line what comes; else leave it to pip."""
    pins = re.findall(r"(?m)^torch==(\S+)", requirements.read_text(encoding="utf-8"))
    if not pins or installed("torch").partition("+")[0] == pins[0]:
        return
    if not index or platform.system() != "Linux":
        print("PyTorch: pip's usual build.", flush=True)
        return
    reason = f"{index} does not answer"
    if answers(f"{index.rstrip('/')}/torch/"):
        once = ["--timeout", str(2 * ANSWER), "--retries", "0", "--no-deps", "--index-url", index]
        done = subprocess.run([*PIP, *once, f"torch=={pins[0]}"], capture_output=True, text=True, check=False)
        if not done.returncode:
            print(f"PyTorch: {installed('torch')}, from {index}.", flush=True)
            return
        if FULL.search(done.stderr):
            raise InstallError(no_room())
        reason = f"none came from {index}"
    most = GIGABYTES["usual"]
    print(
        f"PyTorch: pip's usual build, because {reason}; on Linux the environment takes {most} GB with it.", flush=True
    )


def installed(package: str) -> str:
    """Version of a package, or nothing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def answers(url: str) -> bool:
    """Whether anything comes from an address in time, be it a refusal."""
    found = []

    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=ANSWER).close()
        except urllib.error.HTTPError:
            pass
        except (OSError, ValueError) as error:
            if not isinstance(getattr(error, "reason", None), ssl.SSLError):
                return  # a certificate that is unknown here may be known to pip
        found.append(True)

    # A name may stand for many addresses, each with a time-out of its own: the clock is ours.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER)
    return bool(found)


def pip(*arguments: str) -> None:
    """Run ``pip install``; say in one sentence what a reader can mend."""
    with subprocess.Popen([*PIP, *arguments], stderr=subprocess.PIPE, text=True, errors="replace") as process:
        errors = ""
        for line in process.stderr or ():
            if errors or line.startswith("ERROR"):
                errors += line
            else:
                sys.stderr.write(line)
    if not process.returncode:
        return
    if FULL.search(errors):
        raise InstallError(no_room())
    sys.stderr.write(errors)
    if UNFIT.search(errors):
        here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
        raise ResolutionError(
            f"The pins in requirements.txt and constraints.txt do not fit together, or not {here}: see above."
        )
    kind = ResolutionError if "from versions: none" in errors else InstallError
    raise kind("The packages were not installed; once the cause named above is gone, run the same command again.")


def no_room() -> str:
    """Where how much is needed, and free."""
    free = {place: f"{shutil.disk_usage(place).free / 1e9:.1f} GB" for place in (sys.prefix, tempfile.gettempdir())}
    needs = f"{GIGABYTES['cpu']} GB are needed, on Linux with pip's usual PyTorch {GIGABYTES['usual']} GB"
    return (
        f"Not enough disk: {needs}; free are " + ", ".join(f"{size} in {place}" for place, size in free.items()) + "."
    )


if __name__ == "__main__":
    main()
