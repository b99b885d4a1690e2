"""The roster: a CSV file that says who is in the class and, where file names do not, whose is what.

Columns, by their headings: `id` (required); `name`; `submission` (the folder's or file's name, or the id that
is read from it, where that differs from `id`); `days_late` (a number; 0 or empty is in time). Headings may be
in Chinese, too, or spelled as registrars and learning platforms do.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.batch.spreadsheet import TableRow, read_table
from grader.errors import Line, UsageError, line
from grader.printable import one_line

_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "studentid", "studentnumber", "studentno", "idnumber", "学号", "学生学号", "学籍号", "编号"),
    "name": ("name", "fullname", "studentname", "student", "姓名", "学生姓名", "名字"),
    "submission": ("submission", "file", "filename", "folder", "提交", "提交文件", "文件", "文件名"),
    "days_late": ("dayslate", "latedays", "late", "迟交天数", "迟交", "晚交天数", "逾期天数"),
}
_COLUMN_OF = {heading: column for column, headings in _HEADINGS.items() for heading in headings}
_KNOWN = "id (学号), name (姓名), submission (提交), days_late (迟交天数)"
_SHORTENED = re.compile(r"\d(\.\d+)?[eE]\+\d+|\d+\.0+")
"""What spreadsheets make of a long number, and programs of a whole one."""


@dataclass(frozen=True)
class Student:
    """One row of the roster."""

    id: str
    name: str
    submission: str
    """Which submission is theirs: its file name, or the id that is read from it."""
    row: int
    """Of the file, as spreadsheets count."""
    days_late: float | None = None
    """None where the roster does not say."""


def read_roster(path: Path) -> tuple[Student, ...]:
    """Read a roster as spreadsheets save it.

    Raises:
        UsageError: it cannot be read, a column is missing, unknown or there twice, or a value is none.
    """
    table = read_table(path)
    columns = _columns(table.headings, path)
    return tuple(_student(row, columns, line("row", path=path, row=row.number)) for row in table.rows)


def _columns(headings: tuple[str, ...], path: Path) -> dict[str, int]:
    """Return where which column is.

    Raises:
        UsageError: saying what was found, and what to do.
    """
    found: dict[str, int] = {}
    strange: list[str] = []
    for number, heading in enumerate(headings):
        column = _COLUMN_OF.get(_plain(heading))
        if column is None:
            strange.append(heading)
        elif found.setdefault(column, number) != number:
            raise UsageError("roster-twice", path=path, column=column)
    if "id" not in found:
        first = one_line(", ".join(headings))[:80] or "nothing"
        raise UsageError("roster-no-id", path=path, first=first)
    if strange:
        raise UsageError("roster-strange", path=path, column=one_line(strange[0]), known=_KNOWN)
    return found


def _plain(heading: str) -> str:
    """Return a heading without what people spell differently: case, width, blanks, lines between words."""
    return re.sub(r"[\s_\-:：]+", "", unicodedata.normalize("NFKC", heading).casefold())


def _student(row: TableRow, columns: Mapping[str, int], where: Line) -> Student:
    def cell(name: str) -> str:
        number = columns.get(name, len(row.cells))
        text = row.cells[number] if number < len(row.cells) else ""
        return one_line(unicodedata.normalize("NFC", text)).strip()

    if not cell("id"):
        raise UsageError("roster-empty-id", where=where)
    for name in ("id", "submission"):
        if _SHORTENED.fullmatch(cell(name)):
            raise UsageError("roster-rewritten", where=where, name=name, value=cell(name))
    return Student(
        id=cell("id"),
        name=cell("name") or cell("id"),
        submission=cell("submission") or cell("id"),
        row=row.number,
        days_late=_days(cell("days_late"), where),
    )


def _days(text: str, where: Line) -> float | None:
    if not text:
        return None
    try:
        days = float(text.replace(",", "."))
    except ValueError:
        days = math.nan
    if not (math.isfinite(days) and days >= 0):
        raise UsageError("roster-days", where=where, value=text)
    return days
