"""`results.jsonl`: one line of JSON a student, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from grader.batch.rows import Row


def render_jsonl(rows: Iterable[Row]) -> str:
    """Return the text; what may differ between two gradings of the same is in each line's `run`."""
    return "".join(json.dumps(_line(row), ensure_ascii=False) + "\n" for row in rows)


def _line(row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {
        "id": row.entry.id,
        "name": row.entry.name,
        "verdict": row.verdict,
        "days_late": row.entry.days_late,
    }
    if row.result is not None:
        report = row.result.report
        line |= {
            "points": row.points,
            "score": report.score.model_dump(mode="json") if report.score else None,
            "attempt": len(row.result.attempts),
            "findings": [finding.code for finding in report.findings],
            "submission": report.submission.sha256,
            "identity": report.identity,
            "run": report.run.model_dump(mode="json"),
        }
    return line
