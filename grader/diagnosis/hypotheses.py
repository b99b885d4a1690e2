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
    answers_are_neither,
    answers_in_training,
    arrives_otherwise,
    arrives_otherwise_in_several_of,
    asked_otherwise,
    below_usual,
    differs_in,
    differs_in_several_of,
    differs_only_in,
    keeps_its_first_answer,
    knows_nothing,
    left_unused,
    opens_checkpoint_each_time,
    public_gap,
    runs_with,
    sets_threads,
)
from grader.diagnosis.label_order import renamed
from grader.model.report import FindingPart
from grader.wording import finding


class After(Enum):
    """What must have been tried before a hypothesis is judged, the cheapest first.

    Where one is proved, nothing is tried any more. So a row stands where an earlier cause is excluded.
    """

    NOTHING = auto()
    """It explains no wrong answer, and is told beside whatever does."""
    GRADED_RUN = auto()
    NETWORK_INPUT = auto()
    NEW_PROCESSES = auto()
    CHECKPOINT = auto()
    ALTERED_IMAGES = auto()
    PUBLIC_IMAGES = auto()
    EVERYTHING = auto()
    """It is judged where nothing else explains the score."""


_OF_THE_INPUT = frozenset(
    {"channel-order", "wrong-scale", "wrong-layout", "wrong-resize", "wrong-preprocessing", "turned"}
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
        return self.code in _OF_THE_INPUT and self.after is not After.NETWORK_INPUT

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
    # and is shown BGR, OpenCV's order; or from colours, and is shown grey.
    Hypothesis("channel-order", After.NETWORK_INPUT, arrives_otherwise("colour")),
    # /255 is missing or done twice; mean and std are missing, exchanged, or others; values are cut off.
    Hypothesis("wrong-scale", After.NETWORK_INPUT, arrives_otherwise("scale")),
    # (H, W, C) was made (C, H, W) by reshape, which leaves every number in its place, and not by transpose.
    Hypothesis("wrong-layout", After.NETWORK_INPUT, arrives_otherwise("layout")),
    # Another part of the picture, turned, or as coarse as a thumbnail.
    Hypothesis("wrong-resize", After.NETWORK_INPUT, arrives_otherwise("geometry")),
    # More than one of these is wrong.
    Hypothesis(
        "wrong-preprocessing",
        After.NETWORK_INPUT,
        arrives_otherwise_in_several_of("colour", "scale", "geometry", "layout"),
    ),
    # From here on the checkpoint is run without the student's code. First, one view of it gives the
    # submission's answers, and another scores better; the two differ in what is wrong.
    # The network learned from RGB and is shown BGR, OpenCV's order; or from colours, and is shown grey.
    Hypothesis("channel-order", After.CHECKPOINT, differs_only_in("colour")),
    # /255 is missing or done twice; mean and std are missing; [-1, 1] was used for them.
    Hypothesis("wrong-scale", After.CHECKPOINT, differs_only_in("scale")),
    # (H, W, C) was made (C, H, W) by reshape, which leaves every number in its place, and not by transpose.
    Hypothesis("wrong-layout", After.CHECKPOINT, differs_in("layout")),
    # Height and width are exchanged; the picture is turned, resized to another size, or cut off too much.
    Hypothesis("wrong-resize", After.CHECKPOINT, differs_only_in("geometry")),
    # More than one of these is wrong.
    Hypothesis(
        "wrong-preprocessing",
        After.CHECKPOINT,
        differs_in_several_of("colour", "scale", "geometry", "readout"),
    ),
    # Batch normalisation uses the statistics of the one image that it is given.
    Hypothesis("training-mode", After.CHECKPOINT, answers_in_training),
    # Weights were loaded, but the moving means and variances are those of a new network.
    Hypothesis("statistics-not-loaded", After.CHECKPOINT, runs_with("first-statistics")),
    # argmin for argmax, a sort read at the wrong end, pooling by the maximum where training used the mean.
    Hypothesis("wrong-readout", After.CHECKPOINT, differs_only_in("readout")),
    # predict loads an early or another run's file although the trained one lies beside it.
    Hypothesis("other-checkpoint", After.CHECKPOINT, differs_in("network")),
    # Second, the checkpoint by itself scores better, and the submission does something else.
    # What follows the network loses its answer: softmax or argmax over the axis of the batch, NaN.
    Hypothesis("collapsed-output", After.CHECKPOINT, left_unused(lambda case: case.is_collapsed)),
    # Parameters were not loaded (names that differ are only warned of); another network answers, or chance.
    Hypothesis("checkpoint-unused", After.CHECKPOINT, left_unused(answers_are_guesses)),
    # Third, the checkpoint itself knows nothing: the wrong file, an untrained head, or NaN.
    Hypothesis("nan-checkpoint", After.CHECKPOINT, knows_nothing(is_nan=True)),
    Hypothesis("untrained-checkpoint", After.CHECKPOINT, knows_nothing(is_nan=False)),
    # Something before or after the network is not as in training, and is none of the above.
    Hypothesis("lost-on-the-way", After.CHECKPOINT, left_unused(answers_are_neither)),
    # Where no checkpoint can be run, or none tells, the submission is asked about altered images: an
    # alteration that undoes its mistake makes it answer better.
    Hypothesis("channel-order", After.ALTERED_IMAGES, asked_otherwise("exchanged-colours")),
    Hypothesis("turned", After.ALTERED_IMAGES, asked_otherwise("upside-down", "transposed")),
    # The network has learnt the public images by heart, in training or because they chose it.
    Hypothesis("public-gap", After.PUBLIC_IMAGES, public_gap),
    # No mistake, and yet fewer right answers than is usual: the network was not trained to the end.
    Hypothesis("below-usual", After.EVERYTHING, below_usual),
)
"""Of those that are as sure as each other, the first is told first."""
