"""The log of a training run: what is known of each epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class EpochLog:
    """One line of the log.

    Attributes:
        epoch: counted from 1.
        learning_rate: of the epoch's last step.
        train_loss: mean over the epoch's steps, label smoothing included and weight decay not.
        train_accuracy: top-1 of the training images as evaluation sees them, after the epoch; None where
            nobody asked.
        validation_accuracy: likewise, on the validation images.
        seconds: training and evaluation; the first epoch's include compiling. Of an epoch that was
            interrupted, the part after the last resumption.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float | None
    validation_accuracy: float | None
    seconds: float


def log_csv(log: Sequence[EpochLog]) -> str:
    """Return the log as CSV, one line an epoch; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(EpochLog))
    for entry in log:
        writer.writerow("" if value is None else f"{value:.6g}" for value in asdict(entry).values())
    return text.getvalue()
