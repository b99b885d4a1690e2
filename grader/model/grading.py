"""All that a grading leaves: the report for the student, and what only the instructor may see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.model.classes import ClassInfo
from grader.model.predictions import Answers
from grader.model.replay import OFF, Replay
from grader.model.report import Report
from grader.model.split import Split

KEY = "key"


@dataclass(frozen=True)
class HiddenFile:
    """One file of a submission that is, byte for byte, one of the grading's."""

    path: PurePosixPath
    """In the submission."""
    secret: str
    """The hidden image's name, or KEY; for the instructor's eyes only."""


@dataclass(frozen=True)
class Outcome:
    """One grading's results."""

    report: Report
    answers: Answers | None
    """Per image; None if no code was run."""
    split: Split
    classes: tuple[ClassInfo, ...]
    shuffle_seed: int
    """Of the order in which images were asked. Beside a report it would tell labels: no report has it."""
    again: Replay = OFF
    """What came of asking a part of the split again."""
    failure: str = ""
    """Traceback of what went wrong in the harness itself, if anything did."""
    hidden_files: tuple[HiddenFile, ...] = ()
    """What it holds that is kept for grading; nothing was run then."""
