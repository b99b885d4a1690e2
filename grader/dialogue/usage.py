"""What the processes below a given one use, read from /proc by the grader itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FULL = 0.99
_MAX_INODES = 50_000
_MAX_MAPS = 1 << 21
"""Characters of a list of mapped files; MindSpore's is a tenth of it."""
_MAX_PROCESSES_READ = 8
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


def is_full(pid: int, folders: Sequence[Path]) -> bool:
    """Whether one of the folders, file systems of their own inside the sandbox, has no room left.

    Args:
        pid: the first process; those below it are looked at until one is inside.
        folders: paths inside; where the first of them exists is inside.
    """
    for process in descendants(pid):
        root = Path(f"/proc/{process}/root")
        try:
            if (root / folders[0].relative_to("/")).exists():
                return any(_has_no_room(root / folder.relative_to("/")) for folder in folders)
        except OSError:
            continue
    return False


def _has_no_room(folder: Path) -> bool:
    """Whether the blocks are used up, or so many inodes that their memory counts."""
    state = os.statvfs(folder)
    inodes = state.f_files - state.f_ffree
    return state.f_bavail <= state.f_blocks * (1 - _FULL) or inodes > _MAX_INODES


def frameworks(pid: int) -> dict[str, str]:
    """Return the inference libraries that the tree below `pid` has loaded, with their versions.

    Read from the kernel's list of mapped files: the code that is looked at has no say in it. A library
    that is not this environment's own file, but one that was brought along, is called so.
    """
    found: dict[str, str] = {}
    for process in islice(descendants(pid), _MAX_PROCESSES_READ):
        for path, inode in _mapped_libraries(process):
            for name, (part, distribution) in _FRAMEWORKS.items():
                if part in path and found.get(name, _BROUGHT_ALONG) == _BROUGHT_ALONG:
                    found[name] = _version(distribution) if _is_ours(path, inode) else _BROUGHT_ALONG
    return dict(sorted(found.items()))


def _mapped_libraries(pid: int) -> set[tuple[str, int]]:
    """Return path and inode of the shared libraries that a process has mapped, as far as read."""
    try:
        with Path(f"/proc/{pid}/maps").open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_MAX_MAPS).splitlines()
    except OSError:
        return set()
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
