"""Writing a file so that at any moment it is wholly there or as it was before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

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
