"""Opening a split: from a folder, from a sealed file, or drawn; decoded once for a whole class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.errors import UsageError, in_short
from grader.model.assignment import Assignment
from grader.model.dataset import ChannelOrder, ClassInfo, Split, SplitImage, check_images, split_of
from grader.split.encryption import key_file_from
from grader.split.folder import Listing, list_images, refusal
from grader.split.sealed import is_sealed, open_sealed

_DEMO_SEED, _DEMO_IMAGES = 0, 5
"""As `python -m datasets.demo` draws it unless told otherwise; images a class."""
MOST_BYTES = 1 << 30
"""Pixels that are kept; images beyond it are decoded anew each time."""


@dataclass(frozen=True, eq=False)
class DecodedImage(SplitImage):
    """An image with its pixels, in the order that the assignment asks for."""

    kept: npt.NDArray[np.uint8]
    order: ChannelOrder

    def pixels(self, channel_order: ChannelOrder) -> npt.NDArray[np.uint8]:
        """Return the pixels, read-only: every submission gets the same array's bytes."""
        return self.kept if channel_order == self.order else super().pixels(channel_order)


def choose_split(
    path: Path | None, assignment: Assignment, *, self_check: bool, key_file: Path | None = None
) -> Split:
    """Open the split asked for, else the assignment's own, else draw the demo set."""
    configured = assignment.splits.public if self_check else assignment.splits.hidden
    if path is None and configured is not None:
        path = Path(configured)
    if path is not None and is_sealed(path):
        return open_sealed(path, key_file_from(key_file), assignment.classes)
    if path is not None:
        return open_split(path, assignment.classes)
    split = demo_split()
    if max(image.label for image in split.images) >= len(assignment.classes):
        raise UsageError("no-split")
    return split


def public_split(assignment: Assignment) -> Split | None:
    """Open the images that the assignment gives to students; None if they are not here, or are no split."""
    configured = assignment.splits.public
    if configured is None or not Path(configured).is_dir():
        return None
    try:
        return _opened(Path(configured), assignment.classes)
    except UsageError:
        return None  # they are for comparison alone: no grading fails over them


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


def demo_split() -> Split:
    """Draw the embedded demo set's validation images; nothing is left on disk."""
    from grader.demo import FOLDERS, encoded  # needed only here

    images = [
        SplitImage(f"{folder}/{number:05d}.jpg", label, encoded(("val", folder, number), _DEMO_SEED))
        for label, folder in enumerate(FOLDERS)
        for number in range(1, _DEMO_IMAGES + 1)
    ]
    return split_of(images, places=())


def decoded(split: Split, order: ChannelOrder, most_bytes: int = MOST_BYTES) -> Split:
    """Return the same split with its images decoded, as many as fit."""
    images: list[SplitImage] = []
    for image in split.images:
        pixels = image.pixels(order)
        pixels.flags.writeable = False
        most_bytes -= pixels.nbytes
        fits = most_bytes >= 0
        images.append(DecodedImage(image.name, image.label, image.encoded, pixels, order) if fits else image)
    return replace(split, images=tuple(images))


@lru_cache(maxsize=1)
def _opened(path: Path, classes: tuple[ClassInfo, ...]) -> Split:
    # A process that grades a whole class need not read them for each.
    return open_split(path, classes)


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


def _read_image(file: Path, label: int) -> SplitImage:
    _check_is_utf8(file.name)
    return SplitImage(name=f"{file.parent.name}/{file.name}", label=label, encoded=file.read_bytes())


def _check_is_utf8(name: str) -> None:
    # It is written into the instructor's file, after everything has been asked.
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("split-name", name=name) from error
