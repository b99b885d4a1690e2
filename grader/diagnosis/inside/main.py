"""The program that runs a student's checkpoint under many preprocessings; it runs inside the sandbox alone.

It is started like a submission, in the same sandbox by the same worker, and answers like one: `predict`
gets an image and returns a text. `settings.json` beside it says which checkpoints there are, under which
views they are run, and by which readouts their logits are read; a view is given as its steps, so that no name
of one stands here. No code of the student's runs here, and MindSpore is not needed: the course library
reads the checkpoint and writes the graph, ONNX Runtime computes.

The text is `FILES|ANSWERS`: for each network the numbers of its files; and a class index for each view and
readout, all readouts of one view before the next. The views are those of the settings, then the settings'
view for other networks, once for each network but the first. `-1` stands for logits that are not numbers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import helper, numpy_helper
from src_mindspore.cpu import available_cores
from src_mindspore.engine.checkpoint import parse_checkpoint
from src_mindspore.engine.graph import BATCH_NORM_EPSILON, INPUT_NAME, OUTPUT_NAME, build_graph

Array: TypeAlias = npt.NDArray[Any]
Step: TypeAlias = Sequence[Any]
"""Its name, and what it is given."""
View: TypeAlias = Mapping[str, Any]
Parts: TypeAlias = tuple[dict[str, Array], list[Array], list[Array]]
"""Backbone, dense layers, and what may be a bias."""

HERE = Path(__file__).resolve().parent
BATCH = 4
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
BY_CHANNEL = {
    "mean": MEAN,
    "std": STD,
    "mean-reversed": MEAN[::-1],
    "std-reversed": STD[::-1],
    "mean-of-255": 255 * MEAN,
}

# What a view does with the picture (BGR, uint8), one step after the other.


def _resized(image: Array, height: int, width: int, how: int = cv2.INTER_LINEAR) -> Array:
    resized: Array = cv2.resize(
        np.ascontiguousarray(image), (max(1, width), max(1, height)), interpolation=how
    )
    return resized


def _short_side(image: Array, size: int) -> Array:
    scale = size / min(image.shape[:2])
    return _resized(image, round(image.shape[0] * scale), round(image.shape[1] * scale))


def _centre(image: Array, size: int) -> Array:
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def _middle_half(image: Array) -> Array:
    height, width = image.shape[:2]
    return image[height // 4 :, width // 4 :][: height // 2, : width // 2]


def _grey(image: Array) -> Array:
    one = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2GRAY)
    three: Array = cv2.cvtColor(one, cv2.COLOR_GRAY2RGB)
    return three


def _by_image(pixels: Array) -> Array:
    normalised: Array = (pixels - pixels.mean((0, 1))) / np.maximum(pixels.std((0, 1)), 1e-6)
    return normalised


def _value(value: Any) -> Any:
    """Return a number as it is, and the numbers by channel that a name stands for."""
    return BY_CHANNEL[value] if isinstance(value, str) else value


STEPS: dict[str, Callable[..., Array]] = {
    "reverse-channels": lambda image: image[:, :, ::-1],
    "grey": _grey,
    "negative": lambda image: 255 - image,
    "hsv": lambda image: cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2HSV),
    "resize": lambda image, size: _resized(image, size, size),
    "resize-nearest": lambda image, size: _resized(image, size, size, cv2.INTER_NEAREST),
    "resize-short-side": _short_side,
    "centre": _centre,
    "middle-half": _middle_half,
    "exchange-axes": lambda image: image.transpose(1, 0, 2),
    "upside-down": lambda image: image[::-1],
    "turn-left": np.rot90,
    "float32": lambda image: np.ascontiguousarray(image).astype(np.float32),
    "divide": lambda pixels, by: pixels / _value(by),
    "multiply": lambda pixels, by: pixels * _value(by),
    "subtract": lambda pixels, what: pixels - _value(what),
    "floor": np.floor,
    "normalise-by-image": _by_image,
    "channels-first": lambda pixels: pixels.transpose(2, 0, 1),
    "reshape": lambda pixels: pixels.reshape(3, pixels.shape[0], pixels.shape[1]),
}


def network_input(image: Array, steps: Sequence[Step]) -> Array:
    """Return float32 (3, H, W): the picture as the network sees it after these steps."""
    for name, *values in steps:
        image = STEPS[name](image, *values)
    return np.ascontiguousarray(image, np.float32)


# How the network's answer is read: logits float32 (N, K) to class indices int (N,).

READINGS: dict[str, Callable[[Array], Array]] = {
    "largest": lambda logits: logits.argmax(1),
    "smallest": lambda logits: logits.argmin(1),
    "second": lambda logits: logits.argsort(1)[:, -2:][:, 0],
}


# The networks.

LOADED, TRAINING = "", "training-mode"


def _parts(arrays: Mapping[str, Array]) -> Parts:
    """Split a checkpoint into (backbone, heads, biases); names may carry a prefix of the student's."""
    backbone: dict[str, Array] = {}
    heads, biases = [], []
    for name, array in arrays.items():
        if name.startswith(("moment", "accum")):
            continue  # an optimizer's state, under the parameters' own names
        if "features." in name:
            backbone[name[name.index("features.") :]] = array.astype(np.float32)
        elif array.ndim == 2:
            heads.append(array.astype(np.float32))
        elif array.ndim == 1:
            biases.append(array.astype(np.float32))
    return backbone, heads, biases


class Network:
    """A backbone and one dense layer."""

    def __init__(self, parts: Parts) -> None:
        self.parameters, heads, biases = parts
        self._sessions: dict[str, Any] = {}
        channels = self._session(LOADED).get_outputs()[0].shape[1]
        fitting = [head for head in heads if head.shape[1] in (channels, channels * 49)]
        if not fitting:
            raise ValueError("no dense layer fits the backbone")
        self.head = fitting[-1]
        same = [bias for bias in biases if len(bias) == len(self.head)]
        self.bias = same[-1] if same else np.zeros(len(self.head), np.float32)
        self.is_flat = self.head.shape[1] != channels

    def answers(self, inputs: Array, weights: str, readouts: Sequence[Sequence[Step]]) -> Array:
        """Return int (N, readouts): the class that each readout gives, -1 where logits are no numbers."""
        pooled = self._pooled(inputs, weights)
        found = np.stack([READINGS[reading](pooled[pooling]) for (pooling,), (reading,) in readouts], axis=1)
        found[~np.isfinite(pooled["mean"]).all(axis=1)] = -1
        return found

    def _pooled(self, inputs: Array, weights: str) -> dict[str, Array]:
        """Return the logits, float32 (N, K), by how the features are pooled; a flat head has one way."""
        session = self._session(weights)
        # In training mode the statistics are those of one image, as when predict gets one.
        size = 1 if weights == TRAINING else BATCH
        batches = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        maps = np.concatenate([session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0] for batch in batches])
        if self.is_flat:
            logits = self._logits(maps.reshape(len(maps), -1))
            return {"mean": logits, "max": logits}
        return {
            "mean": self._logits(maps.mean(axis=(2, 3))),
            "max": self._logits(maps.max(axis=(2, 3))),
        }

    def _logits(self, features: Array) -> Array:
        if features.shape[1] != self.head.shape[1]:  # a flat head, and an input of another size
            return np.full((len(features), len(self.head)), np.nan, np.float32)
        logits: Array = features @ self.head.T + self.bias
        return logits

    def _session(self, weights: str) -> Any:
        if weights not in self._sessions:
            parameters = PARAMETERS[weights](self.parameters)
            model = build_graph(parameters, pooled=False)
            if weights == TRAINING:
                _normalise_by_image(model, parameters)
            for value in (model.graph.input[0], model.graph.output[0]):
                for axis in (2, 3):
                    value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}{axis}"
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = available_cores()
            options.log_severity_level = 3
            # Where cores are shared, threads that wait for each other awake take them from each other.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            self._sessions[weights] = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[weights]


def _at_first(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Return the parameters with the batch normalisations' statistics as they are before any training."""
    return {
        name: np.zeros_like(array)
        if name.endswith("moving_mean")
        else np.ones_like(array)
        if name.endswith("moving_variance")
        else array
        for name, array in parameters.items()
    }


PARAMETERS: dict[str, Callable[[Mapping[str, Array]], Mapping[str, Array]]] = {
    LOADED: lambda parameters: parameters,
    "first-statistics": _at_first,
    TRAINING: lambda parameters: parameters,  # what changes is the graph
}
"""What is done to a checkpoint's parameters, by the name of the step."""


def _normalise_by_image(model: Any, parameters: Mapping[str, Array]) -> None:
    """Put batch normalisation in training mode: with one image in the batch, its own statistics.

    What the folded convolution gives is an affine map of what the bare one gives, and normalising takes
    that map away again, but for its sign, which is gamma's.
    """
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type != "Conv":
            continue
        norm = _norm_of(node.output[0], parameters)
        flow, bare = node.output[0], f"{node.output[0]}.bare"
        node.output[0] = bare
        names = [f"{flow}.gamma", f"{flow}.beta"]
        for name, array in zip(
            names, (np.abs(parameters[f"{norm}.gamma"]), parameters[f"{norm}.beta"]), strict=True
        ):
            model.graph.initializer.append(numpy_helper.from_array(array, name))
        nodes.append(
            helper.make_node("InstanceNormalization", [bare, *names], [flow], epsilon=BATCH_NORM_EPSILON)
        )
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _norm_of(layer: str, parameters: Mapping[str, Array]) -> str:
    """Return the name of the batch normalisation that follows a convolution of the graph."""
    if f"{layer}.1.gamma" in parameters:
        return f"{layer}.1"
    before, _, number = layer.rpartition(".")
    return f"{before}.{int(number) + 1}"


def load_networks(files: Sequence[str]) -> list[tuple[list[int], Network]]:
    """Return [(numbers of its files, network)]: one for each file that holds a whole one, else one of all."""
    parts: dict[int, Parts] = {}
    for number, file in enumerate(files):
        try:
            parts[number] = _parts(parse_checkpoint((HERE / file).read_bytes()))
        except ValueError:
            continue
    networks = []
    for number, part in parts.items():
        try:
            networks.append(([number], Network(part)))
        except ValueError:
            continue
    if not networks:
        merged: Parts = ({}, [], [])
        for backbone, heads, biases in parts.values():
            merged = ({**merged[0], **backbone}, merged[1] + heads, merged[2] + biases)
        networks.append(([*parts], Network(merged)))
    return networks


settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
networks = load_networks(settings["checkpoints"])
views: list[View] = [*settings["views"]]
if settings["others"] is not None:
    views += [{**settings["others"], "network": number} for number in range(1, len(networks))]
FILES = ";".join(",".join(map(str, numbers)) for numbers, _ in networks)


def predict(image: Array) -> str:
    """Answer under every view."""
    if settings["channel_order"] == "rgb":
        image = image[:, :, ::-1]
    inputs = [network_input(image, view["picture"]) for view in views]
    together: defaultdict[tuple[int, str, tuple[int, ...]], list[int]] = defaultdict(list)
    for index, view in enumerate(views):
        weights = "".join(name for (name,) in view["weights"])
        together[view["network"], weights, inputs[index].shape].append(index)
    answers = np.zeros((len(views), len(settings["readouts"])), int)
    for (network, weights, _), indices in together.items():
        batch = np.stack([inputs[index] for index in indices])
        answers[indices] = networks[network][1].answers(batch, weights, settings["readouts"])
    return FILES + "|" + " ".join(str(number) for number in answers.ravel())
