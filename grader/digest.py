"""SHA-256 identities: of bytes, of JSON values, and of named parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
