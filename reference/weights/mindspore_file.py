"""Read and write MindSpore checkpoints without MindSpore.

A `.ckpt` file is one protobuf message (mindspore/train/checkpoint.proto):

    Checkpoint   1: repeated Value
    Value        1: tag, the parameter's name    2: TensorProto
    TensorProto  1: repeated int64 dims    2: tensor_type, such as "Float32"    3: tensor_content, bytes

and, if saved with `crc_check=True`, the ASCII text `crc_num` and a ten-byte CRC-32 at the end. Doing the
few fields by hand takes milliseconds where importing MindSpore takes over a second, and a damaged file or
a full disk gives one error of ours instead of MindSpore's log.
"""

import math
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reference.weights.errors import WeightsError

_NUMPY_TYPES = {"Float16": "<f2", "Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8"}
_CRC_MARK = b"crc_num"
_CRC_BYTES = 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DIMS_KEY = bytes([1 << 3 | _VARINT])


def read_checkpoint(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read a MindSpore `.ckpt`: parameter name -> array, as stored. Entries that are no numbers are left out.

    Raises:
        WeightsError: damaged, truncated, encrypted or not a checkpoint.
    """
    try:
        return parse_checkpoint(path.read_bytes())
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def parse_checkpoint(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Do what `read_checkpoint` does, on the content of a file."""
    body = memoryview(data)
    if data[-_CRC_BYTES - len(_CRC_MARK) : -_CRC_BYTES] == _CRC_MARK:
        body = body[: -_CRC_BYTES - len(_CRC_MARK)]
        if zlib.crc32(body) != int.from_bytes(data[-_CRC_BYTES:], "big"):
            raise WeightsError("damaged MindSpore checkpoint: its checksum does not match")
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    try:
        for number, value in _fields(body):
            if number == 1:
                arrays.update(_parameter(_message(value)))
    except (ValueError, IndexError) as error:
        raise WeightsError(f"not a readable MindSpore checkpoint, damaged or truncated ({error})") from None
    if not arrays:
        raise WeightsError("a MindSpore checkpoint without parameters")
    return arrays


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


def _encoded(number: int) -> bytes:
    """Return a number that is not negative as a varint."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _encoded_field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _encoded(len(content)) + content


def _message(content: int | memoryview) -> memoryview:
    if isinstance(content, int):
        raise ValueError("a number where text or bytes are expected")
    return content
