"""What is in a file: written whole or not at all, and known by its digest."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

WRITING = ".writing-"
"""What the names of files and folders begin with that are not finished; a kill leaves them behind."""
_READABLE = 0o644
_CHUNK = 1 << 20


def write_atomically(path: Path, content: bytes, mode: int = _READABLE) -> None:
    """Write a file, or replace it; what is there stands, even if power fails."""
    _write(path, content, mode, Path.replace)


def write_new(path: Path, content: bytes, mode: int = _READABLE) -> None:
    """Write a file where there is none.

    Raises:
        FileExistsError: there is one by now; it is left as it is.
    """
    _write(path, content, mode, lambda written, place: os.link(written, place, follow_symlinks=False))


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
