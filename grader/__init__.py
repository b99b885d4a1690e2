"""Grade submissions: `grader.grade(submission, split, assignment) -> Report`."""

from grader.errors import HarnessError, UsageError
from grader.grading import grade
from grader.report.model import Report
from grader.verdict import Verdict

__all__ = ["HarnessError", "Report", "UsageError", "Verdict", "grade"]
