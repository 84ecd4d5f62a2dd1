"""A process that may do as it likes and can do no harm: bubblewrap, limits, and a line of text each way."""

import contextlib
import functools
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from rnncourse.classroom import confine
from rnncourse.classroom.measures import Family, Group, Taken, groups, new_group, remove_group

PACKAGE = Path(__file__).resolve().parents[1]
HOME = "/tmp/home"  # inside the sandbox
LONGEST_ANSWER = 20_000_000  # bytes
PATIENCE = 10  # seconds by the clock for each of processor time: machines are busy, and notebooks sleep
SLEEP = 4  # the same, where nothing at all is computed
MOST_FILES = 10_000
MOST_PARTS = 300_000  # brackets and commas in an answer: each may become an object of Python


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes
    ----------
    cell : float
        Seconds of processor time for one cell, or for one call of a function by a test.
    total : float
        Seconds of processor time for the whole submission. By the clock, both may last ten times as long.
    memory : float
        Gigabytes of all its processes together.
    processes : int
        Processes and threads.
    file_size : int
        Megabytes of one file, and of all files together.
    """

    cell: float = 30.0
    total: float = 300.0
    memory: float = 3.0
    processes: int = 64
    file_size: int = 100


class StoppedError(Exception):
    """The submission's process is gone: its message says why."""


class TooSlowError(StoppedError):
    """A cell, or a call, took too long: perhaps not by its own fault."""


class SandboxError(Exception):
    """There is no sandbox here: its message says what to do."""


def worker_command(limits: Limits, slot: int = 0, *, sandboxed: bool = True) -> list[str]:
    """Return the command that runs a submission's process inside bubblewrap, or without a sandbox.

    Raises
    ------
    SandboxError
        If bubblewrap, or what sets the limits, is missing.
    """
    worker = [sys.executable, "-m", "rnncourse.classroom.submission"]
    if not sandboxed:
        return worker
    programs = {"bwrap": "bubblewrap", "prlimit": "util-linux", "setpriv": "util-linux"}
    places = {program: shutil.which(program) or "" for program in programs}
    for program, package in programs.items():
        if not places[program]:
            raise SandboxError(
                f"{program} is missing, and without it submissions could do harm: install it "
                f"(on Debian or Ubuntu: sudo apt-get install {package}), or grade on a Linux machine that has it"
            )
    size = str(limits.file_size * 1_000_000)
    user = []
    command = [places["bwrap"], "--die-with-parent", "--new-session", "--clearenv"]
    if os.geteuid() == 0:  # the kernel counts no processes of root: each submission gets a user of its own
        command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        number = str(61_000 + slot)
        user = [places["setpriv"], f"--reuid={number}", f"--regid={number}", "--clear-groups", "--no-new-privs"]
    else:
        command += ["--unshare-all", "--cap-drop", "ALL", *_no_user_namespaces(places["bwrap"])]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for name in ("/proc/keys", "/proc/key-users"):
        command += ["--ro-bind", "/dev/null", name] if Path(name).exists() else []
    command += ["--perms", "1777", "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    command += ["--perms", "1777", "--size", size, "--tmpfs", "/tmp", "--perms", "0777", "--dir", HOME]
    command += [*_mounts(), "--remount-ro", "/", "--chdir", HOME]
    for name, value in _environment(HOME).items():
        command += ["--setenv", name, value]
    command += ["--", places["prlimit"], f"--fsize={size}", f"--nproc={limits.processes}", "--core=0", "--nofile=256"]
    command += [f"--data={int(limits.memory * 1e9)}", f"--cpu={int(limits.total) + 5}", *user]
    return [*command, *worker]


@functools.cache
def _no_user_namespaces(bwrap: str) -> list[str]:
    """Options that forbid them inside, where this bubblewrap has them: since version 0.8."""
    known = subprocess.run([bwrap, "--help"], capture_output=True, text=True, check=False)
    return ["--unshare-user", "--disable-userns"] if "--disable-userns" in known.stdout + known.stderr else []


def confined(command: Sequence[str], group: Group | None) -> list[str]:
    """Return the command that runs a sandbox's command without keys, with fewer system calls, in a group."""
    return [sys.executable, "-I", "-S", confine.__file__, str(group.path) if group else "", *command]


def _environment(home: str) -> dict[str, str]:
    """All that a submission sees of the environment; one thread, so that as many as cores run side by side."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    place = {"HOME": home, "MPLCONFIGDIR": home, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PACKAGE.parent)}
    return one_thread | place | {"LANG": "C.UTF-8", "MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1"}


def _mounts() -> list[str]:
    """Options that show Python, the packages, the course and its data, all read-only."""
    readable = {Path("/usr"), Path(sys.prefix), Path(sys.base_prefix).resolve(), PACKAGE, PACKAGE.parent / "data"}
    readable = {path for path in readable if path.exists()}
    options = []
    for folder in sorted({parent for path in readable for parent in path.parents[:-1]} - readable - {Path("/tmp")}):
        options += ["--perms", "0755", "--dir", str(folder)]
    for path in sorted(readable):
        options += ["--ro-bind", str(path), str(path)]
    for name in ("bin", "lib", "lib64", "sbin"):
        place = Path("/") / name
        if place.is_symlink():
            options += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            options += ["--ro-bind", str(place), str(place)]
    # The list of shared libraries, and fonts; no names of users or machines.
    options += ["--perms", "0755", "--dir", "/etc"]
    for shared in ("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives"):
        options += ["--ro-bind-try", shared, shared]
    return options


def check_sandbox(limits: Limits) -> None:
    """Start a sandbox and let it do something; say on standard error what this machine lacks.

    Raises
    ------
    SandboxError
        If that fails: bubblewrap is missing, or the machine does not let it work.
    """
    command = confined(worker_command(limits), None)
    request = json.dumps({"run": "answer = 42", "cell": "cell 1"}) + "\n"
    done = subprocess.run(command, input=request, capture_output=True, text=True, env={}, check=False)
    if done.stdout.strip() != '{"done": true}':
        said = done.stderr.strip().splitlines()
        raise SandboxError(
            f"bubblewrap is installed and does not work here: {said[-1] if said else 'no message'}; "
            "a container or an AppArmor profile may forbid user namespaces: allow them, or grade elsewhere"
        )
    if not confine.library():
        sys.stderr.write(
            "libseccomp is missing, so submissions may use every system call: "
            "install it (on Debian or Ubuntu: sudo apt-get install libseccomp2)\n"
        )
    if not groups():
        sys.stderr.write(
            "This system lets no one limit the memory of several processes together, so the grader looks at it five "
            "times a second: grade as root, or in a session of systemd\n"
        )


@dataclass
class Sandbox:
    """A submission's process: a context manager.

    Attributes
    ----------
    limits : Limits
    slot : int
        Number of the submission: where the grader is root, each has a user of its own.
    sandboxed : bool
        False runs the submission as an ordinary program, with the limits on time and memory only.
    """

    limits: Limits = field(default_factory=Limits)
    slot: int = 0
    sandboxed: bool = True
    _spent: bool = field(default=False, init=False)
    _before: float = field(default=0.0, init=False)  # seconds that its processes took which are gone

    def used_up(self) -> bool:
        """Whether all of its time is used up: nothing runs any more."""
        return self._spent

    def __enter__(self) -> Self:
        self._deadline = time.monotonic() + PATIENCE * self.limits.total
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        command = worker_command(self.limits, self.slot, sandboxed=self.sandboxed)
        self._group = new_group(self.limits.memory) if self.sandboxed else None
        self._process = subprocess.Popen(
            confined(command, self._group) if self.sandboxed else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={} if self.sandboxed else os.environ | _environment(os.environ.get("HOME", "")),
            start_new_session=True,  # Ctrl-C is for the grader
        )
        self._answers: queue.Queue[bytes] = queue.Queue(maxsize=4)
        self._family = Family(self._process.pid)
        self._looked, self._taken = time.monotonic(), Taken()
        self._threads = [threading.Thread(target=self._read, args=(self._process, self._answers), daemon=True)]
        self._threads[0].start()

    def _stop(self) -> None:
        self._before += self._family.taken().seconds
        self._family.kill_children()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # and with it, by --die-with-parent, all that it started
        self._process.wait()
        while any(thread.is_alive() for thread in self._threads):
            with contextlib.suppress(queue.Empty):  # one of them may wait for room
                self._answers.get_nowait()
            self._threads[0].join(0.01)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        if self._group:
            remove_group(self._group.path)

    @staticmethod
    def _read(process: "subprocess.Popen[bytes]", answers: "queue.Queue[bytes]") -> None:
        while (line := process.stdout.readline(LONGEST_ANSWER)).endswith(b"\n"):  # type: ignore[union-attr]
            answers.put(line)
        answers.put(b"")

    @staticmethod
    def _write(process: "subprocess.Popen[bytes]", line: bytes) -> None:
        with contextlib.suppress(OSError):  # who does not read is noticed by its silence
            process.stdin.write(line)  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises
        ------
        StoppedError
            If the process ended, took too long or too much memory; a new one has then been started.
        """
        self._check_total()
        begin, before = time.monotonic(), self._taken.seconds
        worked, last = begin, before  # when it was last seen to compute anything
        line = json.dumps(request).encode() + b"\n"
        writer = threading.Thread(target=self._write, args=(self._process, line), daemon=True)
        self._threads[1:] = [writer]
        writer.start()
        while True:
            with contextlib.suppress(queue.Empty):
                line = self._answers.get(timeout=0.2)
                break
            self._look()
            self._check_total()
            if self._taken.seconds > last:
                worked, last = time.monotonic(), self._taken.seconds
            for limit, taken, by in (
                (self.limits.cell, self._taken.seconds - before, "of processor time"),
                (PATIENCE * self.limits.cell, time.monotonic() - begin, "by the clock"),
                (SLEEP * self.limits.cell, time.monotonic() - worked, "in which it computed nothing"),
            ):
                if taken > limit:
                    raise self._ended(TooSlowError(f"it took more than {limit:g} s {by}"))
        self._look()
        if not line:
            if self._group and self._group.overflowed():
                raise self._too_large()
            raise self._ended(StoppedError("it ended the process in which the notebook ran"))
        try:
            answer = json.loads(line) if sum(map(line.count, (b"[", b"{", b","))) <= MOST_PARTS else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not answer:
            raise self._ended(StoppedError("it wrote where only the course writes"))
        return answer

    def _ended(self, reason: StoppedError) -> StoppedError:
        self._stop()
        if not self._spent:
            self._start()
        return reason

    def _check_total(self) -> None:
        for limit, over, by in (
            (self.limits.total, self._before + self._taken.seconds > self.limits.total, "of processor time"),
            (PATIENCE * self.limits.total, time.monotonic() > self._deadline, "by the clock"),
        ):
            if over:
                self._spent = True
                raise StoppedError(f"the notebook took more than {limit:g} s in all, {by}")

    def _look(self) -> None:
        """Measure what the processes take, if this was not done just before."""
        if time.monotonic() - self._looked > 0.2:
            self._looked, self._taken = time.monotonic(), self._family.taken()
            if self._taken.files > MOST_FILES:
                raise self._ended(StoppedError(f"it made more than {MOST_FILES:,} files"))
            if self._taken.memory > self.limits.memory or (self._group and self._group.overflowed()):
                raise self._too_large()

    def _too_large(self) -> StoppedError:
        return self._ended(StoppedError(f"it took more than {self.limits.memory:g} GB of memory"))
