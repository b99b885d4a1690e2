"""The replay: after the main pass, a part of the split is put to a fresh process of the same submission.

Inside, nothing tells the two passes apart: the same sandbox over a new copy of the submission, the same
frames, a random order, and no number that says how many are to come. It runs after the main pass and not
beside it: on two cores a second import would slow the answers that are being timed.

Nothing here changes a verdict or a score. An honest network gives the same answer to the same image, whatever
came before; so every changed answer is reported. Over altered copies an honest network errs now and then, and
only a loss that chance does not explain is.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from datasets.classes import ClassInfo
from grader.assignment import Assignment
from grader.dialogue.frames import Answered
from grader.dialogue.interview import Answers, Timing, interview
from grader.replay.probes import Probe, choose_probes
from grader.sandbox.launch import Launch
from grader.scoring.binomial import binomial_tail
from grader.scoring.labels import LabelReader
from grader.split import Split, split_of

Status = Literal["done", "incomplete", "too-slow", "failed", "off"]
BUDGET_SECONDS = 60.0
"""A submission that would take longer over the replay, judged by the main pass, is not asked again."""
HONEST_LOSS = 0.05
"""More than the share of right answers that an honest submission loses on altered copies. Measured on 430
photos of the garbage lab: the fine-tuned network lost 1 of 425; a nearest neighbour by colour histogram,
the most fickle honest classifier tried, 6 of 307 (95 % upper bound 4.2 %)."""
FALSE_ALARMS = 1e-4
"""How often an honest network with that share would be flagged, at most."""


@dataclass(frozen=True)
class Replay:
    """What came of it."""

    status: Status
    """`done`; `incomplete`: the fresh process did not answer everything; `too-slow`: it would have taken too
    long; `failed`: the harness did; `off`: not asked for, or the main pass was itself incomplete."""
    probes: tuple[Probe, ...] = ()
    answers: tuple[Answered | None, ...] = ()
    """To the probes, in their order."""
    differed: int = 0
    """Repeated images with another answer than in the main pass."""
    lost: int = 0
    """Altered copies that were answered wrong, where the image itself was answered right."""
    seconds: float | None = None
    output: str = ""
    """What the fresh process printed."""

    @property
    def repeated(self) -> int:
        """Images that were asked again as they are."""
        return sum(not probe.is_altered for probe in self.probes)

    @property
    def altered(self) -> int:
        """Images of which an altered copy was asked."""
        return sum(probe.is_altered for probe in self.probes)

    @property
    def chance(self) -> float:
        """How probable it is that a network which goes by the picture loses so many.

        One whose answers differ anyway loses as many more: that alone is no sign of memorised images.
        """
        unstable = self.differed / self.repeated if self.repeated else 0.0
        return binomial_tail(self.altered, self.lost, min(1.0, HONEST_LOSS + unstable))

    @property
    def is_collapse(self) -> bool:
        """Whether more was lost than chance explains."""
        return self.status == "done" and self.chance < FALSE_ALARMS


OFF = Replay("off")


def replay(
    launch: Callable[[], Callable[[int], Launch]],
    split: Split,
    assignment: Assignment,
    main: Answers,
    identity: str,
    seed: int,
) -> Replay:
    """Ask a part of the split again, if the main pass was complete and there is time.

    Args:
        launch: makes a fresh copy of the submission, and returns how to start workers on it.
        split: what was asked in the main pass.
        assignment: the rules.
        main: the main pass's answers.
        identity: of the grading; decides what is asked again.
        seed: secret; decides the order.
    """
    if not _is_complete(main):
        return OFF
    probes = choose_probes(split, _is_right(main.answers, split, assignment.classes), identity)
    if not probes:
        return OFF
    if _expected_seconds(main.timing, len(probes)) > BUDGET_SECONDS:
        return Replay("too-slow")
    asked = split_of([probe.image for probe in probes], places=())
    again = interview(launch(), asked, assignment.within(2 * BUDGET_SECONDS), seed, _ignore)
    if not _is_complete(again):
        return Replay("incomplete", seconds=again.timing.total, output=again.output)
    is_right = _is_right(again.answers, asked, assignment.classes)
    reader = LabelReader(assignment.classes)
    return Replay(
        "done",
        probes,
        again.answers,
        differed=sum(
            content_of(answer, reader) != content_of(main.answers[probe.index], reader)
            for probe, answer in zip(probes, again.answers, strict=True)
            if not probe.is_altered
        ),
        lost=sum(probe.is_altered and not right for probe, right in zip(probes, is_right, strict=True)),
        seconds=again.timing.total,
        output=again.output,
    )


def _is_complete(answers: Answers) -> bool:
    return answers.not_ready is None and not answers.stops and None not in answers.answers


def _is_right(answers: Sequence[Answered | None], split: Split, classes: Sequence[ClassInfo]) -> list[bool]:
    reader = LabelReader(classes)
    return [
        reader.read_answer(answer) == image.label for image, answer in zip(split.images, answers, strict=True)
    ]


def content_of(answer: Answered | None, reader: LabelReader) -> tuple[object, ...] | None:
    """Return what an answer says: the class, however it was spelled, without the number of its question."""
    if answer is None:
        return None
    named = reader.read_answer(answer)
    label = answer.label if named is None else named
    return label, answer.wrong_type, answer.error.type if answer.error else None


def _expected_seconds(timing: Timing, count: int) -> float:
    image = statistics.median(timing.rest) if timing.rest else timing.first or 0.0
    return (timing.importing or 0.0) + (timing.first or 0.0) + count * image


def _ignore(_: int) -> None:
    """No progress is shown."""
