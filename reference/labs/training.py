"""How the two labs train: the flower lab in three ways, the garbage lab in two stages.

The flower lab trains from scratch, fine-tunes all of the network, or trains the head alone.

The garbage lab trains the head on features of a frozen backbone, then the whole network. In the lab's own
second stage the optimizer is given the head's parameters only. The backbone's weights stay as they are, while
its batch normalisation, in training mode, goes on to measure new statistics: nothing is learned and the score
falls. Here it is the other way round: the convolutions learn, and batch normalisation stays as it was when
the backbone was trained, its statistics and with them gamma and beta.

The lab halves the learning rate for its second stage, and so it is for the head here. The convolutions take
a small share of that: batch normalisation that does not follow the batch no longer evens out what they do.
From the best head on (loss 1.0, batches of 16) Momentum at .001 and above went to the loss of guessing, 3.3,
within ten steps; at 1e-5 the mean over eight steps fell from 1.32 to 1.23 in 24, at 4e-5 it rose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from src_mindspore.transforms import SIZE, evaluation_transform, training_transform, training_transform_to

from reference.features import Backbone, FeatureCache, default_cache_folder, extract_features
from reference.framework import Parameter, Tensor, ms, nn
from reference.images import EVALUATION, ImageFolder, Split, read_image
from reference.labs.files import CheckpointFolder, DurationNote, ExtractionLines, StageFiles, epoch_line
from reference.labs.network import (
    CrossEntropyWithLabelSmooth,
    Processes,
    accuracy,
    arrays_of,
    define_net,
    fill,
    optimizer,
)
from reference.labs.recipes import FlowerConfig, StageRecipe
from reference.training import (
    Accuracies,
    ArrayBatches,
    Batches,
    ImageBatches,
    Snapshot,
    Task,
    Watcher,
    batch_norms,
    fit,
)
from reference.values import Arrays, EpochLog, FloatArray, Head, TrainingData, TrainingResult
from reference.weights import Weights

FLOWER_SEED = 1  # of weights, order and augmentation, as in the lab's own script
EVALUATION_BATCH = 32


# -- the flower lab ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlowerTraining:
    """What all three ways need.

    Attributes:
        config: its `num_classes` is the data set's.
        images: to train on, at least one batch for each process.
        weights: to begin with; None for a network of random weights.
        checkpoints: where they go.
        processes: which train together.
        snapshot: keeps the state of the run; None if nobody can resume it.
        resume: go on from that state.
    """

    config: FlowerConfig
    images: Split
    weights: Weights | None
    checkpoints: CheckpointFolder
    processes: Processes
    snapshot: Snapshot | None
    resume: bool


def train_flower_network(training: FlowerTraining) -> None:
    """Train backbone and head together on augmented images.

    Batch normalisation learns too: its statistics follow the batches, as they did when the backbone was
    trained.
    """
    config = training.config
    ms.set_seed(FLOWER_SEED)
    backbone, head, network = define_net(config.num_classes)
    if training.weights:
        fill(backbone, training.weights.backbone)
        if begins_with_head(training.weights, config.num_classes):
            fill(head, training.weights.arrays())
    batches = ImageBatches(
        training.images,
        training_transform_to(config.image_size),
        config.batch_size,
        FLOWER_SEED,
        share=(training.processes.rank, training.processes.size),
    )
    note = DurationNote(batches.steps, config.epoch_size)
    on_step = note.on_step if config.platform == "CPU" else lambda *_: None
    _fit_flowers(
        training,
        network,
        batches,
        config.loss_scale,
        lambda: arrays_of(network),
        on_step,
    )


def train_flower_head(training: FlowerTraining) -> None:
    """Compute the features of the frozen backbone once, then train the head on them.

    The features are those of the images as evaluation sees them. The lab's own script keeps the batches of
    the first pass together for ever and never learns from the images that fill none; here every epoch draws
    its batches anew from all images. A head in the checkpoint goes on learning, as in `train_flower_network`.
    """
    assert training.weights is not None  # noqa: S101
    config, images, parameters = training.config, training.images, training.weights.backbone
    share = (training.processes.rank, training.processes.size)
    steps = len(images.paths) // (config.batch_size * training.processes.size)
    lines = ExtractionLines(len(images.paths), steps)
    features = _flower_features(images, parameters, config, lines)
    batches = ArrayBatches(features, images.labels, config.batch_size, FLOWER_SEED, share=share)
    ms.set_seed(FLOWER_SEED)
    _, head, _ = define_net(config.num_classes)
    if begins_with_head(training.weights, config.num_classes):
        fill(head, training.weights.arrays())
    # The features are pooled already, so of the head only the dense layer is left to compute.
    dense = head.get_head[-1]
    _fit_flowers(
        training,
        dense,
        batches,
        1.0,
        lambda: {**parameters, **arrays_of(head)},
        lambda *_: None,
    )


def _flower_features(
    images: Split, parameters: Arrays, config: FlowerConfig, lines: ExtractionLines
) -> FloatArray:
    """Return the pooled features of the images, (1, images, 1280).

    The engine computes those of 224x224, into the cache. Other sizes are MindSpore's, and are not kept.
    """
    if config.image_size == (SIZE, SIZE):
        cache = FeatureCache(default_cache_folder())
        found = extract_features(images.paths, (EVALUATION,), Backbone(parameters), cache, lines.advance)
        return np.asarray(found.features, np.float32)
    backbone, _, _ = define_net(config.num_classes)
    fill(backbone, parameters)
    backbone.set_train(False)
    features = []
    for start in range(0, len(images.paths), EVALUATION_BATCH):
        paths = images.paths[start : start + EVALUATION_BATCH]
        inputs = [evaluation_transform(read_image(path), size=config.image_size) for path in paths]
        features.append(backbone(Tensor(np.stack(inputs))).asnumpy().mean(axis=(2, 3)))
        lines.advance(len(paths))
    return np.stack([np.concatenate(features)])


def begins_with_head(weights: Weights, num_classes: int) -> bool:
    """Whether a checkpoint has a head for so many classes, which then goes on learning."""
    return weights.head is not None and len(weights.head.bias) == num_classes


def _fit_flowers(
    training: FlowerTraining,
    network: nn.Cell,
    batches: Batches,
    loss_scale: float,
    arrays: Callable[[], Arrays],
    on_step: Callable[[int, int, float], object],
) -> None:
    """Run the epochs, print their lines and write their checkpoints."""
    config = training.config
    rates = config.rates(batches.steps)
    loss = CrossEntropyWithLabelSmooth(config.label_smooth, config.num_classes)
    learning = network.trainable_params()
    descent = optimizer("momentum", learning, rates, config.weight_decay, config.momentum, loss_scale)
    step = nn.TrainOneStepCell(nn.WithLossCell(network, loss), descent, loss_scale)

    if earlier := training.checkpoints.begin(training.resume):
        print(f"note: {training.checkpoints.folder} of an earlier training is now {earlier}", flush=True)
    print(f"checkpoints go to {training.checkpoints.folder}", flush=True)

    def on_epoch(entry: EpochLog) -> None:
        print(
            epoch_line(entry.epoch, config.epoch_size, batches.steps, entry.seconds, entry.train_loss),
            flush=True,
        )
        is_last = entry.epoch == config.epoch_size
        if config.save_checkpoint and (is_last or entry.epoch % config.save_checkpoint_epochs == 0):
            training.checkpoints.save(entry.epoch, arrays())

    learned = {parameter.name: parameter for parameter in network.get_parameters()}
    fit(
        Task(step, learned, batches, rates.tolist(), config.epoch_size),
        training.snapshot,
        Watcher(on_step, on_epoch),
    )


# -- the garbage lab ---------------------------------------------------------------------------------------


def train_garbage_head(
    data: TrainingData, recipe: StageRecipe, seed: int, files: StageFiles | None = None
) -> TrainingResult[Arrays]:
    """Do the first stage. The result's parameters are `head.1.weight` and `head.1.bias`.

    Args:
        data: pooled features. The head learns from those of the training images in all passes; their accuracy
            is quoted as evaluation sees them (`train_seen`).
        recipe: for this stage.
        seed: of the initial weights and the order.
        files: where state, checkpoints and log go.

    Raises:
        DivergedError, InputError, OSError: as `reference.training.fit`.
    """
    ms.set_seed(seed)
    ms.set_context(mode=ms.GRAPH_MODE)
    _, head, _ = define_net(data.class_count)
    # The features are pooled already, so of the head only the dense layer is left to compute.
    dense = head.get_head[-1]
    batches = ArrayBatches(data.train.features, data.train.labels, recipe.batch_size, seed)

    def evaluate() -> Accuracies:
        now = Head(dense.weight.asnumpy(), dense.bias.asnumpy())
        seen = now.accuracy(data.train_seen) if data.train_seen else None
        return Accuracies(seen, now.accuracy(data.validation))

    task = _garbage_task(dense, dense.trainable_params(), batches, recipe, data.class_count)
    watcher = Watcher(on_epoch=_writer(files, dense))
    return fit(replace(task, evaluate=evaluate), files.snapshot if files else None, watcher)


def train_garbage_network(
    folder: ImageFolder,
    weights: Weights,
    recipe: StageRecipe,
    seed: int,
    repeat: int = 1,
    files: StageFiles | None = None,
) -> TrainingResult[Arrays]:
    """Do the second stage. The result's parameters are those of the whole network, statistics included.

    Args:
        folder: the data set.
        weights: backbone and head to begin with, the first stage's best.
        recipe: for this stage.
        seed: of order and augmentation.
        repeat: how often each image comes in an epoch, augmented anew each time.
        files: where state, checkpoints and log go.

    Raises:
        WeightsError: the weights are not those of such a network.
        DivergedError, InputError, OSError: as `reference.training.fit`.
    """
    ms.set_context(mode=ms.GRAPH_MODE)
    class_count = len(folder.classes)
    _, _, network = define_net(class_count)
    fill(network, weights.arrays())
    norms = freeze_norms(network)
    batches = ImageBatches(folder.train, training_transform, recipe.batch_size, seed, repeat)

    def evaluate() -> Accuracies:
        train, validation = (
            accuracy(network, split, EVALUATION_BATCH) for split in (folder.train, folder.validation)
        )
        return Accuracies(train, validation)

    groups = _groups(network, recipe, batches.steps)
    task = _garbage_task(network, groups, batches, recipe, class_count)
    note = DurationNote(batches.steps, recipe.epochs)
    watcher = Watcher(note.on_step, _writer(files, network))
    return fit(replace(task, frozen=norms, evaluate=evaluate), files.snapshot if files else None, watcher)


def _groups(network: nn.Cell, recipe: StageRecipe, steps: int) -> list[dict[str, Any]]:
    """Return the convolutions and the head, each with its learning rates."""
    head = [parameter for parameter in network.trainable_params() if parameter.name.startswith("head.")]
    convolutions = [p for p in network.trainable_params() if not p.name.startswith("head.")]
    rates = recipe.rates(steps)
    return [
        {"params": convolutions, "lr": Tensor(rates * np.float32(recipe.backbone_share))},
        {"params": head, "lr": Tensor(rates)},
    ]


def _writer(files: StageFiles | None, network: nn.Cell) -> Callable[[EpochLog], object]:
    """Return what writes the files of each epoch."""
    if files is None:
        return lambda _: None
    return lambda entry: files.epoch_ended(entry, arrays_of(network))


def freeze_norms(network: nn.Cell) -> list[nn.Cell]:
    """Let no optimizer change gamma and beta, and return the cells, whose statistics `fit` then keeps."""
    norms = batch_norms(network)
    for norm in norms:
        norm.gamma.requires_grad = norm.beta.requires_grad = False
    return norms


def _garbage_task(
    network: nn.Cell,
    learning: Sequence[Parameter] | Sequence[dict[str, Any]],
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
