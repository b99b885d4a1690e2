"""Checkpoints of the whole network: a backbone and its head, by the course library's names.

MindSpore's `load_checkpoint` only warns of names that it does not know, and goes on with random weights. Here
every parameter must come from the file, or the command ends before it starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reference.errors import InputError
from reference.training.head import Head
from reference.weights.errors import WeightsError
from reference.weights.mindspore_file import write_checkpoint
from reference.weights.naming import Arrays, to_course_names, without_prefix
from reference.weights.reading import read_state

# The dense layer's place in MobileNetV2Head: after the pooling, or after pooling and dropout.
HEADS = ("head.1", "head.2")
FEATURES = 1280


@dataclass(frozen=True)
class Weights:
    """What a checkpoint holds.

    Attributes:
        backbone: 260 names and arrays.
        head: None if the file is a backbone alone.
    """

    backbone: Arrays
    head: Head | None

    def arrays(self) -> Arrays:
        """Return all of it by the names that the course library's network has."""
        head = {"head.1.weight": self.head.weight, "head.1.bias": self.head.bias} if self.head else {}
        return {**self.backbone, **head}


def read_weights(path: Path) -> Weights:
    """Read a checkpoint of a network, or of a backbone in any file that `reference.weights` knows.

    Raises:
        InputError: the file is not there or cannot be opened.
        SourceError: reading it needs a package that is not installed.
        WeightsError: the file is damaged, or holds something else.
    """
    state = {without_prefix(name): array for name, array in read_state(path).items()}
    try:
        return Weights(to_course_names(state), _head(state))
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def read_network(path: Path, classes: int) -> Weights:
    """Read a checkpoint that has a head for so many classes.

    Raises:
        InputError, SourceError, WeightsError: as `read_weights`; also, it has no such head.
    """
    weights = read_weights(path)
    if weights.head is None:
        raise WeightsError(f"{path}: has no head (no {HEADS[0]}.weight); it is a backbone alone")
    if len(weights.head.weight) != classes:
        raise WeightsError(
            f"{path}: its head knows {len(weights.head.weight)} classes, and the data set has {classes}"
        )
    return weights


def _head(state: Mapping[str, npt.NDArray[np.generic]]) -> Head | None:
    name = next((name for name in HEADS if f"{name}.weight" in state), None)
    if name is None:
        return None
    if f"{name}.bias" not in state:
        raise WeightsError(f"{name}.bias is missing")
    weight, bias = (np.asarray(state[f"{name}.{word}"], np.float32) for word in ("weight", "bias"))
    if weight.ndim != 2 or weight.shape[1] != FEATURES or bias.shape != weight.shape[:1]:
        shapes = f"weight {weight.shape} and bias {bias.shape}"
        raise WeightsError(f"{name} has {shapes}; a head takes {FEATURES} features")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise WeightsError(f"damaged weights: {name} holds a value that is not a finite number")
    return Head(weight, bias)


class CheckpointFolder:
    """Where a training's checkpoints go, the newest few of them.

    Args:
        folder: for this training alone.
        keep: how many checkpoints stay; the oldest of this training goes first.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.state = folder / "training_state.npz"
        self._keep = keep
        self._written: list[Path] = []

    def check(self, resume: bool) -> None:
        """Make sure that the training may begin, or go on, and change nothing.

        Raises:
            InputError: there is nothing to go on from, or the folder cannot be written.
        """
        if resume and not self.state.is_file():
            raise InputError(f"{self.state}: is not there: there is no training to --resume")
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            raise InputError(f"{self.folder}: cannot be written")

    def begin(self, resume: bool) -> Path | None:
        """Make the folder; one of an earlier training is kept under a new name, which is returned.

        Raises:
            OSError: it cannot be made.
        """
        if resume:
            epochs = {path: epoch for path in self.folder.iterdir() if (epoch := _epoch(path))}
            self._written = sorted(epochs, key=epochs.__getitem__)
            return None
        earlier = None
        if self.folder.exists():
            earlier = _free_name(self.folder)
            self.folder.rename(earlier)
        self.folder.mkdir(parents=True)
        return earlier

    def save(self, epoch: int, arrays: Arrays) -> None:
        """Write `mobilenetv2_{epoch}.ckpt`.

        Raises:
            OSError: it cannot be written; names the file.
        """
        path = self.folder / f"mobilenetv2_{epoch}.ckpt"
        write_checkpoint(arrays, path)
        self._written = [*(written for written in self._written if written != path), path]
        for old in self._written[: -self._keep]:
            old.unlink(missing_ok=True)
        self._written = self._written[-self._keep :]


def _epoch(path: Path) -> int | None:
    """Return the epoch of a checkpoint that `save` has written; None for any other name, a user's own."""
    match = re.fullmatch(r"mobilenetv2_([1-9][0-9]*)\.ckpt", path.name)
    return int(match[1]) if match else None


def _free_name(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free
