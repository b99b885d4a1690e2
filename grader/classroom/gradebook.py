"""The gradebook of a class, and the files that other programs read.

    gradebook.csv            one row a student, for spreadsheets; no cell can be taken for a formula
    canvas.csv, moodle.csv   the same marks as these platforms import them, for the submissions from there
    results.jsonl            one line of JSON a student, for programs
    junit.xml                the class as a test run, one case a student, for tools that show such files

Every file, and every page about the class, is made of the same rows: a student, and the grading that counts.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.classroom.store import Result
from grader.classroom.submissions import Entry
from grader.errors import Language
from grader.model.assignment import Assignment
from grader.model.report import FindingPart, ScorePart
from grader.model.verdict import Verdict
from grader.printable import one_line
from grader.report import texts_of, verdict_in_words
from grader.scoring import after_lateness
from grader.wording import words

MISSING = "MISSING"
"""Stands where a verdict does, for a student of the roster who handed nothing in."""
COLUMNS = (
    "id",
    "name",
    "verdict",
    "correct",
    "total",
    "points",
    "raw_points",
    "interval",
    "attempt",
    "late",
    "finding",
    "hash",
    # What may differ between two gradings of the same.
    "run_started",
    "run_seconds",
    "run_memory_mib",
)
_MISSING_PACKAGE = "missing-package"
_BYTE_ORDER_MARK = "\ufeff"
"""By which Excel knows that a CSV file is UTF-8."""
_SIGNS = r"=+\-@＝＋－＠"
_BEFORE_A_FORMULA = re.compile(rf"^(?='*[{_SIGNS}\t\r\n])|([;\t\r\n]\s*)(?='*[{_SIGNS}])")
"""Where a spreadsheet would begin to compute, whatever it splits a line at."""
_APOSTROPHE_BEFORE_A_FORMULA = re.compile(
    rf"^'(?='*[{_SIGNS}\t\r\n])|([;\t\r\n]\s*)'(?='*[{_SIGNS}])",
)


@dataclass(frozen=True)
class Row:
    """A student, and the grading that counts."""

    entry: Entry
    result: Result | None
    """None for a student who handed nothing in."""
    points: float | None = None
    """The points that count, after anything taken off for being late; None where there is no score."""

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


def render_gradebook(rows: Iterable[Row], language: Language = "en") -> str:
    """Return the CSV text, with its byte-order mark; headings, verdicts and findings are in `language`."""
    headings = [words(language, f"column-{column}") for column in COLUMNS]
    return render_csv(headings, (_cells(row, language) for row in rows))


def render_canvas(title: str, full: float, rows: Sequence[Row]) -> str:
    """Return a CSV for Canvas: Grades, Import. Students are found by their Canvas number, `ID`.

    The second line gives the points possible. A student without a score is left out: an empty cell would
    delete a mark.
    """
    headings = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", title)
    possible = ("    Points Possible", "", "", "", "", f"{full:g}")
    marks = [
        (row.entry.name, row.entry.number, "", "", "", f"{row.points:g}")
        for row in rows
        if row.entry.platform == "canvas" and row.points is not None
    ]
    return render_csv(headings, [possible, *marks])


def render_moodle(full: float, rows: Sequence[Row]) -> str:
    """Return a CSV for Moodle: the assignment's 'Upload grading worksheet', which goes by `Identifier`."""
    headings = ("Identifier", "Full name", "Grade", "Maximum Grade")
    marks = [
        (f"Participant {row.entry.number}", row.entry.name, f"{row.points:g}", f"{full:g}")
        for row in rows
        if row.entry.platform == "moodle" and row.points is not None
    ]
    return render_csv(headings, marks)


def render_jsonl(rows: Iterable[Row]) -> str:
    """Return the text; what may differ between two gradings of the same is in each line's `run`."""
    return "".join(json.dumps(_record(row), ensure_ascii=False) + "\n" for row in rows)


def render_junit(title: str, rows: Sequence[Row]) -> str:
    """Return the XML text. GRADED passes; the harness's own fault is an error; all else is a failure.

    XML 1.0 holds few control characters, and a program that shows the file may obey those: whatever is not
    printable is replaced.
    """
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


def render_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV text with a byte-order mark, in which no cell is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return _BYTE_ORDER_MARK + file.getvalue()


def harmless(cell: object) -> str:
    """Return a cell's text so that no spreadsheet takes it, or a part of it, for a formula.

    Excel, LibreOffice and Google Sheets run what begins with one of `= + - @`, also in full width or after a
    tab or line end; an apostrophe before it makes it text (OWASP, "CSV Injection"). Where a list separator is
    set to be `;`, as in much of Europe, a line is split there instead of at commas, so the same holds for
    what comes after one inside a cell. Different texts stay different.
    """
    return _BEFORE_A_FORMULA.sub(r"\1'", str(cell))


def original_of(cell: str) -> str:
    """Return the text that :func:`harmless` made a cell of."""
    return _APOSTROPHE_BEFORE_A_FORMULA.sub(r"\1", cell)


def interval_in_words(score: ScorePart, language: Language) -> str:
    """Say the interval of the true accuracy; empty where nothing was measured."""
    low, high = (f"{100 * end:.1f} %" for end in (score.interval.low, score.interval.high))
    return words(language, "batch-interval", low=low, high=high) if score.is_measured else ""


def _cells(row: Row, language: Language) -> tuple[object, ...]:
    """Return a row of the gradebook, in the order of the columns."""
    entry, score = row.entry, row.score
    if row.result is None:
        return (entry.id, entry.name, verdict_in_words(row.verdict, language), *[""] * (len(COLUMNS) - 3))
    report = row.result.report
    scored: tuple[object, ...] = ("",) * 5
    if score is not None and row.points is not None:
        points = (f"{row.points:g}", f"{score.points:g}")
        scored = (score.correct, score.total, *points, interval_in_words(score, language))
    return (
        entry.id,
        entry.name,
        verdict_in_words(row.verdict, language),
        *scored,
        len(row.result.attempts),
        f"{entry.days_late:g}",
        one_line(texts_of(finding, language)[0]) if (finding := row.first_finding) else "",
        report.submission.sha256 or "",
        report.run.started,
        report.run.total_seconds,
        report.run.peak_memory_mib,
    )


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": row.entry.id,
        "name": row.entry.name,
        "verdict": row.verdict,
        "days_late": row.entry.days_late,
    }
    if row.result is not None:
        report = row.result.report
        record |= {
            "points": row.points,
            "score": report.score.model_dump(mode="json") if report.score else None,
            "attempt": len(row.result.attempts),
            "findings": [finding.code for finding in report.findings],
            "submission": report.submission.sha256,
            "identity": report.identity,
            "run": report.run.model_dump(mode="json"),
        }
    return record


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
