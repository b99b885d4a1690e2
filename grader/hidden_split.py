"""Which split a grading asks about, and that no submission can reach it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from grader.assignment import Assignment
from grader.classes import ClassInfo
from grader.errors import HarnessError, UsageError
from grader.held import place_of
from grader.sandbox.ladder import Rung
from grader.sandbox.policy import is_visible_inside
from grader.sealed.key_file import key_file_from
from grader.sealed.sealed_split import is_sealed, open_sealed
from grader.split import Split, demo_split, open_split


def choose_split(
    path: Path | None, assignment: Assignment, *, self_check: bool, key_file: Path | None = None
) -> Split:
    """Open the split asked for, else the assignment's own, else draw the demo set."""
    configured = assignment.splits.public if self_check else assignment.splits.hidden
    if path is None and configured is not None:
        path = Path(configured)
    if path is not None and is_sealed(path):
        return open_sealed(path, key_file_from(key_file), assignment.classes)
    if path is not None:
        return open_split(path, assignment.classes)
    split = demo_split()
    if max(image.label for image in split.images) >= len(assignment.classes):
        raise UsageError("no-split")
    return split


def public_split(assignment: Assignment) -> Split | None:
    """Open the images that the assignment gives to students; None if they are not here, or are no split."""
    configured = assignment.splits.public
    if configured is None or not Path(configured).is_dir():
        return None
    try:
        return _opened(Path(configured), assignment.classes)
    except UsageError:
        return None  # they are for comparison alone: no grading fails over them


@lru_cache(maxsize=1)
def _opened(path: Path, classes: tuple[ClassInfo, ...]) -> Split:
    # A process that grades a whole class need not read them for each.
    return open_split(path, classes)


def check_apart(source: Path, split: Split, *, self_check: bool) -> None:
    """Refuse a submission that has the split or its key in it; a student's own public images may lie there.

    Raises:
        UsageError: naming what lies there.
    """
    if self_check and split.key_file is None:
        return
    place = place_of(source)
    for path in _hidden_places(split):
        if path.is_relative_to(place):
            raise UsageError("split-inside-submission", path=path)


def _hidden_places(split: Split) -> tuple[Path, ...]:
    return (*split.places, split.key_file) if split.key_file else split.places


def check_out_of_reach(rung: Rung, split: Split) -> None:
    """Refuse to ask about images that the sandbox would show.

    Raises:
        HarnessError: an image of the split, or the key of a sealed one, lies where submissions can read.
    """
    if not rung.isolation.is_top:
        if split.key_file is not None:
            raise HarnessError("sealed-without-sandbox")
        return
    for path in _hidden_places(split):
        if is_visible_inside(path):
            raise HarnessError("split-visible", path=path)
