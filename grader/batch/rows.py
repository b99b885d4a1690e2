"""One student of the class as every page shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.batch.store import Result
from grader.batch.submissions import Entry
from grader.report.model import FindingPart, ScorePart
from grader.scoring.points import after_lateness
from grader.verdict import Verdict

_MISSING_PACKAGE = "missing-package"
MISSING = "MISSING"
"""Stands where a verdict does, for a student of the roster who handed nothing in."""


@dataclass(frozen=True)
class Row:
    """A student, and the grading that counts."""

    entry: Entry
    result: Result | None
    """None for one who handed nothing in."""
    points: float | None = None
    """What counts, after anything taken off for being late; None where there is no score."""

    @property
    def verdict(self) -> str:
        """The verdict's name, or MISSING."""
        return self.result.report.verdict.value if self.result else MISSING

    @property
    def score(self) -> ScorePart | None:
        """None where nothing was handed in, or the harness failed: no score at all, never 0."""
        return self.result.report.score if self.result else None

    @property
    def first_finding(self) -> FindingPart | None:
        """The first of the report; notes tell of the grading, not of a mistake, and are left out."""
        findings = self.result.report.findings if self.result else ()
        return next((finding for finding in findings if finding.severity != "note"), None)

    @property
    def is_graded(self) -> bool:
        """Whether every image was asked and answered."""
        return self.verdict == Verdict.GRADED.value


def row_of(entry: Entry, result: Result | None, assignment: Assignment) -> Row:
    """Return a student's row under the assignment's rules."""
    score = result.report.score if result else None
    if score is None:
        return Row(entry, result)
    left = after_lateness(score.points, entry.days_late, assignment.late, assignment.points.decimals)
    return Row(entry, result, left)


def missing_packages(rows: Iterable[Row]) -> Counter[str]:
    """Count, for each package that is not installed here, the submissions that cannot do without it."""
    reports = (row.result.report for row in rows if row.result is not None)
    findings = (found for report in reports for found in report.findings)
    return Counter(name for found in findings if found.code == _MISSING_PACKAGE for name in found.about)
