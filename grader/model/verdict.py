"""The verdicts a grading can end with, and which one wins when several apply."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(str, Enum):
    """How a grading ended. Ordered from best to worst; see :func:`worst`."""

    GRADED = "GRADED"
    """Every image was asked, every answer was text."""
    CONTRACT = "CONTRACT"
    """`predict` is missing or returned something other than a string."""
    CRASH = "CRASH"
    """Importing `main.py` or calling `predict` raised, or the process died."""
    OUTPUT = "OUTPUT"
    """More was printed than the assignment allows."""
    DISK = "DISK"
    """More was written to disk than the assignment allows."""
    PIDS = "PIDS"
    """More processes or threads were started than the assignment allows."""
    MEMORY = "MEMORY"
    """More memory was used, or asked for, than the assignment allows."""
    TIMEOUT = "TIMEOUT"
    """A deadline passed: import, first prediction, one image, or the total."""
    FORMAT = "FORMAT"
    """The submission could not be taken in, so none of its code was run."""
    INTERNAL = "INTERNAL"
    """The harness failed. Not the student's doing: there is no score at all."""


_FROM_BEST_TO_WORST = list(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that a reader must be told first; `GRADED` if there is none."""
    return max(verdicts, key=_FROM_BEST_TO_WORST.index, default=Verdict.GRADED)
