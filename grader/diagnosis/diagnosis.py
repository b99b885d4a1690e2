"""The diagnosis: after the graded run, hypotheses are tried until one explains the score.

The cheap ones come first: the confusion matrix costs nothing, the checkpoint is run only if that does not
explain, and the submission is asked again only if neither does. What is tried is counted, and the same each
time: neither the clock nor luck chooses. It decides neither verdict nor score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.diagnosis.blackbox import ALTERATIONS, BlackBox
from grader.diagnosis.case import (
    ALPHA,
    NO_ANSWER,
    Case,
    CheckpointTrial,
    Explanation,
    IntArray,
    Kept,
    PublicTrial,
)
from grader.diagnosis.completeness import UnfinishedError
from grader.diagnosis.probes import (
    below_usual,
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
from grader.diagnosis.probes.reloading import explain_reloading
from grader.diagnosis.probes.threads import explain_threads
from grader.diagnosis.whitebox import Start, WhiteBox
from grader.model.assignment import Assignment
from grader.model.diagnosis import OFF, Diagnosis
from grader.model.predictions import Answers, classes_of
from grader.model.replay import Replay
from grader.model.report import FindingPart
from grader.model.split import Split, split_of
from grader.model.submission import Submission
from grader.sandbox.launch import Launch

_FEWEST_WRONG = 8
"""With fewer wrong answers no counterfactual can gain more than chance explains."""
_FEWEST_IMAGES = 20
_FEW, _MANY = 20, 200
_MOST_PAIRS = 12
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
    seed: int
    """Secret; decides the order of the images."""
    public: Callable[[], Split | None] = lambda: None
    """Opens the public images, where there are any that are not the graded ones."""


def diagnose(subject: Subject) -> Diagnosis:
    """Try the hypotheses, and return those that the evidence speaks for."""
    if subject.answers.not_ready is not None or None in subject.answers.predictions:
        return OFF
    began = time.monotonic()
    beside = tuple(_beside(subject))
    case = _case(subject)
    wrong = int((~case.is_right).sum())
    if wrong < _FEWEST_WRONG or len(case.truth) < _FEWEST_IMAGES:
        return Diagnosis("nothing-to-explain", beside, seconds=0.0)
    try:
        explanations = _try_all(subject, case)
    except UnfinishedError:
        return Diagnosis("incomplete", beside, time.monotonic() - began)
    explanations.sort(key=lambda explanation: explanation.p)
    findings = (*(explanation.finding for explanation in explanations), *beside)
    return Diagnosis("done", findings, time.monotonic() - began)


def _beside(subject: Subject) -> Iterator[FindingPart]:
    """Yield what makes answers slow; it explains no wrong answer."""
    for found in (
        explain_reloading(subject.answers.predictions),
        explain_threads(_source(subject.submission), subject.assignment.limits.threads),
    ):
        if found is not None:
            yield found


def _try_all(subject: Subject, case: Case) -> list[Explanation]:
    """Try what is cheap first; stop at what explains.

    Raises:
        UnfinishedError: time was over.
    """
    if renamed := _proved([label_map.explain(case)]):
        return renamed
    few, many = _few(case), _spread(np.arange(len(case.truth)), _MANY)
    case = replace(case, checkpoint=_tried_views(subject, case, few, many))
    box = BlackBox(subject.fresh, subject.split, subject.assignment, subject.seed)
    if case.is_constant and case.said[0] != NO_ANSWER and mistaken_view(case) is None:
        case = replace(case, kept=_kept(case, box))
        if kept := _proved([kept_answer.explain(case)]):
            return kept
    if found := _explained(case):
        return found
    case = replace(case, asked=box.ask_altered(case, few, many), alterations=len(ALTERATIONS))
    if found := _explained(case):
        return found
    case = replace(case, public=_asked_public(subject, box))
    return _explained(case) or _proved([below_usual.explain(case)])


def _tried_views(subject: Subject, case: Case, few: IntArray, many: IntArray) -> CheckpointTrial | None:
    white = WhiteBox(
        subject.submission,
        subject.split,
        subject.assignment,
        subject.start,
        subject.folder / "checkpoint",
        subject.seed,
    )
    return white.try_views(case, few, many) if white.has_checkpoint else None


def _kept(case: Case, box: BlackBox) -> Kept | None:
    """Ask new processes about two images each, until chance no longer explains how often the first decides.

    Its own class comes for it only where the network knows it, so one may fail.
    """
    others = _spread(np.flatnonzero(case.truth != case.said[0]), _MOST_PAIRS).tolist()
    kept = Kept(0, 0)
    while kept.asked - kept.times < _MOST_FAILED and kept.p(len(case.names)) >= ALPHA:
        first, *rest = others[kept.asked :] or [None]
        second = next((index for index in rest if case.truth[index] != case.truth[first]), None)
        if first is None or second is None:
            return None
        is_kept = box.keeps_first_answer((first, second), kept.asked)
        if is_kept is None:
            return None
        kept = Kept(kept.times + is_kept, kept.asked + 1)
    return kept


def _asked_public(subject: Subject, box: BlackBox) -> PublicTrial | None:
    """Ask about as many public images as there are others, at most."""
    public = subject.public()
    if public is None or public.sha256 == subject.split.sha256:
        return None
    chosen = _spread(np.arange(len(public.images)), min(_MANY, len(subject.split.images)))
    return box.ask_public(split_of([public.images[index] for index in chosen], places=()))


def _explained(case: Case) -> list[Explanation]:
    return _proved(probe(case) for probe in _PROBES)


def _proved(explanations: Iterable[Explanation | None]) -> list[Explanation]:
    """Let through what is proved: the one gate to the report for whatever explains a score."""
    return [found for found in explanations if found is not None and found.is_proved]


def _source(submission: Submission) -> str:
    return submission.beginning().decode("utf-8", "replace")


def _case(subject: Subject) -> Case:
    said = classes_of(subject.answers.predictions)
    again = subject.again
    return Case(
        names=tuple(info.name for info in subject.assignment.classes),
        truth=np.array([image.label for image in subject.split.images], np.int64),
        said=np.array([NO_ANSWER if index is None else index for index in said], np.int64),
        channel_order=subject.assignment.channel_order,
        has_warned=_NOT_LOADED in subject.answers.output,
        unstable=again.differed / again.repeated if again.repeated else 0.0,
        usual=None if subject.split.is_demo else subject.assignment.usual,
    )


def _few(case: Case) -> IntArray:
    """Choose images for the first look: as many wrong ones as right ones, where there are as many."""
    wrong, right = np.flatnonzero(~case.is_right), np.flatnonzero(case.is_right)
    half = _FEW // 2
    return np.sort(
        np.concatenate(
            [_spread(wrong, max(half, _FEW - len(right))), _spread(right, max(half, _FEW - len(wrong)))]
        )
    )


def _spread(indices: IntArray, most: int) -> IntArray:
    """Choose evenly: a split is in the order of its classes, and luck is to choose nothing."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(np.int64)]
