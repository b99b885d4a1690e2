"""The report of a grading: its data, its pages in two languages, and its files."""

from grader.report.build import build_report, isolation_in_words
from grader.report.files import (
    EARLIER,
    INSTRUCTOR_HTML,
    INSTRUCTOR_JSON,
    REPORT_HTML,
    REPORT_JSON,
    check_output_folder,
    read_report,
    write_grading,
)
from grader.report.html import thumbnail
from grader.report.text import render_brief, render_text, texts_of, verdict_in_words

__all__ = [
    "EARLIER",
    "INSTRUCTOR_HTML",
    "INSTRUCTOR_JSON",
    "REPORT_HTML",
    "REPORT_JSON",
    "build_report",
    "check_output_folder",
    "isolation_in_words",
    "read_report",
    "render_brief",
    "render_text",
    "texts_of",
    "thumbnail",
    "verdict_in_words",
    "write_grading",
]
