"""What hypotheses are judged by: the answers of the graded run, and what experiments gave.

An experiment adds to a case, a hypothesis reads it; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from grader.diagnosis.parameters import Repair
from grader.diagnosis.planes import Tensor
from grader.diagnosis.preprocessing import Difference, Preprocessing, differences
from grader.diagnosis.recipes import Correction
from grader.model.dataset import SplitImage
from grader.model.records import CheckpointFile, Network
from grader.statistics import Paired, binomial_tail, paired

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
NO_ANSWER = -1

FEW, MANY = 20, 200
"""Images of a first look, and of everything else, at most."""
CHANCE = 0.05
"""Two ways to answer are not told apart if chance explains their difference more often than this."""
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
class FileTrial:
    """A checkpoint file, run by the grader itself in the lab's own way."""

    file: str
    """As it is named to a reader; of several that are one network together, all of them."""
    trial: Trial


@dataclass(frozen=True, eq=False)
class Twin:
    """The lab's own way with a mistake in it, which answers with a checkpoint as the submission does."""

    mistakes: frozenset[str]
    """Of which it has at least one, by their words in `inside/twins.py`."""
    alike: int
    """Answers that are the submission's."""
    without: int
    """How many the lab's own way has."""
    mended: Trial
    """What the twin answers without its mistakes."""
    tried: int
    """Twins that were compared."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What passed through the networks of a program that was asked about nothing that is hidden."""

    found: Preprocessing | None
    """How photos reach the network; None where no picture was seen to reach one."""
    card: Tensor | None = None
    """What the network was given for the card that is shown."""
    card_again: Tensor | None = None
    """The same, asked once more."""
    photos: tuple[tuple[SplitImage, Tensor | None], ...] = ()
    """The same for images that students have, which may be shown, too."""
    is_training: bool = False
    """Whether the network, or a part of it, was in training mode."""
    is_random: bool = False
    """Whether a picture that was handed over again was seen to get other scores."""
    is_read_right: bool = False
    """Whether each answer was seen to be the class of the highest score."""
    gives_numbers: bool = False
    """Whether outputs were seen, and were all numbers."""
    networks: tuple[Network, ...] = ()
    """With their live parameters, where these can be read."""
    files: tuple[CheckpointFile, ...] = ()
    seconds: float = 0.0
    """What that took; for the report alone."""

    @property
    def is_input_right(self) -> bool:
        """Whether photos are known to reach the network as they do in the lab."""
        return self.found is not None and not differences(self.found)


@dataclass(frozen=True, eq=False)
class Way:
    """What is put right at the three seams of a submission's network; nothing, as it is handed in."""

    correction: Correction | None = None
    """Of what the network is given."""
    repair: Repair | None = None
    """Of what it consists of."""
    by_scores: bool = False
    """Whether the answer is the class of its highest score, in the assignment's order."""

    @property
    def loads(self) -> bool:
        """Whether a file is loaded, which is more than to leave training mode."""
        return self.repair is not None and bool(self.repair.file)

    @property
    def effort(self) -> int:
        """How many steps are put right."""
        return (len(self.correction.steps) if self.correction else 0) + bool(self.repair) + self.by_scores


@dataclass(frozen=True, eq=False)
class Heard:
    """What the submission said to a part of the images in one way, and what its network did."""

    images: IntArray
    """(M,) indices."""
    answers: IntArray
    """(M,) class indices of what `predict` returned, or NO_ANSWER."""
    scores: FloatArray | None
    """(M, K) what the network gave each class; None where no such output was seen."""

    @property
    def first(self) -> IntArray:
        """(M,) the class of the highest score, or NO_ANSWER where scores are no numbers."""
        if self.scores is None:
            return self.answers
        return np.where(np.isfinite(self.scores).all(axis=1), self.scores.argmax(axis=1), NO_ANSWER)

    @property
    def is_read_right(self) -> bool:
        """Whether each answer is the class of the highest score, as far as scores were seen."""
        return bool((self.first == self.answers).all())

    def part(self, chosen: npt.NDArray[np.bool_] | IntArray) -> Heard:
        """Return what belongs to some of the rows, in their order."""
        scores = None if self.scores is None else self.scores[chosen]
        return Heard(self.images[chosen], self.answers[chosen], scores)

    def trial(self, by_scores: bool = False) -> Trial:
        """Return what `predict` answered, or what the scores would say."""
        return Trial(self.images, self.first if by_scores else self.answers)


@dataclass(frozen=True, eq=False)
class SeamTrial:
    """What came of putting right, in the student's own program, what differs at its network's seams."""

    way: Way
    """The fewest steps that do as well as any."""
    heard: Heard
    """What was said so."""
    differences: tuple[Difference, ...] = ()
    """What was put right of the network's input."""
    tried: int = 1
    """For how many alternatives the evidence is to be corrected."""
    rule: Difference | None = None
    """By what rule the answer is read from the scores instead; None if that was not put right."""

    @property
    def trial(self) -> Trial:
        """What the submission answers so."""
        return self.heard.trial(self.way.by_scores)

    @property
    def codes(self) -> frozenset[str]:
        """The codes of what was put right at the input."""
        return frozenset(each.code for each in self.differences)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of steps that were put right there: colour, scale, geometry, layout."""
        return frozenset(_KINDS.get(each.step, each.step) for each in self.differences)


@dataclass(frozen=True, eq=False)
class Seams:
    """What was seen at the seams of a submission's network, and what came of putting right what differs."""

    sight: Sight
    trial: SeamTrial | None = None
    """None if nothing differs that can be put right, or nothing is gained by it."""
    is_settled: bool = False
    """Whether what differs at the input, if anything, was put right or does not matter."""
    is_read_right: bool | None = None
    """Whether answers are the classes of the highest scores; None if no scores were seen."""
    changed: float = 0.0
    """Share of a few images to which the submission, as it is, said something else than in the graded run."""


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
    """Share of answers that changed when the replay asked again; 0 without one."""
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
    seams: Seams | None = None
    """None if nothing could be seen of a network."""
    scored: Heard | None = None
    """What scores the network gives to images that no order of names makes right; None if not asked."""
    files: tuple[FileTrial, ...] = ()
    """Checkpoints that fit the course network, run without the student's code."""
    twin: Twin | None = None
    """None if the answers are those of no twin, or none was looked for."""
    kept: Kept | None = None
    """None if answers are not all the same, or no new process was asked."""
    asked: Mapping[str, Trial] = field(default_factory=dict)
    """What the submission answered to altered images, by the name of the alteration."""
    alterations: int = 1
    """How many were tried."""
    public: PublicTrial | None = None
    """None if there are no public images, or they were not asked."""

    @property
    def sight(self) -> Sight | None:
        """What was seen of the network; None if nothing was."""
        return None if self.seams is None else self.seams.sight

    @property
    def seam_trial(self) -> SeamTrial | None:
        """What came of putting right what differs there; None if that was not tried, or gained nothing."""
        return None if self.seams is None else self.seams.trial

    @property
    def is_input_seen(self) -> bool:
        """Whether it was seen what arrives at the network, and tried what comes of putting it right."""
        return self.seams is not None and self.seams.is_settled

    @property
    def best_file(self) -> FileTrial | None:
        """The checkpoint that by itself has most images right."""
        return max(self.files, key=lambda each: self.correct(each.trial), default=None)

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
        """Hardly better than guessing: twice the share that naming always the commonest class gets.

        Of two classes or three, half way from that share to all.
        """
        share = self.commonest
        return min(2 * share, (1 + share) / 2)

    @property
    def commonest(self) -> float:
        """Share of the images that are of the commonest class."""
        return float(np.bincount(self.truth).max()) / len(self.truth)

    @property
    def is_unstable(self) -> bool:
        """Whether many answers change by themselves."""
        return self.changing >= _UNSTABLE

    @property
    def changing(self) -> float:
        """Share of answers that changed when images were asked again: by the replay, or by the diagnosis.

        The diagnosis asks about wrong answers above all, and these are the first to change.
        """
        return max(self.unstable, 0.0 if self.seams is None else self.seams.changed)

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

    def gain(self, trial: Trial) -> Paired:
        """Compare an experiment with the graded run, on the images that it was asked."""
        return paired(self.is_right[trial.images], trial.answers == self.truth[trial.images])

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
