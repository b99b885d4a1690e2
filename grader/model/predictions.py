"""What a submission answered, how long it took, and what stopped it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from grader.model.verdict import Verdict

_TOLD_IN_FULL = frozenset(
    {
        "exit code 0",
        *(f"signal {name}" for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGSEGV")),
    }
)
"""Ends that tell of a kind of mistake; any other is a number that may say what was seen."""
_TOLD_IN_PART = {"exit code": "exit code > 0", "signal": "signal"}

Phase = Literal["import", "first prediction", "prediction"]


@dataclass(frozen=True)
class Raised:
    """An exception in the student's code, as the worker described it."""

    type: str
    message: str
    where: str
    """File and line of the student's own code, `main.py:12`; empty if none was involved."""
    trace: str


@dataclass(frozen=True)
class WrongType:
    """`predict` returned something other than a string."""

    name: str
    """Of the type."""


@dataclass(frozen=True)
class Prediction:
    """What came of asking `predict` about one image: a text or a problem."""

    text: str | None = None
    """What was returned; None if there was a problem."""
    index: int | None = None
    """The class that the text names, by the published rule; None if it names none."""
    problem: WrongType | Raised | None = None
    """Why there is no text."""
    has_opened: bool = False
    """Whether the worker says that a checkpoint was opened for reading meanwhile."""

    @property
    def meaning(self) -> tuple[object, ...]:
        """What two predictions have in common that say the same, however a class or an error is worded."""
        if isinstance(self.problem, Raised):
            return "raised", self.problem.type
        if isinstance(self.problem, WrongType):
            return "returned", self.problem.name
        return ("unknown", self.text) if self.index is None else ("class", self.index)


@dataclass(frozen=True)
class Unusable:
    """Why no image could be asked about."""

    stage: str
    """`import`: `main.py` could not be imported; `predict`: its `predict` cannot be used."""
    error: Raised


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


@dataclass(frozen=True)
class Timing:
    """Seconds of the parts of an interview in which the grader looked; see :mod:`grader.run.asking`.

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

    predictions: tuple[Prediction | None, ...]
    """By image, in the split's order; None where no answer came."""
    not_ready: Unusable | None
    stops: tuple[Stop, ...]
    timing: Timing
    frameworks: dict[str, str]
    """Inference libraries that had been loaded when the first answer came, with versions."""
    output: str
    """What the submission printed, head and tail."""
    peak_bytes: int
    unasked: int = 0
    """Images that were never put to a worker: where not 0, the interview ended early, and who takes its
    answers for those to all images is mistaken."""
    instruction_set: str | None = None
    """The widest vector instructions that the engine was allowed; None if that was all, or the processor
    has none so wide."""


@dataclass(frozen=True)
class Tally:
    """The counted predictions of one grading."""

    confusion: npt.NDArray[np.int64]
    """(K, K + 1): row = true class, column = answered class; the last column counts no valid answer."""
    unanswered: int
    """Images for which no answer came at all."""
    raised: int
    """Images at which predict raised."""
    wrong_types: Counter[str]
    """Types other than str that were returned, with their number."""
    unknown_labels: Counter[str]
    """Texts that name no class, with their number."""

    @property
    def correct(self) -> int:
        """Images answered with their true class."""
        return int(np.trace(self.confusion[:, :-1]))

    @property
    def total(self) -> int:
        """All images of the split; every one counts, answered or not."""
        return int(self.confusion.sum())


def classes_of(predictions: Iterable[Prediction | None]) -> tuple[int | None, ...]:
    """Return the class that each prediction names; None if it names none, or there is no prediction."""
    return tuple(None if prediction is None else prediction.index for prediction in predictions)
