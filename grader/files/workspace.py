"""The private folder that a grading works in."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grader.files.held import Held, hold

_PREFIX = "lab-grader-"
_LOCK = ".in-use"


@contextmanager
def workspace() -> Iterator[Path]:
    """Yield a new private folder, and remove those that killed gradings of the same user left."""
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        unlocked = Path(name, f"{_LOCK}-soon")
        lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # It is locked before it has the name that is looked for.
            fcntl.flock(lock, fcntl.LOCK_EX)
            unlocked.rename(Path(name, _LOCK))
            yield Path(name)
        finally:
            os.close(lock)


def make_readable(folder: Path) -> None:
    """Let any uid read a folder of ours and all that is below it. There must be no symbolic links."""
    for name, _, files in os.walk(folder):
        Path(name).chmod(0o755)
        for file in files:
            Path(name, file).chmod(0o644)


def _sweep(temporary: Path) -> None:
    """Remove the folders of ours whose lock nobody holds."""
    with suppress(OSError), hold(temporary) as folder:
        for name in [name for name in folder.names() if name.startswith(_PREFIX)]:
            # Others may write into the folder for temporary files: what is not surely ours is left alone.
            with suppress(OSError), folder.entry(name) as entry:
                if entry.is_folder and entry.status.st_uid == os.geteuid():
                    _remove_if_left(folder, name, entry)


def _remove_if_left(temporary: Held, name: str, folder: Held) -> None:
    """Remove one folder, unless a living process holds its lock.

    Raises:
        OSError: somebody holds it, or there is none: the folder was made this moment, or is no grading's.
    """
    with folder.entry(_LOCK) as entry, entry.open(os.O_RDWR) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The lock goes last: what cannot be removed now is found again.
        for inner in sorted(folder.names(), key=lambda inner: inner == _LOCK):
            folder.remove(inner)
        os.rmdir(name, dir_fd=temporary.descriptor)
