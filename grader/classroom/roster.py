"""Who is in a class, and whose a folder or file is.

A roster is a CSV file that lists the students and, where file names do not tell, the submission of each. Its
columns, by their headings: `id` (required); `name`; `submission` (name of the folder or file, or the id in
that name, where that id is not `id`); `days_late` (a number; 0 or empty is in time). Headings may be in
Chinese, or spelled as registrars and learning platforms spell them.

Without a roster the name of a folder or file says whose it is; one that could be read in two ways is unclear.
Learning platforms put their own words before or after a student's:

    Canvas      `lastnamefirstname_12345_67890_file.zip`, with `_LATE` after the name of a late student: the
                first number is the student's, the second the upload's.
    Moodle      `Name_12345_assignsubmission_file_` (or `..._file`), or the same before the name of each file:
                the participant's number.
    Gradescope  `submission_12345`: the submission's number.

Students write their number and name, in any order and with anything between: `3210104593_李四`,
`李四 3210104593`, `3210104593-李四-第5次作业`. The one number of 8 to 12 digits is the id then, with up to
three letters before it; numbers that are dates are none. Where there are two, or only one that may be a date,
or where the name has the shape of Canvas's but not its numbers (`AI_2101_3210104593_李四`), nobody is
guessed. Any name without such a number is its own id; of 5 to 7 digits it may be, where a roster has it.
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
from typing import Literal

from grader.errors import Line, UsageError, line
from grader.printable import one_line

Platform = Literal["canvas", "moodle", "gradescope"]

_CANVAS = re.compile(
    r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.IGNORECASE
)
# The first number counts: what follows is the student's own, and may look the same.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file(_(?P<file>.*))?")
_MOODLE_TEXT = re.compile(r".+_\d+_assignsubmission_(?!file(_|$))[a-z]+(_.*)?")
_GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")
_FEW = 1000
"""A Chinese name with numbers below this is a student's own (`李四_2_5_lab`), and no Canvas export."""
_LONG_UPLOAD = 10
"""Digits that a student's number has, and hardly an upload; of one of the first users, two fewer."""
_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{0,3}[0-9]{8,12}(?![A-Za-z0-9])")
_UNUSUAL_NUMBER = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*[0-9]{7})[A-Za-z0-9]{8,20}(?![A-Za-z0-9])")
"""Longer ones, and those with letters between: nobody is guessed by them, but a roster may have them."""
_SHORT_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{0,3}[0-9]{5,7}(?![A-Za-z0-9])")
"""Some schools' ids; but rooms, classes and months have such numbers, too."""
_LONG_DIGITS = re.compile(r"[0-9]{8,}")
_ONE_WORD = re.compile(r"[A-Za-z0-9]*")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}|[0-9]{6})?")
"""With the time of day behind it, perhaps."""
_WORD = re.compile(r"[A-Za-zÀ-ž]+(?:[ '’-][A-Za-zÀ-ž]+)*|[^\W\d_A-Za-zÀ-ž]+(?:[·•][^\W\d_A-Za-zÀ-ž]+)*")
_CHINESE_NAME = re.compile(r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]+[·•][\u3400-\u9fff·•]+")
_NO_NAME = re.compile(
    r"第|次|作业|实验|实训|课程|提交|报告|最终|期末|期中|垃圾|花卉|分类|识别|代码|学习|模型|版|班|组"
    r"|(?i:lab|hw|homework|assignment|submission|submit|final|main|project|version|train|code|garbage|flower|group|class|team)"
)
"""What a part of a file's name says that is nobody's name."""
_LABELS = re.compile(r"_|学号|姓名|的?副本|\b[Cc]opy\b")
"""What stands before a name or behind it."""

_LOOKS_LIKE = str.maketrans(
    "авԁеһіјкӏмнорԛгѕтԝхусүѵαβγεηικνορτυχωı",
    "abdehijklmhopqrstwxycyvabyenikvoptuxwi",
)
"""Letters of other scripts that look like a Latin one, after case folding. Digits are left alone: ids such as
10 and 1o may both be real."""
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
class Owner:
    """What the name of a folder or file says about whose it is."""

    id: str
    name: str
    """The student's name if it is there; else the id."""
    is_late: bool = False
    platform: Platform | None = None
    """Whose number the id is; None where the student wrote it, or the id is the whole name."""
    file: str = ""
    """The student's own name for the file, where the platform puts that after its own words."""
    numbers: tuple[str, ...] = ()
    """The numbers in it that may be an id that a student wrote."""
    is_unclear: bool = False
    """Whether the name could be read in two ways; the id is the whole name then."""


def owner_of(name: str) -> Owner:
    """Read an id from the name of a folder, or of a file without its `.zip`."""
    # A name that the file system keeps decomposed (macOS) is the same name.
    name = one_line(unicodedata.normalize("NFC", name)).strip()
    if match := _MOODLE.fullmatch(name):
        return Owner(match["id"], match["name"], platform="moodle", file=match["file"] or "")
    if match := _GRADESCOPE.fullmatch(name):
        return Owner(match["id"], match["id"], platform="gradescope")
    match = _CANVAS.fullmatch(name)
    # Canvas leaves digits in names, but a name of nothing else is a number that a student wrote.
    if match and not match["name"].isdigit():
        if not _is_canvas(match):
            # A file's name is the student's own even there: a number in it must not make them another.
            upload_is_a_number = _NUMBER.fullmatch(match["upload"]) is not None
            return _unclear(name, name[: match.start("file")] if upload_is_a_number else name)
        is_late = match["late"] is not None
        return Owner(match["id"], match["name"], is_late, "canvas", match["file"])
    return _as_students_write(name)


def numbers_in(name: str) -> tuple[str, ...]:
    """Return the numbers in a name that may be the id of a student whom a roster names."""
    owner = owner_of(name)
    if owner.platform or owner.numbers:
        return owner.numbers
    return tuple(_SHORT_NUMBER.findall(unicodedata.normalize("NFKC", name)))


def is_typed_text(name: str) -> bool:
    """Whether a name is that of a text that a student typed into Moodle instead of handing in a file."""
    return _MOODLE_TEXT.fullmatch(name) is not None


def likeness(text: str) -> str:
    """Return the form in which two ids that a reader could take for each other are equal.

    NFKC and case folding make full-width, ligature and case variants equal, format characters vanish, and
    letters of other scripts that look like Latin ones become those (the usual ones of Unicode's UTS 39).
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = "".join(char for char in folded if unicodedata.category(char) not in ("Cf", "Mn", "Cc"))
    return " ".join(visible.translate(_LOOKS_LIKE).split())


def _is_canvas(match: re.Match[str]) -> bool:
    """Whether the numbers are such as Canvas gives: it has more uploads than users, but not without end."""
    id_, upload = match["id"], match["upload"]
    if match["late"] is not None:
        return True
    is_by_a_student = not match["name"].isascii() or _NUMBER.search(match["file"]) is not None
    signs_of_a_student = (
        _NUMBER.fullmatch(id_) is not None,
        len(upload) < len(id_) - 1,
        is_by_a_student and max(len(id_), len(upload)) < len(str(_FEW)),
        # A class, a group or a seat, and the student's number behind it.
        len(upload) >= _LONG_UPLOAD,
        len(upload) >= _LONG_UPLOAD - 2 and len(id_) <= len(str(_FEW)),
        id_.startswith("0"),
        not _NO_NAME.sub("", match["name"]).strip("0123456789- "),
    )
    return not any(signs_of_a_student)


def _as_students_write(name: str) -> Owner:
    """Read a number and a name, in any order and with anything between."""
    plain = unicodedata.normalize("NFKC", name)
    if _ONE_WORD.fullmatch(plain) or not _LONG_DIGITS.search(plain):
        return Owner(name, name)
    numbers = list(dict.fromkeys(number for number in _NUMBER.findall(plain) if not _is_date(number)))
    # A run of digits that is no number of a student's and no date may be one that was mistyped.
    in_numbers = {digits for number in numbers for digits in _LONG_DIGITS.findall(number)}
    others = [digits for digits in _LONG_DIGITS.findall(plain) if digits not in in_numbers]
    if len(numbers) != 1 or not all(map(_DATE.fullmatch, others)):
        return _unclear(name)
    number = numbers[0]
    return Owner(number, _name_in(plain.replace(number, "\n")) or number, numbers=(number,))


def _is_date(number: str) -> bool:
    return _DATE.fullmatch(number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) is not None


def _unclear(name: str, told: str | None = None) -> Owner:
    """Return what is known of a name that could be read in two ways.

    Args:
        name: of the folder or file.
        told: the part of it in which a roster's ids are looked for; None for all.
    """
    plain = unicodedata.normalize("NFKC", name if told is None else told)
    numbers = _NUMBER.findall(plain) or _UNUSUAL_NUMBER.findall(plain)
    return Owner(name, name, numbers=tuple(dict.fromkeys(numbers)), is_unclear=True)


def _name_in(text: str) -> str:
    """Return the part of a text that looks like somebody's name, for display; empty if none does."""
    words = [word.strip() for word in _WORD.findall(_LABELS.sub("\n", text))]
    named = [word for word in words if not _NO_NAME.search(word)]
    chinese = [word for word in named if _CHINESE_NAME.fullmatch(word)]
    return next(iter([*chinese, *named]), "")


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
