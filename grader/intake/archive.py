"""Reading a submission from a zip, with every cap counted on the bytes that really come out."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from grader.intake.entry import Receiver, checked_path, is_junk
from grader.intake.refusal import IntakeRefusedError
from grader.intake.zip_end import ZipError, find_zip_end
from grader.intake.zip_entries import (
    DEFLATED,
    ENCRYPTED,
    STORED,
    ZipEntry,
    overlap,
    read_content,
    read_entries,
)

ZIP_SUFFIX = ".zip"
_MAX_RATIO = 200
_RATIO_FREE_BYTES = 16 << 20
"""A file may unpack to this size whatever its ratio: a matrix of zeros is no bomb."""
_BYTES_PER_ENTRY = 600
"""A directory entry is 46 bytes, its name, and little more."""


def receive_zip(archive: BinaryIO, receiver: Receiver) -> None:
    """Unpack every plain file of a zip.

    Raises:
        IntakeRefusedError: not a zip, damaged, encrypted, a bomb, a link, or an unsafe path.
    """
    try:
        entries = _listed(archive, receiver)
        if overlap(entries, archive.seek(0, 2)):
            raise ZipError("zip-overlap")
        for entry in entries:
            _receive_entry(archive, entry, receiver)
    except ZipError as error:
        raise IntakeRefusedError("bad-zip", str(error)) from error


def _listed(archive: BinaryIO, receiver: Receiver) -> list[ZipEntry]:
    """List the entries, and refuse a directory of a million before an object is made of each.

    Raises:
        IntakeRefusedError: too many.
        ZipError: no end, or a directory that cannot be.
    """
    end = find_zip_end(archive)
    if end is None:
        raise ZipError("zip-no-directory")
    most = receiver.most_entries
    if end.entries > most or end.directory_bytes > most * _BYTES_PER_ENTRY:
        raise IntakeRefusedError("too-many-files", str(receiver.limits.submission_files))
    entries = []
    for entry in read_entries(archive, end):
        receiver.look_at_entry()
        entries.append(entry)
    return entries


def _receive_entry(archive: BinaryIO, entry: ZipEntry, receiver: Receiver) -> None:
    if entry.name.endswith("/"):
        return
    path = checked_path(entry.name)
    if is_junk(path):
        return
    kind = stat.S_IFMT(entry.mode)
    if kind == stat.S_IFLNK:
        raise IntakeRefusedError("link", str(path))
    if kind not in (0, stat.S_IFREG):
        raise IntakeRefusedError("not-a-file", str(path))
    if entry.flags & ENCRYPTED:
        raise IntakeRefusedError("encrypted-zip", str(path))
    if entry.method not in (STORED, DEFLATED):
        raise ZipError("zip-method")
    receiver.accept(path, _unpacked(archive, entry, path))


def _unpacked(archive: BinaryIO, entry: ZipEntry, path: PurePosixPath) -> Iterator[bytes]:
    size = 0
    for piece in read_content(archive, entry):
        size += len(piece)
        if size > _RATIO_FREE_BYTES and size > _MAX_RATIO * max(entry.packed_size, 1):
            raise IntakeRefusedError("bomb", str(path))
        yield piece
