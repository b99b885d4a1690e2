"""A classifier as a MindSpore network, computed by MindSpore alone: what every export is compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from src_mindspore.cpu import cap_onednn_isa

from reference.exporting.classifier import CHANNELS, SIDE, Classifier, FloatArray
from reference.exporting.comparing import Predict
from reference.exporting.errors import ExportError

# Both work only before MindSpore's import, hence the order. Without the second, export warns of itself.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402
from src_mindspore.engine.live import SWITCH  # noqa: E402
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2  # noqa: E402


class DenseHead(nn.Cell):
    """The head that students write: (N, 1280, 7, 7) pooled or flattened, then a dense layer.

    Args:
        classes: number of outputs.
        pooling: "mean", "max" or "none".
        has_bias: of the dense layer.
        activation: "Softmax" or "None".
    """

    def __init__(self, classes: int, pooling: str, has_bias: bool, activation: str) -> None:
        super().__init__()
        self.pooling = pooling
        inputs = CHANNELS * SIDE * SIDE if pooling == "none" else CHANNELS
        self.dense = nn.Dense(inputs, classes, has_bias=has_bias)
        self.need_activation = activation == "Softmax"
        self.activation = nn.Softmax(axis=-1)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """Return logits, or probabilities if an activation was chosen."""
        if self.pooling == "mean":
            x = x.mean((2, 3))
        elif self.pooling == "max":
            x = x.max((2, 3))
        else:
            x = x.flatten(start_dim=1)
        x = self.dense(x)
        if self.need_activation:
            x = self.activation(x)
        return x


def build_network(classifier: Classifier, parameters: Mapping[str, FloatArray] | None = None) -> nn.Cell:
    """Return a new network in inference mode, which never asks the fast engine.

    Args:
        classifier: what to build.
        parameters: values in place of the classifier's own.

    Raises:
        ValueError: a parameter has no value, or a value no parameter.
    """
    classes, activation = len(classifier.weight), classifier.activation
    if classifier.has_course_head:
        has_dropout = classifier.layer == "head.2"
        head = MobileNetV2Head(CHANNELS, classes, has_dropout=has_dropout, activation=activation)
    else:
        head = DenseHead(classes, classifier.pooling, classifier.bias is not None, activation)
    with _engine_off():
        network = mobilenet_v2(MobileNetV2Backbone(), head)
    values = classifier.parameters() if parameters is None else parameters
    named = {name: ms.Parameter(ms.Tensor(value), name=name) for name, value in values.items()}
    missing, left_over = ms.load_param_into_net(network, named, strict_load=True)
    if missing or left_over:
        raise ValueError(f"no values for {missing}, no parameters for {left_over}")
    return network.set_train(False)


def predictor(network: nn.Cell) -> Predict:
    """Return a function that lets a network answer."""

    def predict(images: FloatArray) -> FloatArray:
        return np.asarray(network(ms.Tensor(images)).asnumpy())

    return predict


def load_safetensors(path: Path, classifier: Classifier) -> Predict:
    """Load a safetensors file into a new network, as MindSpore does and as the plain library does.

    Raises:
        ExportError: the two do not read the same parameters.
    """
    loaded = ms.load_checkpoint(str(path), format="safetensors", crc_check=True)
    parameters = {name: value.asnumpy() for name, value in loaded.items()}
    plain = load_file(path)
    if plain.keys() != parameters.keys() or any(
        not np.array_equal(plain[name], parameters[name]) for name in plain
    ):
        raise ExportError(f"{path.name}: MindSpore and safetensors read different parameters from it")
    return predictor(build_network(classifier, parameters))


@contextmanager
def pynative_mode() -> Iterator[None]:
    """Compute in PyNative mode in the body: compiling takes longer than answering a hundred images."""
    earlier = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        yield
    finally:
        ms.set_context(mode=earlier)


@contextmanager
def _engine_off() -> Iterator[None]:
    """Let networks that are built in the body answer by MindSpore alone."""
    earlier = os.environ.get(SWITCH)
    os.environ[SWITCH] = "off"
    try:
        yield
    finally:
        if earlier is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = earlier
