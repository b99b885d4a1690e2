"""Whose a submission is: told by the name of its folder or file, as learning platforms export it.

Canvas    `lastnamefirstname_12345_67890_file.zip`, with `_LATE` after the name where it was late:
          the first number is the student, the second the upload.
Moodle    `Name_12345_assignsubmission_file_` (or `..._file`), or the same before every file's own name:
          the number of the participant.
Gradescope `submission_12345`: the number of the submission.
Anything else is its own id.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from grader.printable import one_line

Platform = Literal["canvas", "moodle", "gradescope"]

_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)", re.IGNORECASE)
# The first number counts: what follows is the student's own, and may look the same.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file(_(?P<file>.*))?")
_MOODLE_TEXT = re.compile(r".+_\d+_assignsubmission_(?!file(_|$))[a-z]+(_.*)?")
_GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")

# Letters of other scripts that look like a Latin one, after case folding. Digits are left alone: ids such as
# 10 and 1o may both be real.
_LOOKS_LIKE = str.maketrans(
    "авԁеһіјкӏмнорԛгѕтԝхусүѵαβγεηικνορτυχωı",
    "abdehijklmhopqrstwxycyvabyenikvoptuxwi",
)


@dataclass(frozen=True)
class Owner:
    """What a name says about whose submission it is."""

    id: str
    name: str
    """The student's name as far as it is known; else the id."""
    is_late: bool = False
    platform: Platform | None = None
    """Whose number the id is; None where it is the name itself."""
    file: str = ""
    """What the student called the file, where the platform puts that after its own words."""


def owner_of(name: str) -> Owner:
    """Read an id from the name of a folder, or of a file without its `.zip`."""
    # A name that the file system keeps decomposed (macOS) is the same name.
    name = one_line(unicodedata.normalize("NFC", name)).strip()
    if match := _CANVAS.fullmatch(name):
        is_late = match["late"] is not None
        return Owner(match["id"], match["name"], is_late, "canvas", match["file"])
    if match := _MOODLE.fullmatch(name):
        return Owner(match["id"], match["name"], platform="moodle", file=match["file"] or "")
    if match := _GRADESCOPE.fullmatch(name):
        return Owner(match["id"], match["id"], platform="gradescope")
    return Owner(name, name)


def is_typed_text(name: str) -> bool:
    """Whether a name is that of what a student typed into Moodle instead of handing in a file."""
    return _MOODLE_TEXT.fullmatch(name) is not None


def likeness(text: str) -> str:
    """Return the form in which two ids that a reader could take for each other are equal.

    NFKC and case folding make full-width, ligature and case variants equal, format characters vanish, and
    letters of other scripts that look like Latin ones become those (the usual ones of Unicode's UTS 39).
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = "".join(char for char in folded if unicodedata.category(char) not in ("Cf", "Mn", "Cc"))
    return " ".join(visible.translate(_LOOKS_LIKE).split())
