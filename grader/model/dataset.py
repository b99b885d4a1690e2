"""The images and labels that a grading asks about, held in memory.

Only the grader's process ever holds a :class:`Split`. What crosses into the sandbox is
:meth:`SplitImage.pixels` of one image at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from grader.errors import UsageError
from grader.files import digest_of_bytes, digest_of_parts

ChannelOrder = Literal["bgr", "rgb"]


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
