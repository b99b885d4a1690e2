"""Reading what a grading left: the folder of one report, or of a whole batch."""

from __future__ import annotations

import json
from pathlib import Path

from grader.batch.store import STUDENTS
from grader.compare.compare import Graded
from grader.errors import UsageError
from grader.report.files import INSTRUCTOR_JSON, REPORT_JSON, read_report

ONE = "the submission"
"""What the only student of a single grading is called."""


def read_grading(folder: Path) -> dict[str, Graded]:
    """Return every student's grading below `folder`, by id.

    Raises:
        UsageError: it holds no grading, or one that cannot be read.
    """
    if (folder / REPORT_JSON).is_file():
        return {ONE: _read(folder)}
    try:
        students = sorted((folder / STUDENTS).iterdir())
    except OSError as error:
        raise UsageError("no-grading", path=folder, report=REPORT_JSON) from error
    return {path.name: _read(path) for path in students if (path / REPORT_JSON).is_file()}


def _read(folder: Path) -> Graded:
    report = read_report(folder / REPORT_JSON)
    try:
        rows = json.loads((folder / INSTRUCTOR_JSON).read_text(encoding="utf-8"))["answers"]
        return Graded(
            report, {row["image"]: row["as"] for row in rows}, {row["image"]: row["truth"] for row in rows}
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Graded(report)  # the student's half alone
