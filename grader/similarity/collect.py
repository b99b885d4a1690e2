"""The sketches of a class: made of each submission once, and kept beside its results."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment
from grader.intake.intake import take_in
from grader.similarity.sketch import Sketch, from_bytes, sketch_of, to_bytes
from grader.whole_file import write_atomically
from grader.workspace import workspace

_FOLDER = "sketches"
_PRIVATE = 0o600
"""A sketch holds what students wrote."""
_SUFFIX = ".npz"


@dataclass(frozen=True)
class HandedIn:
    """One student's submission, as it was graded."""

    id: str
    source: Path
    sha256: str
    """Of the submission that was graded; empty if it could not be taken in."""


def collect(
    handed_in: Iterable[HandedIn], assignment: Assignment, folder: Path, made_by: str
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
    sketches: dict[str, Sketch] = {}
    by_digest: dict[str, Sketch | None] = {}
    for item in handed_in:
        if not item.sha256:
            continue
        if by_digest.get(item.sha256) is None:
            by_digest[item.sha256] = _sketch(item, assignment, kept / f"{item.sha256}{_SUFFIX}", made_by)
        sketch = by_digest[item.sha256]
        if sketch is not None:
            sketches[item.id] = sketch
    for path in kept.iterdir():
        # Of submissions that have been replaced. It can be made again, like all of them.
        if path.name.removesuffix(_SUFFIX) not in by_digest:
            path.unlink()
    return sketches


def _sketch(item: HandedIn, assignment: Assignment, kept: Path, made_by: str) -> Sketch | None:
    made_by = f"{made_by} {len(assignment.classes)}"
    if kept.is_file():
        sketch = from_bytes(kept.read_bytes(), made_by)
        if sketch is not None:
            return sketch
    sketch = _new_sketch(item, assignment)
    if sketch is not None:
        with suppress(OSError):  # made again the next time
            write_atomically(kept, to_bytes(sketch, made_by), _PRIVATE)
    return sketch


def _new_sketch(item: HandedIn, assignment: Assignment) -> Sketch | None:
    """Make a sketch of what is handed in now; None if that is not what was graded."""
    # Whatever one submission does to us here, the class has its gradebook.
    with suppress(Exception), workspace() as folder:
        submission = take_in(item.source, folder, assignment.limits)
        if submission.sha256 == item.sha256:
            return sketch_of(submission, len(assignment.classes))
    return None
