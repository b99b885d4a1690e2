"""The images of a split, in a folder with one sub-folder a class; and decoded, once for a whole class.

The ending of a file's name decides whether it is an image, as in torchvision: what a set holds must not hang
on what some decoder can make of it, or a damaged image would just be missing. What is in the file decides how
it is read: a `.bmp` that holds a JPEG is read as one. The course library has the same rule for training sets
(`src_mindspore/folders.py`); one table of tests holds for both.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.errors import UsageError, in_short, line
from grader.model.assignment import Assignment
from grader.model.dataset import ChannelOrder, ClassInfo, Split, SplitImage, check_images, split_of

# In any letter case: torchvision's list, and JPEG's other names (.jfif is what browsers on Windows save).
IMAGE_SUFFIXES = frozenset({
    ".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".pjp", ".pjpeg", ".png", ".ppm", ".tif", ".tiff",
    ".webp",
})  # fmt: skip
# Images, too, but not for OpenCV everywhere. Passed over, they would make a set smaller unnoticed.
OTHER_IMAGES = frozenset({
    ".apng", ".arw", ".avif", ".cr2", ".cr3", ".dib", ".dng", ".gif", ".heic", ".heif", ".ico", ".j2k",
    ".jp2", ".jxl", ".mpo", ".nef", ".pbm", ".psd", ".svg", ".tga",
})  # fmt: skip
REFUSED = ("other-kind", "dangling")
PASSED_OVER = ("system", "loose", "folder", "special", "no-image")
MOST_BYTES = 1 << 30
"""Pixels that are kept; images beyond it are decoded anew each time."""
_LEFT_BY_SYSTEMS = frozenset({
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    "@eadir",
})  # fmt: skip
_DEMO_SEED, _DEMO_IMAGES = 0, 5
"""As `python -m datasets.demo` draws it unless told otherwise; images a class."""


@dataclass(frozen=True)
class Listing:
    """What lies in such a folder."""

    images: Mapping[str, list[Path]]
    """By class folder; the folders, and the images in each, in sorted order."""
    aside: Mapping[str, list[Path]]
    """Everything else, by the reason: those of REFUSED and of PASSED_OVER."""


@dataclass(frozen=True, eq=False)
class DecodedImage(SplitImage):
    """An image with its pixels, in the order that the assignment asks for."""

    kept: npt.NDArray[np.uint8]
    order: ChannelOrder

    def pixels(self, channel_order: ChannelOrder) -> npt.NDArray[np.uint8]:
        """Return the pixels, read-only: every submission gets the same array's bytes."""
        return self.kept if channel_order == self.order else super().pixels(channel_order)


def list_images(folder: Path) -> Listing:
    """Sort out what lies in a folder; nothing is opened.

    Raises:
        OSError: a folder is not there or cannot be read.
    """
    images: dict[str, list[Path]] = {}
    aside: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if why := _why_no_class(entry):
            aside.setdefault(why, []).append(entry)
            continue
        images[entry.name] = []
        for file in sorted(entry.iterdir()):
            why = _why_no_image(file)
            (aside.setdefault(why, []) if why else images[entry.name]).append(file)
    return Listing(images, aside)


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image."""
    has_folder = "/" in name or "\0" in name
    return not has_folder and not _is_left_by_system(name) and Path(name).suffix.lower() in IMAGE_SUFFIXES


def refusal(listing: Listing) -> UsageError | None:
    """Return an error that says which file must be put right first, if one must."""
    for why in REFUSED:
        if files := listing.aside.get(why):
            more = line("so-many-more", count=len(files) - 1) if files[1:] else ""
            return UsageError(f"image-{why}", path=files[0], more=more)
    return None


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


def public_split(assignment: Assignment) -> Split | None:
    """Open the images that the assignment gives to students; None if they are not here, or are no split."""
    configured = assignment.splits.public
    if configured is None or not Path(configured).is_dir():
        return None
    try:
        return _opened(Path(configured), assignment.classes)
    except UsageError:
        return None  # they are for comparison alone: no grading fails over them


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


def write_folder(images: Sequence[SplitImage], out: Path) -> None:
    """Write images to `out`, a new or empty folder, with one sub-folder a class: all of them or none.

    Raises:
        UsageError: something is there already, or cannot be written.
    """
    out = out.resolve()
    try:
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UsageError("out-not-empty", path=out)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=".opening-"))
        try:
            for image in images:
                file = folder / image.name
                file.parent.mkdir(exist_ok=True)
                with file.open("xb") as opened:
                    opened.write(image.encoded)
            # Only its owner can look into it: mkdtemp made it so, and these images are to stay hidden.
            folder.rename(out)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise UsageError("out-unwritten", path=error.filename or out, reason=error) from error


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


def _read_image(file: Path, label: int) -> SplitImage:
    _check_is_utf8(file.name)
    return SplitImage(name=f"{file.parent.name}/{file.name}", label=label, encoded=file.read_bytes())


def _check_is_utf8(name: str) -> None:
    # It is written into the instructor's file, after everything has been asked.
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("split-name", name=name) from error


def _aside(path: Path, listing: Listing) -> dict[str, tuple[str, ...]]:
    aside = {
        why: tuple(file.relative_to(path).as_posix() for file in listing.aside[why]) for why in listing.aside
    }
    if empty := tuple(name for name, files in listing.images.items() if not files):
        aside["empty"] = empty
    return aside


def _why_no_class(entry: Path) -> str:
    if _is_left_by_system(entry.name):
        return "system"
    if entry.is_dir():
        return ""
    return "loose" if entry.exists() else "dangling"


def _why_no_image(file: Path) -> str:
    if _is_left_by_system(file.name):
        return "system"
    if file.is_dir():
        return "folder"
    if file.suffix.lower() in OTHER_IMAGES:
        return "other-kind"
    if not is_image_name(file.name):
        return "no-image"
    if file.is_file():
        return ""
    return "special" if file.exists() else "dangling"


def _is_left_by_system(name: str) -> bool:
    # Among them .DS_Store, the ._x.jpg that macOS puts beside an x.jpg, and .ipynb_checkpoints.
    return name.startswith(".") or name.casefold() in _LEFT_BY_SYSTEMS
