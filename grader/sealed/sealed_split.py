"""A sealed split as a file: written from a split, and opened into one.

It may lie in a public repository beside the assignment. Grading opens it in memory: of what is in it, only
the instructor's report says anything on the disk, the name and class of every image.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grader.classes import ClassInfo
from grader.errors import UsageError
from grader.held import read_whole
from grader.sealed.container import ContainerError, pack, unpack
from grader.sealed.key_file import read_key
from grader.sealed.stream import MAGIC, UnsealError, seal, unseal
from grader.split import Split, SplitImage, check_images, split_of
from grader.whole_file import write_new

_MOST_BYTES = 4 << 30
"""All of it is held in memory."""


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


def _check_can_be_sealed(split: Split) -> None:
    if sum(len(image.encoded) for image in split.images) > _MOST_BYTES // 2:
        raise UsageError("split-too-large", most=_MOST_BYTES >> 31)


def _names(classes: Sequence[ClassInfo]) -> list[tuple[str, str]]:
    return [(info.folder, info.name) for info in classes]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
