"""`gradebook.csv`: one row a student, made for spreadsheets and for nobody's formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from grader.batch.rows import Row
from grader.findings.catalogue import Language, words
from grader.printable import one_line
from grader.report.model import ScorePart
from grader.report.text import told, verdict_in_words

BYTE_ORDER_MARK = "\ufeff"
"""By which Excel knows that a CSV file is UTF-8."""
_SIGNS = r"=+\-@＝＋－＠"
_BEFORE_A_FORMULA = re.compile(rf"^(?='*[{_SIGNS}\t\r\n])|([;\t\r\n]\s*)(?='*[{_SIGNS}])")
"""Where a spreadsheet would begin to compute, whatever it splits a line at."""
_BEFORE_A_MARK = re.compile(rf"^'(?='*[{_SIGNS}\t\r\n])|([;\t\r\n]\s*)'(?='*[{_SIGNS}])")
"""The same place once an apostrophe stands there."""


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


def render_gradebook(rows: Iterable[Row], language: Language = "en") -> str:
    """Return the CSV text, with its byte-order mark; headings, verdicts and findings are in `language`."""
    headings = [words(language, f"column-{column}") for column in COLUMNS]
    return render_csv(headings, (_cells(row, language) for row in rows))


def render_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV text with a byte-order mark, in which no cell is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def harmless(cell: object) -> str:
    """Return a cell's text so that no spreadsheet takes it, or a part of it, for a formula.

    Excel, LibreOffice and Google Sheets run what begins with one of `= + - @`, also in full width or after a
    tab or line end; an apostrophe before it makes it text (OWASP, "CSV Injection"). Where a list separator is
    set to be `;`, as in much of Europe, a line is split there instead of at commas, so the same holds for
    what comes after one inside a cell. Different texts stay different.
    """
    return _BEFORE_A_FORMULA.sub(r"\1'", str(cell))


def as_it_was(cell: str) -> str:
    """Return the text that :func:`harmless` made a cell of."""
    return _BEFORE_A_MARK.sub(r"\1", cell)


def _cells(row: Row, language: Language) -> tuple[object, ...]:
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
        one_line(told(finding, language)[0]) if (finding := row.first_finding) else "",
        report.submission.sha256 or "",
        report.run.started,
        report.run.total_seconds,
        report.run.peak_memory_mib,
    )


def interval_in_words(score: ScorePart, language: Language) -> str:
    """Say the interval of the true accuracy; empty where nothing was measured."""
    low, high = (f"{100 * end:.1f}%" for end in (score.interval.low, score.interval.high))
    return words(language, "batch-interval", low=low, high=high) if score.is_measured else ""
