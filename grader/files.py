"""Writing files whole, their digests, and the private folder that a grading works in."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grader.held import Held, hold

WRITING = ".writing-"
"""What the names of files and folders begin with that are not finished; a kill leaves them behind."""
READABLE = 0o644


def write_atomically(path: Path, content: bytes, mode: int = READABLE) -> None:
    """Write a file, or replace it; what is there stands, even if power fails."""
    _write(path, content, mode, Path.replace)


def write_new(path: Path, content: bytes, mode: int = READABLE) -> None:
    """Write a file where there is none.

    Raises:
        FileExistsError: there is one by now; it is left as it is.
    """
    _write(path, content, mode, lambda written, place: os.link(written, place, follow_symlinks=False))


def _write(path: Path, content: bytes, mode: int, put: Callable[[Path, Path], object]) -> None:
    """Write beside `path`, and let `put` give the file its name."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=WRITING, delete=False) as file:
        written = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            put(written, path)
        finally:
            written.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_CHUNK = 1 << 20


def digest_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of_json(value: Any) -> str:
    """Return the SHA-256 of a JSON value in its one canonical form."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return digest_of_bytes(text.encode("ascii"))


def digest_of_parts(parts: Iterable[tuple[str, str]]) -> str:
    """Return one SHA-256 over (name, digest) pairs, whatever order they come in.

    JSON keeps name and digest apart, so that no two different sets of parts can meet.
    """
    return digest_of_json(sorted(parts))


def make_readable(folder: Path) -> None:
    """Let any uid read a folder of ours and all that is below it. There must be no symbolic links."""
    for name, _, files in os.walk(folder):
        Path(name).chmod(0o755)
        for file in files:
            Path(name, file).chmod(0o644)


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
