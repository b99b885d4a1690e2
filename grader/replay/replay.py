"""The replay: after the main pass, a part of the split is put to a fresh process of the same submission.

Inside, nothing tells the two passes apart: the same sandbox over a new copy of the submission, the same
frames, a random order, and no number that says how many are to come. It runs after the main pass and not
beside it: on two cores a second import would slow the answers that are being timed.

Nothing here changes a verdict or a score. An honest network gives the same answer to the same image, whatever
came before; so every changed answer is reported. Over altered copies an honest network errs now and then, the
more often the worse it is, and only a loss that neither explains is reported.

No image is asked twice, so the replay asks no more than the main pass did, and has the same time: how slow a
submission is does not decide what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.assignment import Assignment
from grader.dialogue.frames import Answered
from grader.dialogue.interview import Answers, interview
from grader.replay.probes import Probe, choose_probes
from grader.sandbox.launch import Launch
from grader.scoring.binomial import binomial_tail, highest_rate
from grader.scoring.labels import LabelReader
from grader.split import Split, split_of

Status = Literal["done", "incomplete", "failed", "off"]
HONEST_LOSS = 0.05
"""More than the share of right answers that an honest submission loses on altered copies. Measured on 430
photos of the garbage lab: the fine-tuned network lost 1 of 425; a nearest neighbour by colour histogram,
the most fickle honest classifier tried, 6 of 307 (95 % upper bound 4.2 %)."""
FALSE_ALARMS = 1e-4
"""How often an honest network with that share would be flagged, at most."""
_DOUBT = 0.01
"""How often the share that a frail network gains is underestimated."""


@dataclass(frozen=True)
class Replay:
    """What came of it."""

    status: Status
    """`done`; `incomplete`: the fresh process did not answer everything; `failed`: the harness did; `off`:
    not asked for, or the main pass was itself incomplete."""
    probes: tuple[Probe, ...] = ()
    """Those that were answered."""
    answers: tuple[Answered, ...] = ()
    """To the probes, in their order."""
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


def replay(
    launch: Callable[[], Callable[[int], Launch]],
    split: Split,
    assignment: Assignment,
    main: Answers,
    identity: str,
    seed: int,
) -> Replay:
    """Ask a part of the split again, if the main pass was complete.

    Args:
        launch: makes a fresh copy of the submission, and returns how to start workers on it.
        split: what was asked in the main pass.
        assignment: the rules.
        main: the main pass's answers.
        identity: of the grading; decides what is asked again.
        seed: secret; decides the order.
    """
    if main.not_ready is not None or main.stops or None in main.answers:
        return OFF
    reader = LabelReader(assignment.classes)
    was_right = _is_right(main.answers, [image.label for image in split.images], reader)
    probes = choose_probes(split, was_right, identity)
    if not probes:
        return OFF
    asked = split_of([probe.image for probe in probes], places=())
    again = interview(launch(), asked, assignment, seed)
    pairs = [
        (probe, answer) for probe, answer in zip(probes, again.answers, strict=True) if answer is not None
    ]
    probes, answers = tuple(probe for probe, _ in pairs), tuple(answer for _, answer in pairs)
    is_right = _is_right(answers, [probe.image.label for probe in probes], reader)
    changed = [probe for probe, right in zip(probes, is_right, strict=True) if right != probe.was_right]
    return Replay(
        "done" if len(pairs) == len(asked.images) else "incomplete",
        probes,
        answers,
        unanswered=len(asked.images) - len(pairs),
        accuracy=sum(was_right) / len(was_right),
        differed=sum(
            content_of(answer, reader) != content_of(main.answers[probe.index], reader)
            for probe, answer in pairs
            if not probe.is_altered
        ),
        lost=sum(probe.is_altered and probe.was_right for probe in changed),
        gained=sum(probe.is_altered and not probe.was_right for probe in changed),
        seconds=again.timing.total,
        output=again.output,
    )


def _is_right(answers: Sequence[Answered | None], labels: Sequence[int], reader: LabelReader) -> list[bool]:
    return [reader.read_answer(answer) == label for label, answer in zip(labels, answers, strict=True)]


def content_of(answer: Answered | None, reader: LabelReader) -> tuple[object, ...] | None:
    """Return what an answer says: the class, however it was spelled, without the number of its question."""
    if answer is None:
        return None
    named = reader.read_answer(answer)
    label = answer.label if named is None else named
    return label, answer.wrong_type, answer.error.type if answer.error else None
