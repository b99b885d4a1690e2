"""Who is in a class.

A roster is a CSV file that lists the students and, where file names do not tell, the submission of each. Its
columns, by their headings: `id` (required); `name`; `submission` (name of the folder or file, or the id in
that name, where that id is not `id`); `days_late` (a number; 0 or empty is in time). Headings may be in
Chinese, or spelled as registrars and learning platforms spell them.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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

_ENCODING_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of `.xlsx` and `.xls`."""
_SEPARATORS = ",;\t，；"
_REWRITTEN = re.compile(r"\d(\.\d+)?[eE]\+\d+|\d+\.0+")
"""What spreadsheets make of a long number, and programs of a whole one."""


@dataclass(frozen=True)
class Student:
    """One row of the roster."""

    id: str
    name: str
    submission: str
    """Which submission is theirs: its file name, or the id in that name."""
    row: int
    """Of the file, as spreadsheets count."""
    days_late: float | None = None
    """None where the roster does not say."""


def read_roster(path: Path) -> tuple[Student, ...]:
    """Read a roster as spreadsheets save it.

    The text is UTF-8, UTF-16 with a byte-order mark, or GBK, as Excel saves it in China. Cells are separated
    by commas, semicolons or tabs. The first row that is not empty has the headings; empty rows are left out.

    Raises:
        UsageError: the file cannot be read or is no such text, a column is missing, unknown or there twice,
            or a value is not of its column's kind.
    """
    headings, rows = _read_table(path)
    columns = _columns(headings, path)
    return tuple(_student(row, columns, line("row", path=path, row=row.number)) for row in rows)


# --- rows -> students ---------------------------------------------------------------------------------


def _columns(headings: tuple[str, ...], path: Path) -> dict[str, int]:
    """Return the number of each column that is there.

    Raises:
        UsageError: saying what was found, and what to do.
    """
    found: dict[str, int] = {}
    unknown: list[str] = []
    for number, heading in enumerate(headings):
        column = _COLUMN_OF.get(_plain(heading))
        if column is None:
            unknown.append(heading)
        elif found.setdefault(column, number) != number:
            raise UsageError("roster-twice", path=path, column=column)
    if "id" not in found:
        first = one_line(", ".join(headings))[:80] or "nothing"
        raise UsageError("roster-no-id", path=path, first=first)
    if unknown:
        raise UsageError("roster-strange", path=path, column=one_line(unknown[0]), known=_KNOWN)
    return found


def _plain(heading: str) -> str:
    """Return a heading without what people spell differently: case, width, blanks, lines between words."""
    return re.sub(r"[\s_\-:：]+", "", unicodedata.normalize("NFKC", heading).casefold())


def _student(row: _Row, columns: Mapping[str, int], where: Line) -> Student:
    def cell(name: str) -> str:
        number = columns.get(name, len(row.cells))
        text = row.cells[number] if number < len(row.cells) else ""
        return one_line(unicodedata.normalize("NFC", text)).strip()

    if not cell("id"):
        raise UsageError("roster-empty-id", where=where)
    for name in ("id", "submission"):
        if _REWRITTEN.fullmatch(cell(name)):
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


# --- bytes -> rows, whatever program and country the spreadsheet comes from -------------------------------


@dataclass(frozen=True)
class _Row:
    """One row that is not empty."""

    number: int
    """As spreadsheets count, from 1."""
    cells: tuple[str, ...]


def _read_table(path: Path) -> tuple[tuple[str, ...], tuple[_Row, ...]]:
    """Return the headings, and the rows below them."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError("roster-unread", path=path, reason=error) from error
    try:
        first, *rows = _rows(_text(content, path)) or [_Row(1, ())]
    except csv.Error as error:
        raise UsageError("roster-no-csv", path=path, reason=error) from error
    headings = tuple(heading.strip() for heading in _without_empty_end(first.cells))
    for row in rows:
        if len(_without_empty_end(row.cells)) > len(headings):
            raise UsageError(
                "roster-long-row",
                path=path,
                row=row.number,
                cells=len(row.cells),
                columns=len(headings),
                named=", ".join(headings),
            )
    return headings, tuple(rows)


def _text(content: bytes, path: Path) -> str:
    """Decode a file.

    Raises:
        UsageError: naming what the file is, as far as its bytes tell.
    """
    if content.startswith(_WORKBOOKS):
        raise UsageError("roster-workbook", path=path)
    encoding = next((encoding for mark, encoding in _ENCODING_MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and (text := _as_gbk(content)) is not None:
            return text
        raise UsageError("roster-encoding", path=path) from error


def _as_gbk(content: bytes) -> str | None:
    """Decode GBK; None if the text is more likely in another encoding.

    Nearly any bytes can be read as GBK, names in a Western encoding among them, but only as characters that
    hardly anybody's name has. Everyday characters are in GB 2312, the part that came first.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [char for char in text if not char.isascii()]
    usual = sum(bool(char.encode("gb2312", "ignore")) for char in foreign)
    return text if usual > len(foreign) / 2 else None


def _rows(text: str) -> list[_Row]:
    if "\0" in text:
        raise csv.Error("it holds NUL characters, as UTF-16 without a byte-order mark does")
    lines = io.StringIO(text, newline="")
    declared = _declared_separator(text)
    if declared:
        lines.readline()
    reader = csv.reader(lines, delimiter=declared or _likely_separator(text))
    return list(_filled(reader, first=2 if declared else 1))


def _filled(reader: Iterator[list[str]], first: int) -> Iterator[_Row]:
    for number, cells in enumerate(reader, first):
        if any(cell.strip() for cell in cells):
            yield _Row(number, tuple(cells))


def _declared_separator(text: str) -> str:
    """Return the separator of a first line such as `sep=;`, which Excel understands; else nothing."""
    first = text.partition("\n")[0].rstrip("\r")
    is_declared = len(first) == len("sep=,") and first.lower().startswith("sep=")
    return first[-1] if is_declared else ""


def _likely_separator(text: str) -> str:
    """Return the separator that is most frequent among the headings, else a comma."""
    first = next((row for row in text.splitlines() if row.strip(_SEPARATORS + " ")), "")
    return max(_SEPARATORS, key=first.count)


def _without_empty_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the empty cells at the end, which spreadsheets write where a column has been deleted."""
    filled = [number for number, cell in enumerate(cells, 1) if cell.strip()]
    return cells[: max(filled, default=0)]
