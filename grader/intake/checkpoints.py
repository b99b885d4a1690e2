"""What the outside of a checkpoint tells: whether all of it is there, and how many parameters it holds.

Only lengths and checksums are looked at. No tensor is read and nothing is ever unpickled: what a pickle does
when it is loaded is the sandbox's business.

Whether a program for text has changed the line ends of a binary file: git's autocrlf, FTP in text mode.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from grader.intake.zips import (
    DEFLATED,
    ENCRYPTED,
    STORED,
    ZipEntry,
    ZipError,
    find_zip_end,
    overlap,
    read_content,
    read_entries,
)
from grader.model.submission import LOCAL_SIGNATURE, NOTHING_KNOWN, CheckpointState, Defect

_CHUNK = 1 << 20
_MOST_DIRECTORY_BYTES = 1 << 18
"""A checkpoint has some hundred parameters; a directory of a million entries is a burden."""
_MOST_SWOLLEN, _MOST_GROWTH = 4, 256 << 20
"""Times the size of the file, and bytes more than it: weights hardly shrink, and unpacking a bomb is nobody's
business here."""
_TAG = b"\x0a"
"""Of field 1 in MindSpore's `checkpoint.proto`: the file is a row of parameters."""
_CHANGED_TAG = b"\x0d"
"""What stands there if a program for text has put a byte 13 before every byte 10."""
_HEAD_BYTES = 7
"""A tag, a length of up to five bytes, and another tag."""
_MOST_PARAMETERS = 10_000
CHECKSUM_MARK, CHECKSUM_BYTES = b"crc_num", 17
"""`save_checkpoint(crc_check=True)` appends the mark and ten bytes of CRC-32, big-endian."""


def look_at_checkpoint(path: Path) -> CheckpointState:
    """Tell what can be told of one file: a zip (PyTorch, NumPy) or a MindSpore checkpoint."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(LOCAL_SIGNATURE))
        is_named_ckpt = path.suffix.lower() == ".ckpt"
        if head == LOCAL_SIGNATURE:
            state = CheckpointState(defect=_zip_defect(file, size))
        elif is_named_ckpt and head[:1] == _TAG:
            state = _mindspore(file, size)
        else:
            state = NOTHING_KNOWN
        # A zip that is whole is left alone; of a .ckpt, nothing is known if its lengths lead nowhere.
        is_odd = is_named_ckpt and head[:1] in (_TAG, _CHANGED_TAG) and state == NOTHING_KNOWN
        if (state.defect or is_odd) and has_changed_line_ends(file):
            return CheckpointState(defect="line-ends")
    return state


def _zip_defect(file: BinaryIO, size: int) -> Defect:
    """Look for the directory, which is a zip's end, and compare its checksums if that costs little."""
    try:
        end = find_zip_end(file)
        if end is None:
            return "cut-off"
        if end.directory_bytes > _MOST_DIRECTORY_BYTES:
            return ""
        entries = [*read_entries(file, end)]
        if _is_cheap(entries, size):
            for entry in entries:
                for _ in read_content(file, entry):
                    pass
    except ZipError:
        return "damaged"
    return ""


def _is_cheap(entries: Sequence[ZipEntry], size: int) -> bool:
    """Whether unpacking all entries takes little memory and time, whatever they say of themselves."""
    return (
        all(entry.method in (STORED, DEFLATED) and not entry.flags & ENCRYPTED for entry in entries)
        and not overlap(entries, size)
        and sum(entry.size for entry in entries) <= min(_MOST_SWOLLEN * size, size + _MOST_GROWTH)
    )


def _mindspore(file: BinaryIO, size: int) -> CheckpointState:
    """Follow the lengths of the parameters; the last must end where the file, or its checksum, does."""
    end = size
    file.seek(max(0, size - CHECKSUM_BYTES))
    if file.read(len(CHECKSUM_MARK)) == CHECKSUM_MARK:
        end = size - CHECKSUM_BYTES
        if int.from_bytes(file.read(), "big") != _checksum(file, end):
            return CheckpointState(defect="damaged")
    position = parameters = 0
    while position < end:
        file.seek(position)
        length = _length_of_parameter(file.read(_HEAD_BYTES))
        if length is None or parameters == _MOST_PARAMETERS:
            return NOTHING_KNOWN  # not MindSpore's after all
        position += length
        parameters += 1
    return CheckpointState(defect="cut-off") if position > end else CheckpointState(parameters)


def _length_of_parameter(head: bytes) -> int | None:
    """Return how many bytes a parameter takes that begins with `head`; None if it is no parameter.

    It is the tag, the length of the rest (seven bits a byte, the lowest first, the highest bit for "more
    follows"), and the rest, which begins with the parameter's name: field 1, too.
    """
    if head[:1] != _TAG:
        return None
    length = 0
    for count, byte in enumerate(head[1:-1]):
        length |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            after = 2 + count
            return after + length if head[after : after + 1] == _TAG else None
    return len(head) + 1 if len(head) < _HEAD_BYTES else None


def _checksum(file: BinaryIO, end: int) -> int:
    file.seek(0)
    checksum, left = 0, end
    while left and (chunk := file.read(min(left, _CHUNK))):
        checksum = zlib.crc32(chunk, checksum)
        left -= len(chunk)
    return checksum


_LINES_CHUNK = 1 << 20
_ENOUGH = 20
"""So many line ends of a kind, all of them or hardly any, are no chance in numbers."""
_HARDLY_ANY = 0.1
"""Share: where byte 13 stood twice before byte 10, one is left."""


def has_changed_line_ends(file: BinaryIO) -> bool:
    """Whether every byte 10 has a byte 13 before it, or hardly any has where some should by chance.

    A file without a zero byte at its beginning is taken for text, whose line ends are its own.
    """
    file.seek(0)
    size = feeds = returns = pairs = 0
    last = b""
    while chunk := file.read(_LINES_CHUNK):
        if not size and b"\0" not in chunk:
            return False
        size += len(chunk)
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
        last = chunk[-1:]
    if feeds < _ENOUGH:
        return False
    by_chance = feeds * returns / size
    return pairs == feeds or (by_chance >= _ENOUGH and pairs <= _HARDLY_ANY * by_chance)
