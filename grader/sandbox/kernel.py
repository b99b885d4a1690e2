"""Processes and control groups of this machine, as the kernel shows them.

Where the system has given this process a part of the tree of control groups to divide, each worker has a
group of its own. With control groups of version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html) the
kernel itself binds the sum of all memory of a group, and ends the group as a whole. They are ours to divide
if an administrator or systemd says so: `systemd-run --user --scope -p Delegate=yes COMMAND`. Everywhere else
the grader does without, and its looks from outside are what binds sums.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = frozenset({"memory", "pids"})
_PIDFD_OPEN = 434
"""The system call's number, on every architecture the same."""
_OURS = "lab-grader"
"""The group that the grader itself moves to: a group with members cannot be divided."""
_ENTER = 'echo $$ > "$1" && shift && exec "$@"'
_TRIES = 100
"""How often members are moved that came while others were."""
_SECONDS_TO_END = 5.0


@dataclass(frozen=True)
class ControlGroup:
    """One worker's group; ends with :meth:`end`."""

    folder: Path

    def entering(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command that enters the group and becomes `command`."""
        return ("/bin/sh", "-c", _ENTER, "sh", str(self.folder / "cgroup.procs"), *command)

    def open_members(self) -> int:
        """Return a descriptor of the file that moves who writes "0" to it into the group, to be closed."""
        return os.open(self.folder / "cgroup.procs", os.O_WRONLY)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended the group for its memory."""
        words = read_text(self.folder / "memory.events").split()
        return int(dict(zip(words[::2], words[1::2], strict=False)).get("oom_kill", "0")) > 0

    def end(self) -> None:
        """End all processes of the group, and the group."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1", encoding="ascii")
        end = time.monotonic() + _SECONDS_TO_END
        while time.monotonic() < end:
            try:
                self.folder.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:  # busy: its processes are not buried yet
                time.sleep(0.005)


class ControlGroups:
    """Where the workers of a sandbox get control groups of their own, and whether every one has had one."""

    def __init__(self, parent: Path | None) -> None:
        """Make no group yet; below `parent`, or nowhere if the system gives none."""
        self._parent = parent
        self.has_bound_all = parent is not None
        """Whether the kernel binds the workers' sums: false as soon as one did without."""

    def make(self, memory_bytes: int, tasks: int) -> ControlGroup | None:
        """Return a new group that is bound to these sums; None if there is none to be had."""
        group = None if self._parent is None else _make(self._parent, memory_bytes, tasks)
        if group is None:
            self.has_bound_all = False
        return group


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


def read_text(path: Path, most: int = -1) -> str:
    """Return a file's text as it is, in which a carriage return ends no line; empty if the file has gone."""
    return read_bytes(path, most).decode("utf-8", "replace")


def read_bytes(path: Path, most: int = -1) -> bytes:
    """Return what a file holds, `most` bytes of it at most; nothing if the file has gone."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""


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


def own_group(mounts: Path = Path("/proc/self/mounts"), own: Path = Path("/proc/self/cgroup")) -> Path | None:
    """Return the folder of the group of version 2 that this process is in; None if there is none."""
    paths = [line.partition("::")[2] for line in read_text(own).splitlines() if line.startswith("0::")]
    lines = (line.split() for line in read_text(mounts).splitlines())
    roots = [Path(words[1]) for words in lines if words[2] == "cgroup2"]
    return roots[0] / paths[0].lstrip("/") if paths and roots else None


def is_delegated(group: Path) -> bool:
    """Whether a group with the controllers that we need is ours to divide."""
    if not set(read_text(group / "cgroup.controllers").split()) >= CONTROLLERS:
        return False
    if os.geteuid() == 0:
        # Root can write everywhere; systemd marks what it leaves to others.
        try:
            return os.getxattr(group, "trusted.delegate") == b"1"
        except OSError:
            return False
    return os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)


def dividable() -> Path | None:
    """Return a group below which workers can have theirs, made ready for that; None where there is none."""
    own = own_group()
    if own is None:
        return None
    group = own.parent if own.name == _OURS else own
    if not is_delegated(group):
        return None
    try:
        _make_ready(group)
    except OSError:
        return None
    return group


def _make(parent: Path, memory_bytes: int, tasks: int) -> ControlGroup | None:
    """Return a new group below `parent`, bound to these sums; None if that fails."""
    folder = parent / f"worker-{secrets.token_hex(8)}"
    try:
        folder.mkdir()
        for name, value in {
            "memory.max": memory_bytes,
            "memory.oom.group": 1,
            "pids.max": tasks,
        }.items():
            (folder / name).write_text(str(value), encoding="ascii")
        if (folder / "memory.swap.max").exists():
            (folder / "memory.swap.max").write_text("0", encoding="ascii")
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    return ControlGroup(folder)


def _make_ready(group: Path) -> None:
    """Move the members of a group into one below it, and hand the controllers down.

    Raises:
        OSError: it cannot be done.
    """
    ours = group / _OURS
    for tries_left in reversed(range(_TRIES)):
        if set(read_text(group / "cgroup.subtree_control").split()) >= CONTROLLERS:
            return
        ours.mkdir(exist_ok=True)
        for pid in read_text(group / "cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                (ours / "cgroup.procs").write_text(pid, encoding="ascii")
        try:
            (group / "cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
        except OSError as error:
            # Another harness in this group, or another thread of ours, has begun a process there meanwhile.
            if error.errno != errno.EBUSY or not tries_left:
                raise
