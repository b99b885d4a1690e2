"""What ends a worker before it has answered everything: a limit that it passed, or its own end.

What a worker uses is looked at from outside. On Linux the kernel shows it, by looks into /proc. Elsewhere
psutil tells what every system has: memory, processor time, processes and threads of the child and of all that
was below it when somebody looked. What lies between two looks, what its files take, and what the system keeps
for it besides, is not seen there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path

import psutil

from grader.errors import HarnessError
from grader.model.assignment import MIB
from grader.model.verdict import StopReason, Verdict
from grader.run import usage
from grader.run.usage import FRAMEWORKS
from grader.sandbox import Child, Launch, Started, folders_of

LOOK_SECONDS = 0.05
"""How often the worker's memory, processes and disk are looked at while there is plenty left."""
_SHORTEST_LOOK_SECONDS = 0.002
_COUNT_SECONDS, _COUNT_SHARE = 0.25, 0.2
"""How often what the kernel keeps is counted, and the share of time that this may take: it takes the longer,
the more there is."""
_FILL_BYTES_PER_SECOND = 4 << 30
"""How fast one core can fill memory, generously."""
_MAX_PROCESSES_READ = 8
Shares = tuple[float, ...]
"""What is used of several limits, in times of each."""
_CHILD_LOOK_SECONDS, _CHILD_LOOK_SHARE = 0.05, 0.2
"""How often a child is looked at, and the share of time that this may take: Windows takes long for each."""


@dataclass
class LimitExceededError(Exception):
    """The worker went past a limit and has been killed."""

    verdict: Verdict
    reason: StopReason | None = None
    value: str = ""

    @property
    def is_deadline(self) -> bool:
        """Whether it only was too slow."""
        return self.verdict is Verdict.TIMEOUT and self.reason is not StopReason.PROCESSOR_TIME


@dataclass
class WorkerDiedError(Exception):
    """The worker ended although it still had something to answer."""

    reason: StopReason
    value: str = ""
    """The exit code, or the signal's name."""


class KernelWatch:
    """Holds a worker to its memory, processes, processor time and disk, by looks into /proc."""

    def __init__(self, launch: Launch, started: Started) -> None:
        self.peak_bytes = 0
        self._launch = launch
        self._limits = launch.together
        self._roots = started.roots
        self._inside: usage.Inside | None = None
        self._processor_time = usage.ProcessorTime()
        self._kernel_bytes = 0
        self._next_count = 0.0
        self._last_look = 0.0
        self._ended_for_memory = usage.processes_ended_for_memory()

    def begin(self) -> bool:
        """Take hold of the sandbox's folders as soon as they are there; return whether that is done."""
        if self._launch.is_contained and self._inside is None:
            self._inside = usage.find_inside(self._roots, self._launch.writable)
        return self._inside is not None or not self._launch.is_contained

    def look(self) -> float:
        """Look once; return in how many seconds to look again.

        Sooner, if what is left of the memory could be filled sooner.

        Raises:
            LimitExceededError: a limit was passed.
        """
        if not self.begin():
            return LOOK_SECONDS  # nothing of the submission's runs yet
        seen = usage.measure(self._processes())
        if (tasks := seen.tasks - self._launch.is_contained) > self._limits.tasks:
            raise LimitExceededError(Verdict.PIDS, StopReason.TASKS, str(tasks))
        if self._processor_time.with_those_gone(seen) > self._limits.processor_seconds:
            raise LimitExceededError(Verdict.TIMEOUT, StopReason.PROCESSOR_TIME)
        if self._inside is not None and self._inside.is_full(self._limits.inodes):
            raise LimitExceededError(Verdict.DISK)
        return self._look_at_memory(seen.memory_bytes)

    def frameworks(self) -> dict[str, str]:
        """Return the inference libraries that the worker has loaded, with versions."""
        return usage.frameworks(self._processes())

    def use(self) -> Shares:
        """Return what is used of each limit now, in times of the limit."""
        seen, limits = usage.measure(self._processes()), self._limits
        room, inodes = (0.0, 0.0) if self._inside is None else self._inside.used(limits.inodes)
        return (
            seen.memory_bytes / limits.memory_bytes,
            seen.tasks / limits.tasks,
            self._processor_time.with_those_gone(seen) / limits.processor_seconds,
            self._kernel_bytes / limits.kernel_bytes,
            usage.most_descriptors(self._processes()) / limits.open_files,
            room,
            inodes,
        )

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """End what would outlive the worker, which is ended within the block.

        A process namespace ends all that is in it; of others, those that are known are ended.
        """
        known = [] if self._launch.is_contained else [*folders_of(*self._roots)]
        yield
        for process in known[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)

    def close(self) -> None:
        """Let go of the sandbox."""
        if self._inside is not None:
            self._inside.close()
            self._inside = None

    def check_own_end(self, number: int) -> None:
        """See that a worker, which has ended by that signal if by any, was not ended for want of memory.

        Raises:
            LimitExceededError: of its own memory.
            HarnessError: of the machine's.
        """
        if self._launch.group is not None and self._launch.group.ran_out_of_memory():
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_COUNTED)
        if number == signal.SIGKILL and usage.processes_ended_for_memory() > self._ended_for_memory:
            raise HarnessError("ended-for-memory")

    def _processes(self) -> Iterator[Path]:
        """Yield the folders in /proc of all its processes; of a sandbox's, those that stand in it."""
        return folders_of(*self._roots) if self._inside is None else self._inside.processes()

    def _look_at_memory(self, used: int) -> float:
        """Hold the worker to its memory; return how long what is left lasts, within bounds."""
        left = self._memory_left(used, self._kept_by_the_kernel())
        lasts = left / (_FILL_BYTES_PER_SECOND * self._limits.cores)
        return min(LOOK_SECONDS, max(_SHORTEST_LOOK_SECONDS, lasts))

    def _memory_left(self, used: int, kept: int) -> int:
        """Return how many bytes are left.

        Raises:
            LimitExceededError: none are.
        """
        # Shared pages were counted for each process; only near the limit is the exact sum worth its time.
        if used + kept > self._limits.memory_bytes:
            used = usage.proportional_bytes(self._processes())
        self.peak_bytes = max(self.peak_bytes, used)
        left = self._limits.memory_bytes - used - kept
        if left < 0:
            # With the kernel's part, or the report would say a peak below the limit that was passed.
            self.peak_bytes = max(self.peak_bytes, used + kept)
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_USED, str((used + kept) // MIB))
        return left

    def _look_meanwhile(self) -> None:
        """During a long count, hold the worker to its memory all the same."""
        if time.monotonic() - self._last_look > LOOK_SECONDS:
            self._memory_left(usage.measure(self._processes()).memory_bytes, self._kernel_bytes)
            self._last_look = time.monotonic()

    def _kept_by_the_kernel(self) -> int:
        """Return how many bytes the kernel may keep for the worker, beside its processes' own memory.

        Raises:
            LimitExceededError: too many.
        """
        began, most = time.monotonic(), self._limits.kernel_bytes
        if began >= self._next_count:
            usage.check_memory_of_machine()
            self._last_look = began
            self._kernel_bytes = usage.kernel_bytes(self._processes(), most, self._look_meanwhile)
            took = time.monotonic() - began
            self._next_count = began + max(_COUNT_SECONDS, took / _COUNT_SHARE)
        if self._kernel_bytes > most:
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_KEPT)
        return self._kernel_bytes + (self._inside.socket_bytes() if self._inside is not None else 0)


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
        return max(_CHILD_LOOK_SECONDS, (time.monotonic() - began) / _CHILD_LOOK_SHARE)

    def frameworks(self) -> dict[str, str]:
        """Return the inference libraries that the worker has loaded, with their versions.

        macOS does not say which files a process has mapped; there it is not known.
        """
        found = set()
        for process in islice(self._child.processes(), _MAX_PROCESSES_READ):
            with contextlib.suppress(psutil.Error, AttributeError, NotImplementedError):
                found |= named_in(mapped.path for mapped in process.memory_maps())
        return {name: _version(FRAMEWORKS[name][1]) for name in sorted(found)}

    def use(self) -> Shares:
        """Return nothing: it is asked where several workers are, and a child has no cores of its own."""
        return ()

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
