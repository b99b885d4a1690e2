"""Train by steps, in MindSpore's GRAPH mode: the head alone on pooled features, or the last blocks with it.

The head alone is one `nn.Dense(channels, classes)` and the loss is the cross entropy with L2 on the weights,
which makes this multinomial logistic regression: a convex problem, so the seed hardly matters. A step
takes about a millisecond; compiling the step takes longer than training.

The network's `features` has 19 cells: the stem (0), 17 inverted residual blocks (1 to 17) and the last
convolution (18). With the first N of them frozen, what goes into cell N is the same in every epoch, and is
cached; the rest and the head are a network of their own, with the parameters, and the parameters' names, of
the whole. Batch normalisations keep the statistics they were pretrained with: those of small batches of few
classes are worse, and with them fixed training and evaluation are the same function. Their scale and shift do
learn. The head begins at zero and learns HEAD_FACTOR times as fast as what is pretrained. Evaluation is the
engine's. AdamW is the optimizer (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101); MindSpore's
has no bias correction, which the warm-up makes up for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from src_mindspore.engine.session import FeatureExtractor

from reference.framework import MobileNetV2Backbone, MobileNetV2Head, Parameter, Tensor, ms, nn
from reference.training.epochs import ArrayBatches, Snapshot, recipe_rates
from reference.training.loop import Accuracies, Task, Watcher, fit
from reference.values import (
    HEAD_BIAS,
    HEAD_WEIGHT,
    Arrays,
    Head,
    IntArray,
    LabelledFeatures,
    Recipe,
    TrainedNetwork,
    TrainingData,
    TrainingResult,
)

HEAD_FACTOR = 5.0


# -- the head alone ----------------------------------------------------------------------------------------


def train_head_by_steps(
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    watcher: Watcher | None = None,
    snapshot: Snapshot | None = None,
) -> TrainingResult[Head]:
    """Train a head on pooled features and keep the best epoch's.

    Args:
        data: pooled features. Those of the validation images choose the epoch and nothing else.
        recipe: hyper-parameters.
        seed: of the initial weights and the order of the images. The same seed gives the same bits on the
            same machine.
        watcher: called as steps and epochs end.
        snapshot: where the state of the run is kept, and taken up again.

    Raises:
        DivergedError: a loss was NaN or infinite.
        InputError: the snapshot belongs to another run.
    """
    train = data.train
    batches = ArrayBatches(train.features, train.labels, recipe.batch_size, seed)
    rates = recipe_rates(recipe, batches.steps)
    dense = _dense(train, data.class_count, np.random.default_rng(seed))
    learned = {"weight": dense.weight, "bias": dense.bias}

    def evaluate() -> Accuracies:
        head = _head_of({name: parameter.asnumpy() for name, parameter in learned.items()})
        return Accuracies(head.accuracy(train), head.accuracy(data.validation))

    step = _head_step(dense, recipe, rates)
    task = Task(step, learned, batches, rates, recipe.epochs, evaluate=evaluate)
    return fit(task, snapshot, watcher).map(_head_of)


def _dense(train: LabelledFeatures, class_count: int, rng: np.random.Generator) -> nn.Dense:
    """Return a dense layer with weights N(0, 0.01), drawn here so that only `seed` decides them.

    Of a channel that is zero in every image nothing is learned, and its weights are zero. Else weight decay
    alone would drive them through numbers below 1e-38, which not every thread rounds alike: one run's last
    bits would not be another's.
    """
    channels = train.features.shape[2]
    weight = rng.normal(0, 0.01, (class_count, channels)).astype(np.float32)
    weight[:, ~train.features.any(axis=(0, 1))] = 0
    return nn.Dense(channels, class_count, weight_init=ms.Tensor(weight), bias_init="zeros")


def _head_step(dense: nn.Dense, recipe: Recipe, rates: list[float]) -> nn.Cell:
    ms.set_context(mode=ms.GRAPH_MODE)
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    groups = [
        {"params": [dense.weight], "weight_decay": recipe.weight_decay},
        {"params": [dense.bias], "weight_decay": 0.0},
    ]
    optimizer = nn.Adam(groups, learning_rate=rates)
    return nn.TrainOneStepCell(nn.WithLossCell(dense, loss), optimizer)


def _head_of(numbers: Arrays) -> Head:
    return Head(numbers["weight"], numbers["bias"])


# -- the last blocks ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FrozenPart:
    """What does not learn.

    Attributes:
        parameters: of the whole pretrained backbone.
        cells: how many of its cells are frozen, which is the number of the first that learns.
    """

    parameters: Arrays
    cells: int


def train_tail(
    frozen: FrozenPart,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    watcher: Watcher | None = None,
    snapshot: Snapshot | None = None,
) -> TrainingResult[TrainedNetwork]:
    """Train everything behind the frozen cells, and keep the best epoch's network.

    Args:
        frozen: what does not learn.
        data: what goes into the first cell that learns.
        recipe: hyper-parameters; the learning rate is that of pretrained parameters.
        seed: of the order of the images. The same seed gives the same bits on the same machine.
        watcher: called as steps and epochs end.
        snapshot: where the state of the run is kept, and taken up again.

    Raises:
        DivergedError: a loss was NaN or infinite.
        InputError: the snapshot belongs to another run.
    """
    batches = ArrayBatches(data.train.features, data.train.labels, recipe.batch_size, seed)
    rates = recipe_rates(recipe, batches.steps)
    network = _tail_network(frozen, data.class_count)
    learned = {parameter.name: parameter for parameter in network.trainable_params()}

    def evaluate() -> Accuracies:
        now = {name: parameter.asnumpy() for name, parameter in learned.items()}
        classify = TailClassifier({**frozen.parameters, **now}, frozen.cells)
        return Accuracies(classify.accuracy(data.train), classify.accuracy(data.validation))

    step, norms = _tail_step(network, recipe, rates), batch_norms(network)
    task = Task(step, learned, batches, rates, recipe.epochs, frozen=norms, evaluate=evaluate)
    return fit(task, snapshot, watcher).map(lambda numbers: _trained(frozen, numbers, data))


def _trained(frozen: FrozenPart, learned: Arrays, data: TrainingData) -> TrainedNetwork:
    parameters = {**frozen.parameters, **learned}
    classify = TailClassifier(parameters, frozen.cells)
    test_answers = classify(data.test) if data.test else None
    return TrainedNetwork(parameters, classify(data.validation), test_answers)


class TailClassifier:
    """The engine's answer to activations.

    Args:
        parameters: of the combined network.
        first: number of the cell that the activations go into.
    """

    def __init__(self, parameters: Arrays, first: int) -> None:
        self._features = FeatureExtractor(parameters, start=first)
        self._head = Head(parameters[HEAD_WEIGHT], parameters[HEAD_BIAS])

    def __call__(self, data: LabelledFeatures) -> IntArray:
        """Return the class index of each image, by its first view."""
        return self._head.predict(self._features(data.features[0].astype(np.float32)))

    def accuracy(self, data: LabelledFeatures) -> float:
        """Return the share of the images that are recognised, between 0 and 1."""
        return float(np.mean(self(data) == data.labels))


class Tail(nn.Cell):
    """Cells from `first` on, then the head: activations (N, C, H, W) -> what the head makes of them.

    Args:
        backbone: its cells are used as they are, not copied.
        head: takes features (N, 1280, 7, 7).
        first: number of the first cell; 0 makes it the whole network.
    """

    def __init__(self, backbone: MobileNetV2Backbone, head: nn.Cell, first: int) -> None:
        # Without the automatic prefix the parameters keep the names they have in backbone and head.
        super().__init__(auto_prefix=False)
        self.cells_from_first = nn.CellList(list(backbone.features)[first:], auto_prefix=False)
        self.head = head

    def construct(self, x: Tensor) -> Tensor:
        """Return the head's answer to a batch of activations."""
        for cell in self.cells_from_first:
            x = cell(x)
        return self.head(x)


def _tail_network(frozen: FrozenPart, class_count: int) -> Tail:
    backbone = MobileNetV2Backbone()
    head = MobileNetV2Head(backbone.out_channels, class_count)
    network = Tail(backbone, head, frozen.cells)
    zeros = {
        HEAD_WEIGHT: np.zeros((class_count, backbone.out_channels), np.float32),
        HEAD_BIAS: np.zeros(class_count, np.float32),
    }
    for parameter in network.get_parameters():
        parameter.set_data(ms.Tensor({**frozen.parameters, **zeros}[parameter.name]))
    return network


def _tail_step(network: Tail, recipe: Recipe, rates: Sequence[float]) -> nn.Cell:
    ms.set_context(mode=ms.GRAPH_MODE)
    head_rates = [HEAD_FACTOR * rate for rate in rates]
    groups = [
        {"params": chosen, "lr": group_rates, "weight_decay": recipe.weight_decay if decays else 0.0}
        for is_head, group_rates in ((False, list(rates)), (True, head_rates))
        for decays in (True, False)
        if (chosen := _chosen(network, is_head, decays))
    ]
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    optimizer = nn.AdamWeightDecay(groups)
    return nn.TrainOneStepCell(nn.WithLossCell(network, loss), optimizer)


def _chosen(network: Tail, is_head: bool, decays: bool) -> list[Parameter]:
    """Return the parameters of the head or of the cells; weights decay, scales and shifts do not."""
    return [
        parameter
        for parameter in network.trainable_params()
        if parameter.name.startswith("head.") is is_head and parameter.name.endswith("weight") is decays
    ]


def batch_norms(network: nn.Cell) -> list[nn.Cell]:
    """Return a network's batch normalisations, for `loop.Task.frozen`: so their statistics stay."""
    return [cell for _, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)]
