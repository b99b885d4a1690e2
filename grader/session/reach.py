"""Which split a grading asks about, and that no submission can reach it."""

from __future__ import annotations

from pathlib import Path

from grader.errors import HarnessError, UsageError
from grader.files import place_of
from grader.model.split import Split
from grader.sandbox.isolation import Sandbox
from grader.sandbox.policy import is_visible_inside


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
