"""The sketches of a class: made of each submission once, and kept beside its results."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.files import workspace, write_atomically
from grader.intake import take_in
from grader.model.assignment import Assignment
from grader.similarity.reading import read_submission
from grader.similarity.sketch import Sketch, from_bytes, to_bytes

_FOLDER = "sketches"
_PRIVATE = 0o600
"""A sketch holds what students wrote."""
_SUFFIX = ".npz"
_MOST_READERS = 4
"""Processes at a time; each may take the memory that `reading.py` allows."""


@dataclass(frozen=True)
class HandedIn:
    """One student's submission, as it was graded."""

    id: str
    source: Path
    sha256: str
    """Of the submission that was graded; empty if it could not be taken in."""


def collect(
    handed_in: Sequence[HandedIn], assignment: Assignment, folder: Path, made_by: str
) -> dict[str, Sketch]:
    """Return the sketches of those submissions that are still as they were graded, by id.

    Args:
        handed_in: the class.
        assignment: its limits, and how many classes there are.
        folder: of the batch; sketches are kept in it, by the digest of the submission.
        made_by: digest of the program; what another one made is made anew.
    """
    kept = folder / _FOLDER
    kept.mkdir(exist_ok=True)
    by_digest: defaultdict[str, list[HandedIn]] = defaultdict(list)
    for item in handed_in:
        by_digest[item.sha256].append(item)
    by_digest.pop("", None)

    def sketch(digest: str) -> Sketch | None:
        return _sketch(by_digest[digest], assignment, kept / f"{digest}{_SUFFIX}", made_by)

    with ThreadPoolExecutor(min(_MOST_READERS, len(os.sched_getaffinity(0)))) as pool:
        made = dict(zip(by_digest, pool.map(sketch, by_digest), strict=True))
    for path in kept.iterdir():
        # Of submissions that have been replaced. It can be made again, like all of them.
        if path.name.removesuffix(_SUFFIX) not in by_digest:
            path.unlink()
    found = ((item.id, made.get(item.sha256)) for item in handed_in)
    return {id_: sketch for id_, sketch in found if sketch is not None}


def _sketch(items: Sequence[HandedIn], assignment: Assignment, kept: Path, made_by: str) -> Sketch | None:
    """Return the sketch of what all of them handed in, from the first who still has it."""
    made_by = f"{made_by} {len(assignment.classes)}"
    if kept.is_file():
        sketch = from_bytes(kept.read_bytes(), made_by)
        if sketch is not None:
            return sketch
    made = (_new_sketch(item, assignment) for item in items)
    sketch = next((sketch for sketch in made if sketch is not None), None)
    if sketch is not None and sketch.is_read:
        with suppress(OSError):  # made again the next time
            write_atomically(kept, to_bytes(sketch, made_by), _PRIVATE)
    return sketch


def _new_sketch(item: HandedIn, assignment: Assignment) -> Sketch | None:
    """Make a sketch of what is handed in now; None if that is not what was graded."""
    # Whatever one submission does to us here, the class has its gradebook.
    with suppress(Exception), workspace() as folder:
        submission = take_in(item.source, folder, assignment.limits)
        if submission.sha256 == item.sha256:
            return read_submission(submission, len(assignment.classes), assignment.limits)
    return None
