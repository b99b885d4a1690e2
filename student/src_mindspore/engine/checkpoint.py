"""Read MindSpore checkpoints without MindSpore.

A `.ckpt` file is one protobuf message (mindspore/train/checkpoint.proto):

    Checkpoint   1: repeated Value
    Value        1: tag, the parameter's name    2: TensorProto
    TensorProto  1: repeated int64 dims    2: tensor_type, such as "Float32"    3: tensor_content, bytes

and, if saved with `crc_check=True`, the ASCII text `crc_num` and a ten-byte CRC-32 at the end. Doing the
few fields by hand takes milliseconds where importing MindSpore takes over a second, and a damaged file
gives one error of ours instead of MindSpore's log.
"""

import math
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

_CRC_MARK = b"crc_num"
_NUMPY_TYPES = {"Float16": "<f2", "Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8"}
_CRC_BYTES = 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class CheckpointError(ValueError):
    """The bytes are no MindSpore checkpoint, or one that is damaged, truncated or encrypted."""


def parse_checkpoint(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Return parameter name -> array, as stored. Entries that are no numbers are left out.

    Args:
        data: the content of a `.ckpt` file.

    Raises:
        CheckpointError: damaged, truncated, encrypted or not a checkpoint.
    """
    body = memoryview(data)
    if data[-_CRC_BYTES - len(_CRC_MARK) : -_CRC_BYTES] == _CRC_MARK:
        body = body[: -_CRC_BYTES - len(_CRC_MARK)]
        if zlib.crc32(body) != int.from_bytes(data[-_CRC_BYTES:], "big"):
            raise CheckpointError("damaged MindSpore checkpoint: its checksum does not match")
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    try:
        for number, value in _fields(body):
            if number == 1:
                arrays.update(_parameter(_message(value)))
    except (ValueError, IndexError) as error:
        raise CheckpointError(
            f"not a readable MindSpore checkpoint, damaged or truncated ({error})"
        ) from None
    if not arrays:
        raise CheckpointError("a MindSpore checkpoint without parameters")
    return arrays


def _parameter(value: memoryview) -> dict[str, npt.NDArray[np.generic]]:
    name, tensor = "", None
    for number, content in _fields(value):
        if number == 1:
            name = str(_message(content), "utf-8")
        elif number == 2:
            tensor = _message(content)
    if tensor is None:
        return {}
    shape: list[int] = []
    dtype, raw = "", memoryview(b"")
    for number, content in _fields(tensor):
        if number == 1:
            # Repeated numbers come one by one or packed into one field, at the writer's choice.
            shape += [content] if isinstance(content, int) else _varints(content)
        elif number == 2:
            dtype = str(_message(content), "utf-8")
        elif number == 3:
            raw = _message(content)
    if dtype not in _NUMPY_TYPES:
        return {}
    if math.prod(shape) * np.dtype(_NUMPY_TYPES[dtype]).itemsize != len(raw):
        raise ValueError(f"{name or 'a parameter'} has {len(raw)} bytes for shape {shape}")
    return {name: np.frombuffer(raw, _NUMPY_TYPES[dtype]).reshape(shape)}


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of a protobuf message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(message):
            raise ValueError("cut short")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without an end")


def _varints(packed: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(packed):
        value, at = _varint(packed, at)
        values.append(value)
    return values


def _message(content: int | memoryview) -> memoryview:
    if isinstance(content, int):
        raise ValueError("a number where text or bytes are expected")
    return content
