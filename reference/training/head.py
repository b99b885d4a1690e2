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
    """The hyper-parameters of training; `reference.tune` says where those of the head come from.

    Attributes:
        epochs: passes over all views of all images.
        batch_size: feature vectors a step.
        learning_rate: the schedule's peak, for Adam; of pretrained parameters, if any learn.
        warmup_epochs: epochs of linear warm-up to the peak; a shorter training has one less than its epochs.
        weight_decay: on weights, not on biases, scales and shifts. Of a head alone it is the L2 strength: the
            gradient of the loss gets wd * w added. Of more, each step takes lr * wd * w away.
        label_smoothing: share of the target that is spread evenly over all classes.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup_epochs: int = 1
    weight_decay: float = 1e-4
    label_smoothing: float = 0.1


HEAD_RECIPE = Recipe()
TAIL_RECIPE = Recipe(epochs=8, batch_size=32, learning_rate=5e-4, weight_decay=0.01)


@dataclass(frozen=True)
class LabelledFeatures:
    """Features of images and what they show.

    Attributes:
        features: (views, images, channels); or (views, images, C, H, W), activations in the middle of the
            network.
        labels: (images,) class indices.
    """

    features: FloatArray | npt.NDArray[np.float16]
    labels: IntArray


@dataclass(frozen=True)
class TrainingData:
    """The splits of a data set, as what is to be trained gets them.

    Attributes:
        train: in all training views.
        train_seen: the training images as a submission sees them, one view; None where nobody asks.
        validation: as a submission sees them, one view. It chooses SGD's epoch and nothing else.
        test: likewise, where there is a test split. It chooses nothing.
        class_count: number of classes.
    """

    train: LabelledFeatures
    train_seen: LabelledFeatures | None
    validation: LabelledFeatures
    test: LabelledFeatures | None
    class_count: int


@dataclass(frozen=True)
class Head:
    """A linear classifier of pooled features.

    Attributes:
        weight: (classes, channels).
        bias: (classes,).
    """

    weight: FloatArray
    bias: FloatArray

    def predict(self, features: FloatArray | npt.NDArray[np.float16]) -> IntArray:
        """Return the class index of each row of (N, channels)."""
        return np.asarray(np.argmax(features @ self.weight.T + self.bias, axis=1))

    def count_correct(self, data: LabelledFeatures) -> int:
        """Count the images that are recognised by their first row: one view, or the mean of several."""
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
