"""Files of weights: read in any known format, written as MindSpore and PyTorch users exchange them.

MindSpore's `load_checkpoint` only warns of names that it does not know, and goes on with random weights. Here
every parameter must come from the file, or the command ends before it starts.

MindSpore's checkpoints are read and written without MindSpore, whose import takes over a second;
`src_mindspore.engine.checkpoint` describes the format, and reads it. A full disk gives one error of ours
instead of MindSpore's log. safetensors is how PyTorch users exchange weights, without code in them.
"""

from __future__ import annotations

import importlib
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from src_mindspore.engine.checkpoint import CheckpointError, parse_checkpoint

from reference.errors import InputError, SourceError, WeightsError
from reference.values import Arrays, Head
from reference.weights.naming import to_course_names, without_prefix
from reference.weights.torch_file import is_torch_file, read_torch_file

# The dense layer's place in MobileNetV2Head: after the pooling, or after pooling and dropout.
_HEADS = ("head.1", "head.2")
_FEATURES = 1280

_VARINT, _BYTES = 0, 2
_DIMS_KEY = bytes([1 << 3 | _VARINT])


def read_backbone(path: Path) -> Arrays:
    """Read a MobileNetV2 1.0 backbone: our 260 names -> float32 arrays.

    PyTorch (`.pt`, `.pth`), safetensors and MindSpore (`.ckpt`) files are known, with the parameter names
    of the course, torchvision, timm or MindCV.

    Raises:
        InputError: the file is not there or cannot be opened.
        SourceError: reading it needs a package that is not installed.
        WeightsError: the file is damaged, refused, or holds something else.
    """
    state = read_state(path)
    try:
        return to_course_names(state)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def read_state(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read all arrays of a file, by the names that they have there.

    Raises:
        InputError, SourceError, WeightsError: as `read_backbone`, but what the arrays are is not looked at.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    # PyTorch Lightning also writes .ckpt files, so the content decides before the name does.
    if is_torch_file(start) or path.suffix in {".pt", ".pth"}:
        return read_torch_file(path)
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.suffix == ".ckpt":
        return read_checkpoint(path)
    raise WeightsError(f"{path}: neither a PyTorch nor a safetensors nor a MindSpore file")


@dataclass(frozen=True)
class Weights:
    """What a checkpoint holds.

    Attributes:
        backbone: 260 names and arrays.
        head: None if the file is a backbone alone.
    """

    backbone: Arrays
    head: Head | None

    def arrays(self) -> Arrays:
        """Return all of it by the names that the course library's network has."""
        return {**self.backbone, **(self.head.parameters() if self.head else {})}


def read_weights(path: Path) -> Weights:
    """Read a checkpoint of a network, or of a backbone in any file that `reference.weights` knows.

    Raises:
        InputError: the file is not there or cannot be opened.
        SourceError: reading it needs a package that is not installed.
        WeightsError: the file is damaged, or holds something else.
    """
    state = {without_prefix(name): array for name, array in read_state(path).items()}
    try:
        return Weights(to_course_names(state), _head(state))
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def read_network(path: Path, classes: int) -> Weights:
    """Read a checkpoint that has a head for so many classes.

    Raises:
        InputError, SourceError, WeightsError: as `read_weights`; also, it has no such head.
    """
    weights = read_weights(path)
    if weights.head is None:
        raise WeightsError(f"{path}: has no head (no {_HEADS[0]}.weight); it is a backbone alone")
    if len(weights.head.weight) != classes:
        raise WeightsError(
            f"{path}: its head knows {len(weights.head.weight)} classes, and the data set has {classes}"
        )
    return weights


def _head(state: Mapping[str, npt.NDArray[np.generic]]) -> Head | None:
    name = next((name for name in _HEADS if f"{name}.weight" in state), None)
    if name is None:
        return None
    if f"{name}.bias" not in state:
        raise WeightsError(f"{name}.bias is missing")
    weight, bias = (np.asarray(state[f"{name}.{word}"], np.float32) for word in ("weight", "bias"))
    if weight.ndim != 2 or weight.shape[1] != _FEATURES or bias.shape != weight.shape[:1]:
        shapes = f"weight {weight.shape} and bias {bias.shape}"
        raise WeightsError(f"{name} has {shapes}; a head takes {_FEATURES} features")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise WeightsError(f"damaged weights: {name} holds a value that is not a finite number")
    return Head(weight, bias)


def read_checkpoint(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read a MindSpore `.ckpt`: parameter name -> array, as stored. Entries that are no numbers are left out.

    Raises:
        WeightsError: damaged, truncated, encrypted or not a checkpoint.
    """
    try:
        return parse_checkpoint(path.read_bytes())
    except CheckpointError as error:
        raise WeightsError(f"{path}: {error}") from None


def write_checkpoint(arrays: Mapping[str, npt.NDArray[np.float32]], path: Path) -> None:
    """Write arrays as a MindSpore `.ckpt` that `load_checkpoint` reads; `path` must end in `.ckpt`.

    The file appears under its name only when it is complete.

    Raises:
        OSError: the file cannot be written.
    """
    write_whole(checkpoint_bytes(arrays), path)


def checkpoint_bytes(arrays: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
    """Return the content of a checkpoint, to the byte what MindSpore saves."""
    content = bytearray()
    for name, array in arrays.items():
        dims = b"".join(_DIMS_KEY + _encoded(size) for size in array.shape)
        raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
        tensor = dims + _encoded_field(2, b"Float32") + _encoded_field(3, raw)
        content += _encoded_field(1, _encoded_field(1, name.encode()) + _encoded_field(2, tensor))
    return bytes(content)


def write_whole(content: bytes, path: Path) -> None:
    """Write a file that appears under its name only when it is complete.

    Raises:
        OSError: it cannot be written; names the file.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        # A full disk is an error of the writing, which does not know the name.
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _encoded(number: int) -> bytes:
    """Return a number that is not negative as a varint."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _encoded_field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _encoded(len(content)) + content


def read_safetensors(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read a safetensors file: parameter name -> array, as stored.

    Raises:
        SourceError: the package `safetensors` is not installed.
        WeightsError: damaged, truncated or not such a file.
    """
    load_file = _safetensors(f"{path}: reading it", "safetensors.numpy").load_file
    damaged = _safetensors(f"{path}: reading it", "safetensors").SafetensorError
    try:
        return dict(load_file(path))
    except (damaged, KeyError, ValueError, struct.error, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from None


def safetensors_bytes(arrays: Arrays) -> bytes:
    """Return the content of a safetensors file.

    Raises:
        SourceError: the package `safetensors` is not installed.
    """
    return bytes(_safetensors("writing a safetensors file", "safetensors.numpy").save(arrays))


def _safetensors(purpose: str, module: str) -> Any:
    """Return a module of the package that only users of PyTorch need."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SourceError(f"{purpose} needs the package safetensors (MindSpore brings it)") from None
