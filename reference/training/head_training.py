"""Train a linear head on pooled features, in MindSpore's GRAPH mode.

The network is one `nn.Dense(channels, classes)` and the loss is the cross entropy with L2 on the weights,
which makes this multinomial logistic regression: a convex problem, so the seed hardly matters. A step
takes about a millisecond; compiling the step takes longer than training.
"""

from __future__ import annotations

import os

import numpy as np
from src_mindspore.cpu import cap_onednn_isa

from reference.training.batches import ArrayBatches
from reference.training.head import Head, LabelledFeatures, Recipe, TrainingData, TrainingResult
from reference.training.outcome import Outcome, network_of
from reference.training.schedule import recipe_rates
from reference.training.snapshot import Arrays, Snapshot

# Both work only before MindSpore's import, hence the order. Without the second, its Adam warns of itself.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402

from reference.training.loop import Accuracies, Task, Watcher, fit  # noqa: E402


def train_head(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    class_count: int,
    recipe: Recipe,
    seed: int,
    watcher: Watcher | None = None,
    snapshot: Snapshot | None = None,
) -> TrainingResult:
    """Train a head and keep the best epoch's.

    Args:
        train: features in all training views.
        validation: features in the evaluation view. They choose the epoch and nothing else.
        class_count: number of classes.
        recipe: hyper-parameters.
        seed: of the initial weights and the order of the images. The same seed gives the same bits on the
            same machine.
        watcher: told of steps and epochs.
        snapshot: where the state of the run is kept, and taken up again.

    Raises:
        DivergedError: a loss was NaN or infinite.
        InputError: the snapshot belongs to another run.
    """
    batches = ArrayBatches(train.features, train.labels, recipe.batch_size, seed)
    rates = recipe_rates(recipe, batches.steps)
    dense = _dense(train.features.shape[2], class_count, np.random.default_rng(seed))
    learned = {"weight": dense.weight, "bias": dense.bias}

    def evaluate() -> Accuracies:
        head = _head_of({name: parameter.asnumpy() for name, parameter in learned.items()})
        return Accuracies(head.accuracy(train), head.accuracy(validation))

    step = _training_step(dense, recipe, rates)
    task = Task(step, learned, batches, rates, recipe.epochs, evaluate=evaluate)
    fitted = fit(task, snapshot, watcher)
    return TrainingResult(_head_of(fitted.best), fitted.best_epoch, _head_of(fitted.final), fitted.log)


def train_classifier(
    pretrained: Arrays,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    watcher: Watcher | None = None,
    snapshot: Snapshot | None = None,
) -> Outcome:
    """Do what `train_head` does, and return whole networks: the pretrained backbone with the head.

    Args:
        pretrained: the backbone's parameters.
        data: pooled features.
        recipe: hyper-parameters.
        seed: of the initial weights and the order of the images.
        watcher: told of steps and epochs.
        snapshot: where the state of the run is kept, and taken up again.

    Raises:
        DivergedError: a loss was NaN or infinite.
        InputError: the snapshot belongs to another run.
    """
    result = train_head(data.train, data.validation, data.class_count, recipe, seed, watcher, snapshot)
    best, final = (network_of(pretrained, head, data) for head in (result.best, result.final))
    return Outcome(best, result.best_epoch, final, result.log)


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
    return nn.TrainOneStepCell(nn.WithLossCell(dense, loss), optimizer)


def _head_of(numbers: Arrays) -> Head:
    return Head(numbers["weight"], numbers["bias"])
