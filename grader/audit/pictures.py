"""Reading every file of a set of images, good or not, with what the audit compares them by."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from grader.errors import UsageError
from grader.split import is_image_name

_SIDE = 32
"""Of the thumbnail that two pictures are compared by."""
_LOW = 8
"""Frequencies of each axis that make the perceptual hash."""


@dataclass(frozen=True)
class Picture:
    """One image of a set."""

    path: Path
    set_name: str
    """`train` or `hidden`."""
    label: str
    """Name of its folder."""
    size: int
    """Bytes of the file."""
    sha256: str
    """Of the pixels, so that a file that was only packed anew is the same."""
    shape: tuple[int, int]
    """Height and width."""
    bits: npt.NDArray[np.bool_] = field(repr=False)
    """(63,) perceptual hash."""
    thumbnail: npt.NDArray[np.float32] = field(repr=False)
    """(32 * 32,) grey, mean 0 and length 1."""
    has_exif: bool = False

    @property
    def name(self) -> str:
        """Folder and file name."""
        return f"{self.label}/{self.path.name}"

    def pixels(self) -> npt.NDArray[Any]:
        """Read the file again; return uint8 (height, width, 3) in BGR."""
        # Not by `cv2.imread`, which cannot read every path.
        pixels: npt.NDArray[Any] = cv2.imdecode(np.fromfile(self.path, np.uint8), cv2.IMREAD_COLOR)
        return pixels


@dataclass(frozen=True)
class PictureSet:
    """A folder with one sub-folder a class."""

    name: str
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    unreadable: tuple[Path, ...]
    """Called an image, and is none that OpenCV can read."""
    strange: tuple[Path, ...]
    """Files that are not called images, and folders in folders."""


def read_set(folder: Path, name: str) -> PictureSet:
    """Read all of a folder.

    Raises:
        UsageError: there is no such folder, it cannot be read, or it has no sub-folder.
    """
    try:
        classes = sorted(
            entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
        )
        if not classes:
            raise UsageError(f"{folder} has no class folders: give the folder that holds one folder a class")
        pictures: list[Picture] = []
        unreadable: list[Path] = []
        strange: list[Path] = []
        for label in classes:
            for file in sorted((folder / label).iterdir()):
                if not file.is_file() or not is_image_name(file.name):
                    strange.append(file)
                elif (picture := _read(file, name, label)) is None:
                    unreadable.append(file)
                else:
                    pictures.append(picture)
    except FileNotFoundError as error:
        raise UsageError(
            f"{error.filename} does not exist: give a folder with one sub-folder a class"
        ) from error
    except NotADirectoryError as error:
        raise UsageError(f"{error.filename} is not a folder: give one with one sub-folder a class") from error
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error
    return PictureSet(name, tuple(classes), tuple(pictures), tuple(unreadable), tuple(strange))


def _read(file: Path, set_name: str, label: str) -> Picture | None:
    encoded = file.read_bytes()
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR) if encoded else None
    if pixels is None:
        return None
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return Picture(
        path=file,
        set_name=set_name,
        label=label,
        size=len(encoded),
        sha256=hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest(),
        shape=pixels.shape[:2],
        bits=perceptual_hash(small),
        thumbnail=_unit(small.ravel()),
        has_exif=b"Exif\0\0" in encoded[:4096],
    )


def perceptual_hash(small: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return (63,) bits: which of the lowest frequencies of a (32, 32) picture are above their median.

    The pHash of C. Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010),
    without the constant term, which says how bright the picture is.
    """
    low = cv2.dct(small)[:_LOW, :_LOW].ravel()[1:]
    return np.asarray(low > np.median(low), np.bool_)


def _unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length else centred, np.float32)


def same_place(first: Path, second: Path) -> bool:
    """Whether two folders are one, or one lies in the other."""
    one, other = Path(os.path.realpath(first)), Path(os.path.realpath(second))
    return one.is_relative_to(other) or other.is_relative_to(one)
