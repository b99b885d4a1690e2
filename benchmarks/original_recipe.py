"""The lab's original way of training a head, written anew from its description, as the thing to compare with.

    python -m benchmarks.original_recipe --dataset_path D --pretrained CKPT --scratch S --epochs 40

1. The frozen backbone computes the 7x7 feature maps of every batch of 64 training images, one random view of
   each, in PyNative mode (MindSpore's default), and writes each batch to a `.npy` file.
2. Every epoch reads these files again, in a new order, and trains on them a head that pools the maps and
   applies one dense layer without bias: softmax cross entropy, momentum, weight decay, a rate for each step.
3. After every epoch the head is evaluated on the validation and on the training images, again from files.

Where the description leaves something open, this does what takes less time: the validation maps are computed
once, too, and no checkpoints are written.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from pathlib import Path
from typing import TypeAlias

import mindspore as ms
import numpy as np
from easydict import EasyDict
from mindspore import nn, ops
from src_mindspore.dataset import create_dataset, sorted_classes
from src_mindspore.mobilenetv2 import MobileNetV2Backbone

from benchmarks.measure import BATCH_SIZE, ProgressTeller, tell_phases

Batch: TypeAlias = tuple[Path, Path]  # of maps, float32 (N, 1280, 7, 7), and of labels, int32 (N,)

LR_MAX = 0.02
MOMENTUM = 0.9
WEIGHT_DECAY = 0.01


def build_lr(
    total_steps: int,
    lr_init: float = 0.005,
    lr_end: float = 1e-4,
    lr_max: float = 0.1,
    warmup_steps: int = 0,
    decay_type: str = "cosine",
) -> list[float]:
    """Return the rate of each step: a linear warm-up, then a cosine, a square, or `lr_max` throughout."""
    rates = []
    for i in range(total_steps):
        if i < warmup_steps:
            rate = lr_init + (lr_max - lr_init) / warmup_steps * (i + 1)
        else:
            progress = (i - warmup_steps) / (total_steps - warmup_steps)
            if decay_type == "cosine":
                rate = lr_end + (lr_max - lr_end) * (1 + math.cos(math.pi * progress)) / 2
            elif decay_type == "square":
                rate = (lr_max - lr_end) * (1 - progress) ** 2 + lr_end
            else:
                rate = lr_max
        rates.append(rate)
    return rates


class StudentsHead(nn.Cell):
    """The students' head: the mean over the map, then a dense layer: (N, 1280, 7, 7) -> (N, classes)."""

    def __init__(self, input_channel: int, num_classes: int) -> None:
        super().__init__()
        self.mean = ops.ReduceMean(keep_dims=False)
        self.dense = nn.Dense(input_channel, num_classes, has_bias=False)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """Return logits."""
        return self.dense(self.mean(x, (2, 3)))


def load_backbone(checkpoint: Path) -> MobileNetV2Backbone:
    """Return the pretrained backbone."""
    backbone = MobileNetV2Backbone()
    missing, _ = ms.load_param_into_net(backbone, ms.load_checkpoint(str(checkpoint)))
    if missing:
        raise SystemExit(f"{checkpoint}: no values for {missing[0]}")
    return backbone


def extract_features(
    backbone: nn.Cell, dataset: ms.dataset.Dataset, folder: Path, teller: ProgressTeller
) -> list[Batch]:
    """Write the maps and the labels of each batch into `folder`, and return where they are."""
    folder.mkdir()
    batches: list[Batch] = []
    for images, labels in dataset.create_tuple_iterator(num_epochs=1):
        number = len(batches)
        batches.append((folder / f"feature_{number}.npy", folder / f"label_{number}.npy"))
        np.save(batches[-1][0], backbone(images).asnumpy())
        np.save(batches[-1][1], labels.asnumpy())
        teller.advance()
    return batches


def read(batch: Batch) -> tuple[ms.Tensor, ms.Tensor]:
    """Read the maps and the labels of one batch."""
    features, labels = batch
    return ms.Tensor(np.load(features)), ms.Tensor(np.load(labels))


def count_correct(head: nn.Cell, batches: list[Batch]) -> int:
    """Count the images that the head recognises."""
    correct = 0
    for batch in batches:
        features, labels = read(batch)
        correct += int((head(features).asnumpy().argmax(axis=1) == labels.asnumpy()).sum())
    return correct


def train_original_head(
    head: nn.Cell, train: list[Batch], val: list[Batch], epochs: int, teller: ProgressTeller
) -> int:
    """Train, and return how many validation images were recognised after the best epoch."""
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    rates = build_lr(epochs * len(train), lr_max=LR_MAX)
    optimizer = nn.Momentum(head.trainable_params(), rates, MOMENTUM, WEIGHT_DECAY)
    step = nn.TrainOneStepCell(nn.WithLossCell(head, loss), optimizer).set_train()
    best = 0
    for _ in range(epochs):
        random.shuffle(train)
        losses = [float(step(*read(batch)).asnumpy()) for batch in train]
        if not math.isfinite(sum(losses)):
            raise SystemExit("the loss is not finite")
        count_correct(head, train)
        best = max(best, count_correct(head, val))
        teller.advance()
    return best


def main() -> None:
    """Do it all, and tell how long each phase took."""
    parser = argparse.ArgumentParser(description="Train a head as the lab's original does.")
    parser.add_argument("--dataset_path", type=Path, required=True)
    parser.add_argument("--pretrained", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="where the feature maps go")
    parser.add_argument("--epochs", type=int, required=True)
    options = parser.parse_args()
    ms.set_seed(1)
    random.seed(1)
    config = EasyDict(dataset_path=str(options.dataset_path), batch_size=BATCH_SIZE)
    backbone = load_backbone(options.pretrained)
    train, val = create_dataset(config, training=True), create_dataset(config, training=False)
    teller = ProgressTeller(train.get_dataset_size() + val.get_dataset_size() + options.epochs)
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        maps = Path(name)
        begun = time.perf_counter()
        train_files = extract_features(backbone, train, maps / "train", teller)
        val_files = extract_features(backbone, val, maps / "val", teller)
        extracted = time.perf_counter()
        head = StudentsHead(backbone.out_channels, len(sorted_classes(options.dataset_path)))
        correct = train_original_head(head, train_files, val_files, options.epochs, teller)
        trained = time.perf_counter()
    tell_phases(begun, extracted, trained, correct)


if __name__ == "__main__":
    main()
