"""Pooled features of image files, each computed once.

A feature vector depends on the bytes of the image, the view, the backbone's weights, and on the code and
libraries that turn one into the other. `feature_key` is a digest of exactly these, so that whatever
changes, no old features can be taken for new ones; and an image keeps its features when the images round
it change.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
from src_mindspore.cpu import available_cores
from src_mindspore.engine.graph import Parameters
from src_mindspore.engine.session import FeatureExtractor

from reference.features.cache import FeatureCache
from reference.images.reading import decode_file, file_digest
from reference.images.views import View

FloatArray: TypeAlias = npt.NDArray[np.float32]

# The modules whose code decides the features; a view adds the one that it is made in.
PIPELINE = (
    "src_mindspore.transforms",
    "src_mindspore.engine.graph",
    "src_mindspore.engine.session",
    "reference.images.reading",
    "reference.features.extraction",
)
IMAGES_A_TASK = 8
TASKS_A_WRITE = 32


@dataclass(frozen=True)
class Extraction:
    """Features of a list of images.

    Attributes:
        features: (views, images, channels); or (views, images, C, H, W) in half precision, in the middle of
            the network.
        keys: of the different features in it.
        computed_keys: of those that were not on disk.
    """

    features: FloatArray | npt.NDArray[np.float16]
    keys: frozenset[bytes]
    computed_keys: frozenset[bytes]

    @property
    def computed(self) -> int:
        """How many features were not on disk."""
        return len(self.computed_keys)


@dataclass(frozen=True)
class _Task:
    """Feature vectors to compute together: (image path, its digest, view, key)."""

    items: tuple[tuple[Path, bytes, View, bytes], ...]


class Backbone:
    """A frozen backbone, ready to run, and the digest of all that decides its output.

    Args:
        parameters: names and arrays, as `FeatureExtractor` takes them.
        stop: the cell before which it ends, to be followed by one that learns; by default it is whole and its
            output is pooled.

    Attributes:
        is_whole: whether it goes to the end.
        output_shape: of one image: (1280,), or (C, H, W) of what goes into cell `stop`.
    """

    def __init__(self, parameters: Parameters, stop: int | None = None) -> None:
        # One thread inside each call and one caller for each core: as fast for the network alone (268
        # images/s to 275 on two cores), and decoding and augmenting overlap with it by themselves.
        self.extract = FeatureExtractor(parameters, threads=1, pooled=stop is None, stop=stop)
        self.is_whole = stop is None
        self.output_shape = self.extract(np.zeros((1, *self.extract.input_shape), np.float32)).shape[1:]
        self.digest = _pipeline_digest(parameters, stop)


def feature_key(image_digest: bytes, view: View, backbone: Backbone) -> bytes:
    """Return the name under which a feature vector is cached, 32 bytes."""
    code = source_digest(view.make.__module__)
    return hashlib.sha256(image_digest + backbone.digest + code + view.identity.encode()).digest()


@lru_cache
def source_digest(module: str) -> bytes:
    """Return the sha256 of an imported module's source file."""
    return hashlib.sha256(Path(str(sys.modules[module].__file__)).read_bytes()).digest()


def parameters_digest(parameters: Parameters) -> bytes:
    """Return a digest of names, shapes and numbers of a network's parameters."""
    digest = hashlib.sha256()
    for name in sorted(parameters):
        array = np.ascontiguousarray(parameters[name], dtype="<f4")
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.digest()


def extract_features(
    paths: Sequence[Path],
    views: Sequence[View],
    backbone: Backbone,
    cache: FeatureCache,
    advance: Callable[[int], object] = lambda _: None,
) -> Extraction:
    """Compute the features of image files in every view, or fetch them from the cache.

    Args:
        paths: image files.
        views: what is made of each.
        backbone: the network.
        cache: consulted first, and given what was computed.
        advance: told how many more feature vectors are ready, for a progress bar.

    Raises:
        InputError: a file cannot be read, or is not an image.
    """
    with ThreadPoolExecutor(available_cores()) as pool:
        digests = list(pool.map(file_digest, paths))
        wanted = {
            feature_key(digest, view, backbone): (path, digest, view)
            for path, digest in zip(paths, digests, strict=True)
            for view in views
        }
        ready = cache.get(list(wanted))
        advance(len(ready) + len(paths) * len(views) - len(wanted))  # copies of a file count as found
        missing = [(*source, key) for key, source in wanted.items() if key not in ready]
        tasks = [_Task(tuple(missing[i : i + IMAGES_A_TASK])) for i in range(0, len(missing), IMAGES_A_TASK)]
        unwritten: dict[bytes, FloatArray] = {}
        for done, rows in enumerate(_in_order(pool, backbone, tasks), start=1):
            unwritten.update(rows)
            advance(len(rows))
            if done % TASKS_A_WRITE == 0 or done == len(tasks):
                cache.put(unwritten)
                ready.update(unwritten)
                unwritten = {}
    stacked = [[ready[feature_key(digest, view, backbone)] for digest in digests] for view in views]
    return Extraction(
        np.array(stacked, dtype=np.float32), frozenset(wanted), frozenset(key for *_, key in missing)
    )


def _in_order(
    pool: ThreadPoolExecutor, backbone: Backbone, tasks: Sequence[_Task]
) -> Iterator[dict[bytes, FloatArray]]:
    """Results of the tasks, in order; when one fails, those that have not begun are dropped."""
    futures: list[Future[dict[bytes, FloatArray]]] = [pool.submit(_run, task, backbone) for task in tasks]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _run(task: _Task, backbone: Backbone) -> dict[bytes, FloatArray]:
    images = {path: decode_file(path, digest) for path, digest, _, _ in task.items}
    inputs = np.stack([view.make(images[path]) for path, _, view, _ in task.items])
    rows = backbone.extract(inputs)
    return {key: row for (_, _, _, key), row in zip(task.items, rows, strict=True)}


def _pipeline_digest(parameters: Parameters, stop: int | None) -> bytes:
    """Digest of weights, libraries and code: what decides the features besides image and view."""
    digest = hashlib.sha256()
    for module in PIPELINE:
        digest.update(source_digest(module))
    digest.update(parameters_digest(parameters))
    digest.update(f"stop {stop}\n".encode())
    digest.update(f"cv2 {cv2.__version__} numpy {np.__version__} ort {onnxruntime.__version__}".encode())
    return digest.digest()
