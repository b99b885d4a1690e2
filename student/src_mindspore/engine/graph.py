"""A MobileNetV2 backbone's parameters as an ONNX graph, batch normalisation folded into the convolutions.

MindSpore's CPU kernels are several times slower than ONNX Runtime's on this network, and its ONNX export
writes a static batch. So the graph is written here, from nothing but the parameters::

    parameters (our names)  ->  layers, read from the stem to the last 1x1  ->  onnx.ModelProto

At inference a batch normalisation is an affine map of its channel, and a convolution followed by an affine
map is a convolution (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2)::

    gamma (w * x - mean) / sqrt(variance + eps) + beta  =  (s w) * x + (beta - s mean)
    where s = gamma / sqrt(variance + eps)

The fold is computed in float64 and rounded once: it costs no accuracy beyond float32's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

FloatArray: TypeAlias = npt.NDArray[np.float32]
Parameters: TypeAlias = Mapping[str, FloatArray]

BATCH_NORM_EPSILON = 1e-5
INPUT_SIZE = 224
INPUT_NAME = "images"
OUTPUT_NAME = "features"
OPSET = 13
IR_VERSION = 8  # what opset 13 needs; a newer one would be refused by an older onnxruntime

# Strides of the 17 inverted residual blocks (Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2).
# They are the one thing that the shapes of the parameters do not tell.
BLOCK_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)


@dataclass(frozen=True)
class Layer:
    """One convolution with its batch normalisation folded in.

    Attributes:
        name: the convolution's name in the backbone, `features.3.conv.1.features`.
        weight: (out, in / groups, k, k) float32.
        bias: (out,) float32.
        stride: of both axes; the padding is always (k - 1) // 2.
        groups: 1, or the number of channels for a depthwise convolution.
        relu6: whether min(max(x, 0), 6) follows.
        opens_block: the layer's input is kept, to be added when the block closes.
        closes_block: the kept input is added to the layer's output.
    """

    name: str
    weight: FloatArray
    bias: FloatArray
    stride: int = 1
    groups: int = 1
    relu6: bool = True
    opens_block: bool = False
    closes_block: bool = False


@dataclass(frozen=True)
class HeadStep:
    """One operator of a head. What comes out of the step before goes in, the features' map at the first.

    Attributes:
        operator: its name in ONNX, `GlobalAveragePool`.
        parameters: names of the parameters that it takes besides.
        attributes: names and values, as ONNX has them.
    """

    operator: str
    parameters: tuple[str, ...] = ()
    attributes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Head:
    """What is done with a backbone's map of features.

    Attributes:
        steps: at least one, in order.
        parameters: those that the steps name.
    """

    steps: tuple[HeadStep, ...]
    parameters: Parameters


def fold_batch_norm(
    weight: FloatArray,
    gamma: FloatArray,
    beta: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    epsilon: float = BATCH_NORM_EPSILON,
) -> tuple[FloatArray, FloatArray]:
    """Weight and bias of the convolution that equals a convolution followed by its batch normalisation.

    Args:
        weight: (out, in, k, k), of a convolution without bias.
        gamma: (out,), as are `beta`, `mean` and `variance`.
        beta: the shift.
        mean: the moving mean.
        variance: the moving variance.
        epsilon: added to the variance.
    """
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    folded = weight.astype(np.float64) * scale[:, None, None, None]
    bias = beta.astype(np.float64) - mean.astype(np.float64) * scale
    return folded.astype(np.float32), bias.astype(np.float32)


def backbone_parameters(source: Any) -> dict[str, FloatArray]:
    """Return the backbone's parameters by name, as float32 arrays, from a mapping or a MindSpore cell.

    A mapping may hold more than the backbone (a head, an optimizer): what does not begin with `features.` is
    left out. A cell is anything with `parameters_and_names()`; its arrays are copies.

    Raises:
        ValueError: nothing in `source` is a backbone's parameter.
    """
    named = source.items() if isinstance(source, Mapping) else source.parameters_and_names()
    found = {
        name: np.ascontiguousarray(value.asnumpy() if hasattr(value, "asnumpy") else value, dtype=np.float32)
        for name, value in named
        if name.startswith("features.")
    }
    if not found:
        raise ValueError("no parameter begins with 'features.': this is not a MobileNetV2 backbone")
    if not isinstance(source, Mapping):
        # asnumpy() may share memory with the parameter; training on must not change what was read here.
        found = {name: value.copy() for name, value in found.items()}
    return found


def block_strides(source: Any) -> tuple[int, ...]:
    """Return the strides of the inverted residual blocks: a cell's own, the paper's for a mapping."""
    if isinstance(source, Mapping):
        return BLOCK_STRIDES
    # One depthwise convolution a block, and it alone has groups.
    return tuple(cell.stride[0] for _, cell in source.cells_and_names() if getattr(cell, "group", 1) > 1)


def backbone_cells(parameters: Parameters, strides: Sequence[int] = BLOCK_STRIDES) -> list[list[Layer]]:
    """Return the layers of each cell of `features`: stem, inverted residual blocks, last 1x1 convolution.

    Args:
        parameters: MobileNetV2's, by the course library's names; any width. Every one that begins with
            `features.` must have its place in the network.
        strides: of the inverted residual blocks.

    Raises:
        ValueError: a parameter is missing, is left over, or has a shape that does not fit.
    """
    reader = _Reader(parameters)
    cells = [[reader.layer("features.0.features", stride=2)]]
    for index, stride in enumerate(strides, start=1):
        cells.append(_inverted_residual(reader, f"features.{index}.conv", stride))
    cells.append([reader.layer(f"features.{len(strides) + 1}.features")])
    reader.check_all_used()
    return cells


def input_shape(cells: Sequence[Sequence[Layer]], start: int) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of what goes into the cell with the number `start`."""
    first = cells[start][0]
    side = INPUT_SIZE // _stride(cells[:start])
    return first.weight.shape[1] * first.groups, side, side


def _stride(cells: Sequence[Sequence[Layer]]) -> int:
    return math.prod(layer.stride for cell in cells for layer in cell)


def build_graph(
    parameters: Parameters,
    *,
    pooled: bool = True,
    strides: Sequence[int] = BLOCK_STRIDES,
    start: int = 0,
    stop: int | None = None,
    head: Head | None = None,
) -> onnx.ModelProto:
    """Return the ONNX model of a backbone: `images` (N, 3, 224, 224) float32 to `features`, N free.

    Args:
        parameters: see `backbone_cells`.
        pooled: the output is the mean over positions, (N, 1280), instead of the map, (N, 1280, 7, 7).
        strides: of the inverted residual blocks.
        start: first of the backbone's cells to be in the graph; the input is what goes into that cell.
        stop: the cell before which the graph ends; by default it goes to the end.
        head: what is done with the map; its result takes the features' place, and `pooled` does not matter.

    Raises:
        ValueError: as `backbone_cells` does, or there is no cell from `start` to `stop`.
    """
    cells = backbone_cells(parameters, strides)
    layers = [layer for cell in cells[start:stop] for layer in cell]
    if not layers:
        raise ValueError(f"the backbone has {len(cells)} cells and none from {start} to {stop}")
    nodes, constants, flow = _layer_nodes(layers)
    if head is not None:
        nodes += _head_nodes(head.steps, flow)
        constants += [
            numpy_helper.from_array(array, f"head/{name}") for name, array in head.parameters.items()
        ]
        output_shape: list[str | int] | None = None  # which the head's steps give it
    else:
        nodes += _features_nodes(flow, pooled)
        side = INPUT_SIZE // _stride(cells[:stop])
        output_shape = ["N", len(layers[-1].bias), *(() if pooled else (side, side))]
    return _model(nodes, constants, input_shape(cells, start), output_shape)


def _model(
    nodes: list[onnx.NodeProto],
    constants: list[TensorProto],
    image_shape: tuple[int, ...],
    output_shape: list[str | int] | None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "mobilenetv2_backbone",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["N", *image_shape])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, output_shape)],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _layer_nodes(layers: Sequence[Layer]) -> tuple[list[onnx.NodeProto], list[TensorProto], str]:
    """Return the nodes of layers, their constants, and the name of what comes out of the last."""
    nodes: list[onnx.NodeProto] = []
    constants = [
        numpy_helper.from_array(np.array(0, dtype=np.float32), "zero"),
        numpy_helper.from_array(np.array(6, dtype=np.float32), "six"),
    ]
    flow = kept = INPUT_NAME
    for layer in layers:
        if layer.opens_block:
            kept = flow
        constants += [
            numpy_helper.from_array(layer.weight, f"{layer.name}.weight"),
            numpy_helper.from_array(layer.bias, f"{layer.name}.bias"),
        ]
        nodes.append(_convolution(layer, flow))
        flow = layer.name
        if layer.relu6:
            nodes.append(helper.make_node("Clip", [flow, "zero", "six"], [f"{layer.name}.relu6"]))
            flow = f"{layer.name}.relu6"
        if layer.closes_block:
            nodes.append(helper.make_node("Add", [kept, flow], [f"{layer.name}.sum"]))
            flow = f"{layer.name}.sum"
    return nodes, constants, flow


def _features_nodes(flow: str, pooled: bool) -> list[onnx.NodeProto]:
    if not pooled:
        return [helper.make_node("Identity", [flow], [OUTPUT_NAME])]
    return [
        helper.make_node("GlobalAveragePool", [flow], ["mean"]),
        helper.make_node("Flatten", ["mean"], [OUTPUT_NAME], axis=1),
    ]


def _head_nodes(steps: Sequence[HeadStep], flow: str) -> list[onnx.NodeProto]:
    nodes = []
    for index, step in enumerate(steps, start=1):
        inputs = [flow, *(f"head/{name}" for name in step.parameters)]
        flow = OUTPUT_NAME if index == len(steps) else f"head/{index}"
        nodes.append(helper.make_node(step.operator, inputs, [flow], **dict(step.attributes)))
    return nodes


def _inverted_residual(reader: _Reader, prefix: str, stride: int) -> list[Layer]:
    """Return the block's convolutions: expand (absent when the expansion is 1), depthwise, project."""
    expands = f"{prefix}.3.gamma" in reader.parameters
    project = 2 if expands else 1
    inputs = reader.shape(f"{prefix}.0.features.0.weight")[1 if expands else 0]
    residual = stride == 1 and inputs == reader.shape(f"{prefix}.{project}.weight")[0]
    layers = []
    if expands:
        layers.append(reader.layer(f"{prefix}.0.features", opens_block=residual))
    layers.append(
        reader.layer(
            f"{prefix}.{project - 1}.features",
            stride=stride,
            depthwise=True,
            opens_block=residual and not expands,
        )
    )
    layers.append(reader.projection(f"{prefix}.{project}", f"{prefix}.{project + 1}", closes_block=residual))
    return layers


class _Reader:
    """Takes convolutions out of the parameters, checks their shapes, and knows which have been taken."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._used: set[str] = set()
        self._channels = 3

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self.parameters:
            raise ValueError(f"the backbone has no parameter {name}")
        return self.parameters[name].shape

    def layer(
        self, prefix: str, *, stride: int = 1, depthwise: bool = False, opens_block: bool = False
    ) -> Layer:
        """Convolution `prefix.0`, batch normalisation `prefix.1`, ReLU6."""
        weight, bias = self._folded(f"{prefix}.0", f"{prefix}.1", depthwise)
        groups = len(weight) if depthwise else 1
        return Layer(prefix, weight, bias, stride, groups, relu6=True, opens_block=opens_block)

    def projection(self, convolution: str, norm: str, *, closes_block: bool) -> Layer:
        """1x1 convolution and batch normalisation, no activation: the linear bottleneck."""
        weight, bias = self._folded(convolution, norm, depthwise=False)
        return Layer(convolution, weight, bias, relu6=False, closes_block=closes_block)

    def check_all_used(self) -> None:
        left_over = sorted({name for name in self.parameters if name.startswith("features.")} - self._used)
        if left_over:
            raise ValueError(f"parameters without a place in a MobileNetV2: {', '.join(left_over[:3])} ...")

    def _folded(self, convolution: str, norm: str, depthwise: bool) -> tuple[FloatArray, FloatArray]:
        shape = self.shape(f"{convolution}.weight")
        expected = 1 if depthwise else self._channels
        if len(shape) != 4 or shape[1] != expected or (depthwise and shape[0] != self._channels):
            raise ValueError(f"{convolution}.weight has shape {shape}, but {self._channels} channels come in")
        statistics = [f"{norm}.{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")]
        for name in statistics:
            if self.shape(name) != shape[:1]:
                raise ValueError(f"{name} has shape {self.shape(name)} instead of {shape[:1]}")
        self._used.update([f"{convolution}.weight", *statistics])
        self._channels = shape[0]
        gamma, beta, mean, variance = (self.parameters[name] for name in statistics)
        return fold_batch_norm(self.parameters[f"{convolution}.weight"], gamma, beta, mean, variance)


def _convolution(layer: Layer, flow: str) -> onnx.NodeProto:
    kernel = layer.weight.shape[-1]
    return helper.make_node(
        "Conv",
        [flow, f"{layer.name}.weight", f"{layer.name}.bias"],
        [layer.name],
        kernel_shape=[kernel, kernel],
        strides=[layer.stride, layer.stride],
        pads=[(kernel - 1) // 2] * 4,
        group=layer.groups,
    )
