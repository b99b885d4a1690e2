"""An image classification set on disk, checked before any work is done on it.

The layout is the usual one, a folder for each split and in it one for each class::

    D/train/daisy/0001.jpg
    D/val/daisy/0107.jpg      (or D/test/...)

The flower lab's text gives training and evaluation a path each (`flower_photos_train`, `flower_photos_test`,
with the class folders in it). For its two scripts such a folder of one split does as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from src_mindspore.folders import SplitListing, list_split, refusal, say_what_is_passed_over

from reference.errors import InputError
from reference.values import IntArray


@dataclass(frozen=True)
class Split:
    """The images of one split, in sorted order of class and then of file name.

    Attributes:
        name: of its folder.
        paths: (N,) image files.
        labels: (N,) class indices.
    """

    name: str
    paths: tuple[Path, ...]
    labels: IntArray


@dataclass(frozen=True)
class ImageFolder:
    """A whole set.

    Attributes:
        root: the folder that was scanned.
        classes: class folders in sorted order; a class's index is its place.
        train: what the head learns from.
        validation: what the best epoch is chosen by: `val/`, or `test/` where there is no `val/`.
        test: `test/` where there is a `val/` too. It chooses nothing.
    """

    root: Path
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split | None


def scan(root: Path) -> ImageFolder:
    """Find the images of an ImageFolder set.

    What is no image is passed over, and named in a line on standard error. Images are not opened. A class may
    have no images outside `train/`.

    Raises:
        InputError: no such folder, or one that cannot be read, a split is missing, fewer than two classes, a
            class of `train/` or a whole split without images, an image of a kind that is not read here, a
            link to nothing, or a class outside `train/` that `train/` does not have.
    """
    try:
        return _scan(root)
    except OSError as error:
        raise InputError(f"{error.filename or root}: cannot be read: {error.strerror or error}") from None


def scan_split(folder: Path, classes: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Split]:
    """Find the images of one split, and its classes.

    Args:
        folder: holds a folder for each class.
        classes: those of the training images, in their order; by default the folders here, sorted.

    Raises:
        InputError: no such folder, or one that cannot be read, fewer than two classes, a class without
            images, or, where `classes` are given, one that is missing here or that is not among them.
    """
    try:
        return _scan_split(folder, classes)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be read: {error.strerror or error}") from None


def _scan_split(folder: Path, classes: tuple[str, ...] | None) -> tuple[tuple[str, ...], Split]:
    _check_is_folder(folder, "the images are in a folder with one folder for each class")
    listing = _list(folder)
    here = tuple(listing.images)
    if len(here) < 2:
        raise InputError(f"{folder}: has {len(here)} class folders; at least 2 are needed")
    if missing := [name for name in classes or () if name not in here]:
        raise InputError(f"{folder}: has no folder {missing[0]}/, a class of the training images")
    _check_has_images(folder, listing)
    return classes or here, _split(folder, listing, classes or here)


def _check_is_folder(path: Path, expected: str) -> None:
    if path.is_file():
        raise InputError(f"{path}: is a file; {expected}")
    if not path.is_dir():
        raise InputError(f"{path}: no such folder")


def _scan(root: Path) -> ImageFolder:
    _check_is_folder(root, "the data set is a folder with train/ and val/ or test/")
    if not (root / "train").is_dir():
        raise InputError(f"{root}: has no folder train/")
    held_out = [name for name in ("val", "test") if (root / name).is_dir()]
    if not held_out:
        raise InputError(f"{root}: has neither val/ nor test/ beside train/")
    listings = {name: _list(root / name) for name in ("train", *held_out)}
    classes = tuple(listings["train"].images)
    if len(classes) < 2:
        raise InputError(f"{root / 'train'}: has {len(classes)} class folders; at least 2 are needed")
    _check_has_images(root / "train", listings["train"])
    train, validation, *rest = (_split(root / name, listing, classes) for name, listing in listings.items())
    return ImageFolder(root, classes, train, validation, rest[0] if rest else None)


def _list(folder: Path) -> SplitListing:
    listing = list_split(folder)
    if problem := refusal(listing):
        raise InputError(problem)
    for name in listing.images:
        try:
            name.encode()
        except UnicodeEncodeError:
            # As an archive made on a Chinese Windows leaves it. Nothing that is written later could hold it.
            raise InputError(
                f"{folder}: the name of the class folder {os.fsencode(name)!r} is not UTF-8; rename it"
            ) from None
    return listing


def _check_has_images(folder: Path, listing: SplitListing) -> None:
    if empty := [name for name, files in listing.images.items() if not files]:
        raise InputError(f"{folder / empty[0]}: has no images")


def _split(folder: Path, listing: SplitListing, classes: tuple[str, ...]) -> Split:
    if not listing.images:
        raise InputError(f"{folder}: has no class folders")
    if unknown := [name for name in listing.images if name not in classes]:
        raise InputError(f"{folder / unknown[0]}: train/ has no class of this name")
    labelled = [(path, classes.index(name)) for name, files in listing.images.items() for path in files]
    if not labelled:
        raise InputError(f"{folder}: has no images")
    say_what_is_passed_over(folder, listing.aside)
    paths, labels = zip(*labelled, strict=True)
    return Split(folder.name, paths, np.array(labels, dtype=np.int64))


def missing_classes(folder: ImageFolder, split: Split) -> tuple[str, ...]:
    """Return the classes of which a split has no images."""
    present = set(split.labels.tolist())
    return tuple(name for label, name in enumerate(folder.classes) if label not in present)


def refuse_inside(folder: ImageFolder, run_path: Path) -> None:
    """Refuse to write into a data set, where a run's pictures would be taken for images of another class.

    Raises:
        InputError: the path lies in one of the splits.
    """
    for split in ("train", "val", "test"):
        if run_path.resolve().is_relative_to((folder.root / split).resolve()):
            raise InputError(f"{run_path}: lies in the data set; choose a --run_path outside {folder.root}")


HELD_OUT = ("test", "val")


@dataclass(frozen=True)
class LabelledImages:
    """The images of one split.

    Attributes:
        classes: in the order of their indices.
        split: paths and labels.
    """

    classes: tuple[str, ...]
    split: Split


def training_images(dataset_path: Path) -> LabelledImages:
    """Find the images to train on, and check what lies beside them: nobody should train for an hour first.

    Raises:
        InputError: the path or a split does not do; see `scan_split`.
    """
    if not (dataset_path / "train").is_dir():
        return LabelledImages(*scan_split(dataset_path))
    classes, split = scan_split(dataset_path / "train")
    for name in HELD_OUT:
        if (dataset_path / name).is_dir():
            scan_split(dataset_path / name, classes)
    return LabelledImages(classes, split)


def evaluation_images(dataset_path: Path) -> LabelledImages:
    """Find the images to evaluate on: `test/`, else `val/`, else those of the path itself.

    Raises:
        InputError: the path or a split does not do, or there are only training images.
    """
    has_train = (dataset_path / "train").is_dir()
    for name in HELD_OUT:
        if (dataset_path / name).is_dir():
            # The training images decide which class is which, where they are at hand.
            classes = scan_split(dataset_path / "train")[0] if has_train else None
            return LabelledImages(*scan_split(dataset_path / name, classes))
    if has_train:
        raise InputError(
            f"{dataset_path}: has neither test/ nor val/; to evaluate on the training images,"
            f" say --dataset_path {dataset_path / 'train'}"
        )
    return LabelledImages(*scan_split(dataset_path))
