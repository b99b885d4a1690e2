"""What comes after the main pass, in the same sandbox over fresh copies: asking again, and the diagnosis.

A score that stands by then is not lost over either.
"""

from __future__ import annotations

import secrets
import shutil
import traceback
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.diagnosis.diagnosis import Diagnosis, Subject, diagnose
from grader.dialogue.interview import Answers
from grader.hidden_split import public_split
from grader.intake.submission import SubmittedFile
from grader.replay.replay import Replay, replay
from grader.report.build import Question
from grader.sandbox.ladder import Rung
from grader.split import Split


def replayed(rung: Rung, workspace: Path, question: Question, answers: Answers) -> tuple[Replay, str]:
    """Ask a part of the split again; return what came of it and, if the harness failed, the traceback.

    A score that stands is not lost over that.
    """
    try:
        again = replay(
            lambda: _fresh(rung, workspace / "again").launch,
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
    rung: Rung,
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
        start=lambda program: _over(rung, program).launch,
        fresh=lambda name: _fresh(rung, folder / name).launch,
        folder=folder,
        seed=secrets.randbits(53),
        public=lambda: None if question.mode == "self-check" else public or public_split(question.assignment),
    )
    try:
        return diagnose(subject), ""
    except Exception:
        return Diagnosis("failed"), traceback.format_exc()


def _over(rung: Rung, folder: Path) -> Rung:
    """Return the same rung over another folder, with room for the files in it, and with all cores we have.

    It runs a program of ours, which uses them all; a submission is given those of the assignment.
    """
    size = sum(file.stat().st_size for file in folder.iterdir())
    files = (SubmittedFile(PurePosixPath("all"), size, ""),)
    return rung.over(replace(rung.submission, folder=folder, files=files), folder.parent).on_all_cores()


def _fresh(rung: Rung, folder: Path) -> Rung:
    """Return the same rung over a copy of the submission that is as new as the first one was.

    From the date of its files a submission could tell otherwise that it is being asked again.
    """
    copy = shutil.copytree(rung.submission.folder, folder / "submission")
    return rung.over(replace(rung.submission, folder=copy), folder)
