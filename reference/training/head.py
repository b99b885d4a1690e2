"""What training a head takes and gives, as plain values: the recipe, the features, the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from reference.training.log import EpochLog

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of the head's training; `reference.tune` says where the defaults come from.

    Attributes:
        epochs: passes over all views of all images.
        batch_size: feature vectors a step.
        learning_rate: the schedule's peak, for Adam.
        warmup_epochs: epochs of linear warm-up to the peak; a shorter training has one less than its epochs.
        weight_decay: L2 strength on the weight, not on the bias: the gradient of the loss gets wd * w added.
        label_smoothing: share of the target that is spread evenly over all classes.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup_epochs: int = 1
    weight_decay: float = 1e-4
    label_smoothing: float = 0.1


@dataclass(frozen=True)
class LabelledFeatures:
    """Pooled features and what they show.

    Attributes:
        features: (views, images, channels).
        labels: (images,) class indices.
    """

    features: FloatArray
    labels: IntArray


@dataclass(frozen=True)
class Head:
    """A linear classifier of pooled features.

    Attributes:
        weight: (classes, channels).
        bias: (classes,).
    """

    weight: FloatArray
    bias: FloatArray

    def predict(self, features: FloatArray) -> IntArray:
        """Return the class index of each row of (N, channels)."""
        return np.asarray(np.argmax(features @ self.weight.T + self.bias, axis=1))

    def count_correct(self, data: LabelledFeatures) -> int:
        """Count the images whose first view (the evaluation transform's) is recognised."""
        return int(np.sum(self.predict(data.features[0]) == data.labels))

    def accuracy(self, data: LabelledFeatures) -> float:
        """Return the share of images that `count_correct` counts, between 0 and 1."""
        return self.count_correct(data) / len(data.labels)


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves.

    Attributes:
        best: the head of the first epoch with the highest validation accuracy.
        best_epoch: its number, from 1.
        final: the head after the last epoch.
        log: one entry an epoch.
    """

    best: Head
    best_epoch: int
    final: Head
    log: tuple[EpochLog, ...]
