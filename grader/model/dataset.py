"""A data set: its classes, and the images and labels that a grading asks about.

One TOML file holds one class list, an array of `[[classes]]` tables. It is the only place where folders and
names are written down; everything else asks :func:`load_classes`.

Images are held in memory, and only the grader's process ever holds a :class:`Split`. What crosses into the
sandbox is :meth:`SplitImage.pixels` of one image at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from grader.errors import ContentError, UsageError
from grader.files import digest_of_bytes, digest_of_parts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ChannelOrder = Literal["bgr", "rgb"]
_LISTS = Path(__file__).with_name("class_lists")

GARBAGE26: Final = _LISTS / "garbage26.toml"
"""The 26 garbage classes of the garbage lab."""

FLOWERS5: Final = _LISTS / "flowers5.toml"
"""The 5 flower classes of the flower lab."""


@dataclass(frozen=True)
class ClassInfo:
    """One class. Its index is its place in the list, which is sorted by folder."""

    folder: str
    """Name of the folder that holds the images of this class, one path component."""
    name: str
    """What `predict` must return for it, letter for letter."""
    zh: str = ""
    """Chinese name, empty if there is none."""
    group: str = ""
    """Kind of waste (`recyclable`, `dry`, `hazardous`, `wet`), empty if there is none."""
    group_zh: str = ""
    """Chinese name of the group, empty if there is none."""


def load_classes(path: Path) -> tuple[ClassInfo, ...]:
    """Read a class list from a TOML file.

    Returns:
        The classes in sorted folder order, so that place = class index.

    Raises:
        ContentError: in one line that names the file, and the entry and key where one is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContentError("classes-unread", path=path, reason=error) from error
    except UnicodeDecodeError as error:
        raise ContentError("classes-not-utf8", path=path) from error
    except tomllib.TOMLDecodeError as error:
        raise ContentError("classes-not-toml", path=path, reason=error) from error
    try:
        return parse_classes(_classes_table(document))
    except ContentError as error:
        raise ContentError("classes-in", path=path, reason=error) from error


def parse_classes(table: Sequence[Mapping[str, object]]) -> tuple[ClassInfo, ...]:
    """Check a class list and put it in order.

    Args:
        table: one mapping a class, with the fields of `ClassInfo` as keys.

    Returns:
        The classes in sorted folder order, so that place = class index.

    Raises:
        ContentError: in one line that names the entry (counted from 1) and the key.
    """
    if not table:
        raise ContentError("classes-none")
    classes = [_parse_entry(number, entry) for number, entry in enumerate(table, 1)]
    for key in ("folder", "name"):
        _refuse_duplicates(key, [getattr(info, key) for info in classes])
    return tuple(sorted(classes, key=lambda info: info.folder))


@dataclass(frozen=True)
class SplitImage:
    """One labelled image, still encoded."""

    name: str
    """Folder and file name; for the instructor's eyes only."""
    label: int
    """Class index."""
    encoded: bytes

    def pixels(self, channel_order: ChannelOrder) -> npt.NDArray[np.uint8]:
        """Decode as `cv2.imread` does.

        Returns:
            uint8 array of shape (height, width, 3) in the channel order asked for.

        Raises:
            UsageError: the bytes are not an image that OpenCV can read.
        """
        import cv2  # who reads class lists alone has no need of it

        image = cv2.imdecode(np.frombuffer(self.encoded, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise UsageError("split-undecodable", name=self.name)
        if channel_order == "rgb":
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return np.ascontiguousarray(image, dtype=np.uint8)


@dataclass(frozen=True)
class Split:
    """All images of a split, in the order of their names."""

    images: tuple[SplitImage, ...]
    sha256: str
    """Digest over the names and bytes of all images: the same split, wherever it lies."""
    places: tuple[Path, ...]
    """Where it really lies, links followed: the images' folders, or the sealed file; empty for the drawn
    demo set."""
    key_file: Path | None = None
    """Of a sealed split."""
    key_sha256: str = ""
    """Digest of that file; empty if there is none."""
    aside: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """What in the folder was no image, by the reason, and, as `empty`, classes without images; names
    relative to the folder."""

    @cached_property
    def names(self) -> dict[str, str]:
        """The images' names by the digests of their bytes."""
        return {digest_of_bytes(image.encoded): image.name for image in self.images}

    @property
    def is_demo(self) -> bool:
        """Whether this is the drawn demo set, which decides nobody's mark."""
        return not self.places


def split_of(images: Sequence[SplitImage], places: Sequence[Path]) -> Split:
    """Return the split of these images, with its digest."""
    digest = digest_of_parts((image.name, digest_of_bytes(image.encoded)) for image in images)
    return Split(images=tuple(images), sha256=digest, places=tuple(places))


def check_images(images: Sequence[SplitImage]) -> None:
    """Decode every image once, so that a bad one is found before grading.

    Raises:
        UsageError: naming the first that is not a readable image.
    """
    for image in images:
        image.pixels("bgr")


def _classes_table(document: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """Take the `classes` array out of a TOML document, and refuse anything beside it."""
    for key in document:
        if key != "classes":
            raise ContentError("classes-beside", key=key)
    table = document.get("classes", [])
    if not isinstance(table, list):
        raise ContentError("classes-no-list")
    return table


def _parse_entry(number: int, entry: Mapping[str, object]) -> ClassInfo:
    """Check one entry; `number` counts from 1 and is for the message only."""
    if not isinstance(entry, Mapping):
        raise ContentError("class-no-table", number=number, kind=type(entry).__name__)
    known = {field.name: field.default is MISSING for field in fields(ClassInfo)}
    for key in entry:
        if key not in known:
            raise ContentError("class-unknown-key", number=number, key=key, known=", ".join(known))
    for key, required in known.items():
        if required and key not in entry:
            raise ContentError("class-lacks", number=number, key=key)
    values = {key: _parse_text(number, key, value) for key, value in entry.items()}
    _check_folder(number, values["folder"])
    return ClassInfo(**values)


def _parse_text(number: int, key: str, value: object) -> str:
    """Accept a non-empty string without blanks or line breaks round it."""
    if not isinstance(value, str):
        raise ContentError("class-no-text", number=number, key=key, kind=type(value).__name__)
    if not value.strip():
        raise ContentError("class-empty", number=number, key=key)
    if value != value.strip() or not value.isprintable():
        raise ContentError("class-blanks", number=number, key=key, value=value)
    return value


def _check_folder(number: int, folder: str) -> None:
    """Refuse what would lead out of the data set, on any operating system."""
    if folder in {".", ".."} or any(mark in folder for mark in "/\\:"):
        raise ContentError("class-folder", number=number, folder=folder)


def _refuse_duplicates(key: str, values: Sequence[str]) -> None:
    """Name the second of two entries that share a value."""
    first: dict[str, int] = {}
    for number, value in enumerate(values, 1):
        if value in first:
            raise ContentError("class-repeats", number=number, key=key, value=value, first=first[value])
        first[value] = number
