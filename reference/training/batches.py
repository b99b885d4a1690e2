"""Batches of an epoch, the same ones whenever the same epoch is asked for again.

Order and augmentation of an epoch are drawn from (seed, epoch) and nothing else, so that a run that was
interrupted sees, from any step on, exactly what it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores

from reference.images.reading import Image, read_image

FloatArray: TypeAlias = npt.NDArray[np.float32]
LabelArray: TypeAlias = npt.NDArray[np.int32]
IntArray: TypeAlias = npt.NDArray[np.int64]
Batch: TypeAlias = tuple[FloatArray, LabelArray]
Share: TypeAlias = tuple[int, int]

ALONE: Share = (0, 1)
BATCHES_AHEAD = 2


class Batches(Protocol):
    """What an epoch consists of."""

    @property
    def steps(self) -> int:
        """Batches in each epoch."""

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch `number` (from 1), from step `first_step` (from 0) on."""


class ArrayBatches:
    """Batches of numbers that are at hand: pooled features, or activations in a memory-mapped file.

    Args:
        inputs: (views, images, ...) of any float type; each row of a batch is converted to float32.
        labels: (images,) class indices.
        batch_size: rows a step; a set of fewer rows makes one batch.
        seed: of the order.
        share: (rank, size), where `size` processes train together and this one reads the `rank`-th part of
            each step's rows.

    A rest that does not fill a batch waits for another epoch's order: one shape, one compilation.
    """

    def __init__(
        self,
        inputs: npt.NDArray[np.float16] | FloatArray,
        labels: IntArray,
        batch_size: int,
        seed: int,
        share: Share = ALONE,
    ) -> None:
        self._inputs = inputs.reshape(-1, *inputs.shape[2:])
        self._labels = np.tile(labels, inputs.shape[0]).astype(np.int32)
        self._batch_size = min(batch_size, len(self._labels))
        self._seed = seed
        self._share = share

    @property
    def steps(self) -> int:
        """Batches in each epoch."""
        return _steps(len(self._labels), self._batch_size, self._share)

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from a step on."""
        order = _order(len(self._labels), self._batch_size, self._seed, number, self._share)
        for rows in order[first_step:]:
            yield self._inputs[rows].astype(np.float32), self._labels[rows]


class ImageBatches:
    """Batches of augmented image files, read and transformed by threads while the network learns.

    Args:
        paths: (N,) image files.
        labels: (N,) class indices.
        transform: an image, uint8 (H, W, 3) BGR, and a source of randomness to the network's input, float32
            (3, 224, 224).
        batch_size: images a step; a set of fewer images makes one batch.
        seed: of order and augmentation.
        repeat: how often each image comes in an epoch, augmented anew each time.
        share: as in `ArrayBatches`.

    Raises:
        InputError: from `epoch`, when a file cannot be read any more.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        labels: IntArray,
        transform: Callable[[Image, np.random.Generator], FloatArray],
        batch_size: int,
        seed: int,
        repeat: int = 1,
        share: Share = ALONE,
    ) -> None:
        self._paths = paths
        self._labels = labels.astype(np.int32)
        self._transform = transform
        self._rows = repeat * len(paths)
        self._batch_size = min(batch_size, self._rows)
        self._seed = seed
        self._share = share

    @property
    def steps(self) -> int:
        """Batches in each epoch."""
        return _steps(self._rows, self._batch_size, self._share)

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from a step on."""
        order = _order(self._rows, self._batch_size, self._seed, number, self._share)[first_step:]
        with ThreadPoolExecutor(available_cores()) as pool:
            ahead: deque[tuple[list[Future[FloatArray]], LabelArray]] = deque()
            try:
                for rows in order:
                    ahead.append(
                        (
                            [pool.submit(self._view, number, row) for row in rows],
                            self._labels[rows % len(self._paths)],
                        )
                    )
                    if len(ahead) > BATCHES_AHEAD:
                        yield _joined(*ahead.popleft())
                while ahead:
                    yield _joined(*ahead.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _view(self, epoch: int, row: int) -> FloatArray:
        image = read_image(self._paths[row % len(self._paths)])
        return self._transform(image, np.random.default_rng([self._seed, epoch, row]))


def _steps(rows: int, batch_size: int, share: Share) -> int:
    return rows // (batch_size * share[1])


def _order(rows: int, batch_size: int, seed: int, epoch: int, share: Share) -> IntArray:
    """Return the rows of each batch of an epoch, (steps, batch_size)."""
    rank, size = share
    steps = _steps(rows, batch_size, share)
    order = np.random.default_rng([seed, epoch]).permutation(rows)
    return np.asarray(order[: steps * size * batch_size].reshape(steps, size, batch_size)[:, rank])


def _joined(views: Sequence[Future[FloatArray]], labels: LabelArray) -> Batch:
    return np.stack([view.result() for view in views]), labels
