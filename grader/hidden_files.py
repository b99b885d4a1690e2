"""What a submission holds that is kept for grading: hidden images, or the key of a sealed split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.assignment import Assignment
from grader.hidden_split import public_split
from grader.intake.submission import Submission
from grader.split import Split

KEY = "key"


@dataclass(frozen=True)
class HiddenFile:
    """One file of a submission that is, byte for byte, one of the grading's."""

    path: PurePosixPath
    """In the submission."""
    secret: str
    """The hidden image's name, or KEY; for the instructor's eyes only."""


def find_hidden_files(
    submission: Submission,
    split: Split,
    assignment: Assignment,
    *,
    self_check: bool,
    public: Split | None = None,
) -> tuple[HiddenFile, ...]:
    """Return every file of a submission that only the instructor should have, in the order of the paths.

    Images that students were given are none, nor are the drawn demo images; and in a student's own check with
    a folder of images, all images are the student's own.

    Args:
        submission: what was taken in.
        split: what is asked.
        assignment: it names the images that students have.
        self_check: a student's own check.
        public: images that students have; None for the assignment's own.
    """
    if split.is_demo or (self_check and split.key_file is None):
        return ()
    found = [
        HiddenFile(file.path, KEY if file.sha256 == split.key_sha256 else split.names[file.sha256])
        for file in submission.files
        if file.sha256 == split.key_sha256 or file.sha256 in split.names
    ]
    if not found:
        return ()
    public = public or public_split(assignment)
    given = public.names.keys() if public else frozenset()
    digests = {file.path: file.sha256 for file in submission.files}
    return tuple(file for file in found if file.secret == KEY or digests[file.path] not in given)
