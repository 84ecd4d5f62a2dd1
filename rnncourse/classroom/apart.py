"""Run a function for many tasks, several at a time, each in a process of its own that can be killed."""

import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
# Loaded once, not in each process; torch loads the other two at the first test that computes.
CONTEXT.set_forkserver_preload(["rnncourse.classroom.grading", "torch._dynamo", "numpy.testing"])
# What a task may take: seconds of processor time, bytes of memory.
LIMITS = {resource.RLIMIT_CPU: 120, resource.RLIMIT_DATA: 4_000_000_000}


def each_apart(
    function: Callable[..., None], tasks: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[tuple[int, int, int]]:
    """Call the function with each task.

    Parameters
    ----------
    function : callable
        Of a module: what it finds out goes into a file.
    tasks : sequence of tuple
        Its arguments.
    jobs : int
        How many at a time.

    Yields
    ------
    position, pid, exitcode : int
        Of a task that has ended, in the order in which they end; exit codes are those of `multiprocessing.Process`.
    """
    waiting = [*range(len(tasks))][::-1]
    running: dict[Any, tuple[int, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                process = CONTEXT.Process(target=_limited, args=(function, tasks[waiting[-1]], LIMITS))
                process.start()
                running[process.sentinel] = waiting.pop(), process
            for sentinel in multiprocessing.connection.wait([*running]):
                position, process = running.pop(sentinel)
                process.join()
                yield position, process.pid, process.exitcode
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def _limited(function: Callable[..., None], task: Sequence[Any], limits: Mapping[int, int]) -> None:
    """Call the function; Ctrl-C is for the process that has started this one, and whose end is the end of this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    for kind, most in limits.items():
        highest = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if highest == resource.RLIM_INFINITY else min(most, highest), highest))
    try:
        function(*task)
    except KeyboardInterrupt:
        sys.exit(1)


def _end_with_the_first() -> None:
    multiprocessing.parent_process().join()  # type: ignore[union-attr]
    os.kill(os.getpid(), signal.SIGTERM)
