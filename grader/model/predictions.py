"""What a submission answered and how long it took, at first and when a part of the split was asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from grader.model.dataset import SplitImage
from grader.model.verdict import Stop
from grader.statistics import binomial_tail, highest_rate

_HONEST_LOSS = 0.05
"""More than the share of right answers that an honest submission loses on altered copies. Measured on 430
photos of the garbage lab: the fine-tuned network lost 1 of 425; a nearest neighbour by colour histogram,
the most fickle honest classifier tried, 6 of 307 (95 % upper bound 4.2 %)."""
_FALSE_ALARMS = 1e-4
"""How often an honest network with that share would be flagged, at most."""
_DOUBT = 0.01
"""How often the share that a frail network gains is underestimated."""
ReplayStatus = Literal["done", "incomplete", "failed", "off"]


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


@dataclass(frozen=True)
class Probe:
    """One image to be asked again, as it is or altered."""

    index: int
    """In the split."""
    is_altered: bool
    was_right: bool
    """Whether the main pass's answer was right."""
    image: SplitImage


@dataclass(frozen=True)
class Replay:
    """What came of asking a part of the split again."""

    status: ReplayStatus
    """`done`; `incomplete`: the fresh process did not answer everything; `failed`: the harness did; `off`:
    not asked for, or the main pass was itself incomplete."""
    probes: tuple[Probe, ...] = ()
    """Those that were answered."""
    predictions: tuple[Prediction, ...] = ()
    """About the probes, in their order."""
    unanswered: int = 0
    """Probes without an answer."""
    accuracy: float = 1.0
    """Of the main pass."""
    differed: int = 0
    """Repeated images with another answer than in the main pass."""
    lost: int = 0
    """Altered copies that were answered wrong, where the image itself was answered right."""
    gained: int = 0
    """Altered copies that were answered right, where the image itself was answered wrong."""
    seconds: float | None = None
    output: str = ""
    """What the fresh process printed."""

    @property
    def repeated(self) -> int:
        """Images that were asked again as they are."""
        return sum(not probe.is_altered for probe in self.probes)

    @property
    def altered(self) -> int:
        """Images answered right of which an altered copy was asked."""
        return sum(probe.is_altered and probe.was_right for probe in self.probes)

    @property
    def controls(self) -> int:
        """Images answered wrong of which an altered copy was asked."""
        return sum(probe.is_altered and not probe.was_right for probe in self.probes)

    @property
    def chance(self) -> float:
        """How probable it is that a network which goes by the picture loses so many.

        A network is as good on copies as on the images: of all images, it gains as large a share as it loses.
        What it gains is counted on copies of images that it got wrong. One whose answers differ anyway loses
        as many more: that alone is no sign of memorised images.
        """
        return binomial_tail(self.altered, self.lost, self._honest_loss)

    @property
    def is_collapse(self) -> bool:
        """Whether more was lost than chance explains."""
        return self.chance < _FALSE_ALARMS

    @property
    def can_tell(self) -> bool:
        """Whether so many copies were asked that it would show if all were lost."""
        return binomial_tail(self.altered, self.altered, self._honest_loss) < _FALSE_ALARMS

    @property
    def _honest_loss(self) -> float:
        """Return the share of its right answers that a network of this accuracy may lose."""
        unstable = self.differed / self.repeated if self.repeated else 0.0
        gaining = highest_rate(self.controls, self.gained, _DOUBT)
        frail = gaining * (1 - self.accuracy) / self.accuracy if self.accuracy else 1.0
        return min(1.0, _HONEST_LOSS + unstable + frail)


NO_REPLAY = Replay("off")


def classes_of(predictions: Iterable[Prediction | None]) -> tuple[int | None, ...]:
    """Return the class that each prediction names; None if it names none, or there is no prediction."""
    return tuple(None if prediction is None else prediction.index for prediction in predictions)
