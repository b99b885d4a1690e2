"""Gradings as tests ask for them: one submission, in a session of its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from grader import Report
from grader.model.assignment import Assignment
from grader.model.dataset import Split
from grader.model.grading import ALL_CHECKS, Checks, Exam, Grading
from grader.report import build_report
from grader.sandbox import IsolationLevel
from grader.session import Session, pass_canary


def grading_of(
    source: Path,
    split: Split,
    assignment: Assignment,
    *,
    checks: Checks = ALL_CHECKS,
    self_check: bool = False,
    isolation: IsolationLevel | None = None,
) -> Grading:
    """Grade a submission; the canary is tried once for all tests of a process."""
    exam = Exam(split, assignment, "self-check" if self_check else "official", checks)
    has_passed = exam.is_official and checks.canary and _passes_canary()
    return Session(exam, isolation, has_passed_canary=has_passed).grade(source)


def report_of(
    source: Path,
    split: Split,
    assignment: Assignment,
    *,
    checks: Checks = ALL_CHECKS,
    self_check: bool = False,
    isolation: IsolationLevel | None = None,
) -> Report:
    """Grade a submission and return its report."""
    grading = grading_of(source, split, assignment, checks=checks, self_check=self_check, isolation=isolation)
    return build_report(grading)


@cache
def _passes_canary() -> bool:
    pass_canary()
    return True
