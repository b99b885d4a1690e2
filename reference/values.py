"""The values that the packages hand each other: what training takes, and what it gives.

They are frozen, they know nothing of files, of MindSpore or of the command line, and every package may import
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
DoubleArray: TypeAlias = npt.NDArray[np.float64]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
"""Parameters of a network by name."""

HEAD_WEIGHT, HEAD_BIAS = "head.1.weight", "head.1.bias"
"""The names that the course library's MobileNetV2Head gives its dense layer."""

Model = TypeVar("Model")
Other = TypeVar("Other")


# -- what is learned from ------------------------------------------------------------------------------------


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
        validation: as a submission sees them, one view. It chooses SGD's epoch and nothing else.
        class_count: number of classes.
        train_seen: the training images as a submission sees them, one view; None where nobody asks.
        test: likewise, where there is a test split. It chooses nothing.
    """

    train: LabelledFeatures
    validation: LabelledFeatures
    class_count: int
    train_seen: LabelledFeatures | None = None
    test: LabelledFeatures | None = None


# -- how ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of training by steps; `reference.tune` says where those of the head come from.

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
class Given:
    """What is given to the exact solver; None where cross-validation is to choose.

    Attributes:
        weight_decay: L2 strength, above 0.
        label_smoothing: share of the target that is spread evenly over all classes.
    """

    weight_decay: float | None
    label_smoothing: float | None


@dataclass(frozen=True)
class Regularisation:
    """What keeps a head from knowing its training images too well.

    Attributes:
        weight_decay: L2 strength on the weight, above 0.
        label_smoothing: share of the target that is spread evenly over all classes.
    """

    weight_decay: float
    label_smoothing: float


# -- what is left ------------------------------------------------------------------------------------------


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

    def parameters(self) -> Arrays:
        """Return weight and bias by the names that a checkpoint of the whole network gives them."""
        return {HEAD_WEIGHT: self.weight, HEAD_BIAS: self.bias}


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network, and what it says of the images.

    Attributes:
        parameters: of backbone and head, by the names that a checkpoint gives them.
        validation: (images,) the class index that it gives each validation image.
        test: likewise of the test images, where there is a test split that chooses nothing.
    """

    parameters: Arrays
    validation: IntArray
    test: IntArray | None


def network_of(backbone: Arrays, head: Head, data: TrainingData) -> TrainedNetwork:
    """Return the whole network of a pretrained backbone and a head, and what it says of the images."""
    test_answers = head.predict(data.test.features[0]) if data.test else None
    validation_answers = head.predict(data.validation.features[0])
    return TrainedNetwork({**backbone, **head.parameters()}, validation_answers, test_answers)


@dataclass(frozen=True)
class EpochLog:
    """What is known of one epoch.

    Attributes:
        epoch: counted from 1.
        learning_rate: of the epoch's last step.
        train_loss: mean over the epoch's steps, label smoothing included and weight decay not.
        train_accuracy: top-1 of the training images as evaluation sees them, after the epoch; None where
            nobody asked.
        validation_accuracy: likewise, on the validation images.
        seconds: training and evaluation; the first epoch's include compiling. Of an epoch that was
            interrupted, the part after the last resumption.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float | None
    validation_accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class Solution:
    """A minimum of the exact solver's objective f.

    Attributes:
        head: weight and bias, for features as they are.
        objective: f there.
        gradient: largest entry of its gradient, in absolute value.
        iterations: of L-BFGS.
        parameters: (classes, channels + 1), weight and bias for centred features: where the search for the
            minimum of a similar f may begin.
        objectives: f after each iteration.
    """

    head: Head
    objective: float
    gradient: float
    iterations: int
    parameters: DoubleArray
    objectives: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """What cross-validation says of one pair of weight decay and label smoothing.

    Attributes:
        regularisation: the pair.
        correct: right answers about images that the head had not learned from.
        images: how many were asked about: all training images, each once.
    """

    regularisation: Regularisation
    correct: int
    images: int

    @property
    def accuracy(self) -> float:
        """Top-1, between 0 and 1."""
        return self.correct / self.images


@dataclass(frozen=True)
class Choice:
    """What cross-validation chose.

    Attributes:
        best: the pair that was taken.
        trials: all of them: by weight decay with the first label smoothing, then with the others.
        at_limit: the best weight decay is the first or last that is ever tried: a better one may lie beyond.
    """

    best: Trial
    trials: tuple[Trial, ...]
    at_limit: bool


@dataclass(frozen=True)
class ExactResult:
    """How a head was solved.

    Attributes:
        regularisation: that the head was solved with.
        choice: the cross-validation that chose it; None if both numbers were given.
        solution: the optimum on all training images.
    """

    regularisation: Regularisation
    choice: Choice | None
    solution: Solution


@dataclass(frozen=True)
class TrainingResult(Generic[Model]):
    """What every training leaves, whatever it trains: parameters, a head or a whole network.

    Attributes:
        best: what the first epoch with the highest validation accuracy left.
        best_epoch: its number, from 1.
        final: what the last epoch left.
        log: one entry an epoch; none of a head that was solved.
        exact: how the head was solved, which then is both best and final, with `best_epoch` 0.
    """

    best: Model
    best_epoch: int
    final: Model
    log: Sequence[EpochLog]
    exact: ExactResult | None = None

    def map(self, convert: Callable[[Model], Other]) -> TrainingResult[Other]:
        """Return the same training's result as something else, such as heads made of parameters."""
        best, final = convert(self.best), convert(self.final)
        return TrainingResult(best, self.best_epoch, final, self.log, self.exact)
