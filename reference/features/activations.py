"""Activations of a frozen part of the network, in a memory-mapped file that is found again by its content.

What goes into a block in the middle of the network is many times as large as a pooled feature vector
(block 14: 96 x 14 x 14 numbers, 38 kB in half precision), so it stays on disk and the operating system
decides what of it is in memory. One file holds one set of images in all its views, under a name that is a
digest of all that decides its content. Each row has a checksum, which is written after it: rows that an
interrupted run had finished are used, damaged ones are computed again.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores

from reference.errors import InputError
from reference.features.extraction import Backbone, Extraction, feature_key, source_digest
from reference.images.reading import decode_file, file_digest
from reference.images.views import View

FloatArray: TypeAlias = npt.NDArray[np.float32]
Rows: TypeAlias = npt.NDArray[np.float16] | FloatArray

BYTES_TO_KEEP = 2 * 1024**3  # of activations of other sets; the oldest go first
SECONDS_TO_KEEP = 3600.0  # since a set was last opened: a run has several, and other runs have theirs
IMAGES_A_TASK = 8


def extract_activations(
    paths: Sequence[Path],
    views: Sequence[View],
    backbone: Backbone,
    folder: Path,
    advance: Callable[[int], object] = lambda _: None,
    half: bool = True,
) -> Extraction:
    """Compute what a backbone that ends before a block makes of image files, or find it on disk.

    Args:
        paths: image files.
        views: what is made of each.
        backbone: the frozen part of the network.
        folder: of the files; made when it is missing.
        advance: told how many more rows are ready, for a progress bar.
        half: keep them in half precision, which is enough to learn from.

    Raises:
        InputError: an image cannot be read, or the folder cannot be written.
    """
    with ThreadPoolExecutor(available_cores()) as pool:
        digests = list(pool.map(file_digest, paths))
        keys = [feature_key(digest, view, backbone) for view in views for digest in digests]
        rows = _Rows(folder, keys, backbone.output_shape, "<f2" if half else "<f4")
        missing = rows.missing()
        advance(len(keys) - len(missing))

        def compute(task: list[int]) -> int:
            inputs = []
            for row in task:
                view, image = divmod(row, len(paths))
                inputs.append(views[view].make(decode_file(paths[image], digests[image])))
            rows.write(task, backbone.extract(np.stack(inputs)))
            return len(task)

        tasks = [missing[i : i + IMAGES_A_TASK] for i in range(0, len(missing), IMAGES_A_TASK)]
        futures = [pool.submit(compute, task) for task in tasks]
        try:
            for future in futures:
                advance(future.result())
        finally:
            for future in futures:
                future.cancel()
    features = rows.values.reshape(len(views), len(paths), *backbone.output_shape)
    return Extraction(features, frozenset(keys), frozenset(keys[row] for row in missing))


class _Rows:
    """The two files of one set: `NAME.rows`, and `NAME.crc` with a checksum of each row."""

    def __init__(self, folder: Path, keys: Sequence[bytes], shape: tuple[int, ...], dtype: str) -> None:
        name = hashlib.sha256(b"".join([*keys, dtype.encode(), source_digest(__name__)])).hexdigest()[:32]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _make_room(folder, name)
            self.values: Rows = _mapped(folder / f"{name}.rows", dtype, (len(keys), *shape))
            self._checksums: npt.NDArray[np.uint32] = _mapped(folder / f"{name}.crc", "<u4", (len(keys),))
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
        self._size = self.values[0].nbytes

    def missing(self) -> list[int]:
        """Return the rows that have not been computed, or not completely."""
        return [row for row in range(len(self.values)) if self._checksums[row] != self._checksum(row)]

    def write(self, rows: Sequence[int], values: FloatArray) -> None:
        """Store rows, rounded if need be, each before its checksum."""
        for row, value in zip(rows, values, strict=True):
            self.values[row] = value
            self._checksums[row] = self._checksum(row)

    def _checksum(self, row: int) -> int:
        # Of the row's number too; and never 0, which is what a new file is full of.
        return zlib.crc32(self.values[row].tobytes(), row + 1) or 1


def _mapped(path: Path, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Map a file of exactly this size, keeping what is in it; space that is not there is found out now."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with path.open("ab") as file:
        if os.fstat(file.fileno()).st_size != size:
            file.truncate(0)
            if hasattr(os, "posix_fallocate"):  # a full disk under a memory map would kill the process
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
        os.utime(file.fileno())
    return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def _make_room(folder: Path, kept: str) -> None:
    """Remove the oldest files that nobody uses until at most BYTES_TO_KEEP of other sets are left."""
    others = []
    for path in folder.glob("*.rows"):
        with suppress(FileNotFoundError):  # another process makes room, too
            if path.stem != kept:
                others.append((path.stat().st_mtime, path.stat().st_size, path))
    total = 0
    for opened, size, path in sorted(others, reverse=True):
        total += size
        if total > BYTES_TO_KEEP and time.time() - opened > SECONDS_TO_KEEP:
            path.unlink(missing_ok=True)
            path.with_suffix(".crc").unlink(missing_ok=True)
