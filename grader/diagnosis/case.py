"""What the probes have before them: the answers of the graded run, and what experiments gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from grader.diagnosis.views import View
from grader.model.report import FindingPart
from grader.statistics import Paired, binomial_tail, paired

IntArray = npt.NDArray[np.int64]
NO_ANSWER = -1

ALPHA = 0.01
"""A hypothesis is believed if chance explains its evidence less often than this, after a correction for the
alternatives that were tried: with eight images gained and none lost, say, if two were."""
LEAST_GAIN = 0.04
"""Share of the images that a counterfactual must gain for its mistake to be worth a warning."""

_UNSTABLE = 0.2


@dataclass(frozen=True)
class Trial:
    """What one experiment answered to a part of the images."""

    images: IntArray
    """(M,) indices of the images that were asked."""
    answers: IntArray
    """(M,) class indices, or NO_ANSWER."""


@dataclass(frozen=True)
class PublicTrial:
    """What the submission answered to a sample of the public images."""

    right: int
    total: int


@dataclass(frozen=True)
class Kept:
    """What new processes answered to two images of different classes each."""

    times: int
    """How many gave both the class of the first one."""
    asked: int

    def p(self, classes: int) -> float:
        """Return how probable so many are if the answer has nothing to do with the first image."""
        return binomial_tail(self.asked, self.times, 1 / classes)


@dataclass(frozen=True)
class CheckpointTrial:
    """The checkpoint, run by the grader itself."""

    own: View
    """The view that reproduces the submission's own answers best."""
    own_trial: Trial
    best: View
    """The view that would have scored best."""
    best_trial: Trial
    file: str
    """The checkpoint that `own` was run from."""
    best_file: str
    """The one that `best` was run from."""
    tried: int = 1
    """For how many alternatives to `best` the evidence is to be corrected."""
    rivals: tuple[View, ...] = ()
    """Views that reproduce the answers as well as `own`, and lead to other conclusions."""


@dataclass(frozen=True)
class Case:
    """One graded run, and what was tried on it."""

    names: tuple[str, ...]
    """Class names, in index order."""
    truth: IntArray
    """(N,) class indices."""
    said: IntArray
    """(N,) what the submission answered, or NO_ANSWER."""
    channel_order: str
    unstable: float = 0.0
    """Share of answers that changed when the images were asked again."""
    kept: Kept | None = None
    """None if answers are not all the same, or no new process was asked."""
    has_warned: bool = False
    """Whether MindSpore warned that parameters were not loaded."""
    checkpoint: CheckpointTrial | None = None
    """None if no checkpoint fits the course network, or none was tried."""
    public: PublicTrial | None = None
    """None if there are no public images, or they were not asked."""
    asked: Mapping[str, Trial] = field(default_factory=dict)
    """What the submission answered to altered images, by the name of the alteration."""
    alterations: int = 1
    """How many were tried."""
    usual: float | None = None
    """The accuracy that is usual on these images; None if the assignment does not say, or has others."""

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        """(N,) which answers were right."""
        return np.equal(self.said, self.truth)

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.is_right.mean())

    @property
    def chance(self) -> float:
        """Hardly better than guessing: twice the share that naming always the commonest class gets."""
        return 2 * float(np.bincount(self.truth).max()) / len(self.truth)

    @property
    def is_unstable(self) -> bool:
        """Whether many answers change by themselves, which the replay's own finding says."""
        return self.unstable >= _UNSTABLE

    @property
    def is_collapsed(self) -> bool:
        """Whether all answers are the same in the way that answers lost behind the network are.

        A softmax or argmax over the one image of a batch, and NaN, give index 0 each time; an answer that is
        kept from an earlier call is another in every process. Random weights often give one answer, too.
        """
        is_first = bool((self.said == 0).all())
        is_lost = is_first or self.is_unstable
        return self.is_constant and is_lost and not self.has_warned

    @property
    def is_constant(self) -> bool:
        """Whether all answers are the same."""
        return bool((self.said == self.said[0]).all())

    def gain(self, trial: Trial) -> Paired:
        """Compare an experiment with the graded run, on the images that it was asked."""
        return paired(self.is_right[trial.images], trial.answers == self.truth[trial.images])

    def agreement(self, trial: Trial) -> float:
        """Share of images to which the experiment answers as the submission did."""
        return float((trial.answers == self.said[trial.images]).mean()) if len(trial.images) else 0.0

    def correct(self, trial: Trial) -> int:
        """Number of images that the experiment has right."""
        return int((trial.answers == self.truth[trial.images]).sum())


@dataclass(frozen=True)
class Explanation:
    """A probe's answer: the mistake it was looking for may be there."""

    finding: FindingPart
    p: float
    """How probable the evidence is without the mistake, corrected for the alternatives that were tried."""
    gain: float | None
    """Share of the images that would be right besides; None if what was found says nothing of that."""

    @property
    def is_proved(self) -> bool:
        """Whether it may be said: chance does not explain it, and it is worth the words."""
        return self.p < ALPHA and (self.gain is None or self.gain >= LEAST_GAIN)


def corrected(p: float, tried: int) -> float:
    """Return the p value of the best of so many alternatives (Bonferroni's correction)."""
    return min(1.0, p * tried)
