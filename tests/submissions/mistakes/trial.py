"""One program, written as it is handed in, and graded like any submission."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from grader import Report
from grader.model.assignment import Assignment
from grader.model.dataset import Split
from grader.model.grading import Checks, Exam
from grader.report import build_report, write_grading
from grader.sandbox import IsolationLevel
from grader.session import Session
from tests.grader.gradings import grading_of
from tests.submissions.mistakes.judging import place_of
from tests.submissions.mistakes.networks import Arrays
from tests.submissions.mistakes.planted import Planted

WITHOUT_CANARY = Checks(canary=False)
SCORES_ALONE = Checks(canary=False, replay=False, diagnosis=False)


@dataclass(frozen=True)
class Ground:
    """What all programs that are tried one after the other have in common."""

    arrays: Arrays
    """Of the trained network that each hands in."""
    split: Split
    assignment: Assignment
    isolation: IsolationLevel

    def write(self, planted: Planted, folder: Path) -> None:
        """Write what is handed in into `folder`, which is made."""
        write_submission(planted, self.arrays, [info.name for info in self.assignment.classes], folder)

    def report(self, planted: Planted, checks: Checks = WITHOUT_CANARY, out: Path | None = None) -> Report:
        """Return the report on a program, whose files are written to `out`; nothing else is left of it."""
        name = re.sub(r"[/:]", "", planted.name).replace(" ", "-")
        with TemporaryDirectory() as place:
            folder = Path(place, name)
            return try_one(
                planted,
                self.arrays,
                self.split,
                self.assignment,
                folder,
                checks,
                out / name if out else None,
                self.isolation,
            )


def try_one(
    planted: Planted,
    arrays: Arrays,
    split: Split,
    assignment: Assignment,
    folder: Path,
    checks: Checks = WITHOUT_CANARY,
    out: Path | None = None,
    isolation: IsolationLevel | None = None,
) -> Report:
    """Write the submission into `folder` and return the report on it, whose files are written to `out`."""
    write_submission(planted, arrays, [info.name for info in assignment.classes], folder)
    outcome = grading_of(folder, split, assignment, checks=checks, isolation=isolation)
    if outcome.trace:
        raise RuntimeError(outcome.trace)
    report = build_report(outcome)
    if out is not None:
        write_grading(outcome, report, out)
    return report


def report_on(folder: Path, ground: Ground, name: str) -> Report:
    """Return the report on a submission that lies in `folder`, under another name.

    Raises:
        RuntimeError: the harness failed.
    """
    exam = Exam(ground.split, ground.assignment, checks=WITHOUT_CANARY)
    outcome = Session(exam, ground.isolation).grade(folder, name=name)
    if outcome.trace:
        raise RuntimeError(outcome.trace)
    return build_report(outcome)


def write_submission(planted: Planted, arrays: Arrays, names: list[str], folder: Path) -> None:
    """Write what is handed in into `folder`, which is made; `names` are those of the classes, in their order."""
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(planted.source(names), encoding="utf-8")
    for name, change in {planted.network: planted.checkpoint, **planted.others}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        planted.write(change(dict(arrays)), folder / name)
    for name, text in planted.beside.items():
        (folder / name).write_text(text, encoding="utf-8")


def is_named(planted: Planted, report: Report) -> bool:
    """Whether the first finding names the mistake."""
    return place_of(planted.codes, [finding.code for finding in report.findings]) == "named"


def is_silent(report: Report) -> bool:
    """Whether nothing is said but what is particular about the images, or that no mistake was found."""
    return place_of((), [finding.code for finding in report.findings]) == "silent"
