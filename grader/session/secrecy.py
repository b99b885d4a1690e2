"""That no submission reaches or holds what is kept for grading: hidden images, or the key of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.errors import HarnessError, UsageError
from grader.files import place_of
from grader.intake import (
    DEFLATED,
    STORED,
    IntakeRefusedError,
    ZipEntry,
    ZipError,
    checked_path,
    find_zip_end,
    overlap,
    read_content,
    read_entries,
)
from grader.model.grading import KEY, HiddenFile
from grader.model.job import Exam
from grader.model.split import Split
from grader.model.submission import LOCAL_SIGNATURE, Submission, SubmittedFile
from grader.sandbox import Sandbox, is_visible_inside
from grader.split import public_split

_MOST_DIRECTORY_BYTES = 1 << 20
_MOST_UNPACKED_BYTES = 64 << 20
"""Of all zips in a submission together: what lies further back is not looked at."""


def check_apart(source: Path, exam: Exam) -> None:
    """Refuse a submission that has the split or its key in it; a student's own public images may lie there.

    Raises:
        UsageError: naming what lies there.
    """
    if not exam.is_official and exam.split.key_file is None:
        return
    place = place_of(source)
    for path in _hidden_places(exam.split):
        if path.is_relative_to(place):
            raise UsageError("split-inside-submission", path=path)


def check_out_of_reach(sandbox: Sandbox, split: Split) -> None:
    """Refuse to ask about images that the sandbox would show.

    Raises:
        HarnessError: an image of the split, or the key of a sealed one, lies where submissions can read.
    """
    if not sandbox.isolation.is_top:
        if split.key_file is not None:
            raise HarnessError("sealed-without-sandbox")
        return
    for path in _hidden_places(split):
        if is_visible_inside(path):
            raise HarnessError("split-visible", path=path)


def find_hidden_files(submission: Submission, exam: Exam) -> tuple[HiddenFile, ...]:
    """Return every file of a submission that only the instructor should have, in the order of the paths.

    Images that students were given are none, nor are the drawn demo images; and in a student's own check with
    a folder of images, all images are the student's own.
    """
    split = exam.split
    if split.is_demo or (not exam.is_official and split.key_file is None):
        return ()
    secrets = {**split.names, split.key_sha256: KEY}
    digests = [(file.path, file.sha256) for file in submission.files]
    digests += _Zips(frozenset(_sizes(split))).digests(submission)
    found = [(path, digest) for path, digest in digests if digest in secrets]
    if not found:
        return ()
    public = exam.public or public_split(exam.assignment)
    given = public.names.keys() if public else frozenset()
    return tuple(
        HiddenFile(path, secrets[digest])
        for path, digest in found
        if secrets[digest] == KEY or digest not in given
    )


def _hidden_places(split: Split) -> tuple[Path, ...]:
    return (*split.places, split.key_file) if split.key_file else split.places


def _sizes(split: Split) -> Iterator[int]:
    """Yield the sizes of all files that are kept for grading."""
    yield from (len(image.encoded) for image in split.images)
    if split.key_file is not None:
        with suppress(OSError):
            yield split.key_file.stat().st_size


class _Zips:
    """Looks into the zips of a submission, one deep, for files of certain sizes; the work is bounded.

    A copy that was changed or packed otherwise is not found, and need not be: this is for the data set that
    somebody hands in as it came.
    """

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
