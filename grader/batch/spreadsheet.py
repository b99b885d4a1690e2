"""Reading a roster that a spreadsheet has saved as text, whatever its program and country make of "CSV"."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How `.xlsx` and `.xls` begin."""
_SEPARATORS = ",;\t，；"


@dataclass(frozen=True)
class TableRow:
    """One row below the headings in which something stands."""

    number: int
    """As spreadsheets count: the headings are usually row 1."""
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table with headings."""

    headings: tuple[str, ...]
    rows: tuple[TableRow, ...]


def read_table(path: Path) -> Table:
    """Read a table; its first row in which something stands has the headings.

    The text is UTF-8, UTF-16 with a byte-order mark, or GBK, as Excel saves it in China. Cells are separated
    by commas, semicolons or tabs. Rows in which nothing stands are left out.

    Raises:
        UsageError: it cannot be read, is in another encoding, is a workbook, or has a row longer than the
            headings.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError("roster-unread", path=path, reason=error) from error
    try:
        headings, *rows = _rows(_text(content, path)) or [TableRow(1, ())]
    except csv.Error as error:
        raise UsageError("roster-no-csv", path=path, reason=error) from error
    named = tuple(heading.strip() for heading in _without_end(headings.cells))
    for row in rows:
        if len(_without_end(row.cells)) > len(named):
            raise UsageError(
                "roster-long-row",
                path=path,
                row=row.number,
                cells=len(row.cells),
                columns=len(named),
                named=", ".join(named),
            )
    return Table(named, tuple(rows))


def _text(content: bytes, path: Path) -> str:
    """Decode a file.

    Raises:
        UsageError: naming what it is, as far as that can be told.
    """
    if content.startswith(_WORKBOOKS):
        raise UsageError("roster-workbook", path=path)
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and (text := _as_gbk(content)) is not None:
            return text
        raise UsageError("roster-encoding", path=path) from error


def _as_gbk(content: bytes) -> str | None:
    """Decode GBK; None if it is more likely something else.

    Nearly any bytes can be read as GBK, names in a Western encoding among them, but only as characters that
    hardly anybody's name has. Those of everyday are in GB 2312, the part that came first.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [char for char in text if not char.isascii()]
    usual = sum(bool(char.encode("gb2312", "ignore")) for char in foreign)
    return text if usual > len(foreign) / 2 else None


def _rows(text: str) -> list[TableRow]:
    if "\0" in text:
        raise csv.Error("it holds NUL characters, as UTF-16 without a byte-order mark does")
    lines = io.StringIO(text, newline="")
    told = _told_separator(text)
    if told:
        lines.readline()
    reader = csv.reader(lines, delimiter=told or _separator(text))
    return list(_filled(reader, 1 if told else 0))


def _filled(reader: Iterator[list[str]], before: int) -> Iterator[TableRow]:
    for number, cells in enumerate(reader, 1 + before):
        if any(cell.strip() for cell in cells):
            yield TableRow(number, tuple(cells))


def _told_separator(text: str) -> str:
    """Return what a first line such as `sep=;` says, which Excel understands, or nothing."""
    first, _, _ = text.partition("\n")
    first = first.rstrip("\r")
    is_told = len(first) == len("sep=,") and first.lower().startswith("sep=")
    return first[-1] if is_told else ""


def _separator(text: str) -> str:
    """Return what separates the headings: whichever separator is there most often, else a comma."""
    first = next((line for line in text.splitlines() if line.strip(_SEPARATORS + " ")), "")
    return max(_SEPARATORS, key=first.count)


def _without_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the empty cells at the end, which spreadsheets write where a column has been deleted."""
    filled = [number for number, cell in enumerate(cells, 1) if cell.strip()]
    return cells[: max(filled, default=0)]
