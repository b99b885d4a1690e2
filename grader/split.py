"""The split that a grading asks about: images and labels, read once and held in memory.

Only the grader's process ever holds a :class:`Split`. What crosses into the sandbox is
:meth:`SplitImage.pixels` of one image at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from datasets.classes import ClassInfo
from grader.digest import digest_of_bytes, digest_of_parts
from grader.errors import UsageError

ChannelOrder = Literal["bgr", "rgb"]
_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_OTHER_IMAGES = frozenset({".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".svg"})
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
            raise UsageError(f"the split's image {self.name} cannot be decoded: replace or remove it")
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
        UsageError: there is no such folder, no image, a folder that is no class of the
            assignment, or a file that is not a readable image.
    """
    try:
        return _read_split(path, classes)
    except FileNotFoundError as error:
        raise UsageError(
            f"the split {path} does not exist: give a folder with one sub-folder a class"
        ) from error
    except NotADirectoryError as error:
        raise UsageError(
            f"the split {path} is not a folder, nor a sealed split: give a folder with one sub-folder a class"
        ) from error
    except OSError as error:
        raise UsageError(f"cannot read the split's {error.filename}: {error.strerror}") from error


def _read_split(path: Path, classes: Sequence[ClassInfo]) -> Split:
    index_of = {info.folder: index for index, info in enumerate(classes)}
    names = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not _is_hidden(entry))
    unknown = [name for name in names if name not in index_of]
    if unknown:
        raise UsageError(
            f"the split {path} has folders that are no class of this assignment: {_some(unknown)}; "
            "give the folder that holds the class folders (for example .../val), or another --assignment"
        )
    images = [image for name in names for image in _read_class(path / name, index_of[name])]
    if not images:
        raise UsageError(
            f"the split {path} has no images: expected {path.name}/{classes[0].folder}/*.jpg and so on"
        )
    folders = {file.resolve().parent for file in (path / image.name for image in images)}
    return split_of(images, sorted(folders))


def demo_split() -> Split:
    """Draw the embedded demo set's validation images; nothing is left on disk."""
    from datasets.demo.generate import encoded  # needed only here
    from datasets.demo.picture import FOLDERS

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


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image of the split."""
    return (
        "/" not in name
        and "\0" not in name
        and not _is_hidden(Path(name))
        and Path(name).suffix.lower() in _IMAGE_SUFFIXES
    )


def _read_class(folder: Path, label: int) -> list[SplitImage]:
    """Read one class's images."""
    images = []
    for file in sorted(folder.iterdir()):
        if file.is_dir() or _is_hidden(file):
            continue
        if file.suffix.lower() in _OTHER_IMAGES:  # passed over, it would make the split smaller unnoticed
            raise UsageError(f"{file} is an image of a kind that is not read: convert it to JPEG or PNG")
        if not is_image_name(file.name):
            continue
        _check_is_utf8(file.name)
        images.append(SplitImage(name=f"{folder.name}/{file.name}", label=label, encoded=file.read_bytes()))
    check_images(images)
    return images


def _check_is_utf8(name: str) -> None:
    # It is written into the instructor's file, after everything has been asked.
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"rename the split's image {name!r}: its name is not UTF-8") from error


def _is_hidden(path: Path) -> bool:
    return re.match(r"[.]|Thumbs\.db$|__MACOSX$", path.name) is not None


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
