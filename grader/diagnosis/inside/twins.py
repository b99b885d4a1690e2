"""The lab's own way with a mistake in it; it runs inside the sandbox alone, for `main.py` beside it.

Of a forward pass that somebody has written by hand nothing can be seen but the answers. Where they are those
of the lab's way with one mistake, and not those of the lab's way, the program has that mistake. A mistake is
a word here: of colours, of scale, of places, or of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from src_mindspore.engine.graph import BATCH_NORM_EPSILON
from src_mindspore.transforms import MEAN, RESIZED, SIZE, STD

Array: TypeAlias = npt.NDArray[Any]
Head: TypeAlias = tuple[Array, Array]
"""A dense layer's weight (K, C) and bias (K,)."""

MEAN_OF_1, STD_OF_1 = np.array(MEAN, np.float32) / 255, np.array(STD, np.float32) / 255
SCALES: Mapping[str, Callable[[Array], Array]] = {
    "raw": lambda pixels: pixels,
    "unit": lambda pixels: pixels / 255,
    "signed": lambda pixels: pixels / 127.5 - 1,
    "unscaled": lambda pixels: (pixels - MEAN_OF_1) / STD_OF_1,
    "twice": lambda pixels: (pixels / 255**2 - MEAN_OF_1) / STD_OF_1,
    "no-std": lambda pixels: pixels / 255 - MEAN_OF_1,
    "no-mean": lambda pixels: pixels / 255 / STD_OF_1,
    "std-mean": lambda pixels: (pixels / 255 - STD_OF_1) / MEAN_OF_1,
}

EFFECTS: Mapping[tuple[str, str], Callable[[Array], Array]] = {
    # Divided by v + eps, not by its root.
    ("no-sqrt", "moving_variance"): lambda v: (
        (v.astype(np.float64) + BATCH_NORM_EPSILON) ** 2 - BATCH_NORM_EPSILON
    ),
    ("statistics-not-loaded", "moving_variance"): np.ones_like,
    ("statistics-not-loaded", "moving_mean"): np.zeros_like,
    ("no-gamma", "gamma"): np.ones_like,
    ("no-beta", "beta"): np.zeros_like,
}
"""What a mistake makes of one kind of a batch normalisation's parameters."""


def prepared(image: Array, mistakes: Collection[str]) -> Array:
    """Return the network's input (3, 224, 224) for a picture (H, W, 3) in the order BGR."""
    picture = image if "bgr" in mistakes else image[:, :, ::-1]
    side = SIZE if "stretch" in mistakes else RESIZED
    whole = cv2.resize(np.ascontiguousarray(picture), (side, side), interpolation=cv2.INTER_LINEAR)
    first = (side - SIZE) // 2
    pixels = whole[first : first + SIZE, first : first + SIZE].astype(np.float32)
    scale = next((SCALES[name] for name in mistakes if name in SCALES), None)
    scaled = (pixels / 255 - MEAN_OF_1) / STD_OF_1 if scale is None else scale(pixels)
    if "scrambled" in mistakes:
        return np.ascontiguousarray(scaled, np.float32).reshape(3, SIZE, SIZE)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


def changed(parameters: Mapping[str, Array], mistakes: Collection[str]) -> dict[str, Array]:
    """Return a backbone's parameters as a mistake has them in effect."""
    effects = {kind: effect for (mistake, kind), effect in EFFECTS.items() if mistake in mistakes}
    found = dict(parameters)
    for name, array in parameters.items():
        effect = effects.get(name.rpartition(".")[2])
        if effect is not None:
            found[name] = effect(array)
    return found


def rewired(model: onnx.ModelProto, mistakes: Collection[str]) -> onnx.ModelProto:
    """Return the graph of a backbone as a mistake connects its layers."""
    nodes: list[onnx.NodeProto] = []
    instead: dict[str, str] = {}
    clipped = {node.input[0] for node in model.graph.node if node.op_type == "Clip"}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = instead.get(name, name)
        if node.op_type == "Add" and "no-shortcut" in mistakes:
            instead[node.output[0]] = node.input[1]
            continue
        if node.op_type == "Clip" and "no-relu6" in mistakes:
            instead[node.output[0]] = node.input[0]
            continue
        if node.op_type == "Clip" and "relu" in mistakes:
            node = helper.make_node("Relu", [node.input[0]], [node.output[0]])
        nodes.append(node)
        if node.op_type == "Conv" and node.output[0] not in clipped and "relu6-everywhere" in mistakes:
            instead[node.output[0]] = f"{node.output[0]}.relu6"
            nodes.append(helper.make_node("Clip", [node.output[0], "zero", "six"], [instead[node.output[0]]]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def with_head(head: Head, mistakes: Collection[str]) -> Head:
    """Return a dense layer as a mistake has it in effect."""
    weight, bias = head
    if "head-reshaped" in mistakes:  # features @ weight.reshape(C, K)
        weight = weight.reshape(weight.shape[::-1]).T
    return weight, np.zeros_like(bias) if "no-bias" in mistakes else bias


def pooled(maps: Array, mistakes: Collection[str]) -> Array:
    """Return the features (C,) of a map (C, H, W)."""
    features: Array = maps.max(axis=(1, 2)) if "max-pooled" in mistakes else maps.mean(axis=(1, 2))
    return features
