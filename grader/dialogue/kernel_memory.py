"""What the kernel keeps for processes beside their own memory: nothing says how much, but it can be counted.

The machine's own sums (`SUnreclaim` and others in /proc/meminfo) would tell of everybody's, so that a verdict
would hang on what else the machine does. Here each process is asked for what is its own: mappings,
descriptors, and what hangs on these (locks, and what a poll waits for). What could not be counted so is
refused (`grader.sandbox.refusals`) or bound by the kernel (`grader.sandbox.bounds`). What is left, such as
names that were looked up in vain, the kernel gives back by itself as soon as memory is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grader.dialogue.usage import task_with_memory
from grader.sandbox.processes import listdir

_MAPPING = 1 << 10
"""Bytes, generously: `struct vm_area_struct`, its place in the tree, and what it has of anonymous memory."""
_DESCRIPTOR = 8 << 10
"""Bytes: what is open, with a buffer; in a pipe, what a user without any pipe left is still given."""
_HANGING = 1 << 10
"""Bytes of a lock, or of what a poll waits for."""
_PIPE, _ALL_PIPES = 64 << 10, 64 << 20
"""Bytes that a pipe holds, until all of a user's hold so much (pipe(7))."""
_HANGS = (b"\ntfd:", b"\nlock:")
_CHUNK = 1 << 18


def kernel_bytes(processes: Iterable[Path], most: int) -> int:
    """Return what the kernel may keep for processes, in bytes.

    Args:
        processes: each by its folder in a /proc.
        most: past so much, it is not counted any further.
    """
    total = 0
    pipes: set[str] = set()
    for process in map(task_with_memory, processes):
        total += _MAPPING * _lines(process / "maps", (most - total) // _MAPPING)
        for name in listdir(process / "fd"):
            if total > most:
                return total
            total += _DESCRIPTOR + _HANGING * _hanging(process / "fdinfo" / name)
            if (target := _target(process / "fd" / name)).startswith("pipe:"):
                pipes.add(target)
    return total + min(len(pipes) * _PIPE, _ALL_PIPES)


def _lines(path: Path, most: int) -> int:
    """Count lines; past `most`, any number above it."""
    found = 0
    try:
        with path.open("rb", buffering=0) as file:
            while found <= most and (chunk := file.read(_CHUNK)):
                found += chunk.count(b"\n")
    except OSError:  # it has gone
        pass
    return found


def _hanging(fdinfo: Path) -> int:
    try:
        text = b"\n" + fdinfo.read_bytes()
    except OSError:
        return 0
    return sum(map(text.count, _HANGS))


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""
