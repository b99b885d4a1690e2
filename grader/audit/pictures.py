"""The images of a set: read, good or not; those that are the same; and a set divided in two.

Two pictures are the same to the pixel, or to the eye. A set is divided into training and hidden images by
class, and no picture is on both sides.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from grader.errors import UsageError
from grader.split import list_images, refusal

MANIFEST = "manifest.json"
MOST_BITS = 8
"""Of 63 that may differ between two candidates; a hash alone pairs plain pictures with each other."""
LEAST_CORRELATION = 0.985
"""Of the thumbnails of near duplicates."""
LEAST_LIKENESS = 0.97
"""Cosine of a network's features of near duplicates. Of 2343 garbage photos the 24 pairs just above 0.955
were all one photo, mirrored or cropped; of 1394 flower photos, pairs from 0.92 to 0.95 were other flowers."""
_SIDE = 32
"""Of the thumbnail that two pictures are compared by."""
_LOW = 8
"""Frequencies of each axis that make the perceptual hash."""
_EXIF = re.compile(rb"(?:Exif\0\0|eXIf)(II\*\0|MM\0\*)")
"""How EXIF data begins in a JPEG file, and in a PNG file."""
_MOST_EXIF_BYTES = 1 << 16
_ORIENTATION = 0x0112
_ROWS = 256


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
    orientation: int = 1
    """As the EXIF standard numbers them: 1 is upright; 2 to 8 say how what is saved must be turned."""

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
    aside: Mapping[str, list[Path]]
    """What is no image, by the reason; see `grader.split`."""
    refused: UsageError | None
    """What stands in the way of grading on this set, if anything does."""

    def names_aside(self) -> dict[str, list[str]]:
        """Return what is no image, by the reason; each with its folder's name, if it lies in a class's."""
        return {why: [_short(file, self.classes) for file in files] for why, files in self.aside.items()}


@dataclass(frozen=True)
class Group:
    """Two or more pictures of one thing."""

    pictures: tuple[Picture, ...]
    is_exact: bool
    """Whether all have the very same pixels."""

    @property
    def sets(self) -> frozenset[str]:
        """Names of the sets that it lies in."""
        return frozenset(picture.set_name for picture in self.pictures)

    @property
    def labels(self) -> frozenset[str]:
        """Names of the classes that it lies in."""
        return frozenset(picture.label for picture in self.pictures)


@dataclass(frozen=True)
class Division:
    """Which images are hidden, and which are not."""

    train: tuple[Picture, ...]
    hidden: tuple[Picture, ...]
    seed: int


def read_set(folder: Path, name: str) -> PictureSet:
    """Read all of a folder.

    Raises:
        UsageError: there is no such folder, it cannot be read, or it has no sub-folder.
    """
    try:
        listing = list_images(folder)
        if not listing.images:
            raise UsageError("no-class-folders", path=folder)
        pictures: list[Picture] = []
        unreadable: list[Path] = []
        for label, files in listing.images.items():
            for file in files:
                if (picture := _read(file, name, label)) is None:
                    unreadable.append(file)
                else:
                    pictures.append(picture)
    except FileNotFoundError as error:
        raise UsageError("set-absent", path=error.filename) from error
    except NotADirectoryError as error:
        raise UsageError("set-no-folder", path=error.filename) from error
    except OSError as error:
        raise UsageError("cannot-read", path=error.filename, reason=error) from error
    classes = tuple(listing.images)
    return PictureSet(name, classes, tuple(pictures), tuple(unreadable), listing.aside, refusal(listing))


def find_groups(pictures: Sequence[Picture], vectors: npt.NDArray[np.float32] | None = None) -> list[Group]:
    """Return the groups of exact and near duplicates, in the order of the pictures.

    Args:
        pictures: of one set or several.
        vectors: (N, D) of length 1, a pretrained network's features; with them pictures that were mirrored,
            cropped or coloured anew are found, too.
    """
    leader = [*range(len(pictures))]

    def top(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for first, second in _pairs(pictures, vectors):
        one, other = sorted((top(first), top(second)))
        leader[other] = one
    members: dict[int, list[Picture]] = {}
    for index, picture in enumerate(pictures):
        members.setdefault(top(index), []).append(picture)
    return [
        Group(tuple(group), len({picture.sha256 for picture in group}) == 1)
        for group in members.values()
        if len(group) > 1
    ]


def divide(pictures: Sequence[Picture], hidden: int, seed: int) -> Division:
    """Choose `hidden` images, of each class in proportion; duplicates stay together.

    A group of duplicates is hidden only if it does not take its class past its share, so a class of few large
    groups may get fewer.

    Raises:
        UsageError: there are not more images than `hidden`, or fewer than one a class would be hidden.
    """
    counts = Counter(picture.label for picture in pictures)
    if not len(counts) <= hidden < len(pictures):
        raise UsageError(
            "hidden-count", hidden=hidden, images=len(pictures), classes=len(counts), most=len(pictures) - 1
        )
    chance = random.Random(seed)  # noqa: S311 - the instructor's own choice, to be repeated
    wanted = _shares(counts, hidden)
    chosen: set[Path] = set()
    units = _units(pictures)
    chance.shuffle(units)
    for unit in units:
        labels = Counter(picture.label for picture in unit)
        if all(wanted[label] >= count for label, count in labels.items()):
            chosen |= {picture.path for picture in unit}
            wanted.subtract(labels)
    return Division(
        train=tuple(picture for picture in pictures if picture.path not in chosen),
        hidden=tuple(picture for picture in pictures if picture.path in chosen),
        seed=seed,
    )


def write_division(division: Division, out: Path) -> None:
    """Copy the images to `out`/train and `out`/hidden, and say in a manifest what lies where.

    Raises:
        UsageError: `out` exists and is not empty, or cannot be written.
    """
    if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("out-not-new-folder", path=out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
            whole = Path(folder, "whole")
            whole.mkdir()
            for name, pictures in (("train", division.train), ("hidden", division.hidden)):
                for picture in pictures:
                    (whole / name / picture.label).mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(picture.path, whole / name / picture.name)
            (whole / MANIFEST).write_text(_manifest(division), encoding="utf-8")
            whole.rename(out)
    except OSError as error:
        raise UsageError("cannot-write", path=error.filename or out, reason=error) from error


def same_place(first: Path, second: Path) -> bool:
    """Whether two folders are one, or one lies in the other."""
    one, other = Path(os.path.realpath(first)), Path(os.path.realpath(second))
    return one.is_relative_to(other) or other.is_relative_to(one)


def exif_orientation(encoded: bytes) -> int:
    """Return the orientation in the EXIF data of a JPEG or PNG file, 1 to 8; 1 if it has none.

    The EXIF data is a TIFF file within the file; the orientation is entry 0x0112 of its first directory.
    """
    start = _EXIF.search(encoded)
    if start is None:
        return 1
    tiff = encoded[start.start(1) : start.start(1) + _MOST_EXIF_BYTES]
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if number(entry, 2) == _ORIENTATION:
            found = number(entry + 8, 2)
            return found if found in range(1, 9) else 1
    return 1


def perceptual_hash(small: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return (63,) bits: which of the lowest frequencies of a (32, 32) picture are above their median.

    The pHash of C. Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010),
    without the constant term, which says how bright the picture is.
    """
    low = cv2.dct(small)[:_LOW, :_LOW].ravel()[1:]
    return np.asarray(low > np.median(low), np.bool_)


def _short(file: Path, classes: Sequence[str]) -> str:
    return f"{file.parent.name}/{file.name}" if file.parent.name in classes else file.name


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
        orientation=exif_orientation(encoded),
    )


def _unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length else centred, np.float32)


def _pairs(pictures: Sequence[Picture], vectors: npt.NDArray[np.float32] | None) -> Iterator[tuple[int, int]]:
    """Yield the index pairs of duplicates, the smaller first."""
    if not pictures:
        return
    signs = np.where(np.stack([picture.bits for picture in pictures]), 1, -1).astype(np.float32)
    thumbnails = np.stack([picture.thumbnail for picture in pictures])
    digests = np.array([picture.sha256 for picture in pictures])
    length = signs.shape[1]
    for start in range(0, len(pictures), _ROWS):
        rows = slice(start, start + _ROWS)
        differing = (length - signs[rows] @ signs.T) / 2
        alike = (differing <= MOST_BITS) & (thumbnails[rows] @ thumbnails.T >= LEAST_CORRELATION)
        alike |= digests[rows, None] == digests[None, :]
        if vectors is not None:
            alike |= vectors[rows] @ vectors.T >= LEAST_LIKENESS
        for row, column in np.argwhere(alike):
            if start + row < column:
                yield int(start + row), int(column)


def _shares(counts: Counter[str], hidden: int) -> Counter[str]:
    """Return how many images of each class are to be hidden: largest remainders, at least one."""
    total = counts.total()
    exact = {label: hidden * count / total for label, count in counts.items()}
    shares = Counter({label: max(1, int(share)) for label, share in exact.items()})
    by_remainder = sorted(exact, key=lambda label: (int(exact[label]) - exact[label], label))
    while shares.total() < hidden:
        for label in by_remainder[: hidden - shares.total()]:
            shares[label] += 1
    return shares


def _units(pictures: Sequence[Picture]) -> list[tuple[Picture, ...]]:
    """Return what stays together: groups of duplicates, and every other image alone."""
    groups = [group.pictures for group in find_groups(pictures)]
    grouped = {picture.path for group in groups for picture in group}
    return [*groups, *((picture,) for picture in pictures if picture.path not in grouped)]


def _manifest(division: Division) -> str:
    content = {
        "seed": division.seed,
        **{
            name: {picture.name: picture.sha256 for picture in pictures}
            for name, pictures in (("train", division.train), ("hidden", division.hidden))
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
