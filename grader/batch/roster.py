"""The roster: a CSV file that says who is in the class and, where file names do not, whose is what.

Columns, by their headings: `id` (required); `name`; `submission` (the folder's or file's name, or the id that
is read from it, where that differs from `id`); `days_late` (a number; 0 or empty is in time).
"""

from __future__ import annotations

import csv
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.report.text import one_line

_COLUMNS = frozenset({"id", "name", "submission", "days_late"})


@dataclass(frozen=True)
class Student:
    """One row of the roster."""

    id: str
    name: str
    submission: str
    """Which submission is theirs: its file name, or the id that is read from it."""
    days_late: float | None = None
    """None where the roster does not say."""


def read_roster(path: Path) -> tuple[Student, ...]:
    """Read a roster, UTF-8 with or without a byte-order mark.

    Raises:
        UsageError: it cannot be read, a column is missing or unknown, or a value is none.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            headings = [heading.strip() for heading in reader.fieldnames or ()]
            rows = [dict(zip(headings, row.values(), strict=False)) for row in reader]
    except OSError as error:
        raise UsageError(f"cannot read the roster {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the roster {path} is not UTF-8: save it as 'CSV UTF-8' and try again") from error
    except csv.Error as error:
        raise UsageError(f"the roster {path} is no CSV file: {error}") from error
    if "id" not in headings:
        raise UsageError(f"the roster {path} has no column 'id'; its first line must name the columns")
    if unknown := sorted(set(headings) - _COLUMNS):
        known = ", ".join(sorted(_COLUMNS))
        raise UsageError(f"the roster {path} has an unknown column {unknown[0]!r}; known are {known}")
    return tuple(_student(row, f"{path}, row {number}") for number, row in enumerate(rows, 2))


def _student(row: dict[str, str | None], where: str) -> Student:
    def cell(name: str) -> str:
        return one_line(unicodedata.normalize("NFC", row.get(name) or "")).strip()

    if not cell("id"):
        raise UsageError(f"{where}: the id is empty")
    return Student(
        id=cell("id"),
        name=cell("name") or cell("id"),
        submission=cell("submission") or cell("id"),
        days_late=_days(cell("days_late"), where),
    )


def _days(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not (math.isfinite(days) and days >= 0):
        raise UsageError(f"{where}: days_late is {text!r}; expected a number of days, such as 0 or 1.5")
    return days
