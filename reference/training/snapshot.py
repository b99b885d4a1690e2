"""The state of a training run on disk, so that a run that was stopped can go on.

One `.npz` file holds everything; it is replaced as a whole, so whenever a process is killed, what lies there
is the state of some moment and no mixture. Its `run` field says what the run is; a run with other settings,
images or libraries is another run, and does not go on from it.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from reference.errors import InputError
from reference.training.log import EpochLog
from reference.weights.mindspore_file import write_whole

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

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
