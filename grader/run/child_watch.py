"""What a child process uses, as its system tells it: Linux, macOS and Windows alike, by psutil.

Seen are memory, processor time, processes and threads of the child and of all that was below it when somebody
looked. What lies between two looks, what its files take, and what the system keeps for it besides, is not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from importlib import metadata
from itertools import islice

import psutil

from grader.model.assignment import MIB
from grader.model.verdict import StopReason, Verdict
from grader.run.limits import LimitExceededError
from grader.run.usage import FRAMEWORKS
from grader.sandbox import Child, Launch

_MAX_PROCESSES_READ = 8
_LOOK_SECONDS, _LOOK_SHARE = 0.05, 0.2
"""How often it is looked at, and the share of time that this may take: on Windows each process takes long."""


class ChildWatch:
    """Holds a worker that is a child process to its memory, processes and processor time."""

    def __init__(self, launch: Launch, child: Child) -> None:
        self._bounds = launch.together
        self._child = child
        self._seconds: dict[psutil.Process, float] = {}
        self.peak_bytes = 0

    def begin(self) -> bool:
        """Return true: there is nothing to wait for."""
        return True

    def look(self) -> float:
        """Look once; return in how many seconds to look again.

        Raises:
            LimitExceededError: a limit was passed.
        """
        began = time.monotonic()
        processes = [*self._child.processes()]
        memory, tasks = self._measure(processes)
        if memory > self._bounds.memory_bytes:  # pages that processes share were counted for each
            memory = sum(map(_own_bytes, processes))
        self.peak_bytes = max(self.peak_bytes, memory)
        if memory > self._bounds.memory_bytes:
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_USED, str(memory // MIB))
        if tasks > self._bounds.tasks:
            raise LimitExceededError(Verdict.PIDS, StopReason.TASKS, str(tasks))
        if sum(self._seconds.values()) > self._bounds.processor_seconds:
            raise LimitExceededError(Verdict.TIMEOUT, StopReason.PROCESSOR_TIME)
        return max(_LOOK_SECONDS, (time.monotonic() - began) / _LOOK_SHARE)

    def frameworks(self) -> dict[str, str]:
        """Return the inference libraries that the worker has loaded, with their versions.

        macOS does not say which files a process has mapped; there it is not known.
        """
        found = set()
        for process in islice(self._child.processes(), _MAX_PROCESSES_READ):
            with contextlib.suppress(psutil.Error, AttributeError, NotImplementedError):
                found |= named_in(mapped.path for mapped in process.memory_maps())
        return {name: _version(FRAMEWORKS[name][1]) for name in sorted(found)}

    def ending(self) -> AbstractContextManager[None]:
        """Do nothing besides: whoever ends the child ends all that was seen below it."""
        return nullcontext()

    def close(self) -> None:
        """Do nothing: nothing of the child's is held."""

    def check_own_end(self, number: int) -> None:
        """Do nothing: a system that has ended a process for want of memory does not say so."""

    def _measure(self, processes: Iterable[psutil.Process]) -> tuple[int, int]:
        """Return memory in bytes and threads of processes; their processor time is noted."""
        memory = tasks = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):  # it has ended, or is not ours to look at
                with process.oneshot():
                    memory += process.memory_info().rss
                    tasks += process.num_threads()
                    times = process.cpu_times()
                self._seconds[process] = times.user + times.system
        return memory, tasks


def _own_bytes(process: psutil.Process) -> int:
    """Return the memory that is a process's alone; where that is not told, all that it uses."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def named_in(paths: Iterable[str]) -> set[str]:
    """Return the libraries that files of these paths, of whatever system, are of."""
    texts = [path.replace("\\", "/").lower() for path in paths]
    return {name for name, (part, _) in FRAMEWORKS.items() if any(part in text for text in texts)}


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"
