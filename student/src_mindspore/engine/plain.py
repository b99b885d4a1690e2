"""Which cells of a live network compute exactly what the graph that stands for them computes.

A subclass, a hook, half precision, a layer that was exchanged, a library that was changed: all of these leave
the cell to MindSpore.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindspore import get_context, nn

from src_mindspore.engine.graph import BATCH_NORM_EPSILON

# What a MobileNetV2 backbone is made of; one that holds anything else is not the network of the graph.
BACKBONE_CELLS = frozenset(
    {
        "MobileNetV2Backbone",
        "ConvBNReLU",
        "InvertedResidual",
        "SequentialCell",
        "Conv2d",
        "BatchNorm2d",
        "ReLU6",
    }
)


def is_plain_backbone(backbone: nn.Cell) -> bool:
    """Whether a backbone computes on the CPU, in inference, exactly what its graph does."""
    return get_context("device_target") == "CPU" and all(
        _is_plain(cell) for _, cell in backbone.cells_and_names()
    )


def is_untouched(cell: nn.Cell) -> bool:
    """Whether a cell computes what its class says, in float32, and nobody listens in."""
    attributes = vars(cell)  # asking the cell for what it has not got takes microseconds
    return not (
        cell._forward_hook
        or cell._forward_pre_hook
        or cell.mixed_precision_type is not None
        or attributes.get("fp16")
        or attributes.get("bf16")
        or "construct" in attributes
    )


def _is_plain(cell: nn.Cell) -> bool:
    if type(cell).__name__ not in BACKBONE_CELLS or not is_of_the_library(cell) or not is_untouched(cell):
        return False
    if not is_as_written(cell):
        return False
    if isinstance(cell, nn.BatchNorm2d):
        return abs(cell.eps - BATCH_NORM_EPSILON) < 1e-12 and not cell.use_batch_statistics
    if isinstance(cell, nn.Conv2d):
        padding = (cell.kernel_size[0] - 1) // 2
        return (
            not cell.has_bias
            and cell.pad_mode == "pad"
            and cell.padding == padding
            and set(cell.dilation) == {1}
            and len(set(cell.stride)) == 1
        )
    return True


# What the graph takes the cells of the course library to compute. Who changes the library changes them there.


def _features(self: Any, x: Any) -> Any:
    return self.features(x)


def _block(self: Any, x: Any) -> Any:
    if self.use_res_connect:
        return x + self.conv(x)
    return self.conv(x)


def _combined(self: Any, x: Any) -> Any:
    return self.head(self.backbone(x))


_CONSTRUCTS: dict[str, Callable[..., Any]] = {
    "ConvBNReLU": _features,
    "InvertedResidual": _block,
    "MobileNetV2Backbone": _features,
    "MobileNetV2Combine": _combined,
    "MobileNetV2": _combined,
}


def is_as_written(cell: nn.Cell) -> bool:
    """Whether a cell of the course library has the layers, and does with them, what the graph takes it to."""
    name = type(cell).__name__
    if name not in _CONSTRUCTS:
        return True
    try:
        return _is_same_code(type(cell).construct, _CONSTRUCTS[name]) and _LAYERS[name](cell)
    except (AttributeError, IndexError, TypeError):
        return False


def _is_same_code(some: Any, other: Any) -> bool:
    """Whether two functions are the same but for their names and docstrings; constants they have none."""
    one, two = some.__code__, other.__code__
    return (one.co_code, one.co_names, one.co_varnames) == (two.co_code, two.co_names, two.co_varnames)


def _has_layers_of_a_convolution(cell: Any) -> bool:
    return _types(cell.features) == ["Conv2d", "BatchNorm2d", "ReLU6"]


def _has_layers_of_a_block(cell: Any) -> bool:
    """Expand or not, filter, project. Only the filter has a stride; the sum is where the shapes allow it."""
    *expand, depthwise, project, _ = cell.conv
    first = [each.features[0] for each in (*expand, depthwise)]
    strides = [convolution.stride[0] for convolution in (*first[:-1], project)]
    is_residual = first[-1].stride[0] == 1 and first[0].in_channels == project.out_channels
    return (
        _types(cell.conv) == [*["ConvBNReLU"] * (len(expand) + 1), "Conv2d", "BatchNorm2d"]
        and len(expand) <= 1
        and set(strides) == {1}
        and bool(cell.use_res_connect) == is_residual
    )


def _has_layers_of_the_backbone(cell: Any) -> bool:
    stem, *blocks, last = cell.features
    return (
        _types(blocks) == ["InvertedResidual"] * len(blocks)
        and _types([stem, last]) == ["ConvBNReLU"] * 2
        and (stem.features[0].stride[0], last.features[0].stride[0]) == (2, 1)
    )


_LAYERS: dict[str, Callable[[Any], bool]] = {
    "ConvBNReLU": _has_layers_of_a_convolution,
    "InvertedResidual": _has_layers_of_a_block,
    "MobileNetV2Backbone": _has_layers_of_the_backbone,
    "MobileNetV2Combine": lambda _: True,  # any head
    "MobileNetV2": lambda _: True,
}


def _types(cells: Any) -> list[str]:
    return [type(cell).__name__ for cell in cells]


def is_of_the_library(cell: nn.Cell) -> bool:
    """Whether a cell's class is MindSpore's or the course library's own, not a subclass of somebody's."""
    return type(cell).__module__.startswith(("mindspore.", "src_mindspore."))
