"""Gradings as tests ask for them: one submission, in a session of its own.

Workers are forked from one server for all tests of a process, which has numpy and OpenCV imported: to start Python
and import numpy for each takes most of the processor time of such a small grading. What tests ask of a grading
holds either way; those of the corpus, of whole classes and of commands have their workers started as programs.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from grader import Report
from grader.model.assignment import Assignment, load_assignment
from grader.model.dataset import Split
from grader.model.grading import ALL_CHECKS, Checks, Exam, Grading
from grader.report import build_report
from grader.sandbox import IsolationLevel, best_isolation
from grader.session import Session, pass_canary
from tests.isolation import forked

STARTED = best_isolation(official=True)
"""The isolation of official grading, with each worker started as a program."""


def grading_of(
    source: Path,
    split: Split,
    assignment: Assignment,
    *,
    checks: Checks = ALL_CHECKS,
    self_check: bool = False,
    isolation: IsolationLevel | None = None,
) -> Grading:
    """Grade a submission; the canary is tried once for all tests of a process.

    Args:
        isolation: how workers are kept apart; None for official grading's, with workers that are forked.
    """
    exam = Exam(split, assignment, "self-check" if self_check else "official", checks)
    has_passed = exam.is_official and checks.canary and _passes_canary()
    level = isolation or _forking()
    return Session(exam, level, has_passed_canary=has_passed).grade(source)


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


@cache
def _forking() -> IsolationLevel:
    open_until_the_end = ExitStack()
    atexit.register(open_until_the_end.close)
    return open_until_the_end.enter_context(forked(load_assignment().limits, official=True))
