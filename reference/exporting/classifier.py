"""The network that is exported, as plain arrays, and the images that its files are compared on.

Two kinds of head are known by their parameters' names: the course library's `MobileNetV2Head` (`head.1`, or
`head.2` with dropout), and the one that students write, pooling and an `nn.Dense` (`dense`), mostly without a
bias. Whatever else a checkpoint holds must belong to an optimizer: anything unknown might be a layer, and a
file without it would be another network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.folders import is_image_name
from src_mindspore.transforms import evaluation_transform

from datasets.demo import FOLDERS, draw
from reference.errors import InputError, WeightsError
from reference.images import decode_file, file_digest
from reference.values import FloatArray
from reference.weights import read_checkpoint, to_course_names

State: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
Pooling: TypeAlias = Literal["mean", "max", "none"]
Activation: TypeAlias = Literal["None", "Softmax"]

FORMATS = ("mindir", "onnx", "safetensors")
TOLERANCE = 1e-4
"""Largest difference of a logit (or probability) from the live network's."""

CHANNELS, SIDE = 1280, 7
_COURSE_LAYERS, _STUDENT_LAYER = ("head.1", "head.2"), "dense"
# What MindSpore's training leaves beside the weights: numbers of the whole training ...
_TRAINING_STATE = frozenset(
    {
        *("afactor_step", "beta1_power", "beta2_power", "current_iterator_step", "epoch_num", "global_step"),
        *("last_overflow_iterator_step", "learning_rate", "loss_scale", "momentum", "scale_sense"),
        *("step_num", "weight_decay"),
    }
)
_GROUP_RATE = re.compile(r"learning_rate_group_\d+")
# ... and an array for each weight, of the weight's name behind one of these. FTRL's "linear." is not among
# them: that may be a layer.
_OPTIMIZER_PREFIXES = (
    *("accum.", "accum_update.", "adam_m.", "adam_v.", "ax_.", "eta_", "exp_avg.", "exp_avg_sq_"),
    *("exp_avg_sq_col_", "exp_avg_sq_row_", "lamb_m.", "lamb_v.", "mean_grad.", "mean_square.", "moment."),
    *("moment1.", "moment2.", "moments.", "mu_", "prev.", "stat.", "step_size.", "vhat."),
)


@dataclass(frozen=True)
class Classifier:
    """A trained network.

    Attributes:
        backbone: the 260 parameters by the course's names.
        layer: name of the dense layer: `head.1`, `head.2` or `dense`.
        weight: of the dense layer, (classes, 1280), or (classes, 1280 * 7 * 7) where nothing is pooled.
        bias: (classes,), or None for a layer without.
        pooling: how the map of features, 1280 x 7 x 7, becomes the dense layer's input; "none" flattens it.
        activation: what the exported network makes of its logits.
        class_names: in the order of the outputs; empty if they are not known.
    """

    backbone: Mapping[str, FloatArray]
    layer: str
    weight: FloatArray
    bias: FloatArray | None
    pooling: Pooling = "mean"
    activation: Activation = "None"
    class_names: tuple[str, ...] = ()

    @property
    def has_course_head(self) -> bool:
        """Whether the head is the course library's and not a student's own."""
        return self.layer in _COURSE_LAYERS

    def parameters(self) -> dict[str, FloatArray]:
        """Return all parameters by name, as a checkpoint holds them."""
        bias = {} if self.bias is None else {f"{self.layer}.bias": self.bias}
        return {**self.backbone, f"{self.layer}.weight": self.weight, **bias}


def read_classifier(
    checkpoint: Path,
    pooling: Pooling | None = None,
    activation: Activation = "None",
    class_names: tuple[str, ...] = (),
) -> Classifier:
    """Read a whole network from a MindSpore checkpoint, without MindSpore.

    Args:
        checkpoint: a `.ckpt` file.
        pooling: what the head does before its dense layer, whose weight does not show it; the course's own
            takes the mean by default.
        activation: see `Classifier`.
        class_names: see `Classifier`.

    Raises:
        InputError: the file is not there or cannot be opened.
        WeightsError: it is damaged, is no MobileNetV2 with a head that is known, or does not fit the rest.
    """
    try:
        state = read_checkpoint(checkpoint)
    except OSError as error:
        raise InputError(f"{checkpoint}: {error.strerror or error}") from None
    try:
        return classifier_from(state, pooling, activation, class_names)
    except WeightsError as error:
        raise WeightsError(f"{checkpoint}: {error}") from None


def classifier_from(
    state: State,
    pooling: Pooling | None = None,
    activation: Activation = "None",
    class_names: tuple[str, ...] = (),
) -> Classifier:
    """Do what `read_classifier` does, on the content of a checkpoint."""
    backbone = to_course_names(state)
    layer = _dense_layer(state)
    weight = _as_float32(state, f"{layer}.weight")
    bias = _as_float32(state, f"{layer}.bias") if f"{layer}.bias" in state else None
    classifier = Classifier(
        backbone,
        layer,
        weight,
        bias,
        pooling=_pooling(layer, weight, pooling),
        activation=activation,
        class_names=class_names,
    )
    if bias is None and classifier.has_course_head:
        raise WeightsError(f"has {layer}.weight but no {layer}.bias")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise WeightsError(f"wrong shape of {layer}.bias {bias.shape} instead of {weight.shape[:1]}")
    if class_names and len(class_names) != len(weight):
        raise WeightsError(f"has {len(weight)} outputs, and there are {len(class_names)} class names")
    _refuse_unknown(state, classifier.parameters())
    return classifier


def _dense_layer(state: State) -> str:
    """Return the name of the head's dense layer."""
    known = (*_COURSE_LAYERS, _STUDENT_LAYER)
    found = [layer for layer in known if f"{layer}.weight" in state]
    if len(found) != 1:
        wanted = ", ".join(f"{layer}.weight" for layer in known)
        held = "none" if not found else "more than one"
        raise WeightsError(f"is no whole network: a head has one of {wanted}, and this has {held} of them")
    return found[0]


def _pooling(layer: str, weight: FloatArray, given: Pooling | None) -> Pooling:
    """Tell how features are pooled, from the shape of the dense layer where it shows."""
    shape = weight.shape
    inputs = shape[1] if len(shape) == 2 else 0
    if inputs == CHANNELS * SIDE * SIDE and given in {None, "none"}:
        return "none"
    if inputs != CHANNELS or given == "none":
        raise WeightsError(f"wrong shape of {layer}.weight {shape} for a head of pooling {given or 'mean'!r}")
    if given is None and layer == _STUDENT_LAYER:
        raise WeightsError(
            f"{layer}.weight does not tell how the features are pooled; say --reduction mean or"
            " --reduction max, as in the head that was trained"
        )
    return given or "mean"  # what the course's own head does, unless it is told otherwise


def _refuse_unknown(state: State, known: Mapping[str, FloatArray]) -> None:
    arrays = {f"{prefix}{name}" for prefix in _OPTIMIZER_PREFIXES for name in known}
    of_training = _TRAINING_STATE | arrays
    unknown = [
        name
        for name in state
        if name not in known and name not in of_training and not _GROUP_RATE.fullmatch(name)
    ]
    if unknown:
        raise WeightsError(
            f"holds {len(unknown)} parameters that are no part of a MobileNetV2 with such a head:"
            f" {', '.join(unknown[:3])}{' ...' if len(unknown) > 3 else ''}"
        )


def _as_float32(state: State, name: str) -> FloatArray:
    array = state[name]
    if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
        raise WeightsError(f"damaged weights: {name} holds values that are not finite numbers")
    return np.ascontiguousarray(array, dtype=np.float32)


Predict: TypeAlias = Callable[[FloatArray], FloatArray]
"""Images (N, 3, 224, 224) to logits or probabilities (N, classes)."""

BATCH_SIZE = 8
DRAWN = 8


@dataclass(frozen=True)
class Images:
    """Images to compare on, decoded when they are needed.

    Attributes:
        what: in a few words, for the report.
        readers: one an image, returning it as uint8 (H, W, 3) BGR.
    """

    what: str
    readers: Sequence[Callable[[], npt.NDArray[np.uint8]]]

    def batches(self) -> Iterator[FloatArray]:
        """Yield the images as the network takes them, (up to 8, 3, 224, 224)."""
        for start in range(0, len(self.readers), BATCH_SIZE):
            batch = [read() for read in self.readers[start : start + BATCH_SIZE]]
            yield np.stack([evaluation_transform(image) for image in batch])


def drawn_images() -> Images:
    """Return a few images of the demo set, for when there are no photos."""
    folders = FOLDERS[:: len(FOLDERS) // DRAWN][:DRAWN]
    return Images(f"{DRAWN} drawn images", [partial(draw, folder, "val", 1) for folder in folders])


def image_files(paths: Sequence[Path], where: str) -> Images:
    """Return image files; `where` they lie is for the report.

    Reading one raises InputError if it cannot be read or is no image.
    """
    return Images(f"{len(paths)} images of {where}", [partial(_read, path) for path in paths])


def _read(path: Path) -> npt.NDArray[np.uint8]:
    return decode_file(path, file_digest(path))


def images_below(folder: Path) -> Images:
    """Return the images in a folder and in the folders below it, in sorted order, but for hidden files.

    Raises:
        InputError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    paths = [path for path in sorted(folder.rglob("*")) if is_image_name(path.name) and path.is_file()]
    if not paths:
        raise InputError(f"{folder}: has no images")
    return image_files(paths, str(folder))


def largest_difference(one: FloatArray, other: FloatArray) -> float:
    """Return the largest absolute difference; infinite if the shapes differ or a value is not finite."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other).max())


def file_name(format_name: str) -> str:
    """Return the name of a format's file, which is the labs' name."""
    return f"mobilenetv2.{format_name}"
