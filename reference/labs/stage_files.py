"""The files of one stage of the garbage lab, written as the epochs end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reference.run.run_folder import RunFolder
from reference.training.log import EpochLog, log_csv
from reference.training.snapshot import Snapshot, check_same_run
from reference.weights.mindspore_file import write_checkpoint
from reference.weights.naming import Arrays

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
