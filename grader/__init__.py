"""Grade submissions: `grader.grade(submission, split, assignment) -> Report`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.errors import HarnessError, UsageError
    from grader.model.report import Report
    from grader.model.verdict import Verdict
    from grader.session import grade

__all__ = ["HarnessError", "Report", "UsageError", "Verdict", "grade"]
_PLACES = {
    "HarnessError": "grader.errors",
    "Report": "grader.model.report",
    "UsageError": "grader.errors",
    "Verdict": "grader.model.verdict",
    "grade": "grader.session",
}


def __getattr__(name: str) -> Any:
    # Not before it is asked for: `__main__.py` has to see to the path first, and comes after this file.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
