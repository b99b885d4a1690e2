"""Checkpoints as `mindspore.save_checkpoint` writes them, without MindSpore."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def mindspore_bytes(arrays: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
    """Return the content of a `.ckpt` with these parameters."""
    rows = b""
    for name, array in arrays.items():
        dims = b"".join(b"\x08" + _varint(size) for size in array.shape)
        content = np.ascontiguousarray(array, "<f4").tobytes()
        tensor = dims + field(2, b"Float32") + field(3, content)
        rows += field(1, field(1, name.encode("utf-8")) + field(2, tensor))
    return rows


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message that holds bytes."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content
