"""safetensors: the parameters alone, by the course's names, for whoever builds the network himself.

Two readers know such a file: the plain `safetensors` library, and `mindspore.load_checkpoint` when it is told
`format="safetensors"`. For the second the metadata holds the CRC-32 that it looks for with `crc_check=True`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from safetensors.numpy import save

from reference.exporting.classifier import Classifier, FloatArray


def content_of(classifier: Classifier) -> bytes:
    """Return the file: the same bytes for the same network."""
    parameters = classifier.parameters()
    metadata = {
        "architecture": "MobileNetV2 1.0",
        "crc_num": str(_crc32(parameters)),
        "pooling": classifier.pooling,
    }
    if classifier.class_names:
        metadata["class_names"] = json.dumps(classifier.class_names, ensure_ascii=False)
    return _in_order(save(parameters, metadata))


def write(classifier: Classifier, path: Path) -> None:
    """Write the file.

    Raises:
        OSError: it cannot be written.
    """
    path.write_bytes(content_of(classifier))


def _crc32(parameters: Mapping[str, FloatArray]) -> int:
    """Return what `mindspore.load_checkpoint` computes: over names and bytes, in sorted order."""
    crc = 0
    for name in sorted(parameters):
        crc = zlib.crc32(parameters[name].tobytes(), zlib.crc32(name.encode(), crc))
    return crc


def _in_order(content: bytes) -> bytes:
    """Put the metadata in order, which the library writes in another one each time."""
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants the tensors aligned
    return struct.pack("<Q", len(text)) + text + content[8 + size :]
