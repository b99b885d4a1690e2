"""Gradebooks as learning platforms import them, for the submissions that came from there."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.gradebook import render_csv
from grader.batch.rows import Row


def render_canvas(title: str, full: float, rows: Sequence[Row]) -> str:
    """Return a CSV for Canvas: Grades, Import. Students are found by their Canvas number, `ID`.

    The second line says what all points are. Who has no score is left out: an empty cell would delete a mark.
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
