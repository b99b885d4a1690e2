"""What came of asking a part of the split again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grader.model.predictions import Prediction
from grader.model.split import SplitImage
from grader.statistics import binomial_tail, highest_rate

HONEST_LOSS = 0.05
"""More than the share of right answers that an honest submission loses on altered copies. Measured on 430
photos of the garbage lab: the fine-tuned network lost 1 of 425; a nearest neighbour by colour histogram,
the most fickle honest classifier tried, 6 of 307 (95 % upper bound 4.2 %)."""
FALSE_ALARMS = 1e-4
"""How often an honest network with that share would be flagged, at most."""
_DOUBT = 0.01
"""How often the share that a frail network gains is underestimated."""

Status = Literal["done", "incomplete", "failed", "off"]


@dataclass(frozen=True)
class Probe:
    """One image to be asked again."""

    index: int
    """In the split."""
    is_altered: bool
    was_right: bool
    """Whether the main pass's answer was right."""
    image: SplitImage


@dataclass(frozen=True)
class Replay:
    """What came of it."""

    status: Status
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
        return self.chance < FALSE_ALARMS

    @property
    def can_tell(self) -> bool:
        """Whether so many copies were asked that it would show if all were lost."""
        return binomial_tail(self.altered, self.altered, self._honest_loss) < FALSE_ALARMS

    @property
    def _honest_loss(self) -> float:
        """Return the share of its right answers that a network of this accuracy may lose."""
        unstable = self.differed / self.repeated if self.repeated else 0.0
        gaining = highest_rate(self.controls, self.gained, _DOUBT)
        frail = gaining * (1 - self.accuracy) / self.accuracy if self.accuracy else 1.0
        return min(1.0, HONEST_LOSS + unstable + frail)


OFF = Replay("off")
