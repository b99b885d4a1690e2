"""Putting a :class:`Report` together from what a grading found out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from grader.errors import LANGUAGES, Language
from grader.findings import stop_in_words
from grader.model.assignment import MIB, Assignment
from grader.model.dataset import ClassInfo, Split
from grader.model.grading import Grading, Isolation
from grader.model.predictions import Answers, Replay, Tally
from grader.model.report import (
    AssignmentPart,
    BinPart,
    BinsPart,
    BoundaryPart,
    ChecksPart,
    ClassPart,
    ConfusionPart,
    EnginePart,
    FilePart,
    HarnessPart,
    IntervalPart,
    IsolationPart,
    MistakePart,
    ReplayPart,
    Report,
    RunPart,
    ScorePart,
    SplitPart,
    StopPart,
    SubmissionPart,
)
from grader.model.submission import Submission
from grader.model.verdict import Stop, Verdict
from grader.printable import shown
from grader.scoring import bins_of, images_to, in_right_bin, nothing_answered, points_for, worth
from grader.statistics import wilson_interval
from grader.wording import words

_LEVEL = 0.95
_MOST_NAME, _MOST_PATH = 120, 200
"""Characters of what a student named."""


def build_report(grading: Grading) -> Report:
    """Return the report of a grading that has been explained.

    Raises:
        ValueError: it has not been.
    """
    if grading.verdict is None:
        raise ValueError("a grading without a verdict has no report")
    job, classes = grading.job, grading.job.assignment.classes
    counted = grading.tally or nothing_answered(job.split, len(classes))
    return Report(
        identity=job.identity,
        mode=job.mode,
        verdict=grading.verdict,
        score=None if grading.is_lost else _score(counted, job.assignment),
        per_class=tuple(_class(index, counted, classes) for index in range(len(classes))),
        bins=_bins(counted, classes),
        confusion=ConfusionPart(
            labels=tuple(info.name for info in classes),
            matrix=tuple(tuple(int(count) for count in row) for row in counted.confusion),
        ),
        findings=grading.findings,
        isolation=_isolation(grading.isolation),
        network_input=grading.diagnosis.network_input,
        checks=ChecksPart(
            canary=grading.canary, replay=_replay(grading.replay), diagnosis=grading.diagnosis.status
        ),
        engine=_engine(grading.answers, job.assignment),
        submission=_submission(job.name, job.submission),
        split=_split(job.split),
        assignment=_assignment(job.assignment),
        harness=HarnessPart(**asdict(job.harness)),
        run=_run(grading),
    )


def isolation_in_words(isolation: Isolation | None, language: Language) -> str:
    """Return what keeps a submission apart; None stands for one of which no code was run."""
    if isolation is None:
        return words(language, "isolation-none")
    said = words(language, f"isolation-{isolation.rung}")
    return words(language, "isolation-grouped", isolation=said) if isolation.is_grouped else said


def _score(tally: Tally, assignment: Assignment) -> ScorePart:
    accuracy = tally.correct / tally.total
    interval = wilson_interval(tally.correct, tally.total)
    rule = assignment.points
    counted = worth(tally, assignment.classes, rule)
    return ScorePart(
        correct=tally.correct,
        total=tally.total,
        accuracy=accuracy,
        points=points_for(counted, tally.total, rule),
        points_full=rule.full,
        interval=IntervalPart(low=interval.low, high=interval.high, level=_LEVEL),
        boundaries=tuple(
            BoundaryPart(points=points, images=images_to(points, counted, tally.total, rule))
            for points in rule.boundaries
        ),
        unanswered=tally.unanswered,
    )


def _class(index: int, tally: Tally, classes: Sequence[ClassInfo]) -> ClassPart:
    row = tally.confusion[index]
    total, correct = int(row.sum()), int(row[index])
    mistakes = row[:-1].copy()
    mistakes[index] = 0
    info = classes[index]
    return ClassPart(
        index=index,
        folder=info.folder,
        name=info.name,
        zh=info.zh,
        correct=correct,
        total=total,
        accuracy=correct / total if total else None,
        mistaken_for=classes[int(np.argmax(mistakes))].name if mistakes.any() else None,
    )


def _bins(tally: Tally, classes: Sequence[ClassInfo]) -> BinsPart | None:
    """Count what lies in the right bin, whatever its class; None where there are no bins."""
    if not (bins := bins_of(classes)):
        return None
    per_bin = tuple(_bin(members, tally, classes) for members in bins)
    bin_of = {index: number for number, members in enumerate(bins) for index in members}
    mistakes = [
        MistakePart(truth=truth, said=said, count=int(tally.confusion[truth, said]))
        for truth, said in zip(*map(np.ndarray.tolist, tally.confusion[:, :-1].nonzero()), strict=True)
        if bin_of[truth] != bin_of[said]
    ]
    right = sum(part.right_bin for part in per_bin)
    return BinsPart(
        right_bin=right,
        accuracy=right / tally.total,
        per_bin=per_bin,
        mistakes=tuple(sorted(mistakes, key=lambda mistake: -mistake.count)),
    )


def _bin(members: Sequence[int], tally: Tally, classes: Sequence[ClassInfo]) -> BinPart:
    rows = tally.confusion[list(members)]
    info = classes[members[0]]
    return BinPart(
        name=info.group or info.group_zh,
        zh=info.group_zh or info.group,
        classes=tuple(members),
        total=int(rows.sum()),
        correct=sum(int(tally.confusion[index, index]) for index in members),
        right_bin=in_right_bin(tally, members),
    )


def _isolation(isolation: Isolation | None) -> IsolationPart:
    en, zh = (isolation_in_words(isolation, language) for language in LANGUAGES)
    rung = "none" if isolation is None else isolation.rung
    return IsolationPart(rung=rung, description=en, description_zh=zh)


def _engine(answers: Answers | None, assignment: Assignment) -> EnginePart | None:
    if answers is None or answers.timing.first is None:
        return None
    return EnginePart(
        frameworks=answers.frameworks,
        instruction_set=answers.instruction_set,
        threads=assignment.limits.threads,
    )


def _submission(name: str, submission: Submission | None) -> SubmissionPart:
    files = submission.files if submission else ()
    return SubmissionPart(
        name=shown(name, _MOST_NAME),
        sha256=submission.sha256 if submission else None,
        size=submission.size if submission else 0,
        files=tuple(
            FilePart(
                path=shown(str(file.path), _MOST_PATH),
                size=file.size,
                sha256=file.sha256,
                is_checkpoint=file.is_checkpoint,
            )
            for file in files
        ),
        notes=tuple(map(shown, submission.notes)) if submission else (),
    )


def _split(split: Split) -> SplitPart:
    return SplitPart(
        sha256=split.sha256,
        images=len(split.images),
        classes=len({image.label for image in split.images}),
        is_demo=split.is_demo,
    )


def _assignment(assignment: Assignment) -> AssignmentPart:
    return AssignmentPart(
        title=assignment.title,
        title_zh=assignment.title_zh or assignment.title,
        sha256=assignment.sha256,
        channel_order=assignment.channel_order,
    )


def _replay(again: Replay) -> ReplayPart:
    return ReplayPart(
        status=again.status,
        repeated=again.repeated,
        differed=again.differed,
        altered=again.altered,
        lost=again.lost,
        controls=again.controls,
        gained=again.gained,
        unanswered=again.unanswered,
        chance=float(f"{again.chance:.3g}"),
    )


def _run(grading: Grading) -> RunPart:
    answers, circumstances = grading.answers, grading.circumstances
    # Seconds are rounded: a run time must not carry what a submission saw out of the sandbox.
    timing = answers.timing if answers else None
    return RunPart(
        started=circumstances.started,
        host=circumstances.host,
        import_seconds=_coarse(timing.importing if timing else None),
        first_prediction_seconds=_coarse(timing.first if timing else None),
        other_predictions_seconds=round(sum(timing.rest), 1) if timing else 0.0,
        median_prediction_ms=round(1000 * statistics.median(timing.rest)) if timing and timing.rest else None,
        total_seconds=round(timing.total, 1) if timing else 0.0,
        replay_seconds=_coarse(grading.replay.seconds),
        diagnosis_seconds=_coarse(grading.diagnosis.seconds),
        charts_seconds=_coarse(grading.diagnosis.charts_seconds),
        peak_memory_mib=answers.peak_bytes // MIB if answers else 0,
        stops=_stops(answers.stops if answers else ()),
    )


def _stops(stops: Sequence[Stop]) -> tuple[StopPart, ...]:
    """Return the first stop of each kind: at which image it stops is chosen by a student's code, too."""
    first: dict[tuple[Verdict, str, str], StopPart] = {}
    for stop in stops:
        detail = stop_in_words(stop, "en")
        part = StopPart(verdict=stop.verdict, phase=stop.phase, image=stop.asked, detail=detail)
        first.setdefault((stop.verdict, stop.phase, detail), part)
    return tuple(first.values())


def _coarse(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
