"""The interview puts every image of a split to a submission.

Each image is asked about once, in an order that the submission cannot know. Deadlines run by
a clock that stands still while nobody looks.
"""

from __future__ import annotations

import random
import secrets
import threading
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
_LOOK_SECONDS = 0.05
_NO_TIME_LEFT = 1e18
"""By the clock of an interview that is over: later than any deadline that is set by it."""

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


def interview(
    launches: Sequence[Start],
    split: Split,
    assignment: Assignment,
    seed: int,
    progress: Asked = lambda _: None,
) -> Answers:
    """Put every image of `split` to workers, in the order that `seed` gives.

    A worker that dies, or takes too long over an image, costs that image: another worker is asked
    the rest, until the time for all is over, _MAX_WORKERS have been used, or the first _MAX_BARREN gave no
    answer at all. So a submission that fails at certain images has the same score in every order. One that
    goes past another limit, or fails in its import or by the first prediction's deadline, has had its chance.

    Of several that are asked at a time each has a share of its own, which `seed` gives, too: what a worker
    is asked hangs on no clock. Until the first has given an answer, the others are asked nothing. One that
    is not ready by then as the first was gives its share back. The time for all is the sum of theirs.

    Args:
        launches: how to start workers, one for each that is asked at a time.
        split: the images.
        assignment: the rules.
        seed: secret; decides the order.
        progress: called from this thread.

    Raises:
        HarnessError: a sandbox did not come up.
    """
    order = secret_order(len(split.images), seed)
    common = _Interview(split, assignment, len(launches), progress)
    asking = [
        _Asking(common, launch, number, order[number :: len(launches)])
        for number, launch in enumerate(launches)
    ]
    _run(common, asking)
    return _answers(common, asking)


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


class _Interview:
    """What those who ask in one interview have in common."""

    def __init__(self, split: Split, assignment: Assignment, at_a_time: int, progress: Asked) -> None:
        self.split = split
        self.channel_order = assignment.channel_order
        self.reader = reader_of(assignment.classes)
        self.limits = assignment.limits
        self.predictions: list[Prediction | None] = [None] * len(split.images)
        self.has_answered = threading.Event()
        self.is_over = threading.Event()
        """Whether nothing more is to be asked, whatever is left."""
        self.spent = [0.0] * at_a_time
        """Seconds that count, by who asks."""
        self.asked = [0] * at_a_time
        """Images, by who asks."""
        self._progress = progress
        self._workers_left = _MAX_WORKERS + at_a_time - 1
        self._lock = threading.Lock()

    def may_start(self) -> bool:
        """Whether one more worker may be started, which is one less for all."""
        with self._lock:
            self._workers_left -= 1
            return self._workers_left >= 0

    def left_to(self, number: int) -> float:
        """Return the seconds in all that one who asks may use."""
        return self.limits.total_seconds - sum(self.spent[:number]) - sum(self.spent[number + 1 :])

    def tell(self) -> None:
        """Say how many images have been asked so far; for the thread that the progress is of."""
        self._progress(sum(self.asked))


class _Asking:
    """One share of an interview: what of it is still to be asked, and what is known of its workers."""

    def __init__(self, common: _Interview, launch: Start, number: int, share: Sequence[int]) -> None:
        self._common = common
        self._launch = launch
        self._number = number
        self.pending = deque(share)
        self._clock = AttentiveClock()
        self._begins = 0.0 if number == 0 else _NO_TIME_LEFT
        """From when on the seconds count: of those who wait for the first, from their turn."""
        self._phase: Phase = "import"
        self._used = 0
        self.gives_back = False
        """Whether its first worker was not ready to be asked: others have its share."""
        self.error: Exception | None = None
        self.not_ready: Unusable | None = None
        self.stops: list[Stop] = []
        self.importing: float | None = None
        self.shared = 0.0
        self.seconds: list[float] = []
        self.frameworks: dict[str, str] | None = None
        self.instruction_set: str | None = None
        self.output: list[str] = []
        self.peak_bytes = 0

    def run(self) -> None:
        """Ask everything of the share that can be asked; where that is not all, nobody asks on."""
        while self.pending and self._common.may_start():
            self._used += 1
            may_go_on = self._ask_one_worker()
            is_hopeless = self._used >= _MAX_BARREN and not self._common.has_answered.is_set()
            if not may_go_on or is_hopeless or self._now() >= self._end:
                break
        if not self.gives_back and (self.pending or not self._common.has_answered.is_set()):
            self._common.is_over.set()

    def run_beside(self) -> None:
        """Do the same in a thread of its own: an error is kept."""
        try:
            self.run()
        except Exception as error:
            self.gives_back = self._is_early() and isinstance(error, HarnessError)
            if not self.gives_back:
                self.error = error
                self._common.is_over.set()

    @property
    def _end(self) -> float:
        """When the time for all is over, by the own clock."""
        return self._begins + self._common.left_to(self._number)

    def _now(self) -> float:
        """Return the seconds so far; where the interview is over, no deadline has not passed."""
        if self._common.is_over.is_set():
            return _NO_TIME_LEFT
        now = self._clock.now()
        self._common.spent[self._number] = max(0.0, now - self._begins)
        return now

    def _is_early(self) -> bool:
        """Whether it is one of several, whose first worker has not been asked anything yet."""
        return self._number > 0 and self._used <= 1 and not self.seconds

    def _ask_one_worker(self) -> bool:
        """Ask one worker as much as it answers; return whether another may go on with the rest."""
        with WorkerProcess(self._launch, self._now) as worker:
            try:
                self._phase = "import"
                wait_for_start(worker, self._now)
                if self._import(worker):
                    self._wait_for_its_turn(worker)
                    self._ask_all(worker)
                return False
            except (LimitExceededError, WorkerDiedError) as end:
                return self._may_go_on_after(end)
            finally:
                worker.kill()
                self.output.append(worker.output.text())
                self.peak_bytes = max(self.peak_bytes, worker.peak_bytes)

    def _may_go_on_after(self, end: LimitExceededError | WorkerDiedError) -> bool:
        """Note how a worker ended; return whether another may go on with the rest."""
        if self._common.is_over.is_set():
            return False
        if self._is_early():
            self.gives_back = True
            return False
        if isinstance(end, WorkerDiedError):
            self._stop(Verdict.CRASH, end.reason, end.value)
            return self._has_been_asked()
        self._stop(end.verdict, end.reason, end.value)
        # Once anything was answered, being slow is a matter of the image.
        return end.is_deadline and self._has_been_asked() and self._common.has_answered.is_set()

    def _wait_for_its_turn(self, worker: WorkerProcess) -> None:
        """Look at a worker that is ready until the first one, which is asked before all others, has answered.

        How a submission ends that answers nothing must not hang on who of two was faster.
        """
        if self._begins != _NO_TIME_LEFT:
            return
        while not self._common.has_answered.is_set():
            try:
                worker.receive(self._now() + _LOOK_SECONDS)
            except LimitExceededError as breach:
                if breach.is_deadline and not self._common.is_over.is_set():
                    continue
                raise
            raise LimitExceededError(Verdict.CONTRACT, StopReason.EARLY)
        self._begins = self._now()

    def _import(self, worker: WorkerProcess) -> bool:
        """Wait for the worker to import main.py; return whether there is a predict to ask."""
        began = self._now()
        frame = worker.receive(min(began + self._common.limits.import_seconds, self._end))
        if self.importing is None:
            self.shared = worker.shared_seconds()
            self.importing = self.shared + self._now() - began
        if isinstance(frame, NotReady):
            self.gives_back = self._is_early()
            self.not_ready = None if self.gives_back else Unusable(frame.stage, frame.error)
        elif not isinstance(frame, Ready):
            raise LimitExceededError(Verdict.CONTRACT, StopReason.BEFORE_ANY)
        return isinstance(frame, Ready)

    def _ask_all(self, worker: WorkerProcess) -> None:
        """Put all pending images to a worker that is ready."""
        # Which image comes first to a second worker is chance, and no business of the report's.
        self._phase = "prediction" if self._common.has_answered.is_set() else "first prediction"
        allowed = self._common.limits.first_prediction_seconds
        while self.pending:
            index = self.pending.popleft()
            answered = self._ask(worker, self._common.split.images[index], allowed)
            self._common.predictions[index] = _predicted(answered, self._common.reader)
            self._common.has_answered.set()
            allowed = self._common.limits.image_seconds
            self._common.asked[self._number] = len(self.seconds)
            if self._number == 0:
                self._common.tell()
            if self.frameworks is None:
                self.frameworks = worker.frameworks()
                self.instruction_set = worker.instruction_set()
            self._phase = "prediction"

    def _ask(self, worker: WorkerProcess, image: SplitImage, allowed: float) -> Answered:
        """Put one question; only an answer to this very question is taken."""
        # Random, and no index: the split is sorted by class, and an index would be as good as the label.
        number = secrets.randbits(31)
        question = encode_question(number, image.pixels(self._common.channel_order))
        began = self._now()
        deadline = min(began + allowed, self._end)
        try:
            worker.send(question, deadline)
            frame = worker.receive(deadline)
        finally:
            self.seconds.append(self._now() - began)
        if not isinstance(frame, Answered) or frame.number != number:
            raise LimitExceededError(Verdict.CONTRACT, StopReason.UNASKED)
        return frame

    def _has_been_asked(self) -> bool:
        return self._phase != "import"

    def _stop(self, verdict: Verdict, reason: StopReason | None, value: str) -> None:
        late = verdict is Verdict.TIMEOUT and self._now() >= self._end
        asked = None if self._phase == "import" else len(self.seconds)
        self.stops.append(Stop(verdict, self._phase, reason, value, asked, is_deadline_of_total=late))


def _run(common: _Interview, asking: Sequence[_Asking]) -> None:
    """Have all of them ask: the first in this thread, the others in threads of their own.

    Raises:
        HarnessError: a sandbox did not come up.
    """
    first, *others = asking
    threads = [threading.Thread(target=each.run_beside, name="asking") for each in others]
    try:
        for thread in threads:
            thread.start()
        first.run()
        for thread in threads:
            while thread.is_alive():
                thread.join(_LOOK_SECONDS)
                common.tell()
    except BaseException:
        common.is_over.set()
        raise
    finally:
        for thread in threads:
            thread.join()
    for each in others:
        if each.error is not None:
            raise each.error
        if each.gives_back:
            first.pending += each.pending
            each.pending.clear()
    if not common.is_over.is_set():
        first.run()


def _answers(common: _Interview, asking: Sequence[_Asking]) -> Answers:
    first = asking[0]
    beside = (seconds for each in asking[1:] for seconds in each.seconds)
    return Answers(
        predictions=tuple(common.predictions),
        not_ready=next((each.not_ready for each in asking if each.not_ready), None),
        stops=tuple(stop for each in asking for stop in each.stops),
        timing=Timing(
            importing=first.importing,
            first=first.seconds[0] if first.seconds else None,
            rest=(*first.seconds[1:], *beside),
            total=first.shared + sum(common.spent),
        ),
        frameworks=first.frameworks or {},
        output="".join(text for each in asking for text in each.output),
        peak_bytes=max(each.peak_bytes for each in asking),
        unasked=sum(len(each.pending) for each in asking),
        instruction_set=first.instruction_set,
    )


def _predicted(answered: Answered, reader: LabelReader) -> Prediction:
    """Decode an answer: the one place where a text becomes a class."""
    label, problem = answered.label, answered.error
    if label is not None:
        return Prediction(label, reader.read(label), has_opened=answered.has_opened)
    return Prediction(problem=WrongType(answered.wrong_type or "") if problem is None else problem)
