"""What is inside a sealed split: a manifest in JSON, and the images one after another.

    4 bytes     length of the manifest, big-endian
    manifest    {"classes": [{"folder": ..., "name": ...}, ...], "images": [[name, label, size], ...]}
    images      as they lay on the disk, in the manifest's order

Neither a zip nor a tar: what has to be kept is a list of byte strings, and a reader of archives brings
paths, links, compression and repeated names with it. There is one container for one split, and whatever is
not exactly one, to the last byte, is refused. It is parsed only after it has been authenticated.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.classes import ClassInfo, parse_classes
from grader.errors import LineError
from grader.image_folder import is_image_name
from grader.split import SplitImage

_LENGTH = struct.Struct("!I")
_MOST_MANIFEST_BYTES = 64 << 20
_MOST_IMAGES = 1_000_000


class ContainerError(LineError, ValueError):
    """The bytes are no container."""


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    classes: Annotated[list[dict[str, str]], Field(min_length=1)]
    images: Annotated[
        list[tuple[str, Annotated[int, Field(ge=0)], Annotated[int, Field(gt=0)]]],
        Field(min_length=1, max_length=_MOST_IMAGES),
    ]


def pack(images: Sequence[SplitImage], classes: Sequence[ClassInfo]) -> bytes:
    """Return the container of a split's images, in the split's order."""
    manifest = _Manifest(
        classes=[{key: value for key, value in asdict(info).items() if value} for info in classes],
        images=[(image.name, image.label, len(image.encoded)) for image in images],
    )
    text = manifest.model_dump_json().encode("utf-8")
    return b"".join((_LENGTH.pack(len(text)), text, *(image.encoded for image in images)))


def unpack(data: bytes) -> tuple[tuple[SplitImage, ...], tuple[ClassInfo, ...]]:
    """Return what :func:`pack` was given.

    Raises:
        ContainerError: `data` is no container, or one of something else than a split.
    """
    manifest, at = _manifest(data)
    try:
        classes = parse_classes(manifest.classes)
    except ValueError as error:
        raise ContainerError("container-classes", reason=error) from error
    if sum(size for _, _, size in manifest.images) != len(data) - at:
        raise ContainerError("container-lengths")
    images = []
    for name, label, size in manifest.images:
        _check_name(name, label, classes)
        images.append(SplitImage(name=name, label=label, encoded=data[at : at + size]))
        at += size
    order = [tuple(image.name.split("/")) for image in images]
    if not all(before < after for before, after in pairwise(order)):
        raise ContainerError("container-order")
    return tuple(images), classes


def _manifest(data: bytes) -> tuple[_Manifest, int]:
    """Return the manifest and where the images begin."""
    if len(data) < _LENGTH.size:
        raise ContainerError("container-no-manifest")
    (length,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + length
    if length > _MOST_MANIFEST_BYTES or end > len(data):
        raise ContainerError("container-long-manifest")
    try:
        return _Manifest.model_validate_json(data[_LENGTH.size : end]), end
    except ValidationError as error:
        raise ContainerError("container-form") from error


def _check_name(name: str, label: int, classes: Sequence[ClassInfo]) -> None:
    """Accept `folder/file` of the class that the label names: a path that leads nowhere else."""
    folder, _, file = name.partition("/")
    if label >= len(classes) or folder != classes[label].folder or not is_image_name(file):
        raise ContainerError("container-image", name=name)
