"""Do two networks answer alike? The images to ask about, and the largest difference on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.folders import is_image_name
from src_mindspore.transforms import evaluation_transform

from datasets.demo import FOLDERS, draw
from reference.errors import InputError
from reference.images.reading import decode_file, file_digest

FloatArray: TypeAlias = npt.NDArray[np.float32]
Predict: TypeAlias = Callable[[FloatArray], FloatArray]
"""Images (N, 3, 224, 224) to logits or probabilities (N, classes)."""

BATCH_SIZE = 8
DRAWN = 8


@dataclass(frozen=True)
class Images:
    """Images to compare on, decoded when they are needed.

    Attributes:
        what: in a few words, for the report.
        readers: one an image, returning it as uint8 (H, W, 3) BGR.
    """

    what: str
    readers: Sequence[Callable[[], npt.NDArray[np.uint8]]]

    def batches(self) -> Iterator[FloatArray]:
        """Yield the images as the network takes them, (up to 8, 3, 224, 224)."""
        for start in range(0, len(self.readers), BATCH_SIZE):
            batch = [read() for read in self.readers[start : start + BATCH_SIZE]]
            yield np.stack([evaluation_transform(image) for image in batch])


def drawn_images() -> Images:
    """Return a few images of the demo set, for when there are no photos."""
    folders = FOLDERS[:: len(FOLDERS) // DRAWN][:DRAWN]
    return Images(f"{DRAWN} drawn images", [partial(draw, folder, "val", 1) for folder in folders])


def image_files(paths: Sequence[Path], where: str) -> Images:
    """Return image files; `where` they lie is for the report.

    Reading one raises InputError if it cannot be read or is no image.
    """
    return Images(f"{len(paths)} images of {where}", [partial(_read, path) for path in paths])


def _read(path: Path) -> npt.NDArray[np.uint8]:
    return decode_file(path, file_digest(path))


def images_below(folder: Path) -> Images:
    """Return the images in a folder and in the folders below it, in sorted order, but for hidden files.

    Raises:
        InputError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    paths = [path for path in sorted(folder.rglob("*")) if is_image_name(path.name) and path.is_file()]
    if not paths:
        raise InputError(f"{folder}: has no images")
    return image_files(paths, str(folder))


def largest_difference(one: FloatArray, other: FloatArray) -> float:
    """Return the largest absolute difference; infinite if the shapes differ or a value is not finite."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other).max())
