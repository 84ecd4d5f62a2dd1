"""What a submission's process and all that it started take; a group in which the kernel limits their memory."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

# Files of a control group, version 2 or 1: the limit, and that nothing is swapped out instead. Empty: the limit, too.
MOST = ("memory.max", "memory.limit_in_bytes")
SETTINGS = dict.fromkeys(MOST, "") | {"memory.swap.max": "0", "memory.memsw.limit_in_bytes": ""}


class Group:
    """A control group whose memory is limited.

    Parameters
    ----------
    path : Path
        A new folder among the system's control groups.
    gigabytes : float
    """

    def __init__(self, path: Path, gigabytes: float) -> None:
        self.path = path
        for name, value in SETTINGS.items():
            if (path / name).exists():
                (path / name).write_text(value or str(int(gigabytes * 1e9)))

    def overflowed(self) -> bool:
        """Whether the kernel has ended a process, for want of memory."""
        names = [name for name in ("memory.events", "memory.oom_control") if (self.path / name).exists()]
        return any(re.search(r"(?m)^oom_kill [1-9]", (self.path / name).read_text()) for name in names)


def remove_group(path: Path) -> None:
    """End all that is left in a control group, and remove it."""
    for _ in range(500):
        with contextlib.suppress(OSError):
            path.rmdir()
            return
        for pid in (path / "cgroup.procs").read_text().split():
            if pid != "0":  # none that this process could see
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.01)


def new_group(gigabytes: float) -> Group | None:
    """Make a control group, where this is possible."""
    parent = groups()
    return Group(Path(tempfile.mkdtemp(prefix=f"rnncourse-{os.getpid()}-", dir=parent)), gigabytes) if parent else None


def remove_groups(pid: int) -> None:
    """Remove what `new_group` made in a process that was killed."""
    for left in (groups() or Path("/nowhere")).glob(f"rnncourse-{pid}-*"):
        remove_group(left)


@functools.cache
def groups() -> Path | None:
    """Return the nearest control group above this process in which groups with a limit can be made and entered."""
    with contextlib.suppress(OSError):
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        for top, path in [(Path("/sys/fs/cgroup", name), path) for _, name, path in lines if name in ("memory", "")]:
            own = top / path.lstrip("/")
            for parent in (own, *own.parents):
                if parent.is_relative_to(top) and _can_be_entered(parent):
                    return parent
    return None


def _can_be_entered(parent: Path) -> bool:
    """Whether a process can go into a new group there, and the group has a limit."""
    try:
        group = Path(tempfile.mkdtemp(prefix=f"rnncourse-{os.getpid()}-", dir=parent))
    except OSError:
        return False
    try:
        if not any((group / name).exists() for name in MOST):
            return False
        enter = ["sh", "-c", 'echo 0 > "$0"', str(group / "cgroup.procs")]
        return subprocess.run(enter, stderr=subprocess.DEVNULL, check=False).returncode == 0
    finally:
        remove_group(group)


@dataclass(frozen=True)
class Taken:
    """What a family has taken: seconds of processor time; gigabytes and files that it holds."""

    seconds: float = 0.0
    memory: float = 0.0
    files: int = 0


class Family:
    """A process, its children, their children.

    Parameters
    ----------
    pid : int
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._own: dict[psutil.Process, float] = {}  # seconds of each that was ever seen
        self._seconds = 0.0

    def taken(self) -> Taken:
        """Measure: the time of children that have ended included, and never less than before."""
        members, seconds = self._members(), 0.0
        for process in members:
            with contextlib.suppress(psutil.Error):
                user, system, *ended = process.cpu_times()[:4]
                self._own[process] = user + system
                seconds += user + system + sum(ended)
        # Who ignores its children hides their time.
        self._seconds = max(self._seconds, seconds, sum(self._own.values()))
        disks = [disk for process in members[1:2] for disk in _disks(process.pid)]  # as the first one inside sees them
        held = sum(disk.f_frsize * (disk.f_blocks - disk.f_bfree) for disk in disks)
        held += sum(_held(process.pid) + _in_memory_files(process.pid) for process in members)
        return Taken(self._seconds, held / 1e9, sum(disk.f_files - disk.f_ffree for disk in disks))

    def kill_children(self) -> None:
        """End all but the oldest."""
        for child in self._members()[1:]:
            with contextlib.suppress(psutil.Error):
                child.kill()

    def _members(self) -> list[psutil.Process]:
        """All that still run, the oldest first."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.Error:
            return []


def _disks(pid: int) -> list[os.statvfs_result]:
    """Where a process may write; nothing as long as it still sees what we see."""
    found = []
    for name in ("/tmp", "/dev/shm"):
        with contextlib.suppress(OSError):
            seen = Path(f"/proc/{pid}/root{name}")
            if seen.stat().st_dev != Path(name).stat().st_dev:
                found.append(os.statvfs(seen))
    return found


def _held(pid: int) -> int:
    """Bytes of a process: in memory, swapped out, and for the tables of where they are."""
    with contextlib.suppress(OSError):
        kilobytes = re.findall(r"(?m)^Vm(?:RSS|Swap|PTE):\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return 1024 * sum(map(int, kilobytes))
    return 0


def _in_memory_files(pid: int) -> int:
    """Bytes in files that a process has made in memory and holds open."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if str(Path(entry.path).readlink()).startswith("/memfd:"):
                    total += 512 * entry.stat().st_blocks
    return total
