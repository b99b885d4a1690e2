"""Dividing a set of images into training and hidden ones: by class, and no picture on both sides."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.audit.pictures import Picture, find_groups
from grader.errors import UsageError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Division:
    """Which images are hidden, and which are not."""

    train: tuple[Picture, ...]
    hidden: tuple[Picture, ...]
    seed: int


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
