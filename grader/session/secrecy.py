"""That no submission reaches or holds what is kept for grading: hidden images, or the key of a split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from grader.errors import HarnessError, UsageError
from grader.files import place_of
from grader.intake import digests_in_zips
from grader.model.dataset import Split
from grader.model.grading import KEY, HiddenFile
from grader.model.job import Exam
from grader.model.submission import Submission
from grader.sandbox import Sandbox, is_visible_inside
from grader.split import public_split


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
    digests += digests_in_zips(submission, frozenset(_sizes(split)))
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
