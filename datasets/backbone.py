"""The pretrained network in the two forms that the templates look for, of which only one can be fetched.

The labs' own file is a MindSpore checkpoint. PyTorch's templates take a safetensors file with the parameter
names of torchvision: the same numbers under other names, so that file is made here from the checkpoint.

    MindSpore     Checkpoint { 1: repeated { 1: name, 2: { 1: repeated dims, 2: type, 3: content } } }
    safetensors   eight bytes of length, a JSON header with the place of each tensor, and the contents

Both hold float32 numbers, the lowest byte first. Nothing but Python's own library is needed.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONVOLUTIONS = 52
"""Each is followed by a batch normalisation: MobileNetV2 1.0 without its classifier."""
_FLOAT, _FLOAT_BYTES = b"Float32", 4
_WORDS = {
    "weight": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""The last part of a parameter's name: MindSpore's, and PyTorch's."""
_NUMBER, _BYTES = 0, 2
_MOST_VARINT_BYTES = 9

Field = tuple[int, "int | memoryview"]


@dataclass(frozen=True)
class Parameter:
    """One array of the network.

    Attributes:
        name: the course's.
        shape: of the array.
        content: its float32 numbers.
    """

    name: str
    shape: tuple[int, ...]
    content: memoryview


def parameters_of(checkpoint: bytes) -> list[Parameter]:
    """Return the 260 parameters of the backbone in a MindSpore checkpoint; what else is in it is left out.

    Raises:
        ValueError: it is no checkpoint of this network.
    """
    try:
        found = [*_backbone(memoryview(checkpoint))]
    except LookupError:
        raise ValueError("no MindSpore checkpoint") from None
    shapes = [parameter.shape for parameter in found]
    convolutions = sum(len(shape) == len("oihw") for shape in shapes)
    if (convolutions, len({parameter.name for parameter in found})) != (CONVOLUTIONS, 5 * CONVOLUTIONS):
        raise ValueError("another network")
    if any(math.prod(item.shape) * _FLOAT_BYTES != len(item.content) for item in found):
        raise ValueError("a parameter of another size than its shape says")
    return found


def safetensors_of(parameters: list[Parameter]) -> bytes:
    """Return the content of a safetensors file with the names of torchvision."""
    header: dict[str, object] = {}
    end = 0
    for parameter in parameters:
        begin, end = end, end + len(parameter.content)
        place = {"dtype": "F32", "shape": parameter.shape, "data_offsets": (begin, end)}
        header[_torchvision_name(parameter.name)] = place
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # contents begin at a multiple of eight
    return struct.pack("<Q", len(text)) + text + b"".join(parameter.content for parameter in parameters)


def is_safetensors(content: bytes) -> bool:
    """Whether a file has the form and the first and the last convolution that PyTorch's templates ask for."""
    if len(content) < struct.calcsize("<Q"):
        return False
    (length,) = struct.unpack_from("<Q", content)
    header = content[8 : 8 + length]
    return all(f'"features.{place}.0.weight"'.encode() in header for place in (0, 18))


def _torchvision_name(name: str) -> str:
    front, _, word = name.replace(".features.", ".").rpartition(".")
    return f"{front}.{_WORDS[word]}"


def _backbone(checkpoint: memoryview) -> Iterator[Parameter]:
    """Yield the parameters with the names of the backbone."""
    for _, entry in _fields(checkpoint):
        fields = dict(_fields(_content(entry)))
        name = bytes(_content(fields[1])).decode("utf-8")
        if not name.startswith("features.") or name.rpartition(".")[2] not in _WORDS:
            continue
        tensor = [*_fields(_content(fields[2]))]
        parts = dict(tensor)
        if _content(parts[2]) != _FLOAT:
            raise ValueError("numbers of another type")
        yield Parameter(name, tuple(_dimensions(tensor)), _content(parts[3]))


def _content(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where bytes are expected")
    return value


def _dimensions(tensor: list[Field]) -> Iterator[int]:
    """Yield the sizes of an array: one a field, or packed into one field, at the writer's choice."""
    for number, value in tensor:
        if number != 1:
            continue
        if isinstance(value, int):
            yield value
        else:
            at = 0
            while at < len(value):
                size, at = _varint(value, at)
                yield size


def _fields(message: memoryview) -> Iterator[Field]:
    """Yield number and value of each field of a protobuf message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, at = _varint(message, at)
        if key & 7 == _NUMBER:
            yield key >> 3, value
            continue
        if key & 7 != _BYTES or value > len(message) - at:
            raise ValueError("cut off, or no checkpoint")
        yield key >> 3, message[at : at + value]
        at += value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for place in range(_MOST_VARINT_BYTES):
        byte = message[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number without end")
