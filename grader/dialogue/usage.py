"""What processes use, read by the grader itself from the folders that /proc has for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path

from grader.sandbox.processes import listdir

_TICKS = os.sysconf("SC_CLK_TCK")
_MAX_MAPS = 1 << 21
"""Bytes of a list of mapped files; MindSpore's is a tenth of it."""
_MAX_PROCESSES_READ = 8
_MEMORY = ("VmRSS", "VmSwap", "VmPTE")
_SHARE = ("Pss", "SwapPss")
_BROUGHT_ALONG = "brought along by the submission"
_FRAMEWORKS = {
    # Name as people say it: (a part of its libraries' paths, the distribution that has its version).
    "mindspore": ("/mindspore/", "mindspore"),
    "onnxruntime": ("/onnxruntime/", "onnxruntime"),
    "torch": ("/torch/lib/", "torch"),
    "tensorflow": ("/tensorflow/", "tensorflow"),
    "openvino": ("/openvino/", "openvino"),
    "paddle": ("/paddle/", "paddlepaddle"),
}


@dataclass(frozen=True)
class Usage:
    """One look at some processes."""

    tasks: int
    """Processes and threads."""
    memory_bytes: int
    """Memory, resident or swapped out, and page tables, summed; pages that processes share count once for
    each."""
    processor_seconds: float
    """Processor time of those that live, and of those whose parent has seen their end."""
    own_seconds: Mapping[tuple[str, str], float]
    """Processor time of each that lives, by its number and when it began."""


class ProcessorTime:
    """Processor time over many looks: it does not fall when those are gone whose end no parent has seen."""

    def __init__(self) -> None:
        self._living: Mapping[tuple[str, str], float] = {}
        self._gone = 0.0

    def with_those_gone(self, seen: Usage) -> float:
        """Return the seconds used up to this look.

        What the looks have seen themselves, or what the kernel has added up for parents, whichever is more:
        each misses something, and both together would count most of it twice.
        """
        self._gone += sum(
            seconds for process, seconds in self._living.items() if process not in seen.own_seconds
        )
        self._living = seen.own_seconds
        return max(seen.processor_seconds, self._gone + sum(self._living.values()))


def measure(processes: Iterable[Path]) -> Usage:
    """Measure processes, each given by its folder in a /proc."""
    tasks = memory = ticks = 0
    own: dict[tuple[str, str], float] = {}
    for process in processes:
        fields = _fields_of_stat(process)
        if fields:
            # By proc(5), from the third on: 14-17 utime, stime, cutime, cstime; 20 num_threads; 22 starttime.
            times = [int(field) for field in fields[11:15]]
            ticks += sum(times)
            own[process.name, fields[19]] = sum(times[:2]) / _TICKS
            tasks += int(fields[17])
        memory += sum(_kib(_read(task_with_memory(process) / "status"), _MEMORY)) * 1024
    return Usage(tasks, memory, ticks / _TICKS, own)


def proportional_bytes(processes: Iterable[Path]) -> int:
    """Return the memory of processes in bytes, each shared page counted once in all."""
    return sum(_proportional(process) for process in processes)


def frameworks(processes: Iterable[Path]) -> dict[str, str]:
    """Return the inference libraries that processes have loaded, with their versions.

    Read from the kernel's list of mapped files: the code that is looked at has no say in it. A library
    that is not this environment's own file, but one that was brought along, is called so.
    """
    found: dict[str, str] = {}
    for process in islice(processes, _MAX_PROCESSES_READ):
        for path, inode in _mapped_libraries(process):
            for name, (part, distribution) in _FRAMEWORKS.items():
                if part in path and found.get(name, _BROUGHT_ALONG) == _BROUGHT_ALONG:
                    found[name] = _version(distribution) if _is_ours(path, inode) else _BROUGHT_ALONG
    return dict(sorted(found.items()))


def _mapped_libraries(process: Path) -> set[tuple[str, int]]:
    """Return path and inode of the shared libraries that a process has mapped, as far as read."""
    lines = _lines(_read(task_with_memory(process) / "maps", _MAX_MAPS))
    # address, permissions, offset, device, inode, path
    rows = (line.split(maxsplit=5) for line in lines)
    return {(row[5], int(row[4])) for row in rows if len(row) == 6 and ".so" in row[5]}


def _is_ours(path: str, inode: int) -> bool:
    """Whether a mapped library is the very file of this environment."""
    try:
        return path.startswith(sys.prefix) and Path(path).stat().st_ino == inode
    except OSError:
        return False


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def task_with_memory(first: Path) -> Path:
    """Return the folder of a task that shows the process's memory; of its first one if none does.

    The first one may have ended before the others: it then shows none, and the others go on with it.
    """
    if shows_memory(first):
        return first
    others = (first / "task" / task for task in listdir(first / "task"))
    return next(filter(shows_memory, others), first)


def shows_memory(task: Path) -> bool:
    """Whether a task has memory, as all have that have not ended."""
    # Its size in pages is the first number there, and 0 without memory.
    return not _read(task / "statm").startswith("0 ")


def _fields_of_stat(process: Path) -> list[str]:
    """Return what follows the name in a process's `stat`, whatever its name is."""
    return _read(process / "stat").rpartition(")")[2].split()


def _proportional(process: Path) -> int:
    """Return a process's share of its memory in bytes."""
    task = task_with_memory(process)
    status = _read(task / "status")
    # A process may be gone, or its memory: then its plain sum stands.
    shared = _kib(_read(task / "smaps_rollup"), _SHARE) or _kib(status, ("VmRSS", "VmSwap"))
    return (sum(shared) + sum(_kib(status, ("VmPTE",)))) * 1024


def _kib(text: str, names: Sequence[str]) -> list[int]:
    """Return the values of the lines `name: value kB` with these names."""
    fields = (line.partition(":") for line in _lines(text))
    return [int(value.split()[0]) for name, _, value in fields if name in names]


def _lines(text: str) -> list[str]:
    """Split what the kernel says into lines, where it ends them itself.

    A process chooses its own name and those of its files, and the kernel escapes nothing in them but line
    feeds. To `str.splitlines` a carriage return begins a line, too: one that says `VmRSS:-9999999`, perhaps.
    """
    return text.split("\n")


def _read(path: Path, most: int = -1) -> str:
    try:
        with path.open("rb") as file:  # as text, a carriage return would be read as a line feed
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
