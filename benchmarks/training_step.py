"""Train the whole network for a few steps, batch normalisation included; a program, see `step`.

python -m benchmarks.training_step --mode graph --pretrained CKPT --classes 26 --steps 2 IMAGE ...
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
from src_mindspore.transforms import evaluation_transform

from benchmarks.answering import read_image
from benchmarks.protocol import ProgressTeller, Samples, tell

MODES = {"graph": ms.GRAPH_MODE, "pynative": ms.PYNATIVE_MODE}
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 4e-5


def training_step(pretrained: Path, classes: int) -> nn.Cell:
    """Return a cell that does one step of the whole network: images and labels to the loss."""
    network = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=classes))
    ms.load_param_into_net(network, ms.load_checkpoint(str(pretrained)))
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    optimizer = nn.Momentum(network.trainable_params(), LEARNING_RATE, MOMENTUM, WEIGHT_DECAY)
    return nn.TrainOneStepCell(nn.WithLossCell(network, loss), optimizer).set_train(True)


def main() -> None:
    """Do the steps, and tell how long each took; the first, which may compile, apart."""
    parser = argparse.ArgumentParser(description="Time training steps of the whole network.")
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--pretrained", type=Path, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("images", nargs="+")
    options = parser.parse_args()
    ms.set_context(mode=MODES[options.mode])
    images = ms.Tensor(np.stack([evaluation_transform(read_image(path)) for path in options.images]))
    labels = ms.Tensor(np.arange(len(options.images), dtype=np.int32) % options.classes)
    step = training_step(options.pretrained, options.classes)
    teller = ProgressTeller(options.steps + 1)
    seconds = []
    for _ in range(options.steps + 1):
        begun = time.perf_counter()
        loss = float(step(images, labels).asnumpy())
        # PyNative mode computes behind our back: a step is over when the parameters can be read.
        for parameter in step.trainable_params():
            parameter.asnumpy()
        seconds.append(time.perf_counter() - begun)
        teller.advance()
    if not np.isfinite(loss):
        raise SystemExit("the loss is not finite")
    tell(Samples("first step", tuple(seconds[:1])))
    tell(Samples("step", tuple(seconds[1:])))


if __name__ == "__main__":
    main()
