"""A sandbox as a whole, seen from outside: its scratch folders, its sockets, and all of its processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.sandbox import descendants, listdir

_FULL = 0.99
_BUFFER_IF_UNKNOWN = 4 << 20


@dataclass(frozen=True)
class Inside:
    """Handles on a sandbox from outside. They stay valid whatever its processes do, so close them."""

    folders: tuple[int, ...]
    """Descriptors of what can be written, file systems of their own."""
    sockets: int
    """Descriptor of the network namespace's count of sockets."""
    proc: int
    """Descriptor of its own /proc, in which the kernel shows its processes and no others."""

    def processes(self) -> Iterator[Path]:
        """Yield the folders of all processes inside, the first one's among them.

        Whoever made them and whoever has outlived whom: the kernel itself says who is of the namespace.
        """
        proc = Path(f"/proc/self/fd/{self.proc}")
        return (proc / name for name in listdir(proc) if name.isdigit())

    def is_full(self, inodes: int) -> bool:
        """Whether a folder has no room left, or all together hold what the largest does, or too many files.

        Args:
            inodes: files and folders that each may hold.
        """
        states = [os.fstatvfs(folder) for folder in self.folders]
        used = sum((state.f_blocks - state.f_bavail) * state.f_frsize for state in states)
        most = max(state.f_blocks * state.f_frsize for state in states)
        return used >= most * _FULL or any(_has_no_room(state, inodes) for state in states)

    def socket_bytes(self) -> int:
        """Return what all sockets can hold at most; the kernel does not say how much they do hold."""
        return most_bytes(os.pread(self.sockets, 1 << 12, 0).decode("ascii", "replace"))

    def close(self) -> None:
        """Let go of the sandbox, whose memory is freed only then."""
        for descriptor in (*self.folders, self.sockets, self.proc):
            os.close(descriptor)


def find(roots: Sequence[int], folders: Sequence[Path]) -> Inside | None:
    """Return handles on the sandbox of these processes; None if none of them stands in it yet.

    Args:
        roots: the first processes; they and those below are looked at until one is inside.
        folders: paths inside of what can be written; where the first of them is a file system that we do not
            have is inside.
    """
    for process in descendants(*roots):
        with contextlib.suppress(OSError):
            if _is_inside(process, folders[0]):
                return _open(process, folders)
    return None


def most_bytes(sockstat: str) -> int:
    """Return the most that the sockets counted in a `/proc/net/sockstat` can hold, in bytes."""
    # "sockets: used 3", then a line for each protocol: "TCP: inuse 1 orphan 0 tw 0 alloc 2 mem 1"
    lines = (line.split() for line in sockstat.splitlines())
    counts = {
        words[0].rstrip(":"): dict(zip(words[1::2], words[2::2], strict=False)) for words in lines if words
    }
    used = int(counts.get("sockets", {}).get("used", "0"))
    tcp = int(counts.get("TCP", {}).get("inuse", "0"))
    # What a program asks for is doubled; TCP's buffers also grow by themselves.
    asked = [2 * _setting(f"net/core/{name}_max") for name in ("wmem", "rmem")]
    grown = [_setting(f"net/ipv4/tcp_{name}") for name in ("wmem", "rmem")]
    largest = sum(max(pair) for pair in zip(asked, grown, strict=True))
    # Of the others, what is on its way is charged to one end: to the sender's (Unix) or to the receiver's.
    return tcp * largest + max(0, used - tcp) * max(asked)


def _is_inside(pid: int, folder: Path) -> bool:
    there = _path(pid, folder).stat().st_dev
    return not folder.exists() or folder.stat().st_dev != there


def _open(pid: int, folders: Sequence[Path]) -> Inside:
    with contextlib.ExitStack() as undo:
        opened = []
        for folder in (*folders, Path("/proc")):
            opened.append(os.open(_path(pid, folder), os.O_PATH | os.O_DIRECTORY))
            undo.callback(os.close, opened[-1])
        sockets = os.open(f"/proc/{pid}/net/sockstat", os.O_RDONLY)
        undo.pop_all()
    return Inside(tuple(opened[:-1]), sockets, opened[-1])


def _path(pid: int, folder: Path) -> Path:
    return Path(f"/proc/{pid}/root") / folder.relative_to("/")


def _has_no_room(state: os.statvfs_result, inodes: int) -> bool:
    return state.f_bavail <= state.f_blocks * (1 - _FULL) or state.f_files - state.f_ffree > inodes


def _setting(name: str) -> int:
    """Read a kernel setting: a number, or least, default and most."""
    try:
        return int(Path("/proc/sys", name).read_text(encoding="ascii").split()[-1])
    except (OSError, ValueError, IndexError):
        return _BUFFER_IF_UNKNOWN
