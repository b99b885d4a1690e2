"""A split in one file that only the holder of a key can read: a manifest and the images, encrypted."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.errors import LineError, UsageError
from grader.files import read_whole, write_new
from grader.model.dataset import ClassInfo, Split, SplitImage, check_images, parse_classes, split_of
from grader.split.encryption import MAGIC, UnsealError, read_key, seal, unseal
from grader.split.folder import is_image_name

_LENGTH = struct.Struct("!I")
_MOST_MANIFEST_BYTES = 64 << 20
_MOST_IMAGES = 1_000_000
_MOST_BYTES = 4 << 30
"""All of it is held in memory."""


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


def is_sealed(path: Path) -> bool:
    """Whether a file begins as a sealed split does; False for a folder, or what cannot be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def write_sealed(split: Split, classes: Sequence[ClassInfo], key: bytes, out: Path) -> None:
    """Write a split and the classes it is of to the new file `out`.

    Raises:
        UsageError: something is there already, or cannot be written.
    """
    check_is_new(out)
    _check_can_be_sealed(split)
    data = seal(key, pack(split.images, classes))
    try:
        # It is no secret: as readable as any new file.
        write_new(out, data, 0o666 & ~_umask())
    except OSError as error:
        raise UsageError("out-unwritten", path=out, reason=error) from error


def check_is_new(out: Path) -> None:
    """Find out, before anything is written, whether `out` can be: nothing is there yet, but its folder is.

    Raises:
        UsageError: it cannot.
    """
    if os.path.lexists(out):
        raise UsageError("out-is-there", path=out)
    if not out.parent.is_dir():
        raise UsageError("out-no-parent", path=out, parent=out.parent)


def read_sealed(path: Path, key_file: Path) -> tuple[Split, tuple[ClassInfo, ...]]:
    """Return the split in a sealed file and the classes that it was sealed with.

    Raises:
        UsageError: the file or its key cannot be read, do not belong together, or the file was changed.
    """
    key = read_key(key_file)
    try:
        sealed, place = read_whole(path, _MOST_BYTES)
        images, classes = unpack(unseal(key.secret, sealed))
    except OSError as error:
        raise UsageError("sealed-unread", path=path, reason=error) from error
    except (UnsealError, ContainerError) as error:
        raise UsageError("sealed-unopened", path=path, reason=error) from error
    split = split_of(images, places=(place,))
    return replace(split, key_file=key.place, key_sha256=key.sha256), classes


def open_sealed(path: Path, key_file: Path, classes: Sequence[ClassInfo]) -> Split:
    """Return the split in a sealed file, for grading by an assignment that has `classes`.

    Raises:
        UsageError: as :func:`read_sealed`; or it was sealed for other classes, or holds a damaged image.
    """
    split, sealed_classes = read_sealed(path, key_file)
    if _names(sealed_classes) != _names(classes):
        raise UsageError("sealed-other-classes", path=path)
    check_images(split.images)
    return split


def write_folder(images: Sequence[SplitImage], out: Path) -> None:
    """Write images to `out`, a new or empty folder, with one sub-folder a class: all of them or none.

    Raises:
        UsageError: something is there already, or cannot be written.
    """
    out = out.resolve()
    try:
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UsageError("out-not-empty", path=out)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=".opening-"))
        try:
            for image in images:
                file = folder / image.name
                file.parent.mkdir(exist_ok=True)
                with file.open("xb") as opened:
                    opened.write(image.encoded)
            # Only its owner can look into it: mkdtemp made it so, and these images are to stay hidden.
            folder.rename(out)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise UsageError("out-unwritten", path=error.filename or out, reason=error) from error


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


def _check_can_be_sealed(split: Split) -> None:
    if sum(len(image.encoded) for image in split.images) > _MOST_BYTES // 2:
        raise UsageError("split-too-large", most=_MOST_BYTES >> 31)


def _names(classes: Sequence[ClassInfo]) -> list[tuple[str, str]]:
    return [(info.folder, info.name) for info in classes]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
