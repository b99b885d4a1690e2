"""Which images a benchmark uses: all, or a sample with as many of each class as can be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reference.errors import InputError
from reference.images import ImageFolder, Split, decode_file, file_digest

ALL_IMAGES = sys.maxsize


def stratified(labels: Sequence[int], count: int) -> list[int]:
    """Choose `count` indices, the first image of every class before the second of any; in rising order."""
    seen: dict[int, int] = {}
    ranks = []
    for index, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        ranks.append((seen[label], label, index))
    return sorted(index for _, _, index in sorted(ranks)[:count])


def any_images(folder: ImageFolder, count: int) -> list[Path]:
    """Choose images of the whole set, validation images first.

    Raises:
        InputError: one of them cannot be read.
    """
    splits = [split for split in (folder.validation, folder.train, folder.test) if split]
    paths = [path for split in splits for path in split.paths]
    labels = [int(label) for split in splits for label in split.labels]
    chosen = [paths[index] for index in stratified(labels, count)]
    check_readable(chosen)
    return chosen


def smaller_set(folder: ImageFolder, count: int, target: Path) -> tuple[int, int]:
    """Lay out a smaller set in `target`, by links: `count` training images and their share of the others.

    Args:
        folder: the set to choose from.
        count: training images; no more than there are.
        target: an empty folder.

    Returns:
        How many training and validation images are in it.

    Raises:
        InputError: fewer images than classes, or an image that cannot be read.
    """
    have, classes = len(folder.train.paths), len(folder.classes)
    wanted = min(count, have)
    if wanted < classes:
        raise InputError(f"--images {wanted}: training needs one of each of the {classes} classes")
    held_out = max(1, round(len(folder.validation.paths) * wanted / have))
    for split, share in ((folder.train, wanted), (folder.validation, held_out)):
        _link(split, share, folder.classes, target)
    return wanted, held_out


def _link(split: Split, count: int, classes: Sequence[str], target: Path) -> None:
    chosen = stratified([int(label) for label in split.labels], count)
    check_readable([split.paths[index] for index in chosen])
    for index in chosen:
        link = target / split.name / classes[int(split.labels[index])] / split.paths[index].name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(split.paths[index].resolve())


def check_readable(paths: Sequence[Path]) -> None:
    """Find out now what would otherwise make every program fail.

    Raises:
        InputError: a file that is not an image.
    """
    for path in paths:
        decode_file(path, file_digest(path))
