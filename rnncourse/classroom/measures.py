"""What a submission's process and all that it started take."""

import contextlib
import os
from pathlib import Path

import psutil


class Family:
    """A process, its children, their children.

    Parameters
    ----------
    pid : int
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._seconds = 0.0

    def members(self) -> list[psutil.Process]:
        """All that still run, the oldest first."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.Error:
            return []

    def seconds(self) -> float:
        """Seconds of processor time, those of children that have ended included; never less than before."""
        total = 0.0
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        self._seconds = max(self._seconds, total)
        return self._seconds

    def memory(self) -> float:
        """Gigabytes."""
        total = 0
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss + _in_memory_files(process.pid)
        return total / 1e9

    def kill_children(self) -> None:
        """End all but the oldest."""
        for child in self.members()[1:]:
            with contextlib.suppress(psutil.Error):
                child.kill()


def _in_memory_files(pid: int) -> int:
    """Bytes in files that a process has made in memory and holds open."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if str(Path(entry.path).readlink()).startswith("/memfd:"):
                    total += 512 * entry.stat().st_blocks
    return total
