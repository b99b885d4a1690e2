"""What operating systems do differently, in one place: each is asked for what it has, and not for its name.

Official grading needs Linux. A student's own check runs on Linux, macOS and Windows.
"""

from __future__ import annotations

import os
import platform
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

HAS_DESCRIPTORS_FOR_LOOKING = HAS_NAMESPACES = hasattr(os, "O_PATH")
"""Whether a path can be held by a descriptor, whatever lies there and without opening it; and whether there
can be a sandbox. Both are Linux's alone."""
_IS_WINDOWS = os.name == "nt"
RENAMES_WHAT_IS_OPEN = not _IS_WINDOWS
"""Whether a file can get another name, or be removed, while somebody has it open."""
_NEW_CONSOLE = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
_NEEDED = (
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
    *("PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS"),
)
"""Without these, programs on Windows do not start, have no network or do not know their processor."""
_ENDINGS_ON_WINDOWS = {
    0xC0000005: "SIGSEGV",  # access violation
    0xC00000FD: "SIGSEGV",  # stack overflow
    0xC000001D: "SIGILL",  # illegal instruction
    0xC0000094: "SIGFPE",  # integer division by zero
    0xC0000374: "SIGABRT",  # heap corruption
    0xC0000409: "SIGABRT",  # stack buffer overrun; also what abort() ends with
}
"""How Windows says that a process crashed, by the signal that says the same elsewhere."""
_RESERVED = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in "123456789¹²³"
}
"""Names that are devices on Windows, whatever ending they have."""
_NOT_IN_NAMES = frozenset('<>:"/\\|?*') | frozenset(map(chr, range(32)))


def name() -> str:
    """Return what people call this system."""
    return {"Darwin": "macOS"}.get(platform.system(), platform.system())


def cores() -> int:
    """Return how many processor cores this process may use."""
    # Containers and taskset narrow the affinity, which Linux alone has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def signals_to_end() -> tuple[signal.Signals, ...]:
    """Return the signals that tell a program to end: by whoever stops it, or a terminal that is closed."""
    named = ("SIGTERM", "SIGHUP", "SIGBREAK")
    return tuple(getattr(signal, name) for name in named if hasattr(signal, name))


def signal_of(exit_code: int) -> str:
    """Return the signal that the exit code of a crashed process on Windows stands for; empty if none."""
    return _ENDINGS_ON_WINDOWS.get(exit_code, "")


def clear_line(width: int, *, as_on_windows: bool = _IS_WINDOWS) -> str:
    """Return what empties a terminal's last line of `width` columns and goes back to its beginning.

    A console of Windows shows the sequence that means this elsewhere, unless it has been told not to.
    """
    return f"\r{' ' * width}\r" if as_on_windows else "\r\x1b[K"


def creation_flags() -> int:
    """Return how Windows is to start a program that Ctrl-C does not reach and that opens no window."""
    return _NEW_CONSOLE


def own_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that any program needs on this system; none on Linux and macOS."""
    return {name: environment[name] for name in _NEEDED if name in environment}


def is_ours(status: os.stat_result) -> bool:
    """Whether a file belongs to whoever runs this; true where files belong to nobody in particular."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def is_kept_from_others(status: os.stat_result) -> bool:
    """Whether nobody but its owner may read or change a file; true where no mode says who may."""
    return not hasattr(os, "geteuid") or not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def can_be_named(name: str, *, as_on_windows: bool = _IS_WINDOWS) -> bool:
    r"""Whether a file can have this name, and no other one that means the same, on this system.

    Windows takes a backslash for the end of a folder's name, `C:` for a drive, `a:b` for a stream of the file
    `a`, `NUL.txt` for a device, and leaves off a dot or blank at the end.
    """
    if not as_on_windows:
        return True
    is_device = name.partition(".")[0].rstrip(" ").casefold() in _RESERVED
    return not (is_device or _NOT_IN_NAMES.intersection(name) or name.endswith((".", " ")))


def lock(descriptor: int, *, wait: bool = False) -> None:
    """Lock an open file for as long as it is open.

    Args:
        descriptor: of a file that is open for writing.
        wait: until nobody else holds it; Windows does not wait.

    Raises:
        OSError: somebody else holds it.
    """
    try:
        import fcntl
    except ImportError:
        _lock_on_windows(descriptor)
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def give_mode(descriptor: int, mode: int) -> None:
    """Say who may read an open file; on Windows the folder that it lies in says that."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)


def give_new_name(written: Path, place: Path) -> None:
    """Give a file a second name, which nothing has yet.

    Raises:
        FileExistsError: something has it.
    """
    if os.link in os.supports_follow_symlinks:
        os.link(written, place, follow_symlinks=False)
    else:
        os.link(written, place)


def keep_names(folder: Path) -> None:
    """Have the names in a folder stand even if power fails; Windows has no way to ask for that."""
    if _IS_WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock_on_windows(descriptor: int) -> None:
    import msvcrt

    # One byte from where the file is read and written, which is its beginning.
    msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
