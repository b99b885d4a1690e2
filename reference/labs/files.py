"""What the labs' trainings write and print.

The flower lab keeps the newest few checkpoints of the whole network in a folder of their own. The garbage
lab's stages each have checkpoints, a log and a state, written as the epochs end. The lines that the flower
lab's scripts print are kept to the letter: students compare them with the lab's text.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reference.errors import InputError
from reference.run import RunFolder
from reference.training import Snapshot, check_same_run, log_csv
from reference.values import Arrays, EpochLog
from reference.weights import write_checkpoint

CONFIG = "config.json"


@dataclass(frozen=True)
class StageNames:
    """What a stage and its files are called.

    Attributes:
        title: for the printed lines.
        epoch: of an epoch's checkpoint, with a place for its number.
        best: of the checkpoint of the best epoch so far.
        final: of the last epoch's.
        log: of the table of all epochs.
        state: of what a run that was interrupted goes on from.
    """

    title: str
    epoch: str
    best: str
    final: str
    log: str
    state: str

    def all(self, epochs: int) -> tuple[str, ...]:
        """Return all names that a stage of so many epochs writes."""
        if not epochs:
            return ()
        return (*map(self.epoch.format, range(1, epochs + 1)), self.best, self.final, self.log, self.state)


HEAD = StageNames(
    "head",
    "mobilenetv2-{}.ckpt",
    "mobilenetv2-best.ckpt",
    "mobilenetv2_final.ckpt",
    "log_head.csv",
    "state_head.npz",
)
WHOLE = StageNames(
    "all",
    "mobilenetv2_all-{}.ckpt",
    "mobilenetv2_all-best.ckpt",
    "mobilenetv2_all_final.ckpt",
    "log_all.csv",
    "state_all.npz",
)


class StageFiles:
    """Writes a stage's checkpoints and log.

    Args:
        run: where to.
        names: of the files.
        epochs: of the stage.
        frozen: parameters that the stage does not train; they are in every checkpoint.
        description: of the run, by which its state on disk is known.

    Attributes:
        snapshot: the state on disk, for `fit`.

    Raises:
        InputError: the state on disk is damaged or another run's.
        OSError: the folder cannot be written.
    """

    def __init__(
        self,
        run: RunFolder,
        names: StageNames,
        epochs: int,
        frozen: Arrays,
        description: Mapping[str, object],
    ) -> None:
        self._run = run
        self._names = names
        self._epochs = epochs
        self._frozen = frozen
        self.snapshot = _snapshot(run.claim(names.state), names, description)
        state = self.snapshot.load()
        self._log: list[EpochLog] = list(state.log) if state else []
        self._best = state.best_accuracy if state else -1.0

    def epoch_ended(self, entry: EpochLog, learned: Arrays) -> None:
        """Write an epoch's checkpoint, the best one's if it is that, and the log; and print a line."""
        self._log.append(entry)
        self._checkpoint(self._names.epoch.format(entry.epoch), learned)
        accuracy = entry.validation_accuracy or 0.0
        if accuracy > self._best:
            self._best = accuracy
            self._checkpoint(self._names.best, learned)
        self._run.write_text(self._names.log, log_csv(self._log))
        print(self._line(entry), flush=True)

    def stage_ended(self, final: Arrays) -> None:
        """Write the last checkpoint."""
        self._checkpoint(self._names.final, final)

    def _checkpoint(self, name: str, learned: Arrays) -> None:
        with self._run.making(name) as path:
            write_checkpoint({**self._frozen, **learned}, path)

    def _line(self, entry: EpochLog) -> str:
        return (
            f"{self._names.title} {entry.epoch}/{self._epochs}: loss {entry.train_loss:.4f},"
            f" training {entry.train_accuracy or 0.0:.2%}, validation {entry.validation_accuracy or 0.0:.2%}"
            f" (best {self._best:.2%}), {entry.seconds:.1f} s"
        )


def check_resumable(run: RunFolder, description: Mapping[str, object]) -> None:
    """Make sure that what is in the folder is of the same run, and change nothing.

    Raises:
        InputError: a stage's state, or `config.json`, is damaged or of a run with another description.
    """
    if run.holds(CONFIG):  # the states go when a run is done; this stays
        path = run.path / CONFIG
        check_same_run(
            path, json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(description))
        )
    for names in (HEAD, WHOLE):
        if names.state in run.listed():
            _snapshot(run.path / names.state, names, description).load()


def _snapshot(path: Path, names: StageNames, description: Mapping[str, object]) -> Snapshot:
    return Snapshot(path, {**description, "stage": names.title})


def best_line(names: StageNames, log: Sequence[EpochLog], best_epoch: int, images: int) -> str:
    """Return the line at a stage's end: what its best epoch reached on the validation images."""
    accuracy = log[best_epoch - 1].validation_accuracy or 0.0
    return (
        f"{names.best}: epoch {best_epoch} of {len(log)}, validation {round(accuracy * images)} of {images}"
        f" ({accuracy:.2%})"
    )


class CheckpointFolder:
    """Where a training's checkpoints go, the newest few of them.

    Args:
        folder: for this training alone.
        keep: how many checkpoints stay; the oldest of this training goes first.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.state = folder / "training_state.npz"
        self._keep = keep
        self._written: list[Path] = []

    def check(self, resume: bool) -> None:
        """Make sure that the training may begin, or go on, and change nothing.

        Raises:
            InputError: there is nothing to go on from, or the folder cannot be written.
        """
        if resume and not self.state.is_file():
            raise InputError(f"{self.state}: is not there: there is no training to --resume")
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            raise InputError(f"{self.folder}: cannot be written")

    def begin(self, resume: bool) -> Path | None:
        """Make the folder; one of an earlier training is kept under a new name, which is returned.

        Raises:
            OSError: it cannot be made.
        """
        if resume:
            epochs = {path: epoch for path in self.folder.iterdir() if (epoch := _epoch(path))}
            self._written = sorted(epochs, key=epochs.__getitem__)
            return None
        earlier = None
        if self.folder.exists():
            earlier = _free_name(self.folder)
            self.folder.rename(earlier)
        self.folder.mkdir(parents=True)
        return earlier

    def save(self, epoch: int, arrays: Arrays) -> None:
        """Write `mobilenetv2_{epoch}.ckpt`.

        Raises:
            OSError: it cannot be written; names the file.
        """
        path = self.folder / f"mobilenetv2_{epoch}.ckpt"
        write_checkpoint(arrays, path)
        self._written = [*(written for written in self._written if written != path), path]
        for old in self._written[: -self._keep]:
            old.unlink(missing_ok=True)
        self._written = self._written[-self._keep :]


def _epoch(path: Path) -> int | None:
    """Return the epoch of a checkpoint that `save` has written; None for any other name, a user's own."""
    match = re.fullmatch(r"mobilenetv2_([1-9][0-9]*)\.ckpt", path.name)
    return int(match[1]) if match else None


def _free_name(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free


TIMED_STEPS = 2


def epoch_line(epoch: int, epochs: int, steps: int, seconds: float, loss: float) -> str:
    """Return the line of a finished epoch: `seconds` for all its `steps`, and the mean `loss` over them."""
    cost = 1000 * seconds
    return (
        f"epoch[{epoch}/{epochs}], iter[{steps}] cost: {cost:5.3f},"
        f" per step time: {cost / steps:5.3f}, avg loss: {loss:5.3f}"
    )


def total_line(seconds: float) -> str:
    """Return the last line of a training."""
    return f"total cost {seconds:5.4f} s"


def result_lines(accuracy: float, checkpoint: str) -> str:
    """Return the two lines of an evaluation."""
    return f"result:{ {'acc': accuracy} }\npretrain_ckpt={checkpoint}"


class ExtractionLines:
    """Print `Complete the batch 1/56` and so on while features are computed.

    Args:
        images: how many there are.
        batches: of a training epoch. Images that do not fill another batch count with the last one.
    """

    def __init__(self, images: int, batches: int) -> None:
        self._ends = [round(images * batch / batches) for batch in range(1, batches + 1)]
        self._images = 0
        self._printed = 0

    def advance(self, images: int) -> None:
        """Say which batches are complete now that so many more images are."""
        self._images += images
        for line in self._complete():
            print(line, flush=True)

    def _complete(self) -> Iterator[str]:
        while self._printed < len(self._ends) and self._ends[self._printed] <= self._images:
            self._printed += 1
            yield f"Complete the batch {self._printed}/{len(self._ends)}"


class DurationNote:
    """Say once, after a training's first steps, how long an epoch takes: on a CPU one would rather know.

    Args:
        steps: of an epoch.
        epochs: of the training.
    """

    def __init__(self, steps: int, epochs: int) -> None:
        self._steps = steps
        self._epochs = epochs
        self._finished: list[float] = []

    def on_step(self, *_: object) -> None:
        """Call it when a step is done."""
        if len(self._finished) > TIMED_STEPS:
            return
        self._finished.append(time.perf_counter())
        if len(self._finished) > TIMED_STEPS:
            # The first step, which compiles, ends where the measurement begins.
            seconds = (self._finished[-1] - self._finished[0]) / TIMED_STEPS
            print(duration_line(seconds, self._steps, self._epochs), flush=True)


def duration_line(step_seconds: float, steps: int, epochs: int) -> str:
    """Return what `DurationNote` says."""
    epoch = step_seconds * steps
    return (
        f"note: on this CPU an epoch takes about {_duration(epoch)} ({steps} steps of {step_seconds:.1f} s),"
        f" all {epochs} about {_duration(epoch * epochs)}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
