"""What lies in the zips of a submission, one deep, and within bounds on the work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import BinaryIO

from grader.intake.receiving import IntakeRefusedError, checked_path
from grader.intake.zips import (
    DEFLATED,
    STORED,
    ZipEntry,
    ZipError,
    find_zip_end,
    overlap,
    read_content,
    read_entries,
)
from grader.model.submission import LOCAL_SIGNATURE, Submission, SubmittedFile

_MOST_DIRECTORY_BYTES = 1 << 20
_MOST_UNPACKED_BYTES = 64 << 20
"""Of all zips in a submission together: what lies further back is not looked at."""


def digests_in_zips(submission: Submission, sizes: frozenset[int]) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield path and SHA-256 of what lies in a submission's zips and has one of these sizes.

    A copy that was changed or packed otherwise is not found, and need not be: this is for the data set that
    somebody hands in as it came.
    """
    yield from _Zips(sizes).digests(submission)


class _Zips:
    """The zips of one submission, and what may still be spent on them."""

    def __init__(self, sizes: frozenset[int]) -> None:
        self._sizes = sizes
        self._directory_bytes = _MOST_DIRECTORY_BYTES
        self._unpacked_bytes = _MOST_UNPACKED_BYTES

    def digests(self, submission: Submission) -> Iterator[tuple[PurePosixPath, str]]:
        """Yield path and digest of what is in zips and has one of the sizes."""
        for file in submission.files:
            if file.head.startswith(LOCAL_SIGNATURE):
                with suppress(ZipError, OSError), (submission.folder / file.path).open("rb") as archive:
                    yield from self._within(file, archive)

    def _within(self, file: SubmittedFile, archive: BinaryIO) -> Iterator[tuple[PurePosixPath, str]]:
        end = find_zip_end(archive)
        if end is None or end.directory_bytes > self._directory_bytes:
            return
        self._directory_bytes -= end.directory_bytes
        entries = list(read_entries(archive, end))
        # Bytes that many entries share would be read once for each.
        if overlap(entries, file.size):
            return
        for entry in entries:
            is_sought = entry.size in self._sizes and entry.method in (STORED, DEFLATED)
            if is_sought and entry.size <= self._unpacked_bytes:
                self._unpacked_bytes -= entry.size
                with suppress(ZipError):
                    yield _place(file, entry), _digest(archive, entry)


def _place(file: SubmittedFile, entry: ZipEntry) -> PurePosixPath:
    """Return the path of an entry below its zip's; the zip's alone where it has none that can be shown."""
    try:
        return file.path / checked_path(entry.name)
    except IntakeRefusedError:
        return file.path


def _digest(archive: BinaryIO, entry: ZipEntry) -> str:
    """Return the SHA-256 of an entry's content.

    Raises:
        ZipError: it is not what the directory says.
    """
    digest, size = hashlib.sha256(), 0
    for piece in read_content(archive, entry):
        size += len(piece)
        if size > entry.size:
            raise ZipError("zip-damaged")
        digest.update(piece)
    return digest.hexdigest()
