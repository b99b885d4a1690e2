"""What a submission is once it has been taken in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.intake.checkpoint_file import NOTHING_KNOWN, CheckpointState
from grader.intake.checkpoint_format import EXPECTED, MINDSPORE, format_of

CHECKPOINT_SUFFIXES = frozenset(EXPECTED)
HEAD_BYTES = 128
MAIN = PurePosixPath("main.py")
_MOST_OF_A_PROGRAM = 1 << 18
"""Bytes of one file that are searched for anything by the harness."""


@dataclass(frozen=True)
class SubmittedFile:
    """One file of a submission."""

    path: PurePosixPath
    """Relative to the submission's folder."""
    size: int
    """Bytes."""
    sha256: str
    head: bytes = b""
    """The first bytes, by which a checkpoint that is none can be told."""
    state: CheckpointState = NOTHING_KNOWN
    """What the outside of a checkpoint tells; of other files, nothing."""

    @property
    def is_checkpoint(self) -> bool:
        """Whether the name is that of a file of trained parameters."""
        return self.path.suffix.lower() in CHECKPOINT_SUFFIXES

    @property
    def is_lfs_pointer(self) -> bool:
        """Whether it only says where git-lfs keeps the real file."""
        return self.head.startswith(b"version https://git-lfs")

    @property
    def is_web_page(self) -> bool:
        """Whether it is HTML: what a browser saves when a download needed a login."""
        return self.head.lstrip().lower().startswith((b"<!doctype html", b"<html"))

    @property
    def format(self) -> str:
        """The format of a checkpoint, by its first bytes; empty if they tell none."""
        return MINDSPORE if self.state.parameters is not None else format_of(self.head)

    @property
    def is_utf16(self) -> bool:
        """Whether it is text as Windows PowerShell writes it: two bytes a letter, with or without a mark."""
        return self.head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in (self.head[:1], self.head[1:2])


@dataclass(frozen=True)
class Submission:
    """A private copy of what was handed in: hashed, and out of the student's reach."""

    name: str
    """Name of the folder or archive that was handed in."""
    folder: Path
    """The private copy; `main.py` lies directly in it."""
    files: tuple[SubmittedFile, ...]
    """In the order of their paths."""
    sha256: str
    """Digest over all paths and contents; the name is not part of it."""
    notes: tuple[str, ...] = ()
    """What intake put right without being asked, in words for the student."""

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def checkpoints(self) -> tuple[SubmittedFile, ...]:
        """The files of trained parameters."""
        return tuple(file for file in self.files if file.is_checkpoint)

    def beginning(self, program: PurePosixPath = MAIN) -> bytes:
        """Return as much of a program as is looked at; no honest one is longer."""
        with (self.folder / program).open("rb") as file:
            return file.read(_MOST_OF_A_PROGRAM)

    def named_in_main(self) -> frozenset[SubmittedFile]:
        """Return the checkpoints whose names occur in the text of `main.py`."""
        source = self.beginning()
        return frozenset(file for file in self.checkpoints if file.path.name.encode("utf-8") in source)
