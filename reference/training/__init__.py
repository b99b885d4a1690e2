"""Training: the head solved exactly, or what is not frozen by steps.

The face of the package; everything else in it is private. What needs MindSpore is imported when it is asked
for, so that a command can find fault with its input first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.lazy import imported_when_asked
from reference.training.epochs import (
    SECONDS_BETWEEN,
    ArrayBatches,
    Batches,
    ImageBatches,
    Snapshot,
    check_same_run,
    log_csv,
)
from reference.training.exact import HeadProblem, assign_folds, cross_validate, solve_head, table_csv

if TYPE_CHECKING:
    from reference.training.by_steps import FrozenPart, batch_norms, train_head_by_steps, train_tail
    from reference.training.loop import Accuracies, Task, Watcher, fit

__all__ = [
    "SECONDS_BETWEEN",
    "Accuracies",
    "ArrayBatches",
    "Batches",
    "FrozenPart",
    "HeadProblem",
    "ImageBatches",
    "Snapshot",
    "Task",
    "Watcher",
    "assign_folds",
    "batch_norms",
    "check_same_run",
    "cross_validate",
    "fit",
    "log_csv",
    "solve_head",
    "table_csv",
    "train_head_by_steps",
    "train_tail",
]
__getattr__ = imported_when_asked(
    __name__,
    {
        **dict.fromkeys(("FrozenPart", "batch_norms", "train_head_by_steps", "train_tail"), "by_steps"),
        **dict.fromkeys(("Accuracies", "Task", "Watcher", "fit"), "loop"),
    },
)
