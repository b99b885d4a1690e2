"""The interview: every image of a split put to a submission, once, in an order it cannot know."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from grader.assignment import Assignment, Limits
from grader.dialogue.frames import Answered, NotReady, Ready, Started, encode_question
from grader.dialogue.worker_process import LimitExceededError, WorkerDiedError, WorkerProcess
from grader.errors import HarnessError
from grader.sandbox.launch import Launch
from grader.split import Split
from grader.verdict import Verdict

Progress = Callable[[int], None]
"""Called after each image with the number of images asked so far."""


@dataclass(frozen=True)
class Stop:
    """Something that ended a worker before it had answered everything."""

    verdict: Verdict
    phase: str
    """`import`, `first prediction`, `prediction`."""
    detail: str = ""
    asked: int | None = None
    """How many images had been asked, this one included; None during the import."""
    is_deadline_of_total: bool = False


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of the parts of an interview, on the grader's clock."""

    importing: float | None = None
    first: float | None = None
    rest: tuple[float, ...] = ()
    total: float = 0.0


@dataclass(frozen=True)
class Answers:
    """Everything an interview found out."""

    answers: tuple[Answered | None, ...]
    """By image, in the split's order; None where no answer came."""
    not_ready: NotReady | None
    stops: tuple[Stop, ...]
    timing: Timing
    frameworks: dict[str, str]
    """Inference libraries that had been loaded when the first answer came, with versions."""
    output: str
    """What the submission printed, head and tail."""
    peak_bytes: int


@dataclass
class _Record:
    """What is known so far; filled while the interview runs."""

    answers: list[Answered | None]
    not_ready: NotReady | None = None
    stops: list[Stop] = field(default_factory=list)
    importing: float | None = None
    seconds: list[float] = field(default_factory=list)
    frameworks: dict[str, str] | None = None
    output: list[str] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def asked(self) -> int:
        return len(self.seconds)


def secret_order(count: int, seed: int) -> list[int]:
    """Return the numbers 0..count-1 shuffled by `seed`, the same on every platform."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311 - the seed itself comes from the system's generator
    return order


def interview(
    launch: Callable[[int], Launch], split: Split, assignment: Assignment, seed: int, progress: Progress
) -> Answers:
    """Put every image of `split` to a worker.

    A worker that dies at some image is started once more for those after it. A worker that goes
    past a limit is not.
    """
    start = time.monotonic()
    record = _Record(answers=[None] * len(split.images))
    end = start + assignment.limits.total_seconds
    pending = secret_order(len(split.images), seed)
    for _ in range(2):
        asked_before = record.asked
        may_restart = _one_worker(launch, split, assignment, pending, end, record, progress)
        pending = pending[record.asked - asked_before :]
        if not (may_restart and pending):
            break
    return Answers(
        answers=tuple(record.answers),
        not_ready=record.not_ready,
        stops=tuple(record.stops),
        timing=Timing(
            importing=record.importing,
            first=record.seconds[0] if record.seconds else None,
            rest=tuple(record.seconds[1:]),
            total=time.monotonic() - start,
        ),
        frameworks=record.frameworks or {},
        output="".join(record.output),
        peak_bytes=record.peak_bytes,
    )


def _one_worker(
    launch: Callable[[int], Launch],
    split: Split,
    assignment: Assignment,
    pending: Sequence[int],
    end: float,
    record: _Record,
    progress: Progress,
) -> bool:
    """Ask as many of `pending` as one worker answers; return whether another may go on."""
    phase = "import"
    with WorkerProcess(launch, assignment.limits) as worker:
        try:
            if not _import(worker, assignment.limits, end, record):
                return False
            for position, number in enumerate(pending):
                phase = "first prediction" if position == 0 else "prediction"
                image = split.images[number].pixels(assignment.channel_order)
                allowed = _allowed(assignment.limits, position)
                began = time.monotonic()
                try:
                    record.answers[number] = _ask(
                        worker, encode_question(number, image), number, min(began + allowed, end)
                    )
                finally:
                    record.seconds.append(time.monotonic() - began)
                progress(record.asked)
                if record.frameworks is None:
                    record.frameworks = worker.frameworks()
            return False
        except LimitExceededError as breach:
            late = breach.verdict is Verdict.TIMEOUT and time.monotonic() >= end
            record.stops.append(
                Stop(breach.verdict, phase, breach.detail, record.asked or None, is_deadline_of_total=late)
            )
            return False
        except WorkerDiedError as death:
            record.stops.append(Stop(Verdict.CRASH, phase, death.how, record.asked or None))
            return phase != "import"
        finally:
            worker.kill()
            record.output.append(worker.output.text())
            record.peak_bytes = max(record.peak_bytes, worker.peak_bytes)


def _import(worker: WorkerProcess, limits: Limits, end: float, record: _Record) -> bool:
    """Wait for the worker to import main.py; return whether there is a predict to ask."""
    began = time.monotonic()
    _wait_for_start(worker, min(began + limits.import_seconds, end))
    frame = worker.receive(min(began + limits.import_seconds, end))
    if record.importing is None:
        record.importing = time.monotonic() - began
    if isinstance(frame, NotReady):
        record.not_ready = frame
    elif not isinstance(frame, Ready):
        raise LimitExceededError(Verdict.CONTRACT, "an answer before any question")
    return isinstance(frame, Ready)


def _wait_for_start(worker: WorkerProcess, deadline: float) -> None:
    """Wait until the worker stands in its sandbox.

    Raises:
        HarnessError: it does not come up; nothing of the student's has run yet.
    """
    try:
        started = isinstance(worker.receive(deadline), Started)
    except (LimitExceededError, WorkerDiedError):
        started = False
    if not started:
        worker.kill()
        said = worker.output.text().strip().splitlines()
        raise HarnessError(f"the sandbox did not come up: {said[-1] if said else 'no reason was given'}")


def _ask(worker: WorkerProcess, question: bytes, index: int, deadline: float) -> Answered:
    """Put one question; only an answer to this very question is taken."""
    if worker.has_frames():
        raise LimitExceededError(Verdict.CONTRACT, "an answer before its question")
    worker.send(question, deadline)
    frame = worker.receive(deadline)
    if not isinstance(frame, Answered) or frame.index != index:
        raise LimitExceededError(Verdict.CONTRACT, "an answer to a question that was not asked")
    return frame


def _allowed(limits: Limits, position: int) -> float:
    return limits.first_prediction_seconds if position == 0 else limits.image_seconds
