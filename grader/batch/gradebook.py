"""`gradebook.csv`: one row a student, made for spreadsheets and for nobody's formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from grader.batch.rows import Row
from grader.report.model import ScorePart

BYTE_ORDER_MARK = "\ufeff"
"""By which Excel knows that a CSV file is UTF-8."""
_STARTS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


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
    "hash",
    # What may differ between two gradings of the same.
    "run_started",
    "run_seconds",
    "run_memory_mib",
)


def render_gradebook(rows: Iterable[Row]) -> str:
    """Return the CSV text, with its byte-order mark."""
    return render_csv(COLUMNS, (_cells(row) for row in rows))


def render_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV text with a byte-order mark, in which no cell is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def harmless(cell: object) -> str:
    """Return a cell's text so that no spreadsheet takes it for a formula.

    Excel, LibreOffice and Google Sheets run what begins with one of `= + - @`, also in full width or after a
    tab or line end; an apostrophe before it makes it text (OWASP, "CSV Injection").
    """
    text = str(cell)
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


def _cells(row: Row) -> tuple[object, ...]:
    entry, score = row.entry, row.score
    if row.result is None:
        return (entry.id, entry.name, row.verdict, *[""] * (len(COLUMNS) - 3))
    report = row.result.report
    scored: tuple[object, ...] = ("",) * 5
    if score is not None and row.points is not None:
        points = (f"{row.points:g}", f"{score.points:g}")
        scored = (score.correct, score.total, *points, interval_in_words(score))
    return (
        entry.id,
        entry.name,
        row.verdict,
        *scored,
        len(row.result.attempts),
        f"{entry.days_late:g}",
        report.submission.sha256 or "",
        report.run.started,
        report.run.total_seconds,
        report.run.peak_memory_mib,
    )


def interval_in_words(score: ScorePart) -> str:
    """Say the interval of the true accuracy; empty where nothing was measured."""
    low, high = score.interval.low, score.interval.high
    return f"{100 * low:.1f}% to {100 * high:.1f}%" if score.is_measured else ""
