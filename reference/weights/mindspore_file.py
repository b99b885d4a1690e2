"""Read and write MindSpore checkpoints without MindSpore, whose import takes over a second.

`src_mindspore.engine.checkpoint` describes the format, and reads it. A full disk gives one error of ours
instead of MindSpore's log.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from src_mindspore.engine.checkpoint import CheckpointError, parse_checkpoint

from reference.weights.errors import WeightsError

_VARINT, _BYTES = 0, 2
_DIMS_KEY = bytes([1 << 3 | _VARINT])


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
