"""Two programs to measure: the reference's way of training a head, and training steps of the whole network.

    python -m benchmarks.training_programs head --dataset_path D --pretrained CKPT --scratch S --epochs 40
    python -m benchmarks.training_programs step --mode graph --pretrained CKPT --classes 26 --steps 2 IMAGE ..

The first works on the data and for the epochs of the original recipe. It calls what
`reference.finetune --solver sgd` calls: the engine computes pooled features once, into a new cache, and the
head learns from them. One view of each image, as in the original recipe. The second trains batch
normalisation, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from src_mindspore.transforms import evaluation_transform

from benchmarks.answering import read_image
from benchmarks.measure import BATCH_SIZE, ProgressTeller, Samples, tell, tell_phases
from reference.features import Backbone, FeatureCache, extract_features
from reference.framework import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2, ms, nn
from reference.images import EVALUATION, Split, scan
from reference.pretrained import load_pretrained
from reference.training import train_head_by_steps
from reference.values import HEAD_RECIPE, LabelledFeatures, TrainingData

MODES = {"graph": ms.GRAPH_MODE, "pynative": ms.PYNATIVE_MODE}
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 4e-5


def train_reference_head(arguments: Sequence[str]) -> None:
    """Train a head as the reference does, and tell how long each phase took."""
    parser = argparse.ArgumentParser(description="Train a head as the reference does.")
    parser.add_argument("--dataset_path", type=Path, required=True)
    parser.add_argument("--pretrained", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="where the feature cache goes")
    parser.add_argument("--epochs", type=int, required=True)
    options = parser.parse_args(arguments)
    folder = scan(options.dataset_path)
    backbone = Backbone(load_pretrained(options.pretrained))
    # The head's seconds are not worth a bar.
    teller = ProgressTeller(len(folder.train.paths) + len(folder.validation.paths))
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        cache = FeatureCache(Path(name))

        def features(split: Split) -> LabelledFeatures:
            extraction = extract_features(split.paths, (EVALUATION,), backbone, cache, teller.advance)
            return LabelledFeatures(extraction.features, split.labels)

        begun = time.perf_counter()
        train, validation = features(folder.train), features(folder.validation)
        extracted = time.perf_counter()
        recipe = replace(HEAD_RECIPE, epochs=options.epochs, batch_size=BATCH_SIZE)
        data = TrainingData(train, validation, len(folder.classes))
        result = train_head_by_steps(data, recipe, seed=0)
        trained = time.perf_counter()
    correct = result.best.count_correct(validation)
    tell_phases(begun, extracted, trained, correct)


def training_step(pretrained: Path, classes: int) -> nn.Cell:
    """Return a cell that does one step of the whole network: images and labels to the loss."""
    network = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=classes))
    ms.load_param_into_net(network, ms.load_checkpoint(str(pretrained)))
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    optimizer = nn.Momentum(network.trainable_params(), LEARNING_RATE, MOMENTUM, WEIGHT_DECAY)
    return nn.TrainOneStepCell(nn.WithLossCell(network, loss), optimizer).set_train(True)


def do_steps(arguments: Sequence[str]) -> None:
    """Do the steps, and tell how long each took; the first, which may compile, apart."""
    parser = argparse.ArgumentParser(description="Time training steps of the whole network.")
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--pretrained", type=Path, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("images", nargs="+")
    options = parser.parse_args(arguments)
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


PROGRAMS = {"head": train_reference_head, "step": do_steps}


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])
