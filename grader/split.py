"""The split that a grading asks about: images and labels, read once and held in memory.

Only the grader's process ever holds a :class:`Split`. What crosses into the sandbox is
:meth:`SplitImage.pixels` of one image at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from grader.classes import ClassInfo
from grader.digest import digest_of_bytes, digest_of_parts
from grader.errors import UsageError, in_short
from grader.image_folder import Listing, list_images, refusal

ChannelOrder = Literal["bgr", "rgb"]
_DEMO_SEED, _DEMO_IMAGES = 0, 5
"""As `python -m datasets.demo` draws it unless told otherwise; images a class."""


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


def open_split(path: Path, classes: Sequence[ClassInfo]) -> Split:
    """Read an ImageFolder: one sub-folder a class, images in it.

    Raises:
        UsageError: there is no such folder, no image, a folder that is no class of the assignment, a file
            that is not a readable image or is an image of a kind that is not read, or a link to nothing.
    """
    try:
        return _read_split(path, classes)
    except NotADirectoryError as error:
        raise UsageError("split-no-folder", path=path) from error
    except OSError as error:
        raise UsageError("split-unread", path=error.filename, reason=error) from error


def _read_split(path: Path, classes: Sequence[ClassInfo]) -> Split:
    if not path.exists():
        raise UsageError("split-dangling" if path.is_symlink() else "split-absent", path=path)
    index_of = {info.folder: index for index, info in enumerate(classes)}
    listing = list_images(path)
    if problem := refusal(listing):
        raise problem
    unknown = [name for name in listing.images if name not in index_of]
    if unknown:
        raise UsageError("split-other-folders", path=path, names=in_short(unknown))
    images = [_read_image(file, index_of[name]) for name, files in listing.images.items() for file in files]
    if not images:
        raise UsageError("split-empty", path=path, example=f"{path.name}/{classes[0].folder}")
    check_images(images)
    folders = {file.resolve().parent for file in (path / image.name for image in images)}
    return replace(split_of(images, sorted(folders)), aside=_aside(path, listing))


def _aside(path: Path, listing: Listing) -> dict[str, tuple[str, ...]]:
    aside = {why: tuple(str(file.relative_to(path)) for file in listing.aside[why]) for why in listing.aside}
    if empty := tuple(name for name, files in listing.images.items() if not files):
        aside["empty"] = empty
    return aside


def demo_split() -> Split:
    """Draw the embedded demo set's validation images; nothing is left on disk."""
    from grader.demo import FOLDERS, encoded  # needed only here

    images = [
        SplitImage(f"{folder}/{number:05d}.jpg", label, encoded(("val", folder, number), _DEMO_SEED))
        for label, folder in enumerate(FOLDERS)
        for number in range(1, _DEMO_IMAGES + 1)
    ]
    return split_of(images, places=())


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


def _read_image(file: Path, label: int) -> SplitImage:
    _check_is_utf8(file.name)
    return SplitImage(name=f"{file.parent.name}/{file.name}", label=label, encoded=file.read_bytes())


def _check_is_utf8(name: str) -> None:
    # It is written into the instructor's file, after everything has been asked.
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("split-name", name=name) from error
