"""What the processes below a given one use, read from /proc by the grader itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FULL = 0.99
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
    """One look at a tree of processes."""

    tasks: int
    """Processes and threads."""
    resident_bytes: int
    """Resident memory, summed; pages that processes share count once for each."""


def descendants(pid: int) -> Iterator[int]:
    """Yield `pid` and every process below it, as far as they can be seen."""
    pending = [pid]
    while pending:
        current = pending.pop()
        yield current
        for task in _listdir(Path(f"/proc/{current}/task")):
            try:
                text = Path(f"/proc/{current}/task/{task}/children").read_text(encoding="ascii")
            except OSError:
                continue
            pending += [int(child) for child in text.split()]


def measure(pid: int) -> Usage:
    """Measure the tree of processes below `pid`."""
    tasks = resident = 0
    for process in descendants(pid):
        tasks += len(_listdir(Path(f"/proc/{process}/task")))
        resident += _resident(process)
    return Usage(tasks=tasks, resident_bytes=resident)


def proportional_bytes(pid: int) -> int:
    """Return the memory of the tree below `pid` in bytes, each shared page counted once in all."""
    return sum(_proportional(process) for process in descendants(pid))


def is_full(pid: int, folder: Path) -> bool:
    """Whether the file system at `folder`, as some process below `pid` sees it, has no room left."""
    for process in descendants(pid):
        try:
            seen = Path(f"/proc/{process}/root{folder}")
            state = os.statvfs(seen)
            own = seen.stat().st_dev != Path("/").stat().st_dev
        except OSError:
            continue
        if own and (state.f_bavail <= state.f_blocks * (1 - _FULL) or state.f_favail == 0):
            return True
    return False


def frameworks(pid: int) -> dict[str, str]:
    """Return the inference libraries that the tree below `pid` has loaded, with their versions.

    Read from the kernel's list of mapped files: the code that is looked at has no say in it.
    """
    maps = "".join(_read(Path(f"/proc/{process}/maps")) for process in descendants(pid))
    return {
        name: _version(distribution)
        for name, (part, distribution) in _FRAMEWORKS.items()
        if any(part in line and ".so" in line for line in maps.splitlines())
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def _resident(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def _proportional(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _listdir(path: Path) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
