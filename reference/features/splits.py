"""The features of a whole data set: every split in its views, whatever is frozen.

Where blocks learn, what goes into the first of them is kept: activations in the middle of the network, which
are many times as large as a pooled feature vector (block 14: 96 x 14 x 14 numbers, 38 kB in half precision).
They stay in a memory-mapped file, and the operating system decides what of it is in memory. One file holds
one set of images in all its views, under a name that is a digest of all that decides its content. Each row
has a checksum, which is written after it: rows that an interrupted run had finished are used, damaged ones
are computed again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores

from reference.command_line import progress
from reference.errors import InputError
from reference.features.extraction import (
    Backbone,
    Extraction,
    FeatureCache,
    extract_features,
    feature_key,
    in_order,
    source_digest,
)
from reference.images import ImageFolder, Split, View, decode_file, file_digest
from reference.values import FloatArray, LabelledFeatures, TrainingData

Numbers: TypeAlias = npt.NDArray[np.float16] | FloatArray

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
        advance: called with how many more rows are ready, for a progress bar.
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
            places = (divmod(row, len(paths)) for row in task)
            inputs = [views[v].make(decode_file(paths[i], digests[i])) for v, i in places]
            rows.write(task, backbone.extract(np.stack(inputs)))
            return len(task)

        tasks = [missing[i : i + IMAGES_A_TASK] for i in range(0, len(missing), IMAGES_A_TASK)]
        for done in in_order(pool, compute, tasks):
            advance(done)
    features = rows.values.reshape(len(views), len(paths), *backbone.output_shape)
    return Extraction(features, frozenset(keys), frozenset(keys[row] for row in missing))


class _Rows:
    """The two files of one set: `NAME.rows`, and `NAME.crc` with a checksum of each row."""

    def __init__(self, folder: Path, keys: Sequence[bytes], shape: tuple[int, ...], dtype: str) -> None:
        name = hashlib.sha256(b"".join([*keys, dtype.encode(), source_digest(__name__)])).hexdigest()[:32]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _make_room(folder, name)
            self.values: Numbers = _mapped(folder / f"{name}.rows", dtype, (len(keys), *shape))
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


_Work: TypeAlias = tuple[Split, tuple[View, ...]]


@dataclass(frozen=True)
class Features:
    """The features of a data set.

    Attributes:
        data: the features, and what they show.
        computed: different features that were computed.
        cached: different features that an earlier run had left on disk.
        repeated: all others, which are those of copies of an image.
    """

    data: TrainingData
    computed: int
    cached: int
    repeated: int

    def digest(self) -> str:
        """Return a digest of all that a head or the last blocks learn from."""
        digest = hashlib.sha256()
        for part in (self.data.train, self.data.validation):
            digest.update(f"{part.features.shape} {part.features.dtype}\n".encode())
            digest.update(part.features.reshape(-1).view(np.uint8).data)
            digest.update(part.labels.tobytes())
        return digest.hexdigest()


def compute_features(
    folder: ImageFolder,
    views: Sequence[View],
    seen: Sequence[View],
    backbone: Backbone,
    cache_folder: Path,
    cross_validated: bool = False,
) -> Features:
    """Get the features of all splits, with one progress bar.

    Args:
        folder: the data set.
        views: of the training images.
        seen: the views that a submission looks at; several only of a whole backbone.
        backbone: whole, or up to the cell that learns.
        cache_folder: of the caches.
        cross_validated: the training images are wanted as a submission sees them, too.

    Raises:
        InputError: an image cannot be read, or activations cannot be written.
    """
    # The training views usually include those that a submission looks at.
    further = [view for view in seen if view not in views] if cross_validated else []
    splits = [(folder.train, (*views, *further)), (folder.validation, tuple(seen))]
    if folder.test:
        splits.append((folder.test, tuple(seen)))
    done = _extract_all(splits, backbone, cache_folder)

    def as_seen(place: int) -> LabelledFeatures:
        split, split_views = splits[place]
        return LabelledFeatures(_together(done[place].features, split_views, seen), split.labels)

    data = TrainingData(
        train=LabelledFeatures(done[0].features[: len(views)], folder.train.labels),
        train_seen=as_seen(0) if cross_validated else None,
        validation=as_seen(1),
        test=as_seen(2) if folder.test else None,
        class_count=len(folder.classes),
    )
    return _counted(data, done, _rows_of(splits))


def _counted(data: TrainingData, done: Sequence[Extraction], rows: int) -> Features:
    # Copies may lie in different splits, so the keys are counted and not the features.
    different = len(frozenset().union(*(extraction.keys for extraction in done)))
    computed = len(frozenset().union(*(extraction.computed_keys for extraction in done)))
    return Features(data, computed, different - computed, rows - different)


def _extract_all(splits: Sequence[_Work], backbone: Backbone, cache_folder: Path) -> list[Extraction]:
    """Get the features of each split in its views; of the training images, in half precision."""
    cache = FeatureCache(cache_folder)
    with progress(_rows_of(splits), "features", "image") as bar:
        done = [
            extract_features(split.paths, views, backbone, cache, bar.update)
            if backbone.is_whole
            else extract_activations(
                split.paths, views, backbone, cache_folder / "activations", bar.update, half=place == 0
            )
            for place, (split, views) in enumerate(splits)
        ]
    if cache.trouble:
        print(f"note: the feature cache in {cache_folder} is not used: {cache.trouble}", file=sys.stderr)
    return done


def _rows_of(splits: Sequence[_Work]) -> int:
    return sum(len(split.paths) * len(views) for split, views in splits)


def _together(features: Numbers, views: Sequence[View], seen: Sequence[View]) -> Numbers:
    """Return one view, the mean of those `seen`: a linear head's mean logits are its logits of the mean."""
    places = [views.index(view) for view in seen]
    return features[places].mean(axis=0, keepdims=True) if len(places) > 1 else features[places]
