"""Putting a :class:`Report` together from what a grading found out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from grader.errors import LANGUAGES, Language
from grader.model.assignment import MIB, Assignment
from grader.model.classes import ClassInfo
from grader.model.diagnosis import OFF as NO_DIAGNOSIS
from grader.model.diagnosis import Diagnosis
from grader.model.job import Canary, Circumstances, Isolation, Question
from grader.model.predictions import Answers, Stop, Tally
from grader.model.replay import OFF, Replay
from grader.model.report import (
    AssignmentPart,
    BoundaryPart,
    ChecksPart,
    ClassPart,
    ConfusionPart,
    EnginePart,
    FilePart,
    FindingPart,
    HarnessPart,
    IntervalPart,
    IsolationPart,
    ReplayPart,
    Report,
    RunPart,
    ScorePart,
    SplitPart,
    StopPart,
    SubmissionPart,
)
from grader.model.submission import Submission
from grader.model.verdict import Verdict
from grader.printable import shown
from grader.scoring.tally import images_to, points_for
from grader.statistics import wilson_interval
from grader.wording import words

_LEVEL = 0.95
_MOST_NAME, _MOST_PATH = 120, 200
"""Characters of what a student named."""


def build_report(
    question: Question,
    verdict: Verdict,
    tally: Tally,
    answers: Answers | None,
    findings: Sequence[FindingPart],
    isolation: Isolation | None,
    circumstances: Circumstances,
    canary: Canary = "not-needed",
    again: Replay = OFF,
    diagnosis: Diagnosis = NO_DIAGNOSIS,
) -> Report:
    """Return the report.

    Args:
        question: what was asked.
        verdict: the one verdict that stands at the top.
        tally: the counted answers; all wrong if there are none.
        answers: None if no code was run.
        findings: in the order in which they are to be read.
        isolation: None if no code was run.
        circumstances: for the `run` section.
        canary: whether the harness was tried first.
        again: what came of asking again.
        diagnosis: what came of looking for the cause of wrong answers; its findings are among `findings`.
    """
    classes = question.assignment.classes
    return Report(
        identity=question.identity,
        mode=question.mode,
        verdict=verdict,
        score=None if verdict is Verdict.INTERNAL else _score(tally, question.assignment),
        per_class=tuple(_class(index, tally, classes) for index in range(len(classes))),
        confusion=ConfusionPart(
            labels=tuple(info.name for info in classes),
            matrix=tuple(tuple(int(count) for count in row) for row in tally.confusion),
        ),
        findings=tuple(findings),
        isolation=_isolation(isolation),
        checks=ChecksPart(canary=canary, replay=_replay(again), diagnosis=diagnosis.status),
        engine=_engine(answers, question.assignment),
        submission=_submission(question.submission),
        split=SplitPart(
            sha256=question.split.sha256,
            images=len(question.split.images),
            classes=len({image.label for image in question.split.images}),
            is_demo=question.split.is_demo,
        ),
        assignment=AssignmentPart(
            title=question.assignment.title,
            title_zh=question.assignment.title_zh or question.assignment.title,
            sha256=question.assignment.sha256,
            channel_order=question.assignment.channel_order,
        ),
        harness=HarnessPart(**asdict(question.harness)),
        run=_run(answers, again, diagnosis, circumstances),
    )


def _score(tally: Tally, assignment: Assignment) -> ScorePart:
    accuracy = tally.correct / tally.total
    interval = wilson_interval(tally.correct, tally.total)
    rule = assignment.points
    return ScorePart(
        correct=tally.correct,
        total=tally.total,
        accuracy=accuracy,
        points=points_for(tally.correct, tally.total, rule),
        points_full=rule.full,
        interval=IntervalPart(low=interval.low, high=interval.high, level=_LEVEL),
        boundaries=tuple(
            BoundaryPart(points=points, images=images_to(points, tally.correct, tally.total, rule))
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


def _isolation(isolation: Isolation | None) -> IsolationPart:
    en, zh = (isolation_in_words(isolation, language) for language in LANGUAGES)
    rung = "none" if isolation is None else isolation.rung
    return IsolationPart(rung=rung, description=en, description_zh=zh)


def isolation_in_words(isolation: Isolation | None, language: Language) -> str:
    """Return what keeps a submission apart; None stands for one of which no code was run."""
    if isolation is None:
        return words(language, "isolation-none")
    said = words(language, f"isolation-{isolation.rung}")
    return words(language, "isolation-grouped", isolation=said) if isolation.is_grouped else said


def _engine(answers: Answers | None, assignment: Assignment) -> EnginePart | None:
    if answers is None or answers.timing.first is None:
        return None
    return EnginePart(
        frameworks=answers.frameworks,
        instruction_set=answers.instruction_set,
        threads=assignment.limits.threads,
    )


def _submission(submission: Submission) -> SubmissionPart:
    return SubmissionPart(
        name=shown(submission.name, _MOST_NAME),
        sha256=submission.sha256 or None,
        size=submission.size,
        files=tuple(
            FilePart(
                path=shown(str(file.path), _MOST_PATH),
                size=file.size,
                sha256=file.sha256,
                is_checkpoint=file.is_checkpoint,
            )
            for file in submission.files
        ),
        notes=tuple(map(shown, submission.notes)),
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


def _run(
    answers: Answers | None, again: Replay, diagnosis: Diagnosis, circumstances: Circumstances
) -> RunPart:
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
        replay_seconds=_coarse(again.seconds),
        diagnosis_seconds=_coarse(diagnosis.seconds),
        peak_memory_mib=answers.peak_bytes // MIB if answers else 0,
        stops=_stops(answers.stops if answers else ()),
    )


def _stops(stops: Sequence[Stop]) -> tuple[StopPart, ...]:
    """Return the first stop of each kind: at which image it stops is chosen by a student's code, too."""
    first: dict[tuple[Verdict, str, str], StopPart] = {}
    for stop in stops:
        part = StopPart(verdict=stop.verdict, phase=stop.phase, image=stop.asked, detail=stop.told)
        first.setdefault((stop.verdict, stop.phase, stop.told), part)
    return tuple(first.values())


def _coarse(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
