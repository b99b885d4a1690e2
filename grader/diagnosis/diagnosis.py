"""The diagnosis: after the graded run, hypotheses are tried until one explains the score.

The cheap ones come first: the confusion matrix costs nothing, the checkpoint is run only if that does not
explain, and the submission is asked again only if neither does. All of it together takes at most BUDGET
times as long as the graded run, and decides neither verdict nor score.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from grader.assignment import Assignment
from grader.diagnosis.blackbox import ALTERATIONS, ask_altered, ask_public, keeps_first_answer
from grader.diagnosis.case import ALPHA, NO_ANSWER, Case, Explanation, IntArray, Kept, PublicTrial
from grader.diagnosis.probes import (
    channel_order,
    checkpoint_unused,
    collapsed,
    first_statistics,
    kept_answer,
    label_map,
    lost_on_the_way,
    orientation,
    other_checkpoint,
    public_gap,
    training_mode,
    untrained,
    wrong_geometry,
    wrong_layout,
    wrong_preprocessing,
    wrong_readout,
    wrong_scale,
)
from grader.diagnosis.probes.evidence import mistaken_view
from grader.diagnosis.probes.reloading import explain_slowness
from grader.diagnosis.probes.slow_start import explain_slow_start
from grader.diagnosis.probes.threads import explain_threads
from grader.diagnosis.whitebox import Start, WhiteBox
from grader.dialogue.interview import Answers
from grader.intake.submission import Submission
from grader.replay.replay import Replay
from grader.report.model import FindingPart
from grader.sandbox.launch import Launch
from grader.scoring.labels import LabelReader
from grader.split import Split, split_of

Status = Literal["done", "nothing-to-explain", "failed", "off"]
BUDGET = 3.0
"""Times the graded run."""
_SPENT_ON_ENDING = 0.15
"""Share of it that is kept back: a worker that is stopped takes a moment to end."""
_FEWEST_WRONG = 8
"""With fewer wrong answers no counterfactual can gain more than chance explains."""
_FEWEST_IMAGES = 20
_FEW, _MANY = 12, 200
_LEAST_SECONDS = 1.0
_MOST_PUBLIC = 200
_ENOUGH_IF_CONSTANT = 40
"""Images to test a checkpoint on; it is right about most of them, and a constant about hardly any."""
_SHARE_IF_CONSTANT = 0.5
"""Of the time, for the checkpoint where all answers are one; the rest tells whether the first is kept."""
_MOST_FAILED = 2
"""New processes that may contradict a kept answer before it is given up."""
_NOT_LOADED = "parameters in the 'net' are not loaded"
"""What `load_param_into_net` warns of."""

_PROBES: tuple[Callable[[Case], Explanation | None], ...] = (
    channel_order.explain,
    wrong_scale.explain,
    wrong_layout.explain,
    wrong_geometry.explain,
    wrong_preprocessing.explain,
    training_mode.explain,
    first_statistics.explain,
    wrong_readout.explain,
    other_checkpoint.explain,
    collapsed.explain,
    checkpoint_unused.explain,
    untrained.explain,
    orientation.explain,
    lost_on_the_way.explain,
    public_gap.explain,
)


@dataclass(frozen=True)
class Diagnosis:
    """What came of it."""

    status: Status
    """`nothing-to-explain`: too few wrong answers, or images, to tell anything from chance; `off`: not asked
    for, or the graded run was itself incomplete."""
    findings: tuple[FindingPart, ...] = ()
    """The strongest evidence first."""
    seconds: float | None = None


OFF = Diagnosis("off")


@dataclass(frozen=True)
class Subject:
    """The graded run that is to be explained, and how to start workers."""

    submission: Submission
    split: Split
    assignment: Assignment
    answers: Answers
    again: Replay
    start: Start
    """Over a folder of the grader's own."""
    fresh: Callable[[str], Callable[[int], Launch]]
    """Over a fresh copy of the submission, by a name that is used once."""
    folder: Path
    """For copies; absent."""
    identity: str
    """Of the grading; decides which images are asked."""
    seed: int
    """Secret; decides their order."""
    public: Callable[[], Split | None] = lambda: None
    """Opens the public images, where there are any that are not the graded ones."""


def diagnose(subject: Subject) -> Diagnosis:
    """Try the hypotheses, and return those that the evidence speaks for."""
    if subject.answers.not_ready is not None or None in subject.answers.answers:
        return OFF
    began = time.monotonic()
    beside = tuple(_beside(subject))
    case = _case(subject)
    wrong = int((~case.is_right).sum())
    if wrong < _FEWEST_WRONG or len(case.truth) < _FEWEST_IMAGES:
        return Diagnosis("nothing-to-explain", beside, seconds=0.0)
    seconds = (1 - _SPENT_ON_ENDING) * BUDGET * subject.answers.timing.total
    explanations = _try_all(subject, case, began + seconds)
    explanations.sort(key=lambda explanation: explanation.p)
    findings = (*(explanation.finding for explanation in explanations), *beside)
    return Diagnosis("done", findings, time.monotonic() - began)


def _beside(subject: Subject) -> Iterator[FindingPart]:
    """Yield what the clock alone tells; it explains no wrong answer."""
    source, timing = _source(subject.submission), subject.answers.timing
    for found in (
        explain_slowness(source, timing),
        explain_threads(source, timing, subject.assignment.limits.threads),
        explain_slow_start(timing),
    ):
        if found is not None:
            yield found


def _try_all(subject: Subject, case: Case, end: float) -> list[Explanation]:
    """Try what is cheap first; stop at what explains."""
    renamed = label_map.explain(case)
    if renamed is not None:
        return [renamed]
    chance = random.Random(subject.identity)  # noqa: S311 - nothing hangs on its being secret
    many = _sample(np.arange(len(case.truth)), _MANY, chance)
    white = WhiteBox(
        subject.submission,
        subject.split,
        subject.assignment,
        subject.start,
        subject.folder / "checkpoint",
        subject.seed,
    )
    if white.has_checkpoint and _left(end) > _LEAST_SECONDS:
        seconds = _left(end) * (_SHARE_IF_CONSTANT if case.is_constant else 1)
        tested = many[:_ENOUGH_IF_CONSTANT] if case.is_constant else many
        case = replace(case, checkpoint=white.try_views(case, _few(case, chance), tested, seconds))
    if case.is_constant and case.said[0] != NO_ANSWER and mistaken_view(case) is None:
        case = replace(case, kept=_kept(subject, case, chance, end))
        if (kept := kept_answer.explain(case)) is not None:
            return [kept]
    found = _explained(case)
    if found or _left(end) < _LEAST_SECONDS:
        return found
    affordable = _affordable(subject.answers, _left(end)) // len(ALTERATIONS)
    if affordable < _FEWEST_IMAGES:
        return found
    asked = ask_altered(
        subject.fresh("altered"),
        subject.split,
        subject.assignment,
        many[:affordable],
        _left(end),
        subject.seed,
    )
    found = _explained(replace(case, asked=asked))
    return found or _explained(replace(case, public=_asked_public(subject, chance, _left(end))))


def _kept(subject: Subject, case: Case, chance: random.Random, end: float) -> Kept | None:
    """Ask new processes about two images each, until chance no longer explains how often the first decides.

    Its own class comes for it only where the network knows it, so one may fail.
    """
    others = [index for index in range(len(case.truth)) if case.truth[index] != case.said[0]]
    chance.shuffle(others)
    kept = Kept(0, 0)
    while kept.asked - kept.times < _MOST_FAILED and kept.p(len(case.names)) >= ALPHA:
        first, *rest = others[kept.asked :]
        second = next((index for index in rest if case.truth[index] != case.truth[first]), None)
        if second is None or _left(end) < _LEAST_SECONDS:
            return None
        is_kept = keeps_first_answer(
            subject.fresh(f"again-{kept.asked}"),
            subject.split,
            subject.assignment,
            (first, second),
            _left(end),
            subject.seed + kept.asked,
        )
        if is_kept is None:
            return None
        kept = Kept(kept.times + is_kept, kept.asked + 1)
    return kept


def _asked_public(subject: Subject, chance: random.Random, seconds: float) -> PublicTrial | None:
    """Ask about as many public images as there is time for."""
    most = min(_MOST_PUBLIC, _affordable(subject.answers, seconds))
    public = subject.public() if most >= _FEWEST_IMAGES else None
    if public is None or public.sha256 == subject.split.sha256:
        return None
    chosen = _sample(np.arange(len(public.images)), most, chance)
    sample = split_of([public.images[index] for index in chosen], places=())
    return ask_public(subject.fresh("public"), sample, subject.assignment, seconds, subject.seed)


def _explained(case: Case) -> list[Explanation]:
    return [found for probe in _PROBES if (found := probe(case)) is not None]


def _source(submission: Submission) -> str:
    return (submission.folder / "main.py").read_text(encoding="utf-8", errors="replace")


def _case(subject: Subject) -> Case:
    reader = LabelReader(subject.assignment.classes)
    said = [reader.read_answer(answer) for answer in subject.answers.answers]
    again = subject.again
    return Case(
        names=tuple(info.name for info in subject.assignment.classes),
        truth=np.array([image.label for image in subject.split.images], np.int64),
        said=np.array([NO_ANSWER if index is None else index for index in said], np.int64),
        channel_order=subject.assignment.channel_order,
        has_warned=_NOT_LOADED in subject.answers.output,
        unstable=again.differed / again.repeated if again.repeated else 0.0,
    )


def _few(case: Case, chance: random.Random) -> IntArray:
    """Choose images for the first look: as many wrong ones as right ones, where there are as many."""
    wrong = _sample(np.flatnonzero(~case.is_right), _FEW, chance)
    right = _sample(np.flatnonzero(case.is_right), _FEW, chance)
    half = _FEW // 2
    taken = max(half, _FEW - len(right)), max(half, _FEW - len(wrong))
    return np.sort(np.concatenate([wrong[: taken[0]], right[: taken[1]]]))


def _sample(indices: IntArray, most: int, chance: random.Random) -> IntArray:
    chosen: Sequence[int] = indices.tolist()
    return np.array(chance.sample(chosen, min(most, len(chosen))), np.int64)


def _left(end: float) -> float:
    return end - time.monotonic()


def _affordable(answers: Answers, seconds: float) -> int:
    """Return how many questions a fresh process answers in that time, judged by the graded run."""
    timing = answers.timing
    image = statistics.median(timing.rest) if timing.rest else timing.first or 0.0
    start = (timing.importing or 0.0) + (timing.first or 0.0)
    return int(max(0.0, 0.8 * seconds - start) / max(image, 1e-3))
