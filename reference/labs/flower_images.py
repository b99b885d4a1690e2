"""The flower lab's `--dataset_path`: the folder of one split, or the folder that holds the splits.

The lab's text gives training and evaluation a path each (`flower_photos_train`, `flower_photos_test`, with
the class folders in it). A folder with `train/` and `test/` or `val/`, as for other commands, does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reference.errors import InputError
from reference.images.imagefolder import Split, scan_split

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
