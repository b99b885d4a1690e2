"""Pooled features of image files, each computed once and kept on disk.

A feature vector depends on the bytes of the image, the view, the backbone's weights, and on the code and
libraries that turn one into the other. `feature_key` is a digest of exactly these, so that whatever
changes, no old features can be taken for new ones; and an image keeps its features when the images round
it change.

The cache is one SQLite file that holds one row an image and view: key, features, checksum. SQLite gives what
such a store needs: rows appear whole or not at all, two processes may use it at once, and thousands of rows
are read in one go. Losing the cache only costs time, so nothing that is wrong with it stops a run: a damaged
row is forgotten, a damaged file is put aside, and a folder that cannot be written leaves the run without a
cache, which then says so.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
from src_mindspore.cpu import available_cores
from src_mindspore.engine.graph import Parameters
from src_mindspore.engine.session import FeatureExtractor

from reference.images import View, decode_file, file_digest
from reference.values import FloatArray

# The modules whose code decides the features; a view adds the one that it is made in.
PIPELINE = (
    "src_mindspore.transforms",
    "src_mindspore.engine.graph",
    "src_mindspore.engine.session",
    "reference.images.views",
    "reference.features.extraction",
)
IMAGES_A_TASK = 8
TASKS_A_WRITE = 32
_Work = TypeVar("_Work")
_Outcome = TypeVar("_Outcome")


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
        advance: called with how many more feature vectors are ready, for a progress bar.

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
        for rows in _written(cache, in_order(pool, partial(_run, backbone), tasks), len(tasks)):
            ready.update(rows)
            advance(len(rows))
    stacked = [[ready[feature_key(digest, view, backbone)] for digest in digests] for view in views]
    return Extraction(
        np.array(stacked, dtype=np.float32), frozenset(wanted), frozenset(key for *_, key in missing)
    )


def _written(
    cache: FeatureCache, results: Iterator[dict[bytes, FloatArray]], count: int
) -> Iterator[dict[bytes, FloatArray]]:
    """Pass on the results of tasks, and store them in the cache, some tasks at a time."""
    unwritten: dict[bytes, FloatArray] = {}
    for done, rows in enumerate(results, start=1):
        unwritten.update(rows)
        yield rows
        if done % TASKS_A_WRITE == 0 or done == count:
            cache.put(unwritten)
            unwritten = {}


def in_order(
    pool: ThreadPoolExecutor, compute: Callable[[_Work], _Outcome], tasks: Iterable[_Work]
) -> Iterator[_Outcome]:
    """Yield the results of tasks, in order; when one fails, those that have not begun are dropped."""
    futures = [pool.submit(compute, task) for task in tasks]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _run(backbone: Backbone, task: _Task) -> dict[bytes, FloatArray]:
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


Result = TypeVar("Result")

FILE_NAME = "features-1.sqlite3"  # the number is the layout's
SECONDS_TO_WAIT = 60.0  # for another process's writing, which takes a fraction of one
KEYS_A_QUERY = 500  # SQLite's older limit is 999 variables


def default_cache_folder() -> Path:
    """Return `lab-grader/features` in the user's cache: `$XDG_CACHE_HOME`, or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lab-grader" / "features"


class FeatureCache:
    """Rows of float32 numbers by key, in one file that processes and threads may share.

    Args:
        folder: made when it is missing.

    Attributes:
        trouble: why the cache is not being used (any more), in a few words; empty as long as it is.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self.trouble = ""

    def get(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Return what is there and intact; keys that are missing in the result have to be computed."""
        return self._attempt(lambda database: self._select(database, keys), {})

    def put(self, rows: Mapping[bytes, FloatArray]) -> None:
        """Store rows, all of them or none."""
        values = [(key, row.astype("<f4").tobytes()) for key, row in rows.items()]
        checked = [(key, blob, _checksum(key, blob)) for key, blob in values]

        def insert(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", checked)

        self._attempt(insert, None)

    @staticmethod
    def _select(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        found = {}
        for start in range(0, len(keys), KEYS_A_QUERY):
            chunk = keys[start : start + KEYS_A_QUERY]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, numbers, checksum FROM features WHERE key IN ({marks})"  # noqa: S608
            for key, blob, checksum in database.execute(query, chunk):
                if checksum == _checksum(key, blob):
                    found[key] = np.frombuffer(blob, dtype="<f4").astype(np.float32)
        return found

    def _attempt(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """Do `work` in one transaction; once more on a new file if this one is damaged."""
        if self.trouble:
            return otherwise
        for last_try in (False, True):
            try:
                with self._open() as database:
                    return work(database)
            except (sqlite3.OperationalError, OSError) as error:
                # Locked for too long, read-only, disk full, no permission: the file itself may be fine.
                self.trouble = str(error)
                break
            except sqlite3.DatabaseError as error:
                if last_try:
                    self.trouble = str(error)
                else:
                    self._put_aside()
        return otherwise

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=SECONDS_TO_WAIT)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS features"
                " (key BLOB PRIMARY KEY, numbers BLOB NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID"
            )
            yield database

    def _put_aside(self) -> None:
        """Rename the damaged file, and with it the journal, which would be applied to its successor."""
        for suffix in ("-journal", ""):
            with suppress(FileNotFoundError):
                damaged = self._path.with_name(self._path.name + suffix)
                damaged.replace(damaged.with_name(f"{damaged.name}.damaged"))


def _checksum(key: bytes, blob: bytes) -> bytes:
    return hashlib.blake2b(key + blob, digest_size=16).digest()
