"""What hypotheses are judged by: the answers of the graded run, and what experiments gave.

An experiment adds to a case, a hypothesis reads it; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from grader.diagnosis.differences import Difference, differences
from grader.diagnosis.planes import Tensor
from grader.diagnosis.preprocessing import Preprocessing
from grader.diagnosis.views import View
from grader.model.dataset import SplitImage
from grader.statistics import Paired, binomial_tail, paired

IntArray = npt.NDArray[np.int64]
NO_ANSWER = -1

FEW, MANY = 20, 200
"""Images of a first look, and of everything else, at most."""
CHANCE = 0.05
"""Two ways to answer are not told apart if chance explains their difference more often than this."""
LEAST_AGREEMENT = 0.8
"""A view is taken for what the submission does if it gives so many of its answers."""
_UNSTABLE = 0.2
_KINDS = {"linearity": "scale", "by-image": "scale", "sharpness": "geometry", "random": "geometry"}


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

    @property
    def differences(self) -> frozenset[str]:
        """The coordinates in which the submission's view differs from the better one."""
        return self.own.differs_in(self.best)


@dataclass(frozen=True, eq=False)
class Sight:
    """What arrived at the network of a program that was asked about nothing that is hidden."""

    found: Preprocessing
    card: Tensor | None
    """What the network was given for the card that is shown."""
    photos: tuple[tuple[SplitImage, Tensor | None], ...] = ()
    """The same for images that students have, which may be shown, too."""
    is_training: bool = False
    """Whether the network, or a part of it, was in training mode."""


@dataclass(frozen=True, eq=False)
class InputTrial:
    """What was seen at the network's input, and what came of putting right what differs there."""

    differences: tuple[Difference, ...] = ()
    """What was put right: the fewest steps that do as well as any."""
    trial: Trial | None = None
    """What the submission answered then; None if nothing that can be put right differs."""
    tried: int = 1
    """For how many alternatives the evidence is to be corrected."""
    steps: frozenset[str] = frozenset()
    """The steps that were put right, of `recipes.STEPS`."""
    sight: Sight | None = None

    @property
    def is_training(self) -> bool:
        """Whether the network was seen in training mode."""
        return self.sight is not None and self.sight.is_training

    @property
    def is_settled(self) -> bool:
        """Whether nothing differs, or what differs was put right."""
        return self.trial is not None or (self.sight is not None and not differences(self.sight.found))

    @property
    def codes(self) -> frozenset[str]:
        """The codes of what was put right."""
        return frozenset(each.code for each in self.differences)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of steps that were put right: colour, scale, geometry, layout."""
        return frozenset(_KINDS.get(each.step, each.step) for each in self.differences)


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
    has_warned: bool = False
    """Whether MindSpore warned that parameters were not loaded."""
    usual: float | None = None
    """The accuracy that is usual on these images; None if the assignment does not say, or has others."""
    openings: int = 0
    """Calls of predict in which a checkpoint was opened for reading."""
    source: str = ""
    """Text of main.py, as much of it as is looked at."""
    threads: int = 1
    """Threads that a submission has, by the assignment."""
    at_input: InputTrial | None = None
    """None if nothing could be seen of a network."""
    checkpoint: CheckpointTrial | None = None
    """None if no checkpoint fits the course network, or none was tried."""
    kept: Kept | None = None
    """None if answers are not all the same, or no new process was asked."""
    asked: Mapping[str, Trial] = field(default_factory=dict)
    """What the submission answered to altered images, by the name of the alteration."""
    alterations: int = 1
    """How many were tried."""
    public: PublicTrial | None = None
    """None if there are no public images, or they were not asked."""

    @property
    def is_input_seen(self) -> bool:
        """Whether it was seen what arrives at the network, and tried what comes of putting it right."""
        return self.at_input is not None and self.at_input.is_settled

    @property
    def is_seen_training(self) -> bool:
        """Whether the network was seen in training mode while it was asked."""
        return self.at_input is not None and self.at_input.is_training

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
    def is_constant(self) -> bool:
        """Whether all answers are the same."""
        return bool((self.said == self.said[0]).all())

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
    def is_near(self) -> bool:
        """Whether some view of the checkpoint gives the submission's answers, be it the only one or not."""
        trial = self.checkpoint
        is_random = self.is_constant and self.has_warned
        if trial is None or self.is_collapsed or is_random:
            return False
        return self.agreement(trial.own_trial) >= LEAST_AGREEMENT

    @property
    def is_reproduced(self) -> bool:
        """Whether the answers are those of one view, and of no other that means something else.

        One answer to everything is no evidence: too many mistakes give it.
        """
        trial = self.checkpoint
        return trial is not None and self.is_near and not trial.rivals and not self.is_constant

    @property
    def mistaken_view(self) -> CheckpointTrial | None:
        """The checkpoint's trial if one view reproduces the answers, and another is to be preferred."""
        trial = self.checkpoint
        return trial if trial is not None and self.is_reproduced and trial.differences else None

    @property
    def is_accounted_for(self) -> bool:
        """Whether the checkpoint gives these answers, no view of it gives better ones, and none is lost."""
        trial = self.checkpoint
        if trial is None or not self.is_reproduced or trial.differences:
            return False
        return self.gain(trial.own_trial).p_better >= CHANCE

    def gain(self, trial: Trial) -> Paired:
        """Compare an experiment with the graded run, on the images that it was asked."""
        return paired(self.is_right[trial.images], trial.answers == self.truth[trial.images])

    def agreement(self, trial: Trial) -> float:
        """Share of images to which the experiment answers as the submission did."""
        return float((trial.answers == self.said[trial.images]).mean()) if len(trial.images) else 0.0

    def correct(self, trial: Trial) -> int:
        """Number of images that the experiment has right."""
        return int((trial.answers == self.truth[trial.images]).sum())

    def few(self) -> IntArray:
        """Choose images for a first look: as many wrong ones as right ones, where there are as many."""
        wrong, right = np.flatnonzero(~self.is_right), np.flatnonzero(self.is_right)
        half = FEW // 2
        chosen = spread(wrong, max(half, FEW - len(right))), spread(right, max(half, FEW - len(wrong)))
        return np.sort(np.concatenate(chosen))

    def many(self) -> IntArray:
        """Choose images for all that is decided."""
        return spread(np.arange(len(self.truth)), MANY)


def spread(indices: IntArray, most: int) -> IntArray:
    """Choose evenly: a split is in the order of its classes, and luck is to choose nothing."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(np.int64)]
