"""What the flower lab's scripts print, to the letter: students compare these lines with the lab's text."""

from __future__ import annotations

import time
from collections.abc import Iterator

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
