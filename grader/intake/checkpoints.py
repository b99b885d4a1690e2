"""Whether a checkpoint arrived whole, and how many parameters it holds: told from its outside alone.

It may be cut off, damaged, or changed by a program for text that means well with line ends (git's autocrlf,
FTP in text mode). Only lengths, checksums and line ends are looked at. No tensor is read and nothing is ever
unpickled: what a pickle does when it is loaded is the sandbox's business.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from grader.intake.tensors import (
    CHECKSUM_BYTES,
    CHECKSUM_MARK,
    TAG,
    CutOffError,
    UnreadableError,
    parameters_of,
)
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
_CHANGED_TAG = b"\x0d"
"""What stands there if a program for text has put a byte 13 before every byte 10."""
_ENOUGH = 20
"""So many line ends of a kind, all of them or hardly any, are no chance in numbers."""
_HARDLY_ANY = 0.1
"""Share: where byte 13 stood twice before byte 10, one is left."""


def look_at_checkpoint(path: Path) -> CheckpointState:
    """Tell what can be told of one file: a zip (PyTorch, NumPy) or a MindSpore checkpoint."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(LOCAL_SIGNATURE))
        is_named_ckpt = path.suffix.lower() == ".ckpt"
        if head == LOCAL_SIGNATURE:
            state = CheckpointState(defect=_zip_defect(file, size))
        elif is_named_ckpt and head[:1] == TAG:
            state = _mindspore(file, size)
        else:
            state = NOTHING_KNOWN
        # A zip that is whole is left alone; of a .ckpt, nothing is known if its lengths lead nowhere.
        is_odd = is_named_ckpt and head[:1] in (TAG, _CHANGED_TAG) and state == NOTHING_KNOWN
        if (state.defect or is_odd) and has_changed_line_ends(file):
            return CheckpointState(defect="line-ends")
    return state


def has_changed_line_ends(file: BinaryIO) -> bool:
    """Whether every byte 10 has a byte 13 before it, or hardly any has where some should by chance.

    A file without a zero byte at its beginning is taken for text, whose line ends are its own.
    """
    file.seek(0)
    size = feeds = returns = pairs = 0
    last = b""
    while chunk := file.read(_CHUNK):
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
    """Compare the checksum, if there is one, and count the parameters: the last ends where the file does."""
    file.seek(max(0, size - CHECKSUM_BYTES))
    has_checksum = file.read(len(CHECKSUM_MARK)) == CHECKSUM_MARK
    if has_checksum and int.from_bytes(file.read(), "big") != _checksum(file, size - CHECKSUM_BYTES):
        return CheckpointState(defect="damaged")
    data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        return CheckpointState(sum(1 for _ in parameters_of(data)))
    except CutOffError:
        return CheckpointState(defect="cut-off")
    except UnreadableError:
        return NOTHING_KNOWN  # not MindSpore's after all


def _checksum(file: BinaryIO, end: int) -> int:
    file.seek(0)
    checksum, left = 0, end
    while left and (chunk := file.read(min(left, _CHUNK))):
        checksum = zlib.crc32(chunk, checksum)
        left -= len(chunk)
    return checksum
