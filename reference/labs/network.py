"""The labs' network in MindSpore: made, filled with weights, read out."""

from __future__ import annotations

import os

import numpy as np
from src_mindspore.cpu import cap_onednn_isa

from reference.weights.errors import WeightsError
from reference.weights.naming import Arrays

# Both work only before MindSpore's import, hence the order. The second silences its warnings.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2  # noqa: E402


def define_net(num_classes: int, activation: str = "None") -> tuple[nn.Cell, nn.Cell, nn.Cell]:
    """Return the backbone, the head, and both as one network, with random weights.

    Args:
        num_classes: of the head.
        activation: what the network ends in. Training needs logits, hence "None": the loss has a softmax of
            its own.
    """
    backbone = MobileNetV2Backbone()
    head = MobileNetV2Head(backbone.out_channels, num_classes, activation=activation)
    return backbone, head, mobilenet_v2(backbone, head)


def fill(cell: nn.Cell, arrays: Arrays) -> None:
    """Give every parameter of a cell its array, by name.

    Raises:
        WeightsError: one is missing or has another shape.
    """
    for parameter in cell.get_parameters():
        array = arrays.get(parameter.name)
        if array is None:
            raise WeightsError(f"{parameter.name} is missing")
        if array.shape != tuple(parameter.shape):
            raise WeightsError(
                f"{parameter.name} has shape {array.shape} instead of {tuple(parameter.shape)}"
            )
        parameter.set_data(ms.Tensor(np.ascontiguousarray(array)))


def arrays_of(cell: nn.Cell) -> Arrays:
    """Return copies of a cell's parameters, by name."""
    return {parameter.name: parameter.asnumpy().copy() for parameter in cell.get_parameters()}
