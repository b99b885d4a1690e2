"""The flower lab's three ways to train: from scratch, fine-tuning all of it, or the head alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from src_mindspore.cpu import cap_onednn_isa
from src_mindspore.transforms import training_transform

from reference.features.cache import FeatureCache, default_cache_folder
from reference.features.extraction import Backbone, extract_features
from reference.images.imagefolder import Split
from reference.images.views import EVALUATION
from reference.labs.checkpoints import CheckpointFolder, Weights
from reference.labs.printed_lines import DurationNote, ExtractionLines, epoch_line
from reference.labs.schedules import FloatArray, get_lr
from reference.training.batches import ArrayBatches, Batches, ImageBatches
from reference.training.log import EpochLog
from reference.training.snapshot import Snapshot
from reference.weights.naming import Arrays

# Both work only before MindSpore's import, hence the order. The second silences its warnings.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402

from reference.labs.device import Processes  # noqa: E402
from reference.labs.label_smoothing import CrossEntropyWithLabelSmooth  # noqa: E402
from reference.labs.network import arrays_of, define_net, fill  # noqa: E402
from reference.labs.optimizers import optimizer  # noqa: E402
from reference.training.loop import Task, Watcher, fit  # noqa: E402

SEED = 1  # of weights, order and augmentation, as in the lab's own script


@dataclass(frozen=True)
class FlowerTraining:
    """What all three ways need.

    Attributes:
        config: see `flower_config`; `num_classes` is the data set's.
        images: to train on, at least one batch for each process.
        weights: to begin with; None for a network of random weights.
        checkpoints: where they go.
        processes: which train together.
        snapshot: keeps the state of the run; None if nobody can resume it.
        resume: go on from that state.
    """

    config: Any
    images: Split
    weights: Weights | None
    checkpoints: CheckpointFolder
    processes: Processes
    snapshot: Snapshot | None
    resume: bool


def train_network(training: FlowerTraining) -> None:
    """Train backbone and head together on augmented images.

    Batch normalisation learns too: its statistics follow the batches, as they did when the backbone was
    trained.
    """
    config = training.config
    ms.set_seed(SEED)
    backbone, head, network = define_net(config.num_classes)
    if training.weights:
        fill(backbone, training.weights.backbone)
        if begins_with_head(training.weights, config.num_classes):
            fill(head, training.weights.arrays())
    batches = ImageBatches(
        training.images.paths,
        training.images.labels,
        training_transform,
        config.batch_size,
        SEED,
        share=(training.processes.rank, training.processes.size),
    )
    note = DurationNote(batches.steps, config.epoch_size)
    on_step = note.on_step if config.platform == "CPU" else lambda *_: None
    _fit(
        training,
        network,
        batches,
        config.loss_scale,
        lambda: arrays_of(network),
        on_step,
    )


def train_head(training: FlowerTraining) -> None:
    """Compute the features of the frozen backbone once, then train the head on them.

    The features are those of the images as evaluation sees them. The lab's own script keeps the batches of
    the first pass together for ever and never learns from the images that fill none; here every epoch draws
    its batches anew from all images. A head in the checkpoint goes on learning, as in `train_network`.
    """
    assert training.weights is not None  # noqa: S101
    config, images, parameters = training.config, training.images, training.weights.backbone
    share = (training.processes.rank, training.processes.size)
    steps = len(images.paths) // (config.batch_size * training.processes.size)
    lines = ExtractionLines(len(images.paths), steps)
    cache = FeatureCache(default_cache_folder())
    features = extract_features(
        images.paths, (EVALUATION,), Backbone(parameters), cache, lines.advance
    ).features
    batches = ArrayBatches(features, images.labels, config.batch_size, SEED, share=share)
    ms.set_seed(SEED)
    _, head, _ = define_net(config.num_classes)
    if begins_with_head(training.weights, config.num_classes):
        fill(head, training.weights.arrays())
    # The features are pooled already, so of the head only the dense layer is left to compute.
    dense = head.get_head[-1]
    _fit(
        training,
        dense,
        batches,
        1.0,
        lambda: {**parameters, **arrays_of(head)},
        lambda *_: None,
    )


def begins_with_head(weights: Weights, num_classes: int) -> bool:
    """Whether a checkpoint has a head for so many classes, which then goes on learning."""
    return weights.head is not None and len(weights.head.bias) == num_classes


def _fit(
    training: FlowerTraining,
    network: nn.Cell,
    batches: Batches,
    loss_scale: float,
    arrays: Callable[[], Arrays],
    on_step: Callable[[int, int, float], object],
) -> None:
    """Run the epochs, print their lines and write their checkpoints."""
    config = training.config
    rates = learning_rates(config, batches.steps)
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


def learning_rates(config: Any, steps: int) -> FloatArray:
    """Return the learning rate of every step of a training of `steps` steps an epoch."""
    return get_lr(
        global_step=0,
        lr_init=config.lr_init,
        lr_end=config.lr_end,
        lr_max=config.lr_max,
        warmup_epochs=config.warmup_epochs,
        total_epochs=config.epoch_size,
        steps_per_epoch=steps,
    )
