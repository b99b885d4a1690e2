"""The end of a zip, read without the help of a library that would first make an object of every entry."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

_END = struct.Struct("<4s4H2LH")
_SIGNATURE = b"PK\x05\x06"
_LOCATOR, _LOCATOR_SIGNATURE = struct.Struct("<4sLQL"), b"PK\x06\x07"
_END64, _END64_SIGNATURE = struct.Struct("<4sQ2H2L4Q"), b"PK\x06\x06"
_MOST_COMMENT = 0xFFFF
_ELSEWHERE = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
"""Numbers that only say: see the ZIP64 record. They are also what the short record has room for."""


class ZipError(ValueError):
    """The bytes are no zip that can be unpacked.

    Its text is the name of a phrase of the catalogue that says why.
    """


@dataclass(frozen=True)
class ZipEnd:
    """What every zip ends with says of its directory."""

    entries: int
    directory_bytes: int
    directory_at: int
    """Where the directory begins in the file."""
    shift: int
    """Bytes before the zip proper, as in an archive that unpacks itself: all positions count from there."""


def find_zip_end(file: BinaryIO) -> ZipEnd | None:
    """Return a zip's end; None if there is none, because the file is cut off or no zip.

    A ZIP64 record, which archives over 4 GiB need and some writers always add, counts where there is one.
    Both records must then say the same: two readers must not see two directories.

    Raises:
        ZipError: the records contradict each other, or the zip is one of several parts.
    """
    size = file.seek(0, 2)
    tail_at = max(0, size - _END.size - _MOST_COMMENT)
    file.seek(tail_at)
    tail = file.read(_END.size + _MOST_COMMENT)
    at = _find_record(tail)
    if at is None:
        return None
    _, disk, directory_disk, _, entries, length, offset, _ = _END.unpack_from(tail, at)
    record: tuple[int, ...] = (disk, directory_disk, entries, length, offset)
    end = tail_at + at
    if (locator := _read(file, end - _LOCATOR.size, _LOCATOR))[:1] == (_LOCATOR_SIGNATURE,):
        end, long = _zip64_record(file, end - _LOCATOR.size, locator[2])
        _check_says_the_same(record, long)
        record = long
    disk, directory_disk, entries, length, offset = record
    if disk or directory_disk:
        raise ZipError("zip-part")
    start = end - length
    if start < offset:
        raise ZipError("zip-damaged")
    return ZipEnd(entries, length, start, start - offset)


def _check_says_the_same(short: tuple[int, ...], long: tuple[int, ...]) -> None:
    for number, true, elsewhere in zip(short, long, _ELSEWHERE, strict=True):
        if number not in (elsewhere, true & elsewhere):
            raise ZipError("zip-two-directories")


def _find_record(tail: bytes) -> int | None:
    """Return where the end record begins: at the very end, else the last one before a comment."""
    at = len(tail) - _END.size
    if at < 0 or not (tail.startswith(_SIGNATURE, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_SIGNATURE)
    return None if at < 0 or len(tail) < at + _END.size else at


def _zip64_record(file: BinaryIO, locator_at: int, offset: int) -> tuple[int, tuple[int, ...]]:
    """Return where the ZIP64 record begins, and its five numbers.

    It lies where its locator says, or directly before that where other bytes stand before the zip.
    """
    for at in (offset, locator_at - _END64.size):
        numbers = _read(file, at, _END64)
        if numbers[:1] == (_END64_SIGNATURE,):
            _, _, _, _, disk, directory_disk, _, entries, length, start = numbers
            return at, (disk, directory_disk, entries, length, start)
    raise ZipError("zip-two-directories")


def _read(file: BinaryIO, at: int, record: struct.Struct) -> tuple[Any, ...]:
    """Return a record's fields; an empty tuple where the file has none."""
    if not 0 <= at < file.seek(0, 2):
        return ()
    file.seek(at)
    data = file.read(record.size)
    return record.unpack(data) if len(data) == record.size else ()
