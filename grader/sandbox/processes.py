"""Processes of this machine, as the kernel shows them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

_PIDFD_OPEN = 434
"""The system call's number, on every architecture the same."""


def descendants(*roots: int) -> Iterator[int]:
    """Yield the processes `roots` and every one below them, as far as they can be seen."""
    pending = list(reversed(roots))
    while pending:
        current = pending.pop()
        yield current
        for task in listdir(Path(f"/proc/{current}/task")):
            try:
                text = Path(f"/proc/{current}/task/{task}/children").read_text(encoding="ascii")
            except OSError:
                continue
            pending += [int(child) for child in text.split()]


def folders_of(*roots: int) -> Iterator[Path]:
    """Yield the folders in /proc of the processes `roots` and of every one below them."""
    return (Path(f"/proc/{pid}") for pid in descendants(*roots))


def innermost(sandbox: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait until the command of a sandbox has printed something; return its process.

    Sandboxes are made one in the other, and each process of them has one child: the last is the command.

    Raises:
        OSError: it did not, in so many seconds.
    """
    assert sandbox.stdout is not None  # noqa: S101 - for callers that asked for a pipe
    with sandbox.stdout as printed:
        if not select.select([printed], [], [], seconds)[0] or not os.read(printed.fileno(), 1):
            raise OSError("the sandbox did not come up")
    return list(descendants(sandbox.pid))[-1]


def listdir(path: Path) -> list[str]:
    """Return the names in a folder; none if it has gone."""
    try:
        return os.listdir(path)
    except OSError:
        return []


def owner(pid: int) -> tuple[int, int]:
    """Return the effective uid and gid of a process, who may not be whom its files in /proc belong to.

    Raises:
        OSError: it has gone.
    """
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").split("\n")
    uid, gid = (next(line.split()[2] for line in lines if line.startswith(name)) for name in ("Uid:", "Gid:"))
    return int(uid), int(gid)


@contextlib.contextmanager
def pidfd(pid: int) -> Iterator[int]:
    """Yield a descriptor that stands for a process, whatever becomes of its number; see pidfd_open(2).

    Raises:
        OSError: there is no such process, or the kernel has no such call.
    """
    # Not by `os.pidfd_open`: a Python that was built on an old system has none.
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.syscall(_PIDFD_OPEN, pid, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    try:
        yield descriptor
    finally:
        os.close(descriptor)
