"""One planted mistake, handed in and graded like any submission."""

from __future__ import annotations

from pathlib import Path

from grader import Report
from grader.model.assignment import Assignment
from grader.model.dataset import Split
from grader.model.grading import Checks
from grader.report import build_report, write_grading
from grader.sandbox import IsolationLevel
from tests.grader.gradings import grading_of
from tests.submissions.mistakes.networks import Arrays
from tests.submissions.mistakes.planted import Planted

WITHOUT_CANARY = Checks(canary=False)


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
    folder.mkdir(parents=True)
    names = [info.name for info in assignment.classes]
    (folder / "main.py").write_text(planted.source(names), encoding="utf-8")
    for name, change in {planted.network: planted.checkpoint, **planted.others}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        planted.write(change(dict(arrays)), folder / name)
    for name, text in planted.beside.items():
        (folder / name).write_text(text, encoding="utf-8")
    outcome = grading_of(folder, split, assignment, checks=checks, isolation=isolation)
    if outcome.trace:
        raise RuntimeError(outcome.trace)
    report = build_report(outcome)
    if out is not None:
        write_grading(outcome, report, out)
    return report


def is_named(planted: Planted, report: Report) -> bool:
    """Whether the first finding names the mistake."""
    return bool(report.findings) and report.findings[0].code in planted.codes


def is_silent(report: Report) -> bool:
    """Whether nothing is said but what is particular about the images, or that no mistake was found."""
    return {finding.code for finding in report.findings} <= {"demo-split", "partial-split", "below-usual"}
