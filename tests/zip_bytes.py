"""Zips put together by hand, for what `zipfile` does not write: other names, other records, other lies."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_ELSEWHERE = 0xFFFFFFFF
_UTF8 = 0x800


@dataclass(frozen=True)
class Entry:
    """One file of the zip."""

    name: bytes
    content: bytes = b""
    flags: int = 0
    deflated: bool = False
    extra: bytes = b""
    """Of the directory's entry."""
    mode: int = 0
    local_name: bytes | None = None
    """What stands before the content; None for the same name."""


def unicode_path(name: bytes, stands_for: bytes, version: int = 1) -> bytes:
    """Return Info-ZIP's field that says what a name really is."""
    return field(0x7075, struct.pack("<BL", version, zlib.crc32(stands_for)) + name)


def field(number: int, content: bytes) -> bytes:
    """Return one extra field."""
    return struct.pack("<2H", number, len(content)) + content


def packed(
    entries: Sequence[Entry], *, zip64: bool = False, sizes_elsewhere: bool = False, before: bytes = b""
) -> bytes:
    """Return the zip.

    Args:
        entries: its files.
        zip64: add the records and fields of the format for archives over 4 GiB.
        sizes_elsewhere: let them alone tell the numbers.
        before: what stands before the zip proper, and is not counted in its positions.
    """
    body, directory = bytearray(), bytearray()  # bytes would be copied for each of thousands of entries
    for entry in entries:
        content = _deflated(entry.content) if entry.deflated else entry.content
        fixed = (20, entry.flags, 8 if entry.deflated else 0, 0, 0x21, zlib.crc32(entry.content))
        lengths = (len(content), len(entry.content))
        long = field(1, struct.pack("<3Q", lengths[1], lengths[0], len(body)))
        extra = entry.extra + (long if zip64 else b"")
        shown, at = ((_ELSEWHERE,) * 2, _ELSEWHERE) if sizes_elsewhere else (lengths, len(body))
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 0x314, *fixed, *shown, len(entry.name), len(extra), 0, 0, 0,
            entry.mode << 16, at,
        ) + entry.name + extra  # fmt: skip
        local = entry.name if entry.local_name is None else entry.local_name
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fixed, *lengths, len(local), 0) + local + content
    end64 = _end64(len(entries), len(directory), len(body)) if zip64 else b""
    shown_end = (0xFFFF, 0xFFFF, _ELSEWHERE, _ELSEWHERE) if sizes_elsewhere else (
        len(entries) & 0xFFFF, len(entries) & 0xFFFF, len(directory), len(body)
    )  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *shown_end, 0)
    return b"".join((before, body, directory, end64, end))


def _end64(count: int, directory_bytes: int, at: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, directory_bytes, at)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, at + directory_bytes, 1)


def _deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()
