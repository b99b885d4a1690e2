"""Train the last blocks of the network and the head, in MindSpore's GRAPH mode, on cached activations.

Batch normalisations keep the statistics they were pretrained with: those of small batches of few classes are
worse, and with them fixed training and evaluation are the same function. Their scale and shift do learn. The
head begins at zero and learns HEAD_FACTOR times as fast as what is pretrained. Evaluation is the engine's.

AdamW is the optimizer (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101); MindSpore's has no bias
correction, which the warm-up makes up for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from src_mindspore.cpu import cap_onednn_isa
from src_mindspore.engine.session import FeatureExtractor

from reference.training.batches import ArrayBatches
from reference.training.head import Head, IntArray, LabelledFeatures, Recipe, TrainingData
from reference.training.outcome import Outcome, Trained
from reference.training.schedule import recipe_rates
from reference.training.snapshot import Arrays, Snapshot

# Both work only before MindSpore's import, hence the order. Without the second, its Adam warns of itself.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head  # noqa: E402

from reference.training.loop import Accuracies, Task, Watcher, fit  # noqa: E402
from reference.training.tail import Tail, batch_norms  # noqa: E402

HEAD_FACTOR = 5.0
HEAD_WEIGHT, HEAD_BIAS = "head.1.weight", "head.1.bias"


def train_tail(
    pretrained: Arrays,
    first: int,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    watcher: Watcher | None = None,
    snapshot: Snapshot | None = None,
) -> Outcome:
    """Train everything from cell `first` on, and keep the best epoch's network.

    Args:
        pretrained: the backbone's parameters.
        first: number of the first cell that learns.
        data: what goes into that cell.
        recipe: hyper-parameters; the learning rate is that of pretrained parameters.
        seed: of the order of the images. The same seed gives the same bits on the same machine.
        watcher: told of steps and epochs.
        snapshot: where the state of the run is kept, and taken up again.

    Raises:
        DivergedError: a loss was NaN or infinite.
        InputError: the snapshot belongs to another run.
    """
    batches = ArrayBatches(data.train.features, data.train.labels, recipe.batch_size, seed)
    rates = recipe_rates(recipe, batches.steps)
    network = _network(pretrained, first, data.class_count)
    learned = {parameter.name: parameter for parameter in network.trainable_params()}

    def now() -> Arrays:
        return {**pretrained, **{name: parameter.asnumpy() for name, parameter in learned.items()}}

    def evaluate() -> Accuracies:
        classify = TailClassifier(now(), first)
        return Accuracies(classify.accuracy(data.train), classify.accuracy(data.validation))

    task = Task(
        _training_step(network, recipe, rates),
        learned,
        batches,
        rates,
        recipe.epochs,
        frozen=batch_norms(network),
        evaluate=evaluate,
    )
    fitted = fit(task, snapshot, watcher)

    def trained(numbers: Arrays) -> Trained:
        parameters = {**pretrained, **numbers}
        classify = TailClassifier(parameters, first)
        return Trained(parameters, classify(data.validation), classify(data.test) if data.test else None)

    return Outcome(trained(fitted.best), fitted.best_epoch, trained(fitted.final), fitted.log)


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


def _network(pretrained: Arrays, first: int, class_count: int) -> Tail:
    backbone = MobileNetV2Backbone()
    head = MobileNetV2Head(backbone.out_channels, class_count)
    network = Tail(backbone, head, first)
    zeros = {
        HEAD_WEIGHT: np.zeros((class_count, backbone.out_channels), np.float32),
        HEAD_BIAS: np.zeros(class_count, np.float32),
    }
    for parameter in network.get_parameters():
        parameter.set_data(ms.Tensor({**pretrained, **zeros}[parameter.name]))
    return network


def _training_step(network: Tail, recipe: Recipe, rates: Sequence[float]) -> nn.Cell:
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


def _chosen(network: Tail, is_head: bool, decays: bool) -> list[ms.Parameter]:
    """Return the parameters of the head or of the cells; weights decay, scales and shifts do not."""
    return [
        parameter
        for parameter in network.trainable_params()
        if parameter.name.startswith("head.") is is_head and parameter.name.endswith("weight") is decays
    ]
