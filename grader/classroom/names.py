"""Whose a folder or file is, as far as its name says; a name that could be read in two ways is unclear.

Learning platforms put their own words before or after a student's:

    Canvas      `lastnamefirstname_12345_67890_file.zip`, with `_LATE` after the name of a late student: the
                first number is the student's, the second the upload's.
    Moodle      `Name_12345_assignsubmission_file_` (or `..._file`), or the same before the name of each file:
                the participant's number.
    Gradescope  `submission_12345`: the submission's number.

Students write their number and name, in any order and with anything between: `3210104593_李四`,
`李四 3210104593`, `3210104593-李四-第5次作业`. The one number of 8 to 12 digits is the id then, with up to
three letters before it; numbers that are dates are none. Where there are two, or only one that may be a date,
or where the name has the shape of Canvas's but not its numbers, nobody is guessed. Any name without such a
number is its own id.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

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
_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{0,3}[0-9]{8,12}(?![A-Za-z0-9])")
_LONG_DIGITS = re.compile(r"[0-9]{8,}")
_ONE_WORD = re.compile(r"[A-Za-z0-9]*")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}|[0-9]{6})?")
"""With the time of day behind it, perhaps."""
_WORD = re.compile(r"[A-Za-zÀ-ž]+(?:[ '’-][A-Za-zÀ-ž]+)*|[^\W\d_A-Za-zÀ-ž]+(?:[·•][^\W\d_A-Za-zÀ-ž]+)*")
_CHINESE_NAME = re.compile(r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]+[·•][\u3400-\u9fff·•]+")
_NO_NAME = re.compile(
    r"第|次|作业|实验|实训|课程|提交|报告|最终|期末|期中|垃圾|花卉|分类|识别|代码|学习|模型|版|班|组"
    r"|(?i:lab|hw|homework|assignment|submission|submit|final|main|project|version|train|code|garbage|flower)"
)
"""What a part of a file's name says that is nobody's name."""

_LOOKS_LIKE = str.maketrans(
    "авԁеһіјкӏмнорԛгѕтԝхусүѵαβγεηικνορτυχωı",
    "abdehijklmhopqrstwxycyvabyenikvoptuxwi",
)
"""Letters of other scripts that look like a Latin one, after case folding. Digits are left alone: ids such as
10 and 1o may both be real."""


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
            return _unclear(name)
        is_late = match["late"] is not None
        return Owner(match["id"], match["name"], is_late, "canvas", match["file"])
    return _as_students_write(name)


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
    """Whether the numbers are such as Canvas gives: it has many more uploads than users."""
    id_, upload = match["id"], match["upload"]
    if match["late"] is not None:
        return True
    is_number_of_a_student = _NUMBER.fullmatch(id_) is not None
    is_chosen_by_a_student = len(upload) < len(id_) - 1 or (
        not match["name"].isascii() and len(id_) < len(str(_FEW)) and len(upload) < len(str(_FEW))
    )
    return not (is_number_of_a_student or is_chosen_by_a_student)


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


def _unclear(name: str) -> Owner:
    numbers = _NUMBER.findall(unicodedata.normalize("NFKC", name))
    return Owner(name, name, numbers=tuple(dict.fromkeys(numbers)), is_unclear=True)


def _name_in(text: str) -> str:
    """Return the part of a text that looks like somebody's name, for display; empty if none does."""
    words = [word.strip() for word in _WORD.findall(text.replace("_", "\n"))]
    named = [word for word in words if not _NO_NAME.search(word)]
    chinese = [word for word in named if _CHINESE_NAME.fullmatch(word)]
    return next(iter([*chinese, *named]), "")
