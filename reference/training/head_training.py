"""Train a linear head on pooled features, in MindSpore's GRAPH mode.

The network is one `nn.Dense(channels, classes)` and the loss is the cross entropy with L2 on the weights,
which makes this multinomial logistic regression: a convex problem, so the seed hardly matters. A step
takes about a millisecond; compiling the step takes longer than training.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
from src_mindspore.cpu import cap_onednn_isa

from reference.ctrl_c import ctrl_c_raises
from reference.training.head import EpochLog, Head, LabelledFeatures, Recipe, TrainingResult
from reference.training.schedule import learning_rates

# Both work only before MindSpore's import, hence the order. Without the second, its Adam warns of itself.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402


@ctrl_c_raises()
def train_head(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    class_count: int,
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[EpochLog], object] = lambda _: None,
) -> TrainingResult:
    """Train a head and keep the best epoch's.

    Args:
        train: features in all training views.
        validation: features in the evaluation view. They choose the epoch and nothing else.
        class_count: number of classes.
        recipe: hyper-parameters.
        seed: of the initial weights and the order of the images. The same seed gives the same bits on the
            same machine.
        on_epoch: told of each finished epoch.
    """
    rng = np.random.default_rng(seed)
    views, images, channels = train.features.shape
    inputs = train.features.reshape(views * images, channels)
    labels = np.tile(train.labels, views).astype(np.int32)
    batch_size = min(recipe.batch_size, len(inputs))
    # A rest that does not fill a batch waits for another epoch's shuffling: one shape, one compilation.
    steps = len(inputs) // batch_size
    warmup_epochs = min(recipe.warmup_epochs, recipe.epochs - 1)
    rates = learning_rates(steps * recipe.epochs, steps * warmup_epochs, recipe.learning_rate)
    dense = _dense(channels, class_count, rng)
    step = _training_step(dense, recipe, rates)

    best, best_epoch, best_correct, log = _head_of(dense), 0, -1, []
    for epoch in range(1, recipe.epochs + 1):
        begun = time.perf_counter()
        order = rng.permutation(len(inputs))[: steps * batch_size].reshape(steps, batch_size)
        losses = [step(ms.Tensor(inputs[rows]), ms.Tensor(labels[rows])) for rows in order]
        head = _head_of(dense)
        correct = head.count_correct(validation)
        if correct > best_correct:
            best, best_epoch, best_correct = head, epoch, correct
        entry = EpochLog(
            epoch=epoch,
            learning_rate=rates[epoch * steps - 1],
            train_loss=float(np.mean([loss.asnumpy() for loss in losses])),
            train_accuracy=head.count_correct(train) / images,
            validation_accuracy=correct / len(validation.labels),
            seconds=time.perf_counter() - begun,
        )
        log.append(entry)
        on_epoch(entry)
    return TrainingResult(best, best_epoch, _head_of(dense), tuple(log))


def _dense(channels: int, class_count: int, rng: np.random.Generator) -> nn.Dense:
    """Return a dense layer with weights N(0, 0.01), drawn here so that only `seed` decides them."""
    weight = rng.normal(0, 0.01, (class_count, channels)).astype(np.float32)
    return nn.Dense(channels, class_count, weight_init=ms.Tensor(weight), bias_init="zeros")


def _training_step(dense: nn.Dense, recipe: Recipe, rates: list[float]) -> nn.Cell:
    ms.set_context(mode=ms.GRAPH_MODE)
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    groups = [
        {"params": [dense.weight], "weight_decay": recipe.weight_decay},
        {"params": [dense.bias], "weight_decay": 0.0},
    ]
    optimizer = nn.Adam(groups, learning_rate=rates)
    return nn.TrainOneStepCell(nn.WithLossCell(dense, loss), optimizer).set_train()


def _head_of(dense: nn.Dense) -> Head:
    return Head(dense.weight.asnumpy().copy(), dense.bias.asnumpy().copy())
