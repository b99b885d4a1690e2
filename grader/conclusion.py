"""What comes out of a grading, from what happened in it: the report, also where there is nothing to grade."""

from __future__ import annotations

import datetime
import secrets
import socket
from collections.abc import Sequence

from grader.diagnosis.diagnosis import Diagnosis
from grader.dialogue.interview import Answers
from grader.errors import LineError
from grader.findings.catalogue import finding
from grader.findings.collect import findings_of_answers, findings_of_replay, verdict_of
from grader.findings.exceptions import short
from grader.findings.order import in_order
from grader.replay.replay import Replay
from grader.report.build import Canary, Circumstances, Question, build_report
from grader.report.model import FindingPart, Report
from grader.report.outcome import Outcome
from grader.sandbox.ladder import Rung
from grader.scoring.score import tally
from grader.split import Split
from grader.verdict import Verdict, worst


def circumstances_now() -> Circumstances:
    """Return when and where a grading that begins now is done."""
    return Circumstances(
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        host=socket.gethostname(),
    )


def graded_report(
    question: Question,
    answers: Answers,
    rung: Rung,
    circumstances: Circumstances,
    canary: Canary,
    again: Replay,
    diagnosis: Diagnosis,
) -> Report:
    """Return the report on a submission that was asked everything that could be asked.

    Args:
        question: what was asked.
        answers: what came of it.
        rung: of isolation.
        circumstances: when and where.
        canary: what it said of this harness.
        again: what came of asking again.
        diagnosis: what explains the score.
    """
    counted = tally(answers.answers, question.split, question.assignment.classes)
    findings = [
        *diagnosis.findings,
        *findings_of_answers(answers, counted, question),
        *findings_of_replay(again),
        *([] if rung.isolation.is_top else [finding("lower-isolation")]),
        *_about(question.split, len(question.assignment.classes)),
    ]
    return build_report(
        question,
        worst(verdict_of(answers, counted)),
        counted,
        answers,
        in_order(findings, counted.total),
        rung.isolation,
        circumstances,
        canary,
        again,
        diagnosis,
    )


def ungraded_report(
    question: Question, verdict: Verdict, findings: Sequence[FindingPart], circumstances: Circumstances
) -> Report:
    """Return the report on a submission that was asked nothing: refused, or the harness failed over it."""
    counted = tally([None] * len(question.split.images), question.split, question.assignment.classes)
    return build_report(
        question,
        verdict,
        counted,
        None,
        [*findings, *_about(question.split, len(question.assignment.classes))],
        None,
        circumstances,
    )


def failed_outcome(
    question: Question, circumstances: Circumstances, error: Exception, failure: str
) -> Outcome:
    """Return the outcome of a grading that the harness failed over: no score.

    Args:
        question: what was asked.
        circumstances: when and where it began.
        error: what went wrong.
        failure: all that is known of it, a traceback for example.
    """
    detail = error.line if isinstance(error, LineError) else short(str(error))
    findings = (finding("harness-failed", detail=detail),)
    report = ungraded_report(question, Verdict.INTERNAL, findings, circumstances)
    return Outcome(
        report, None, question.split, question.assignment.classes, secrets.randbits(53), failure=failure
    )


def _about(split: Split, classes: int) -> list[FindingPart]:
    """Say what is particular about the images that were asked."""
    found = [finding("demo-split")] if split.is_demo else []
    present = len({image.label for image in split.images})
    if present < classes:
        found.append(finding("partial-split", count=present, total=classes))
    return found
