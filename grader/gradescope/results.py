"""The report as Gradescope's autograder expects it: `results.json`."""

from __future__ import annotations

import json
from typing import Any

from grader.findings.catalogue import Language
from grader.report.model import FindingPart, Report
from grader.report.text import render_text


def render_results(report: Report, language: Language = "en") -> str:
    """Return the JSON text.

    Where the harness itself failed there is no `score`: Gradescope then shows that the autograder failed, and
    gives no mark. What a submission prints is hidden, for it could print hidden images.
    """
    value: dict[str, Any] = {
        "output": render_text(report, language),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(report.run.total_seconds),
        "tests": [_test(finding) for finding in report.findings],
        "extra_data": {"identity": report.identity, "submission": report.submission.sha256},
    }
    if report.score is not None:
        value["score"] = report.score.points
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _test(finding: FindingPart) -> dict[str, Any]:
    """Show a finding as a test without points of its own."""
    return {
        "name": finding.title,
        "status": "failed" if finding.severity == "error" else "passed",
        "output": f"{finding.rationale}\n{finding.help}\n\n{finding.rationale_zh}\n{finding.help_zh}",
        "output_format": "text",
        "visibility": "visible",
    }
