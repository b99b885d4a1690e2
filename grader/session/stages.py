"""What comes after the main pass, in the same sandbox over fresh copies: asking again, and the diagnosis.

A score that stands by then is not lost over either.

What comes out of a grading, from what happened in it: the report, also where there is nothing to grade.
"""

from __future__ import annotations

import datetime
import secrets
import shutil
import socket
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.checks.replay import replay
from grader.diagnosis.diagnosis import Subject, diagnose
from grader.errors import LineError
from grader.findings.collect import findings_of_answers, findings_of_replay, in_order, verdict_of
from grader.findings.exceptions import short
from grader.model.diagnosis import Diagnosis
from grader.model.grading import Outcome
from grader.model.job import Canary, Circumstances, Question
from grader.model.predictions import Answers
from grader.model.replay import Replay
from grader.model.report import FindingPart, Report
from grader.model.split import Split
from grader.model.submission import SubmittedFile
from grader.model.verdict import Verdict, worst
from grader.report.build import build_report
from grader.sandbox.isolation import Sandbox
from grader.scoring.tally import tally
from grader.split import public_split
from grader.wording import finding


def replayed(sandbox: Sandbox, workspace: Path, question: Question, answers: Answers) -> tuple[Replay, str]:
    """Ask a part of the split again; return what came of it and, if the harness failed, the traceback.

    A score that stands is not lost over that.
    """
    try:
        again = replay(
            lambda: _fresh(sandbox, workspace / "again").launch,
            question.split,
            question.assignment,
            answers,
            question.identity,
            secrets.randbits(53),
        )
    except Exception:
        return Replay("failed"), traceback.format_exc()
    return again, ""


def diagnosed(
    sandbox: Sandbox,
    workspace: Path,
    question: Question,
    answers: Answers,
    again: Replay,
    public: Split | None,
) -> tuple[Diagnosis, str]:
    """Find out why the score is not better; as with the replay, a failure costs no score."""
    folder = workspace / "diagnosis"
    subject = Subject(
        submission=question.submission,
        split=question.split,
        assignment=question.assignment,
        answers=answers,
        again=again,
        start=lambda program: _over(sandbox, program).launch,
        fresh=lambda name: _fresh(sandbox, folder / name).launch,
        folder=folder,
        seed=secrets.randbits(53),
        public=lambda: None if question.mode == "self-check" else public or public_split(question.assignment),
    )
    try:
        return diagnose(subject), ""
    except Exception:
        return Diagnosis("failed"), traceback.format_exc()


def _over(sandbox: Sandbox, folder: Path) -> Sandbox:
    """Return the same sandbox over another folder, with room for the files in it, and with all cores we have.

    It runs a program of ours, which uses them all; a submission is given those of the assignment.
    """
    size = sum(file.stat().st_size for file in folder.iterdir())
    files = (SubmittedFile(PurePosixPath("all"), size, ""),)
    return sandbox.over(replace(sandbox.submission, folder=folder, files=files), folder.parent).on_all_cores()


def _fresh(sandbox: Sandbox, folder: Path) -> Sandbox:
    """Return the same sandbox over a copy of the submission that is as new as the first one was.

    From the date of its files a submission could tell otherwise that it is being asked again.
    """
    copy = shutil.copytree(sandbox.submission.folder, folder / "submission")
    return sandbox.over(replace(sandbox.submission, folder=copy), folder)


def circumstances_now() -> Circumstances:
    """Return when and where a grading that begins now is done."""
    return Circumstances(
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        host=socket.gethostname(),
    )


def graded_report(
    question: Question,
    answers: Answers,
    sandbox: Sandbox,
    circumstances: Circumstances,
    canary: Canary,
    again: Replay,
    diagnosis: Diagnosis,
) -> Report:
    """Return the report on a submission that was asked everything that could be asked.

    Args:
        question: what was asked.
        answers: what came of it.
        sandbox: where the submission ran.
        circumstances: when and where.
        canary: what it said of this harness.
        again: what came of asking again.
        diagnosis: what explains the score.
    """
    counted = tally(answers.predictions, question.split, len(question.assignment.classes))
    findings = [
        *diagnosis.findings,
        *findings_of_answers(answers, counted, question),
        *findings_of_replay(again),
        *([] if sandbox.isolation.is_top else [finding("lower-isolation")]),
        *_about(question.split, len(question.assignment.classes)),
    ]
    return build_report(
        question,
        worst(verdict_of(answers, counted)),
        counted,
        answers,
        in_order(findings, counted.total),
        sandbox.isolation,
        circumstances,
        canary,
        again,
        diagnosis,
    )


def ungraded_report(
    question: Question, verdict: Verdict, findings: Sequence[FindingPart], circumstances: Circumstances
) -> Report:
    """Return the report on a submission that was asked nothing: refused, or the harness failed over it."""
    counted = tally([None] * len(question.split.images), question.split, len(question.assignment.classes))
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
