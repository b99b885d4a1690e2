"""The garbage lab's two stages: the head on features of a frozen backbone, then the whole network.

In the lab's own second stage the optimizer is given the head's parameters only. The backbone's weights stay
as they are, while its batch normalisation, in training mode, goes on to measure new statistics: nothing is
learned and the score falls. Here it is the other way round: the convolutions learn, and batch normalisation
stays as it was when the backbone was trained, its statistics and with them gamma and beta.

The lab halves the learning rate for its second stage, and so it is for the head here. The convolutions take
a small share of that: batch normalisation that does not follow the batch no longer evens out what they do.
From the best head on (loss 1.0, batches of 16) Momentum at .001 and above went to the loss of guessing, 3.3,
within ten steps; at 1e-5 the mean over eight steps fell from 1.32 to 1.23 in 24, at 4e-5 it rose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from src_mindspore.cpu import cap_onednn_isa
from src_mindspore.transforms import training_transform

from reference.images.imagefolder import ImageFolder
from reference.labs.checkpoints import Weights
from reference.labs.garbage_recipe import StageRecipe
from reference.labs.printed_lines import DurationNote
from reference.training.batches import ArrayBatches, Batches, ImageBatches
from reference.training.head import Head, LabelledFeatures
from reference.training.log import EpochLog
from reference.training.snapshot import Snapshot
from reference.weights.naming import Arrays

# Both work only before MindSpore's import, hence the order. The second silences its warnings.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402

from reference.labs.evaluation import accuracy  # noqa: E402
from reference.labs.label_smoothing import CrossEntropyWithLabelSmooth  # noqa: E402
from reference.labs.network import arrays_of, define_net, fill  # noqa: E402
from reference.labs.optimizers import optimizer  # noqa: E402
from reference.training.loop import Accuracies, Fitted, Task, Watcher, fit  # noqa: E402
from reference.training.tail import batch_norms  # noqa: E402

EpochEnded: TypeAlias = Callable[[EpochLog, Arrays], object]

EVALUATION_BATCH = 32


@dataclass(frozen=True)
class HeadFeatures:
    """Pooled features for the first stage.

    Attributes:
        augmented: of the training images in all passes; the head learns from them.
        train: of the training images as evaluation sees them; their accuracy is quoted.
        validation: of the validation images; they choose the epoch.
    """

    augmented: LabelledFeatures
    train: LabelledFeatures
    validation: LabelledFeatures


def train_head(
    features: HeadFeatures,
    class_count: int,
    recipe: StageRecipe,
    seed: int,
    snapshot: Snapshot | None = None,
    epoch_ended: EpochEnded = lambda *_: None,
) -> Fitted:
    """Do the first stage. The result's parameters are `head.1.weight` and `head.1.bias`.

    Args:
        features: to learn from and to be judged by.
        class_count: number of classes.
        recipe: for this stage.
        seed: of the initial weights and the order.
        snapshot: where the state of the run is kept, and taken up again.
        epoch_ended: told of each epoch, and of the parameters that it left.

    Raises:
        DivergedError, InputError, OSError: as `reference.training.loop.fit`.
    """
    ms.set_seed(seed)
    ms.set_context(mode=ms.GRAPH_MODE)
    _, head, _ = define_net(class_count)
    # The features are pooled already, so of the head only the dense layer is left to compute.
    dense = head.get_head[-1]
    batches = ArrayBatches(features.augmented.features, features.augmented.labels, recipe.batch_size, seed)

    def evaluate() -> Accuracies:
        now = Head(dense.weight.asnumpy(), dense.bias.asnumpy())
        return Accuracies(now.accuracy(features.train), now.accuracy(features.validation))

    task = _task(dense, dense.trainable_params(), batches, recipe, class_count)
    watcher = Watcher(on_epoch=lambda entry: epoch_ended(entry, arrays_of(dense)))
    return fit(replace(task, evaluate=evaluate), snapshot, watcher)


def train_all(
    folder: ImageFolder,
    weights: Weights,
    recipe: StageRecipe,
    seed: int,
    repeat: int = 1,
    snapshot: Snapshot | None = None,
    epoch_ended: EpochEnded = lambda *_: None,
) -> Fitted:
    """Do the second stage. The result's parameters are those of the whole network, statistics included.

    Args:
        folder: the data set.
        weights: backbone and head to begin with, the first stage's best.
        recipe: for this stage.
        seed: of order and augmentation.
        repeat: how often each image comes in an epoch, augmented anew each time.
        snapshot: where the state of the run is kept, and taken up again.
        epoch_ended: told of each epoch, and of the parameters that it left.

    Raises:
        WeightsError: the weights are not those of such a network.
        DivergedError, InputError, OSError: as `reference.training.loop.fit`.
    """
    ms.set_context(mode=ms.GRAPH_MODE)
    class_count = len(folder.classes)
    _, _, network = define_net(class_count)
    fill(network, weights.arrays())
    norms = freeze_norms(network)
    batches = ImageBatches(
        folder.train.paths, folder.train.labels, training_transform, recipe.batch_size, seed, repeat
    )

    def evaluate() -> Accuracies:
        train, validation = (
            accuracy(network, split, EVALUATION_BATCH) for split in (folder.train, folder.validation)
        )
        return Accuracies(train, validation)

    head = [parameter for parameter in network.trainable_params() if parameter.name.startswith("head.")]
    convolutions = [p for p in network.trainable_params() if not p.name.startswith("head.")]
    rates = recipe.rates(batches.steps)
    groups = [
        {"params": convolutions, "lr": ms.Tensor(rates * np.float32(recipe.backbone_share))},
        {"params": head, "lr": ms.Tensor(rates)},
    ]
    task = _task(network, groups, batches, recipe, class_count)
    note = DurationNote(batches.steps, recipe.epochs)
    watcher = Watcher(note.on_step, lambda entry: epoch_ended(entry, arrays_of(network)))
    return fit(replace(task, frozen=norms, evaluate=evaluate), snapshot, watcher)


def freeze_norms(network: nn.Cell) -> list[nn.Cell]:
    """Let no optimizer change gamma and beta, and return the cells, whose statistics `fit` then keeps."""
    norms = batch_norms(network)
    for norm in norms:
        norm.gamma.requires_grad = norm.beta.requires_grad = False
    return norms


def _task(
    network: nn.Cell,
    learning: Sequence[ms.Parameter] | Sequence[dict[str, Any]],
    batches: Batches,
    recipe: StageRecipe,
    class_count: int,
) -> Task:
    rates = recipe.rates(batches.steps)
    loss = CrossEntropyWithLabelSmooth(recipe.label_smoothing, class_count)
    descent = optimizer(recipe.optimizer, learning, rates, recipe.weight_decay, recipe.momentum)
    step = nn.TrainOneStepCell(nn.WithLossCell(network, loss), descent)
    learned = {parameter.name: parameter for parameter in network.get_parameters()}
    return Task(step, learned, batches, rates.tolist(), recipe.epochs)
