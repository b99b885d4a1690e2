"""What a submission answered, how long it took, and what stopped it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grader.model.verdict import Verdict


@dataclass(frozen=True)
class Raised:
    """An exception in the student's code, as the worker described it."""

    type: str
    message: str
    where: str
    """File and line of the student's own code, `main.py:12`; empty if none was involved."""
    trace: str


@dataclass(frozen=True)
class NotReady:
    """`main.py` could not be imported (`import`), or its `predict` cannot be used (`predict`)."""

    stage: str
    error: Raised


@dataclass(frozen=True)
class Answered:
    """What `predict` did with one image: exactly one of the three is given."""

    number: int
    """The question's."""
    label: str | None = None
    wrong_type: str | None = None
    error: Raised | None = None
    has_opened: bool = False
    """Whether the worker says that a checkpoint was opened for reading meanwhile."""


Phase = Literal["import", "first prediction", "prediction"]

_TOLD = frozenset(
    {
        "exit code 0",
        *(f"signal {name}" for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGSEGV")),
    }
)
"""Ends that tell of a kind of mistake; any other is a number that may say what was seen."""
_COARSE = {"exit code": "exit code > 0", "signal": "signal"}


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
    def told(self) -> str:
        """What of `detail` a student may read: no number that was chosen once an image was in reach."""
        if self.phase == "import" or self.detail in _TOLD:
            return self.detail
        kind = next((kind for kind in _COARSE if self.detail.startswith(f"{kind} ")), None)
        return self.detail if kind is None else _COARSE[kind]


@dataclass(frozen=True)
class Timing:
    """Seconds of the parts of an interview in which the grader looked; see :mod:`grader.run.clock`.

    With the import of libraries that was done once for many: what a submission takes is the same with it
    and without.
    """

    importing: float | None = None
    first: float | None = None
    rest: tuple[float, ...] = ()
    total: float = 0.0


@dataclass(frozen=True)
class Answers:
    """Everything an interview found out."""

    answers: tuple[Answered | None, ...]
    """By image, in the split's order; None where no answer came."""
    not_ready: NotReady | None
    stops: tuple[Stop, ...]
    timing: Timing
    frameworks: dict[str, str]
    """Inference libraries that had been loaded when the first answer came, with versions."""
    output: str
    """What the submission printed, head and tail."""
    peak_bytes: int
