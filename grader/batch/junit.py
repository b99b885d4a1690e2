"""`junit.xml`: the class as a test run, one case a student, for tools that show such files.

What is not printable is replaced: XML 1.0 holds few control characters, and what shows
the file may obey those.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from grader.batch.rows import MISSING, Row
from grader.printable import one_line
from grader.verdict import Verdict


def render_junit(title: str, rows: Sequence[Row]) -> str:
    """Return the XML text. Graded passes; the harness's own fault is an error; all else is a failure."""
    failed = [
        row for row in rows if not row.is_graded and row.verdict not in (MISSING, Verdict.INTERNAL.value)
    ]
    suite = ET.Element(
        "testsuite",
        name=one_line(title),
        tests=str(len(rows)),
        failures=str(len(failed)),
        errors=str(sum(row.verdict == Verdict.INTERNAL.value for row in rows)),
        skipped=str(sum(row.verdict == MISSING for row in rows)),
    )
    for row in rows:
        suite.append(_case(row))
    ET.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suite, encoding="unicode")}\n'


def _case(row: Row) -> ET.Element:
    seconds = row.result.report.run.total_seconds if row.result else 0.0
    case = ET.Element("testcase", classname="submissions", name=one_line(row.entry.id), time=f"{seconds:.1f}")
    if row.result is None:
        ET.SubElement(case, "skipped", message="nothing was handed in")
    elif not row.is_graded:
        kind = "error" if row.verdict == Verdict.INTERNAL.value else "failure"
        said = next((finding.title for finding in row.result.report.findings), "")
        ET.SubElement(case, kind, type=row.verdict, message=one_line(said))
    return case
