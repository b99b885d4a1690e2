"""The verdicts that a grading can end with, which one wins where several apply, and what stops a worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

_TOLD_IN_FULL = frozenset(
    {
        "exit code 0",
        *(f"signal {name}" for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGSEGV")),
    }
)
"""Ends that tell of a kind of mistake; any other is a number that may say what was seen."""
_TOLD_IN_PART = {"exit code": "exit code > 0", "signal": "signal"}
Phase = Literal["import", "first prediction", "prediction"]


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


@dataclass(frozen=True)
class Stop:
    """Something that ended a worker before it had answered everything."""

    verdict: Verdict
    phase: Phase
    detail: str = ""
    asked: int | None = None
    """How many images had been asked, the last one included; None during an import."""
    is_deadline_of_total: bool = False

    @property
    def detail_for_student(self) -> str:
        """What of `detail` a student may read: no number that was chosen once an image was in reach."""
        if self.phase == "import" or self.detail in _TOLD_IN_FULL:
            return self.detail
        kind = next((kind for kind in _TOLD_IN_PART if self.detail.startswith(f"{kind} ")), None)
        return self.detail if kind is None else _TOLD_IN_PART[kind]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that a reader must be told first; `GRADED` if there is none."""
    return max(verdicts, key=_FROM_BEST_TO_WORST.index, default=Verdict.GRADED)
