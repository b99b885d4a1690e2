"""What is in a zip: its end, its directory, and the bytes of one entry, with everything checked."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from grader.model.submission import LOCAL_SIGNATURE

_END = struct.Struct("<4s4H2LH")
_SIGNATURE = b"PK\x05\x06"
_LOCATOR, _LOCATOR_SIGNATURE = struct.Struct("<4sLQL"), b"PK\x06\x07"
_END64, _END64_SIGNATURE = struct.Struct("<4sQ2H2L4Q"), b"PK\x06\x06"
_MOST_COMMENT = 0xFFFF
_ELSEWHERE_32 = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
"""Numbers that only say: see the ZIP64 record. They are also what the short record has room for."""
STORED, DEFLATED = 0, 8
ENCRYPTED = 0x1
_PATCHED, _UTF8 = 0x20, 0x800
_CENTRAL, _CENTRAL_SIGNATURE = struct.Struct("<4s6H3L5H2L"), b"PK\x01\x02"
_LOCAL = struct.Struct("<4s5H3L2H")
_ZIP64_FIELD, _UNICODE_PATH_FIELD = 0x0001, 0x7075
_ELSEWHERE = 0xFFFFFFFF
"""In place of a number: see the entry's ZIP64 field."""
_CHUNK = 1 << 20


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


@dataclass(frozen=True)
class ZipEntry:
    """One entry of a zip's directory."""

    name: str
    """As :func:`entry_name` reads it."""
    raw_name: bytes
    flags: int
    method: int
    checksum: int
    """CRC-32 of the content."""
    packed_size: int
    size: int
    at: int
    """Where its own header begins in the file."""
    mode: int
    """Kind and permissions, as Unix has them; 0 where nobody said."""


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


def read_entries(file: BinaryIO, end: ZipEnd) -> Iterator[ZipEntry]:
    """Yield the entries of a directory, which is read once and as a whole.

    Raises:
        ZipError: it is not as long as it says, or an entry of it cannot be.
    """
    file.seek(end.directory_at)
    directory = file.read(end.directory_bytes)
    at = 0
    while at < end.directory_bytes:
        if len(directory) < at + _CENTRAL.size or not directory.startswith(_CENTRAL_SIGNATURE, at):
            raise ZipError("zip-damaged")
        fields = _CENTRAL.unpack_from(directory, at)
        lengths = fields[10:13]  # of name, extra fields and comment
        at += _CENTRAL.size
        extra_at = at + lengths[0]
        name, extra = directory[at:extra_at], directory[extra_at : extra_at + lengths[1]]
        at += sum(lengths)
        if at > len(directory):
            raise ZipError("zip-damaged")
        entry = _entry(fields, name, extra, end.shift)
        if entry.at >= end.directory_at:
            raise ZipError("zip-damaged")
        yield entry


def overlap(entries: Iterable[ZipEntry], archive_bytes: int) -> bool:
    """Whether a byte of the archive belongs to two entries, or entries claim more bytes than it has.

    Deflated data can be long and give nothing: a thousand entries that share it take a thousand times as long
    to unpack as the archive to read, and pass every limit on what comes out.
    """
    end = None
    for entry in sorted(entries, key=lambda entry: entry.at):
        if end is not None and entry.at < end:
            return True
        end = entry.at + _LOCAL.size + entry.packed_size
    return end is not None and end > archive_bytes


def entry_name(raw: bytes, flags: int, unicode_path: bytes | None = None) -> str:
    """Return an entry's real name, the same whatever reads it.

    It is the Unicode path field (Info-ZIP's 0x7075), if there is one that belongs to this name: the field
    carries the checksum of the name that it stands for, and one that does not fit is of an earlier name and
    says nothing. Else it is the name itself: UTF-8 if it is flagged so. Chinese Windows writes names in GBK
    without saying so, and others write UTF-8 without saying so; what is neither is code page 437. Back
    slashes become slashes.

    Raises:
        ZipError: what must be UTF-8 is not.
    """
    try:
        if unicode_path is not None and len(unicode_path) > 5:
            version, checksum = struct.unpack_from("<BL", unicode_path)
            if version == 1 and checksum == zlib.crc32(raw):
                return unicode_path[5:].decode("utf-8").replace("\\", "/")
        if flags & _UTF8:
            return raw.decode("utf-8").replace("\\", "/")
    except UnicodeDecodeError as error:
        raise ZipError("zip-name") from error
    for encoding in ("utf-8", "gb18030", "cp437"):
        try:
            return raw.decode(encoding).replace("\\", "/")
        except UnicodeDecodeError:
            continue
    raise ZipError("zip-name")


def go_to_content(file: BinaryIO, entry: ZipEntry) -> int:
    """Go to where an entry's packed content begins, behind its own header; return that position.

    Raises:
        ZipError: there is no header, or it has another name than the directory.
    """
    file.seek(entry.at)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(LOCAL_SIGNATURE):
        raise ZipError("zip-damaged")
    name_bytes, extra_bytes = _LOCAL.unpack(header)[9:]
    if file.read(name_bytes) != entry.raw_name:
        raise ZipError("zip-two-names")
    return file.seek(extra_bytes, 1)


def read_content(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """Yield an entry's content in pieces of at most a megabyte.

    Raises:
        ZipError: it is not the content that the directory says, or another name stands before it.
    """
    go_to_content(file, entry)
    packed = _pieces(file, entry.packed_size)
    size = checksum = 0
    for piece in packed if entry.method == STORED else _inflated(packed):
        size += len(piece)
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if (size, checksum) != (entry.size, entry.checksum):
        raise ZipError("zip-damaged")


def _check_says_the_same(short: tuple[int, ...], long: tuple[int, ...]) -> None:
    for number, true, elsewhere in zip(short, long, _ELSEWHERE_32, strict=True):
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


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes, shift: int) -> ZipEntry:
    flags, method, checksum = fields[3], fields[4], fields[7]
    if flags & _PATCHED:
        raise ZipError("zip-method")
    known = _extra_fields(extra)
    size, packed_size, at = _numbers((fields[9], fields[8], fields[16]), known.get(_ZIP64_FIELD, b""))
    return ZipEntry(
        name=entry_name(raw_name, flags, known.get(_UNICODE_PATH_FIELD)),
        raw_name=raw_name,
        flags=flags,
        method=method,
        checksum=checksum,
        packed_size=packed_size,
        size=size,
        at=shift + at,
        mode=fields[15] >> 16,
    )


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields by their numbers: of two alike the first; padding at the end is none."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        found.setdefault(number, extra[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _numbers(short: tuple[int, int, int], zip64: bytes) -> Iterator[int]:
    """Yield size, packed size and position; those that say so stand in the ZIP64 field, in this order."""
    at = 0
    for number in short:
        if number != _ELSEWHERE:
            yield number
            continue
        if len(zip64) < at + 8:
            raise ZipError("zip-damaged")
        (long,) = struct.unpack_from("<Q", zip64, at)
        at += 8
        yield long


def _pieces(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left:
        piece = file.read(min(left, _CHUNK))
        if not piece:
            raise ZipError("zip-cut-off")
        left -= len(piece)
        yield piece


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            while piece and not stream.eof:
                if data := stream.decompress(piece, _CHUNK):
                    yield data
                piece = stream.unconsumed_tail
        if rest := stream.flush():
            yield rest
    except zlib.error as error:
        raise ZipError("zip-damaged") from error
    if not stream.eof:
        raise ZipError("zip-damaged")
