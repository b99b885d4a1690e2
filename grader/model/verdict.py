"""The verdicts that a grading can end with, which one wins where several apply, and what stops a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

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


class StopReason(str, Enum):
    """What stopped a worker, where its verdict does not say all. The values name phrases of the wording."""

    PROCESSOR_TIME = "stop-processor-time"
    """A TIMEOUT that was no deadline."""
    TASKS = "stop-tasks"
    MEMORY_USED = "stop-memory-used"
    MEMORY_KEPT = "stop-memory-kept"
    MEMORY_COUNTED = "stop-memory-counted"
    EXIT_CODE = "ended-exit-code"
    SIGNAL = "ended-signal"
    CHANNEL_CLOSED = "ended-channel"
    UNASKED = "reply-unasked"
    BEFORE_ANY = "reply-before-any"
    EARLY = "reply-early"
    TOO_LONG = "reply-too-long"
    NOT_JSON = "reply-not-json"
    NO_OBJECT = "reply-no-object"
    OTHER_KEYS = "reply-other-keys"
    OTHER_ERROR = "reply-error"
    NO_TEXT = "reply-text"
    NO_NUMBER = "reply-number"


_TOLD_IN_FULL: Mapping[StopReason, frozenset[str]] = {
    StopReason.EXIT_CODE: frozenset({"0"}),
    StopReason.SIGNAL: frozenset({"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGSEGV"}),
}
"""Ends that tell of a kind of mistake; any other is a number that may say what was seen."""
_TOLD_INSTEAD = {StopReason.EXIT_CODE: "> 0", StopReason.SIGNAL: ""}


@dataclass(frozen=True)
class Stop:
    """Something that ended a worker before it had answered everything."""

    verdict: Verdict
    phase: Phase
    reason: StopReason | None = None
    value: str = ""
    """The number or name that belongs to the reason."""
    asked: int | None = None
    """How many images had been asked, the last one included; None during an import."""
    is_deadline_of_total: bool = False

    @property
    def value_for_student(self) -> str:
        """What of `value` a student may read: no number that was chosen once an image was in reach."""
        if self.phase == "import" or self.reason is None or self.reason not in _TOLD_IN_FULL:
            return self.value
        return self.value if self.value in _TOLD_IN_FULL[self.reason] else _TOLD_INSTEAD[self.reason]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that a reader must be told first; `GRADED` if there is none."""
    return max(verdicts, key=_FROM_BEST_TO_WORST.index, default=Verdict.GRADED)
