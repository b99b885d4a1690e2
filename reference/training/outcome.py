"""What every way of training comes to: networks, and what they say of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from reference.training.log import EpochLog
from reference.training.snapshot import Arrays

IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        parameters: of the combined network, by the names that a checkpoint gives them.
        validation: (images,) the class index that it gives each validation image.
        test: likewise of the test images, where there is a test split that chooses nothing.
    """

    parameters: Arrays
    validation: IntArray
    test: IntArray | None


@dataclass(frozen=True)
class Outcome:
    """What a training run leaves.

    Attributes:
        best: the network of the first epoch with the highest validation accuracy.
        best_epoch: its number, from 1.
        final: the network after the last epoch.
        log: one entry an epoch.
    """

    best: Trained
    best_epoch: int
    final: Trained
    log: tuple[EpochLog, ...]
