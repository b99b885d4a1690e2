"""The table of hypotheses: what may be wrong, when that can be judged, and what speaks for it.

A new hypothesis is one row here, with its sentence in `wording/messages.toml` and a planted mistake in
`tests/submissions/mistakes`. One that needs an experiment of its own adds what that gives to `Case`, and the
experiment to the plan in `diagnosis.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from grader.diagnosis.case import Case
from grader.diagnosis.evidence import (
    Evidence,
    Look,
    answers_are_guesses,
    arrives_by_chance,
    arrives_in_other_colours,
    arrives_in_part,
    arrives_otherwise,
    arrives_otherwise_in_several_of,
    arrives_swapped,
    arrives_turned,
    asked_otherwise,
    below_usual,
    consists_otherwise,
    holds_no_numbers,
    is_random_itself,
    keeps_its_first_answer,
    keeps_something,
    knows_nothing,
    left_unused,
    opens_checkpoint_each_time,
    public_gap,
    read_as,
    read_otherwise_than,
    sets_threads,
)
from grader.diagnosis.readout import renamed, unless_meant_otherwise
from grader.diagnosis.twins import answers_as_twin, is_lost, unless_as_twin
from grader.model.report import FindingPart
from grader.wording import finding


class After(Enum):
    """What must have been tried before a hypothesis is judged, the cheapest first.

    Where one is proved, nothing is tried any more. So a row stands where an earlier cause is excluded.
    """

    NOTHING = auto()
    """It explains no wrong answer, and is told beside whatever does."""
    GRADED_RUN = auto()
    NEW_PROCESSES = auto()
    SEAMS = auto()
    ALTERED_IMAGES = auto()
    CHECKPOINT = auto()
    TWINS = auto()
    PUBLIC_IMAGES = auto()
    EVERYTHING = auto()
    """It is judged where nothing else explains the score."""


_OF_THE_INPUT = frozenset(
    {
        "channel-order",
        "other-colours",
        "wrong-scale",
        "wrong-layout",
        "wrong-resize",
        "wrong-preprocessing",
        "turned",
        "random-input",
        "trained-otherwise",
    }
)


@dataclass(frozen=True)
class Explanation:
    """One hypothesis on one case, with what speaks for it."""

    finding: FindingPart
    evidence: Evidence


@dataclass(frozen=True)
class Hypothesis:
    """One mistake that may explain a score."""

    code: str
    """Of its sentence in `wording/messages.toml`."""
    after: After
    look: Look
    """Returns the evidence for it, or None."""

    @property
    def guesses_input(self) -> bool:
        """Whether it says from answers alone what arrives at the network."""
        return self.code in _OF_THE_INPUT and self.after is not After.SEAMS

    def explain(self, case: Case) -> Explanation | None:
        """Return what speaks for it, proved or not."""
        evidence = self.look(case)
        return None if evidence is None else Explanation(finding(self.code, **evidence.details), evidence)


HYPOTHESES = (
    # predict, or a function that it calls, builds the network and loads the checkpoint for every image.
    Hypothesis("reloads-model", After.NOTHING, opens_checkpoint_each_time),
    # A line of main.py, written for another machine, leaves one thread to the network, or asks for too many.
    Hypothesis("threads", After.NOTHING, sets_threads),
    # The list of names is not in the order of the indices that were trained; the confusion matrix tells.
    Hypothesis("labels-shifted", After.GRADED_RUN, renamed("shifted")),
    Hypothesis("labels-sorted-otherwise", After.GRADED_RUN, renamed("sorted")),
    Hypothesis("labels-exchanged", After.GRADED_RUN, renamed("exchanged")),
    Hypothesis("labels-permuted", After.GRADED_RUN, renamed("permuted")),
    # predict keeps its first answer, or its first image: a cache whose key is always the same, for example.
    Hypothesis("kept-answer", After.NEW_PROCESSES, keeps_its_first_answer),
    # What arrives at the network is not what the lab gives it, and costs points. The network learned from RGB
    # and is shown BGR, OpenCV's order.
    Hypothesis("channel-order", After.SEAMS, arrives_swapped),
    # It learned from colours, and is shown grey, a negative, hue and saturation, or green in red's place.
    Hypothesis("other-colours", After.SEAMS, arrives_in_other_colours),
    # /255 is missing or done twice; mean and std are missing, exchanged, or others; values are cut off.
    Hypothesis("wrong-scale", After.SEAMS, arrives_otherwise("scale")),
    # (H, W, C) was made (C, H, W) by reshape, which leaves every number in its place, and not by transpose.
    Hypothesis("wrong-layout", After.SEAMS, arrives_otherwise("layout")),
    # The picture is flipped, rotated, or has height and width exchanged.
    Hypothesis("turned", After.SEAMS, arrives_turned),
    # Another part of the picture, or a picture as coarse as a thumbnail.
    Hypothesis("wrong-resize", After.SEAMS, arrives_in_part),
    # What is random in training was left in: the same photo arrives in another way each time.
    Hypothesis("random-input", After.SEAMS, arrives_by_chance),
    # Training read photos in a way of its own, and predict in the lab's, or in yet another.
    Hypothesis("trained-otherwise", After.SEAMS, arrives_otherwise("training")),
    # More than one of these is wrong.
    Hypothesis(
        "wrong-preprocessing",
        After.SEAMS,
        arrives_otherwise_in_several_of("colour", "scale", "geometry", "layout"),
    ),
    # The network does not consist of what was handed in, and that costs points. Batch normalisation uses the
    # statistics of the one image that it is given, or dropout is on.
    Hypothesis("training-mode", After.SEAMS, consists_otherwise("training-mode")),
    # Weights were loaded, but the moving means and variances are those of a new network.
    Hypothesis("statistics-not-loaded", After.SEAMS, consists_otherwise("statistics-not-loaded")),
    # predict loads an early or another run's file although the trained one lies beside it.
    Hypothesis("other-checkpoint", After.SEAMS, consists_otherwise("other-checkpoint")),
    # Parameters were not loaded, or not all of them: names that differ are only warned of.
    Hypothesis("checkpoint-unused", After.SEAMS, consists_otherwise("checkpoint-unused")),
    # The network's scores are right, and the answer is not the class with the highest. All answers are one:
    # softmax or argmax over the axis of the batch.
    Hypothesis("collapsed-output", After.SEAMS, read_as("one-answer")),
    # The list of names is in another order; the confusion matrix did not tell.
    Hypothesis("labels-permuted", After.SEAMS, read_as("renamed")),
    # argmin for argmax, a sort read at the wrong end, some of the scores alone, a class for all in doubt.
    Hypothesis("wrong-readout", After.SEAMS, read_otherwise_than("one-answer", "renamed", "no-class")),
    # The scores are right, and what is returned hangs on earlier calls: a total, an average, the last image.
    Hypothesis("answer-from-elsewhere", After.SEAMS, keeps_something),
    # Dropout as a function, which no evaluation mode ends.
    Hypothesis("random-network", After.SEAMS, is_random_itself),
    # The network consists of a file with NaN in it.
    Hypothesis("nan-checkpoint", After.SEAMS, holds_no_numbers),
    # Where nothing can be seen of a network, the submission is asked about altered images: an
    # alteration that undoes its mistake makes it answer better.
    Hypothesis("channel-order", After.ALTERED_IMAGES, asked_otherwise("exchanged-colours")),
    Hypothesis("turned", After.ALTERED_IMAGES, asked_otherwise("upside-down", "transposed")),
    # From here on the checkpoint is run without the student's code, in the lab's own way, and does better.
    # What follows the network loses its answer: softmax or argmax over the axis of the batch, NaN.
    Hypothesis("collapsed-output", After.CHECKPOINT, left_unused(lambda case: case.is_collapsed)),
    # Parameters were not loaded; another network answers, or chance.
    Hypothesis("checkpoint-unused", After.CHECKPOINT, left_unused(answers_are_guesses)),
    # It does no better: the wrong file, an untrained head, or NaN.
    Hypothesis("nan-checkpoint", After.CHECKPOINT, knows_nothing(is_nan=True)),
    Hypothesis("untrained-checkpoint", After.CHECKPOINT, unless_meant_otherwise(knows_nothing(is_nan=False))),
    # The answers are those of the lab's way with a mistake in it: what is written by hand cannot be seen.
    Hypothesis("channel-order", After.TWINS, answers_as_twin("channel-order")),
    Hypothesis("wrong-scale", After.TWINS, answers_as_twin("wrong-scale")),
    Hypothesis("wrong-layout", After.TWINS, answers_as_twin("wrong-layout")),
    Hypothesis("wrong-preprocessing", After.TWINS, answers_as_twin("wrong-preprocessing")),
    Hypothesis("statistics-not-loaded", After.TWINS, answers_as_twin("statistics-not-loaded")),
    # The network is computed otherwise: no shortcut, another activation, another batch normalisation.
    Hypothesis("wrong-forward-pass", After.TWINS, answers_as_twin("wrong-forward-pass")),
    # Something before, in or after the network is not as in training, and is none of the above.
    Hypothesis("lost-on-the-way", After.TWINS, unless_as_twin(is_lost)),
    # The network has learnt the public images by heart, in training or because they chose it.
    Hypothesis("public-gap", After.PUBLIC_IMAGES, public_gap),
    # No mistake, and yet fewer right answers than is usual: the network was not trained to the end.
    Hypothesis("below-usual", After.EVERYTHING, below_usual),
)
"""Of those that are as sure as each other, the first is told first."""
