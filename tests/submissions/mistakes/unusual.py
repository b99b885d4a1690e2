"""Programs that are right in their own way: whatever they do with a picture, their head was trained on it.

Nothing that they do is a mistake, so nothing may be called one. Their heads learn from few images, so that there
are wrong answers to be explained.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnxruntime
from src_mindspore.engine.graph import INPUT_NAME, build_graph

from grader.model.dataset import SplitImage
from reference.training import HeadProblem
from reference.values import LabelledFeatures, Regularisation
from tests.submissions.mistakes.planted import (
    AT_ONCE,
    BGR,
    CROP,
    LAYOUT,
    LOGITS,
    NORMALISE,
    RAW,
    RESIZE,
    SCALE,
    TO_RGB,
    UNIT,
    Arrays,
    Planted,
)

Preprocess = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
_FIRST = "features.0.features.0.weight"
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_BATCH = 8
_LIBRARIES = {"cv2", "numpy", "pathlib", "PIL", "src_mindspore.transforms"}


def _same(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return labels


def _as_it_is(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return pixels


@dataclass(frozen=True)
class Unusual:
    """One such program, and how its head is trained."""

    planted: Planted
    """Its `preprocess` decides what the head learns from; what it does to the checkpoint is done before."""
    per_class: int = 12
    """Training images of each class."""
    weight_decay: float = 0.001
    learns: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]] = field(default=_same)
    """What the head is told the labels are."""
    front: Callable[[npt.NDArray[np.generic]], npt.NDArray[np.generic]] = field(default=_as_it_is)
    """What the program's network does with the array of `preprocess` before the backbone's first layer."""


def trained(unusual: Unusual, backbone: Arrays, images: Sequence[SplitImage], classes: int) -> Planted:
    """Train the head on the first images of each class; return what is to be handed in."""
    arrays = unusual.planted.checkpoint(dict(backbone))
    chosen = [
        image
        for label in range(classes)
        for image in [image for image in images if image.label == label][: unusual.per_class]
    ]
    preprocess = preprocess_of(unusual.planted.source(["one", "two"]))
    inputs = [unusual.front(preprocess(image.pixels("bgr"))).astype(np.float32) for image in chosen]
    features = _features(arrays, inputs)
    labels = unusual.learns(np.array([image.label for image in chosen], np.int64))
    head = (
        HeadProblem(LabelledFeatures(features[np.newaxis], labels), classes)
        .solve(Regularisation(unusual.weight_decay, 0.1))
        .head
    )
    new = {"head.1.weight": head.weight.astype(np.float32), "head.1.bias": head.bias.astype(np.float32)}
    return replace(unusual.planted, checkpoint=lambda _: {**arrays, **new})


def preprocess_of(source: str) -> Preprocess:
    """Return the function `preprocess` of a `main.py`: with its constants, without what loads the network."""
    kept = [node for node in ast.parse(source).body if _is_harmless(node)]
    space: dict[str, Any] = {"__file__": "main.py"}
    exec(compile(ast.Module(kept, []), "main.py", "exec"), space)
    return cast(Preprocess, space["preprocess"])


def _is_harmless(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} <= _LIBRARIES
    if isinstance(node, ast.ImportFrom):
        return node.module in _LIBRARIES
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id.isupper() for target in node.targets)
    return isinstance(node, ast.FunctionDef) and node.name == "preprocess"


def _features(arrays: Arrays, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Return (N, 1280) of inputs (1, 3, H, W) of any one size."""
    backbone = {name: array for name, array in arrays.items() if name.startswith("features.")}
    model = build_graph(backbone, pooled=False)
    for value in (model.graph.input[0], model.graph.output[0]):
        for axis in (2, 3):
            value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}{axis}"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = np.concatenate(inputs)
    maps = [
        session.run(None, {INPUT_NAME: batch[start : start + _BATCH]})[0]
        for start in range(0, len(batch), _BATCH)
    ]
    return cast("npt.NDArray[np.float32]", np.concatenate(maps).mean(axis=(2, 3)))


def _without_std(arrays: Arrays) -> Arrays:
    """Fold the division by 255 and by std into the first convolution."""
    folded = arrays[_FIRST] / (255 * _STD.reshape(1, 3, 1, 1))
    return {**arrays, _FIRST: folded.astype(np.float32)}


def every_third_wrong(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Mislabel training images, as a careless data set does."""
    wrong = np.random.default_rng(7).random(len(labels)) < 1 / 3
    return np.where(wrong, np.random.default_rng(8).permutation(labels), labels)


def _right(name: str, lines: dict[str, str], checkpoint: Callable[[Arrays], Arrays] | None = None) -> Planted:
    return Planted(name, (), lines, checkpoint or (lambda arrays: arrays))


_SIGNED = {NORMALISE: "    pixels = pixels * 2 - 1\n"}

UNUSUAL = (
    Unusual(_right("own scale: [-1, 1]", _SIGNED)),
    Unusual(_right("own scale: 0..1", UNIT)),
    Unusual(_right("own scale: 0..255", {**RAW, **UNIT})),
    Unusual(_right("own scale: mean alone", {"(pixels - MEAN) / STD": "pixels - MEAN"})),
    Unusual(_right("own scale: each image by itself", {NORMALISE: "    pixels = (pixels - pixels.mean()) / pixels.std()\n"})),
    Unusual(_right("own scale: mean and std of the data set", {"(pixels - MEAN) / STD": "(pixels - 0.63) / 0.25"})),
    Unusual(_right("grey", {TO_RGB: "    image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2RGB)\n"})),
    Unusual(_right("HSV", {TO_RGB: "    image = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)\n"})),
    Unusual(_right("trained in BGR", BGR)),
    Unusual(_right("trained in BGR, [-1, 1]", {**BGR, **_SIGNED})),
    Unusual(_right("trained in BGR, at once to 224", {**BGR, **AT_ONCE})),
    Unusual(_right("160 pixels", {RESIZE: "    image = cv2.resize(image, (160, 160))\n", CROP: ""})),
    Unusual(_right("96 pixels", {RESIZE: "    image = cv2.resize(image, (96, 96))\n", CROP: ""})),
    Unusual(_right("the middle, enlarged", {RESIZE: "    image = cv2.resize(image, (320, 320))\n", CROP: "    image = image[48:272, 48:272]\n"})),
    Unusual(_right("a frame round the picture", {RESIZE: "    image = cv2.copyMakeBorder(cv2.resize(image, (192, 192)), 32, 32, 32, 32, cv2.BORDER_CONSTANT)\n"})),
    Unusual(_right("blurred", {RESIZE: RESIZE + "    image = cv2.GaussianBlur(image, (7, 7), 0)\n"})),
    Unusual(_right("folded normalisation", {SCALE: "    pixels = image.astype(np.float32)\n", "(pixels - MEAN) / STD": "pixels - 255 * MEAN"}, _without_std)),
    Unusual(_right("turned by a quarter", {LAYOUT: "pixels.transpose(2, 1, 0)"})),
    Unusual(_right("a weak head: four images a class", {}), per_class=4),
    Unusual(_right("a weak head: hardly trained", {}), weight_decay=1.0),
    Unusual(_right("a weak head: wrong labels", {}), per_class=20, learns=every_third_wrong),
    Unusual(_right("a weak head, two views", {LOGITS: "    one = preprocess(image)\n    both = np.concatenate([one, one[..., ::-1]])\n    logits = network(ms.Tensor(both)).asnumpy().mean(axis=0, keepdims=True)\n"}), per_class=4),
)  # fmt: skip
