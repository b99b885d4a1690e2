"""The end of a zip, read without the help of a library that would first make an object of every entry."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

_END = struct.Struct("<4s4H2LH")
_SIGNATURE, _ZIP64_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
_MOST_COMMENT, _ZIP64_BYTES = 0xFFFF, 20


@dataclass(frozen=True)
class ZipEnd:
    """The record that every zip ends with."""

    directory_bytes: int
    """How long the directory before it says it is."""
    is_zip64: bool
    """Whether the true numbers stand elsewhere, as for archives over 4 GiB."""


def find_zip_end(file: BinaryIO) -> ZipEnd | None:
    """Return a zip's end record; None if there is none, because the file is cut off or no zip."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _MOST_COMMENT - _ZIP64_BYTES))
    tail = file.read()
    # As zipfile looks for it: at the very end, else the last one before a comment.
    at = len(tail) - _END.size
    if at < 0 or not (tail.startswith(_SIGNATURE, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_SIGNATURE)
    if at < 0 or len(tail) < at + _END.size:
        return None
    return ZipEnd(
        directory_bytes=_END.unpack_from(tail, at)[5],
        is_zip64=tail[max(0, at - _ZIP64_BYTES) : at].startswith(_ZIP64_SIGNATURE),
    )
