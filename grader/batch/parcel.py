"""A submission on its way to another machine: what intake made of it, and the bytes of its files.

The machine that it was handed in to takes it in, refuses what is refused, and hashes. The other one
writes exactly those files and needs neither the original nor a file system in common.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from grader.digest import digest_of_bytes
from grader.errors import HarnessError
from grader.intake.submission import Submission
from grader.readable import make_readable


@dataclass(frozen=True)
class Parcel:
    """A submission with its files, in the order in which it lists them."""

    submission: Submission
    """Its folder says nothing here."""
    contents: tuple[bytes, ...]


def pack(submission: Submission) -> Parcel:
    """Read the private copy of a submission into memory."""
    return Parcel(
        replace(submission, folder=Path()),
        tuple((submission.folder / file.path).read_bytes() for file in submission.files),
    )


def unpack(parcel: Parcel, workspace: Path) -> Submission:
    """Write the files below `workspace`; return the submission as it was where it was taken in.

    Raises:
        HarnessError: a file is not what was taken in.
    """
    folder = workspace / "submission"
    folder.mkdir()
    for file, content in zip(parcel.submission.files, parcel.contents, strict=True):
        if digest_of_bytes(content) != file.sha256:
            raise HarnessError("parcel-damaged", path=file.path, name=parcel.submission.name)
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    make_readable(folder)
    return replace(parcel.submission, folder=folder)
