"""What the kernel keeps for processes beside their own memory: nothing says how much, but it can be counted.

The machine's own sums (`SUnreclaim` and others in /proc/meminfo) would tell of everybody's, so that a verdict
would hang on what else the machine does. Here each process is asked for what is its own: mappings,
descriptors, and what hangs on these (locks, and what a poll waits for). What could not be counted so is
refused (`grader.sandbox.refusals`) or bound by the kernel (`grader.sandbox.bounds`). What is left, such as
names that were looked up in vain, the kernel gives back by itself as soon as memory is wanted.

Two ways lead out of the count, and both are closed here. A descriptor that has been sent through a socket and
not received yet is on no list: while one is, each of those that may be is taken for the largest that is seen.
And a process that runs a program which it may not read has its lists closed to all but root: it is past every
limit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from grader.dialogue.usage import shows_memory, task_with_memory

_MAPPING = 1 << 10
"""Bytes, generously: `struct vm_area_struct`, its place in the tree, and what it has of anonymous memory."""
_DESCRIPTOR = 8 << 10
"""Bytes: what is open, with a buffer; in a pipe, what a user without any pipe left is still given."""
_HANGING = 1 << 10
"""Bytes of a lock, or of what a poll waits for."""
_PIPE, _ALL_PIPES = 64 << 10, 64 << 20
"""Bytes that a pipe holds, until all of a user's hold so much (pipe(7))."""
_POLLED, _LOCKED = b"\ntfd:", b"\nlock:"
_SENT = re.compile(rb"\nscm_fds:\s*[1-9]")
"""What a socket shows that others have sent descriptors to, from Linux 5.9 on."""
_MOST_SENT = 1024
"""Descriptors of one user's that are on their way at one time, where nobody has raised what he may open."""
_CHUNK = 1 << 18


def kernel_bytes(processes: Iterable[Path], most: int, between: Callable[[], object] = lambda: None) -> int:
    """Return what the kernel may keep for processes, in bytes.

    Args:
        processes: each by its folder in a /proc.
        most: past so much, it is not counted any further.
        between: called before each process, for what must not wait until the last is counted: thirty
            thousand descriptors take a second or more.
    """
    total = largest = 0
    is_some_sent = False
    pipes: set[str] = set()
    for process in map(task_with_memory, processes):
        between()
        total += _MAPPING * _lines(process / "maps", (most - total) // _MAPPING)
        names = _descriptors(process)
        if names is None:
            return most + 1
        for name in names:
            if total > most:
                return total
            shown = _read(process / "fdinfo" / name)
            polled = shown.count(_POLLED)
            total += _DESCRIPTOR + _HANGING * (polled + shown.count(_LOCKED))
            largest = max(largest, polled)
            is_some_sent = is_some_sent or _SENT.search(shown) is not None
            if (target := _target(process / "fd" / name)).startswith("pipe:"):
                pipes.add(target)
    sent = _MOST_SENT * _HANGING * largest if is_some_sent else 0
    return total + sent + min(len(pipes) * _PIPE, _ALL_PIPES)


def _descriptors(process: Path) -> list[str] | None:
    """Return the names of a process's descriptors; None if it keeps them to itself."""
    try:
        return os.listdir(process / "fd")
    except PermissionError:
        # What is left of one that has ended may not be listed either.
        return None if shows_memory(process) else []
    except OSError:
        return []


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


def _read(fdinfo: Path) -> bytes:
    try:
        return b"\n" + fdinfo.read_bytes()
    except OSError:
        return b""


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""
