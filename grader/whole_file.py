"""Writing a file so that at any moment it is wholly there or as it was before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

WRITING = ".writing-"
"""What the names of files and folders begin with that are not finished; a kill leaves them behind."""
READABLE = 0o644


def write_atomically(path: Path, content: bytes, mode: int = READABLE) -> None:
    """Write a file, or replace it; what is there stands, even if power fails."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=WRITING, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(mode)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
