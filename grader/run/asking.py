"""The interview puts every image of a split to a submission.

Each image is asked about once, in an order that the submission cannot know. Deadlines run by
a clock that stands still while nobody looks.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence

from grader.errors import HarnessError, line
from grader.model.assignment import Assignment
from grader.model.dataset import Split, SplitImage
from grader.model.predictions import (
    Answers,
    Prediction,
    Timing,
    Unusable,
    WrongType,
)
from grader.model.verdict import Phase, Stop, StopReason, Verdict
from grader.run.frames import Answered, NotReady, Ready, Started, encode_question
from grader.run.watch import LimitExceededError, WorkerDiedError
from grader.run.worker import WorkerProcess
from grader.sandbox import Launch
from grader.scoring import LabelReader, reader_of

LONGEST_STRETCH_SECONDS = 0.25
"""From one look at the clock to the next at most; five times as long as usual."""
_MAX_WORKERS = 20
_MAX_BARREN = 3
_START_SECONDS = 60.0

Start = Callable[[int], Launch]
"""Says how to start a worker, given the descriptor of its answer channel."""
Asked = Callable[[int], None]
"""Called after each image with the number of images asked so far."""


class AttentiveClock:
    """Seconds in which the grader was there; each look at it is one at the submission.

    The grader can be held up: another thread of it keeps the interpreter, the machine is short of processor
    time, somebody stops it for a while. What a submission did meanwhile was not seen, and an answer of its
    was not taken. So time is counted from one look to the next. Of a stretch that took much longer than usual
    only so much counts, and what the grader's own thread worked in it: a submission that makes each look long
    gains nothing by it. The limit on a submission's processor time stands beside the deadlines.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """Begin at 0.

        Args:
            wall: seconds that pass for everybody.
            worked: processor seconds of this thread.
        """
        self._wall, self._worked = wall, worked
        self._seen = wall(), worked()
        self._seconds = 0.0

    def now(self) -> float:
        """Return the seconds that count so far."""
        seen = self._wall(), self._worked()
        passed, worked = (after - before for after, before in zip(seen, self._seen, strict=True))
        self._seconds += min(passed, LONGEST_STRETCH_SECONDS + max(0.0, worked))
        self._seen = seen
        return self._seconds


def secret_order(count: int, seed: int) -> list[int]:
    """Return the numbers 0..count-1 shuffled by `seed`, the same on every platform."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311 - the seed itself comes from the system's generator
    return order


def wait_for_start(worker: WorkerProcess, now: Callable[[], float]) -> None:
    """Wait until the worker stands in its sandbox; the time that takes is the harness's own.

    Args:
        worker: one that has just been started.
        now: its clock.

    Raises:
        HarnessError: it does not come up; nothing of the student's has run yet.
    """
    try:
        started = isinstance(worker.receive(now() + _START_SECONDS), Started)
    except WorkerDiedError:
        started = False
    except LimitExceededError as breach:
        if breach.verdict is not Verdict.TIMEOUT:
            raise  # only the student's code can have done that: it runs already
        started = False
    if started and not worker.can_be_watched():
        raise HarnessError("proc-hidden")
    if not started:
        worker.kill()
        said = worker.output.text().strip().splitlines()
        raise HarnessError("sandbox-not-up", reason=said[-1] if said else line("no-reason"))


class OverError(Exception):
    """Whatever the worker would say is of no use any more."""


class Turn:
    """When one who asks may do so, and for how long: one alone at once, and to the end."""

    def __init__(self) -> None:
        self._clock = AttentiveClock()

    def now(self) -> float:
        """Return the seconds so far."""
        return self._clock.now()

    def check(self) -> None:
        """See that what is asked is of use still.

        Raises:
            OverError: it is not.
        """

    def wait(self, worker: WorkerProcess) -> None:
        """Wait until a worker that is ready may be asked."""

    def has_stopped(self) -> None:
        """Note that a worker has been stopped, or has ended."""

    def has_answered(self, worker: WorkerProcess) -> None:
        """Note that the first answer has come."""

    def has_answered_all(self, worker: WorkerProcess) -> None:
        """Note that the last answer has come; the worker lives."""


class Interview:
    """An interview of one worker after another: what is still to be asked, and what is known so far."""

    def __init__(
        self,
        launch: Start,
        split: Split,
        assignment: Assignment,
        order: Sequence[int],
        progress: Asked,
        turn: Turn | None = None,
    ) -> None:
        self._launch = launch
        self._turn = turn or Turn()
        self._split = split
        self._channel_order = assignment.channel_order
        self._reader = reader_of(assignment.classes)
        self._limits = assignment.limits
        self._progress = progress
        self._end = assignment.limits.total_seconds
        self.pending = deque(order)
        self._phase: Phase = "import"
        self._predictions: list[Prediction | None] = [None] * len(split.images)
        self._has_answered = False
        self._not_ready: Unusable | None = None
        self._stops: list[Stop] = []
        self._importing: float | None = None
        self._shared = 0.0
        self._seconds: list[float] = []
        self._frameworks: dict[str, str] | None = None
        self._instruction_set: str | None = None
        self._output: list[str] = []
        self._peak_bytes = 0

    @property
    def is_calm(self) -> bool:
        """Whether nothing has happened so far but answers."""
        return self._not_ready is None and not self._stops

    def run(self) -> Answers:
        """Ask everything that can be asked."""
        for used in range(1, _MAX_WORKERS + 1):
            may_go_on = self._ask_one_worker()
            is_hopeless = used >= _MAX_BARREN and not self._has_answered
            if not (may_go_on and self.pending) or is_hopeless or self._turn.now() >= self._end:
                break
        return Answers(
            predictions=tuple(self._predictions),
            not_ready=self._not_ready,
            stops=tuple(self._stops),
            timing=Timing(
                importing=self._importing,
                first=self._seconds[0] if self._seconds else None,
                rest=tuple(self._seconds[1:]),
                total=self._shared + self._turn.now(),
            ),
            frameworks=self._frameworks or {},
            output="".join(self._output),
            peak_bytes=self._peak_bytes,
            unasked=len(self.pending),
            instruction_set=self._instruction_set,
        )

    def _ask_one_worker(self) -> bool:
        """Ask one worker as much as it answers; return whether another may go on with the rest."""
        with WorkerProcess(self._launch, self._turn.now, check=self._turn.check) as worker:
            try:
                self._phase = "import"
                wait_for_start(worker, self._turn.now)
                if self._import(worker):
                    self._turn.wait(worker)
                    self._ask_all(worker)
                return False
            except OverError:
                return False
            except LimitExceededError as breach:
                self._stop(breach.verdict, breach.reason, breach.value)
                # Once anything was answered, being slow is a matter of the image.
                return breach.is_deadline and self._has_been_asked() and self._has_answered
            except WorkerDiedError as death:
                self._stop(Verdict.CRASH, death.reason, death.value)
                return self._has_been_asked()
            finally:
                worker.kill()
                self._output.append(worker.output.text())
                self._peak_bytes = max(self._peak_bytes, worker.peak_bytes)

    def _import(self, worker: WorkerProcess) -> bool:
        """Wait for the worker to import main.py; return whether there is a predict to ask."""
        began = self._turn.now()
        frame = worker.receive(min(began + self._limits.import_seconds, self._end))
        if self._importing is None:
            self._shared = worker.shared_seconds()
            self._importing = self._shared + self._turn.now() - began
        if isinstance(frame, NotReady):
            self._not_ready = Unusable(frame.stage, frame.error)
        elif not isinstance(frame, Ready):
            raise LimitExceededError(Verdict.CONTRACT, StopReason.BEFORE_ANY)
        return isinstance(frame, Ready)

    def _ask_all(self, worker: WorkerProcess) -> None:
        """Put all pending images to a worker that is ready."""
        # Which image comes first to a second worker is chance, and no business of the report's.
        self._phase = "prediction" if self._has_answered else "first prediction"
        allowed = self._limits.first_prediction_seconds
        while self.pending:
            index = self.pending.popleft()
            answered = self._ask(worker, self._split.images[index], allowed)
            self._predictions[index] = _predicted(answered, self._reader)
            if not self._has_answered:
                self._has_answered = True
                self._turn.has_answered(worker)
            allowed = self._limits.image_seconds
            self._progress(len(self._seconds))
            if self._frameworks is None:
                self._frameworks = worker.frameworks()
                self._instruction_set = worker.instruction_set()
            self._phase = "prediction"
        self._turn.has_answered_all(worker)

    def _ask(self, worker: WorkerProcess, image: SplitImage, allowed: float) -> Answered:
        """Put one question; only an answer to this very question is taken."""
        # Random, and no index: the split is sorted by class, and an index would be as good as the label.
        number = secrets.randbits(31)
        question = encode_question(number, image.pixels(self._channel_order))
        began = self._turn.now()
        deadline = min(began + allowed, self._end)
        try:
            worker.send(question, deadline)
            frame = worker.receive(deadline)
        finally:
            self._seconds.append(self._turn.now() - began)
        if not isinstance(frame, Answered) or frame.number != number:
            raise LimitExceededError(Verdict.CONTRACT, StopReason.UNASKED)
        return frame

    def _has_been_asked(self) -> bool:
        return self._phase != "import"

    def _stop(self, verdict: Verdict, reason: StopReason | None, value: str) -> None:
        late = verdict is Verdict.TIMEOUT and self._turn.now() >= self._end
        asked = None if self._phase == "import" else len(self._seconds)
        self._turn.has_stopped()
        self._stops.append(Stop(verdict, self._phase, reason, value, asked, is_deadline_of_total=late))


def _predicted(answered: Answered, reader: LabelReader) -> Prediction:
    """Decode an answer: the one place where a text becomes a class."""
    label, problem = answered.label, answered.error
    if label is not None:
        return Prediction(label, reader.read(label), has_opened=answered.has_opened)
    return Prediction(problem=WrongType(answered.wrong_type or "") if problem is None else problem)
