"""The lab's two stages as a student's file has them, in either order of imports, on the course library.

    python -m benchmarks.two_stage_program mindspore --dataset_path D --pretrained CKPT --scratch S
    python -m benchmarks.two_stage_program src_mindspore --dataset_path D --pretrained CKPT --scratch S

The first word is the package that the file imports first. Students' files import `mindspore` first, and then
the course library, which tells MindSpore's oneDNN to stay off its slow convolutions. Everything after that
is MindSpore alone, without a line of this project's: `Model.eval` validates after each stage, the head learns
on feature maps in files, and the second stage trains on images in batches of 16.
"""

from __future__ import annotations

import importlib
import sys

if __name__ == "__main__":
    importlib.import_module(sys.argv[1])

import argparse
import tempfile
import time
from pathlib import Path

import mindspore as ms
import numpy as np
from easydict import EasyDict
from mindspore import nn
from src_mindspore.dataset import create_dataset, sorted_classes
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, mobilenet_v2

from benchmarks.measure import FEATURES, HEAD, WHOLE_NETWORK, Samples, tell
from benchmarks.original_recipe import LR_MAX, MOMENTUM, WEIGHT_DECAY, StudentsHead, build_lr

ORDERS = ("src_mindspore", "mindspore")
EPOCHS = 2
BATCH_SIZE = 16


def extract_features(config: EasyDict, backbone: nn.Cell) -> int:
    """Leave the maps and the labels of each batch in files, and return how many batches there are."""
    count = 0
    for data in create_dataset(config, training=True).create_dict_iterator(num_epochs=1):
        np.save(config.features_path / f"feature_{count}.npy", backbone(data["image"]).asnumpy())
        np.save(config.features_path / f"label_{count}.npy", data["label"].asnumpy())
        count += 1
    return count


def train_head(config: EasyDict, network: nn.Cell, count: int) -> None:
    """Train the head on the files, and validate."""
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    rates = build_lr(EPOCHS * count, lr_max=LR_MAX)
    optimizer = nn.Momentum(network.head.trainable_params(), rates, MOMENTUM, WEIGHT_DECAY)
    step = nn.TrainOneStepCell(nn.WithLossCell(network.head, loss), optimizer).set_train()
    for _ in range(EPOCHS):
        for number in range(count):
            feature = np.load(config.features_path / f"feature_{number}.npy")
            label = np.load(config.features_path / f"label_{number}.npy")
            step(ms.Tensor(feature), ms.Tensor(label)).asnumpy()
    validate(config, network, loss)


def train_all(config: EasyDict, network: nn.Cell) -> None:
    """Train on images for one epoch, with the head's parameters alone, as the lab does; and validate."""
    data = create_dataset(config, training=True)
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    rates = build_lr(data.get_dataset_size(), lr_max=LR_MAX / 2)
    optimizer = nn.Momentum(network.head.trainable_params(), rates, MOMENTUM, WEIGHT_DECAY)
    step = nn.TrainOneStepCell(nn.WithLossCell(network, loss), optimizer).set_train()
    for batch in data.create_dict_iterator(num_epochs=1):
        step(ms.Tensor(batch["image"]), ms.Tensor(batch["label"])).asnumpy()
    validate(config, network, loss)


def validate(config: EasyDict, network: nn.Cell, loss: nn.Cell) -> None:
    """Ask MindSpore's own `Model` for the accuracy."""
    model = ms.Model(network, loss, metrics={"acc", "loss"})
    model.eval(create_dataset(config, training=False), dataset_sink_mode=False)


def main() -> None:
    """Do it all, and tell how long each phase took."""
    parser = argparse.ArgumentParser(description="Train in two stages as a student's file does.")
    parser.add_argument("first", choices=ORDERS, help="the package that was imported first")
    parser.add_argument("--dataset_path", type=Path, required=True)
    parser.add_argument("--pretrained", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="where the feature maps go")
    options = parser.parse_args()
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_seed(1)
    with tempfile.TemporaryDirectory(dir=options.scratch) as maps:
        config = EasyDict(
            dataset_path=str(options.dataset_path), batch_size=BATCH_SIZE, features_path=Path(maps)
        )
        backbone = MobileNetV2Backbone()
        ms.load_checkpoint(str(options.pretrained), net=backbone)
        network = mobilenet_v2(
            backbone, StudentsHead(backbone.out_channels, len(sorted_classes(config.dataset_path)))
        )
        moments = [time.perf_counter()]
        count = extract_features(config, backbone)
        moments.append(time.perf_counter())
        train_head(config, network, count)
        moments.append(time.perf_counter())
        train_all(config, network)
        moments.append(time.perf_counter())
    for figure, seconds in zip((FEATURES, HEAD, WHOLE_NETWORK), np.diff(moments), strict=True):
        tell(Samples(figure, (float(seconds),)))


if __name__ == "__main__":
    main()
