"""What the epochs of a training consist of, and how a training that was stopped goes on.

Batches: order and augmentation of an epoch are drawn from (seed, epoch) and nothing else, so that a run that
was interrupted sees, from any step on, exactly what it would have seen.

Rates: the learning rate of each step is a linear warm-up, then half a cosine (Loshchilov and Hutter 2017).

State: one `.npz` file holds everything; it is replaced as a whole, so whenever a process is killed, what lies
there is the state of some moment and no mixture. Its `run` field says what the run is; a run with other
settings, images or libraries is another run, and does not go on from it.
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores

from reference.errors import InputError
from reference.images import Image, Split, read_image
from reference.values import Arrays, EpochLog, FloatArray, IntArray, Recipe
from reference.weights import write_whole

LabelArray: TypeAlias = npt.NDArray[np.int32]
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
        images: files and labels.
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
        images: Split,
        transform: Callable[[Image, np.random.Generator], FloatArray],
        batch_size: int,
        seed: int,
        repeat: int = 1,
        share: Share = ALONE,
    ) -> None:
        self._paths = images.paths
        self._labels = images.labels.astype(np.int32)
        self._transform = transform
        self._rows = repeat * len(images.paths)
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


def learning_rates(total_steps: int, warmup_steps: int, peak: float, end: float = 0.0) -> list[float]:
    """Return the learning rate of every step i, 0 <= i < T = `total_steps`, with W = `warmup_steps`.

    1. i < W:   peak * (i + 1) / W
    2. i >= W:  end + (peak - end) * (1 + cos(pi * (i - W) / (T - W))) / 2

    Raises:
        ValueError: the warm-up leaves no step to learn in.
    """
    if not 0 <= warmup_steps < total_steps:
        raise ValueError(f"{warmup_steps} warm-up steps do not fit into {total_steps}")
    rates = [peak * (step + 1) / warmup_steps for step in range(warmup_steps)]
    decaying = total_steps - warmup_steps
    for step in range(decaying):
        rates.append(end + (peak - end) * (1 + math.cos(math.pi * step / decaying)) / 2)
    return rates


def recipe_rates(recipe: Recipe, steps: int) -> list[float]:
    """Return the learning rate of every step of a recipe's training, `steps` an epoch.

    A training too short for the recipe's warm-up warms up in all its epochs but one.
    """
    warmup_epochs = min(recipe.warmup_epochs, recipe.epochs - 1)
    return learning_rates(steps * recipe.epochs, steps * warmup_epochs, recipe.learning_rate)


SECONDS_BETWEEN = 20.0


@dataclass(frozen=True)
class TrainingState:
    """Where a run is, at the start of an epoch or within one.

    Attributes:
        parameters: all numbers of the training step; empty before the first step.
        log: of the finished epochs.
        losses: of the steps taken in the epoch that is under way.
        best: the result's parameters at the best epoch so far.
        best_epoch: its number, from 1; 0 before the first is finished.
    """

    parameters: Arrays = field(default_factory=dict)
    log: tuple[EpochLog, ...] = ()
    losses: tuple[float, ...] = ()
    best: Arrays = field(default_factory=dict)
    best_epoch: int = 0

    @property
    def best_accuracy(self) -> float:
        """The best epoch's validation accuracy; below every accuracy where there is none."""
        accuracy = self.log[self.best_epoch - 1].validation_accuracy if self.best_epoch else None
        return -1.0 if accuracy is None else accuracy


class Snapshot:
    """The file that keeps a run's state.

    Args:
        path: written by `save`; its folder must be there.
        run: what decides the run's result, as JSON can hold it.
        seconds_between: how old a snapshot may get in the middle of an epoch.
    """

    def __init__(
        self, path: Path, run: Mapping[str, object], seconds_between: float = SECONDS_BETWEEN
    ) -> None:
        self._path = path
        self._run = json.loads(json.dumps(run))
        self._seconds_between = seconds_between
        self._saved = time.monotonic()

    def is_recent(self) -> bool:
        """Whether the last snapshot, or the run's start, was less than `seconds_between` ago."""
        return time.monotonic() - self._saved < self._seconds_between

    def load(self) -> TrainingState | None:
        """Return the state that was saved; None if there is none.

        Raises:
            InputError: the file is damaged, or belongs to another run; the message says what differs.
        """
        if not self._path.exists():
            return None
        try:
            with np.load(self._path, allow_pickle=False) as file:
                notes = json.loads(bytes(file["notes"]))
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            raise InputError(
                f"{self._path}: is damaged, so the run cannot go on; remove it to begin anew"
            ) from None
        check_same_run(self._path, notes["run"], self._run)
        return TrainingState(
            parameters=_chosen(arrays, "parameters/"),
            log=tuple(EpochLog(**entry) for entry in notes["log"]),
            losses=tuple(notes["losses"]),
            best=_chosen(arrays, "best/"),
            best_epoch=notes["best_epoch"],
        )

    def save(self, state: TrainingState) -> None:
        """Replace the file by one with this state.

        Raises:
            OSError: it cannot be written.
        """
        notes = {
            "run": self._run,
            "log": [asdict(entry) for entry in state.log],
            "losses": state.losses,
            "best_epoch": state.best_epoch,
        }
        content = io.BytesIO()
        np.savez(
            content,
            notes=np.frombuffer(json.dumps(notes).encode(), dtype=np.uint8),
            **{f"parameters/{name}": array for name, array in state.parameters.items()},
            **{f"best/{name}": array for name, array in state.best.items()},
        )
        write_whole(content.getvalue(), self._path)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Remove the file: the run is done."""
        self._path.unlink(missing_ok=True)


def check_same_run(path: Path, earlier: Mapping[str, object], now: Mapping[str, object]) -> None:
    """Raise InputError if the run that left a file was another; the message says what differs.

    Args:
        path: of the file.
        earlier: what it says of its run, as JSON can hold it.
        now: the same of this run.
    """
    for name in {**now, **earlier}:  # in the order in which they were given: the settings first
        if earlier.get(name) != now.get(name):
            raise InputError(
                f"{path}: is of a run with another {name} ({_short(earlier.get(name))}, now"
                f" {_short(now.get(name))}); resume with the same, or begin anew elsewhere"
            )


def _chosen(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def log_csv(log: Sequence[EpochLog]) -> str:
    """Return a training's log as CSV, one line an epoch; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(EpochLog))
    for entry in log:
        writer.writerow("" if value is None else f"{value:.6g}" for value in asdict(entry).values())
    return text.getvalue()
