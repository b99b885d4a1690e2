"""The epoch loop that all training shares: one step after the other, and a run that can be taken up again.

What a run is, at any moment, is a plain value: the numbers of all parameters (the network's and the
optimizer's), the place in the epochs, the log so far, and the best parameters so far. `Snapshot` keeps it on
disk, so that a run that was killed goes on from its last snapshot to the same final numbers, bit for bit: the
batches depend on nothing but (seed, epoch, step), see `epochs`, and MindSpore's training on the CPU gives
the same bits in every process. A network that draws random numbers of its own (dropout) is not of that kind.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reference.errors import DivergedError
from reference.framework import ms, nn
from reference.training.epochs import Batches, Snapshot, TrainingState
from reference.values import Arrays, EpochLog, TrainingResult


@dataclass(frozen=True)
class Accuracies:
    """Top-1 accuracies after an epoch, between 0 and 1; None where it was not measured."""

    train: float | None
    validation: float | None


@dataclass(frozen=True)
class Task:
    """What `fit` does.

    Attributes:
        step: a `TrainOneStepCell` (or alike) that takes inputs and labels and returns the loss. All its
            parameters, the optimizer's included, are part of a run's state.
        learned: the parameters that are the result, by the names that checkpoints give them.
        batches: of each epoch.
        rates: the learning rate of every step of all epochs.
        epochs: how many there are.
        frozen: cells that stay in inference mode while the rest trains: batch normalisations that keep their
            statistics (`requires_grad=False` alone does not keep them).
        evaluate: measures the network as it is; None where nobody asks. The best epoch is the first of those
            with the highest validation accuracy, or the last if there is none.
    """

    step: nn.Cell
    learned: dict[str, ms.Parameter]
    batches: Batches
    rates: Sequence[float]
    epochs: int
    frozen: Sequence[nn.Cell] = ()
    evaluate: Callable[[], Accuracies] | None = None


@dataclass(frozen=True)
class Watcher:
    """What is called as a training goes on, for progress bars, printed lines and checkpoints.

    Attributes:
        on_step: called with epoch (from 1), step (from 1) and loss.
        on_epoch: called with each finished epoch; the network is then as the epoch left it.
    """

    on_step: Callable[[int, int, float], object] = field(default=lambda *_: None)
    on_epoch: Callable[[EpochLog], object] = field(default=lambda _: None)


def fit(
    task: Task, snapshot: Snapshot | None = None, watcher: Watcher | None = None
) -> TrainingResult[Arrays]:
    """Train, from the last snapshot if there is one, and return the parameters that are the result.

    Raises:
        DivergedError: a loss was NaN or infinite.
        InputError: the snapshot belongs to another run, or an image cannot be read any more.
        OSError: a snapshot cannot be written.
    """
    watcher = watcher or Watcher()
    state = (snapshot and snapshot.load()) or TrainingState()
    if state.parameters:
        _restore(task.step, state.parameters)
    while len(state.log) < task.epochs:
        state = _run_epoch(task, state, snapshot, watcher)
        if snapshot and not (snapshot.is_recent() and len(state.log) < task.epochs):
            snapshot.save(replace(state, parameters=_numbers(task.step)))
    return TrainingResult(state.best, state.best_epoch, _copies(task.learned), state.log)


def _run_epoch(
    task: Task, state: TrainingState, snapshot: Snapshot | None, watcher: Watcher
) -> TrainingState:
    """Do the rest of the epoch that `state` is in, evaluate, and return the state at the next one's start."""
    begun = time.perf_counter()
    number = len(state.log) + 1
    losses = list(state.losses)
    _set_modes(task)
    for loss in _steps(task, number, len(losses)):
        losses.append(loss)
        watcher.on_step(number, len(losses), loss)
        if snapshot and len(losses) < task.batches.steps and not snapshot.is_recent():
            snapshot.save(replace(state, losses=tuple(losses), parameters=_numbers(task.step)))
    task.step.set_train(False)
    accuracies = task.evaluate() if task.evaluate else Accuracies(None, None)
    entry = EpochLog(
        epoch=number,
        learning_rate=task.rates[number * task.batches.steps - 1],
        train_loss=float(np.mean(losses)),
        train_accuracy=accuracies.train,
        validation_accuracy=accuracies.validation,
        seconds=time.perf_counter() - begun,
    )
    is_best = accuracies.validation is None or accuracies.validation > state.best_accuracy
    state = TrainingState(
        log=(*state.log, entry),
        best=_copies(task.learned) if is_best else state.best,
        best_epoch=number if is_best else state.best_epoch,
    )
    watcher.on_epoch(entry)
    return state


def _steps(task: Task, epoch: int, first_step: int) -> Iterator[float]:
    """Take the steps of an epoch and yield their losses."""
    for number, (inputs, labels) in enumerate(task.batches.epoch(epoch, first_step), start=first_step + 1):
        loss = float(task.step(ms.Tensor(inputs), ms.Tensor(labels)).asnumpy())
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss} at epoch {epoch}, step {number} of {task.batches.steps};"
                " a smaller learning rate may help"
            )
        yield loss


def _set_modes(task: Task) -> None:
    """Set what learns and what does not, before every epoch: evaluation sets everything to inference."""
    task.step.set_train()
    for cell in task.frozen:
        cell.set_train(False)


def _numbers(step: nn.Cell) -> Arrays:
    """Return copies of all parameters of a training step by unique names, the optimizer's included."""
    return {
        f"{place} {parameter.name}": parameter.asnumpy().copy()
        for place, parameter in enumerate(step.get_parameters())
    }


def _restore(step: nn.Cell, numbers: Arrays) -> None:
    for place, parameter in enumerate(step.get_parameters()):
        parameter.set_data(ms.Tensor(numbers[f"{place} {parameter.name}"]))


def _copies(parameters: dict[str, ms.Parameter]) -> Arrays:
    return {name: parameter.asnumpy().copy() for name, parameter in parameters.items()}
