"""An interview with one worker at a time, or with several that share the images.

A single grading would leave all cores but one idle, and who waits for it waits for one image after the other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial

from grader.errors import HarnessError
from grader.model.assignment import Assignment
from grader.model.dataset import Split
from grader.model.predictions import Answers
from grader.model.verdict import StopReason, Verdict
from grader.run.asking import Asked, Interview, OverError, Start, Turn, secret_order
from grader.run.watch import LimitExceededError, Shares
from grader.run.worker import WorkerProcess

_LOOK_SECONDS = 0.05
_MOST_IN_SUM = 0.8
"""Of a limit that each worker has: where all together used less of it, one alone would have kept it, too."""


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

    Args:
        launches: how to start workers, one for each that may be asked at a time; see :class:`_Together`.
        split: the images.
        assignment: the rules.
        seed: secret; decides the order.
        progress: called from this thread.

    Raises:
        HarnessError: a sandbox did not come up.
    """
    order = secret_order(len(split.images), seed)
    if len(launches) > 1:
        answers = _Together(launches, split, assignment, order, progress).run()
        if answers is not None:
            return answers
    return Interview(launches[0], split, assignment, order, progress).run()


class _Together:
    """Several workers of one submission that are asked at a time: quicker, and else as if there were one.

    The first is asked as one alone is. When it has answered, the others, who have got ready meanwhile, take
    their shares of what is left. If then anything happens to any of them but answers in text, or if all
    together used so much of a limit that one alone might have passed it, what they said is not taken:
    everything is put to one worker again. So how a submission ends, and what it is told, hangs neither on
    the number of workers nor on who of them was faster.
    """

    def __init__(
        self,
        launches: Sequence[Start],
        split: Split,
        assignment: Assignment,
        order: Sequence[int],
        progress: Asked,
    ) -> None:
        self._progress = progress
        self._total_seconds = assignment.limits.total_seconds
        self._is_shared, self._is_over = threading.Event(), threading.Event()
        self._asked = [0] * len(launches)
        self._shares = [order[number :: len(launches)] for number in range(len(launches))]
        self._turns = [_Shared(self, number) for number in range(len(launches))]
        self._first, *self._others = (
            Interview(launch, split, assignment, share, partial(self._tell, number), self._turns[number])
            for number, (launch, share) in enumerate(zip(launches, (order, *self._shares[1:]), strict=True))
        )

    def run(self) -> Answers | None:
        """Ask all of them; None if one alone is to be asked everything.

        What fails while several are at work may do for one alone: memory for so many, for example.

        Raises:
            HarnessError: the first one failed before anything was shared.
        """
        with ThreadPoolExecutor(len(self._others), "asking") as pool:
            beside = [pool.submit(self._ask, other) for other in self._others]
            try:
                first = self._ask(self._first)
                if not self._is_shared.is_set():
                    return first
                while wait(beside, _LOOK_SECONDS).not_done:
                    self._tell(0, self._asked[0])
            except HarnessError:
                if not self._is_shared.is_set():
                    raise
                return None
            finally:
                self._is_over.set()
        if any(future.exception() for future in beside):
            return None
        answers = [first, *(future.result() for future in beside)]
        return self._joined(answers) if self._are_as_ones(answers) else None

    def is_over_for(self, number: int) -> bool:
        """Whether what is asked is of no use any more; until anything is shared, the first goes on alone."""
        return self._is_over.is_set() and (number > 0 or self._is_shared.is_set())

    def wait_for_the_first(self, worker: WorkerProcess, turn: Turn) -> None:
        """Look at a worker that is ready until the first one has answered.

        Raises:
            LimitExceededError, WorkerDiedError: it says something, or ends.
            OverError: it is over.
        """
        while not self._is_shared.is_set():
            try:
                worker.receive(turn.now() + _LOOK_SECONDS)
            except LimitExceededError as breach:
                if breach.is_deadline:
                    continue
                raise
            raise LimitExceededError(Verdict.CONTRACT, StopReason.EARLY)

    def stop_if_shared(self) -> None:
        """Make it over, unless the first is still asked as one alone is."""
        if self._is_shared.is_set():
            self._is_over.set()

    def share_out(self) -> None:
        """Leave the others their shares of what is pending; unless something has happened by now."""
        if self._first.is_calm and not self._is_over.is_set():
            own = {*self._shares[0]}
            self._first.pending = deque(index for index in self._first.pending if index in own)
            self._is_shared.set()
        else:
            self._is_over.set()

    def _ask(self, asking: Interview) -> Answers:
        """Ask one of them; if anything happens to it, it is over for all."""
        try:
            answers = asking.run()
        except BaseException:
            self._is_over.set()
            raise
        if not asking.is_calm or asking.pending:
            self._is_over.set()
        return answers

    def _tell(self, number: int, asked: int) -> None:
        self._asked[number] = asked
        if number == 0:  # in the thread that the progress is of
            self._progress(sum(self._asked))

    def _are_as_ones(self, answers: Sequence[Answers]) -> bool:
        """Whether one worker alone would have said the same, as far as can be known."""
        for some, share in zip(answers, self._shares, strict=True):
            if sum(each is not None and each.problem is None for each in some.predictions) != len(share):
                return False
        begun = self._turns[0].use_at_first
        added = (turn.added() for turn in self._turns)
        in_sum = map(sum, zip(begun, *added, strict=True))
        seconds = sum((some.timing.first or 0.0) + sum(some.timing.rest) for some in answers)
        return all(used <= _MOST_IN_SUM for used in (*in_sum, seconds / self._total_seconds))

    def _joined(self, answers: Sequence[Answers]) -> Answers:
        first, *others = answers
        seconds = [each for some in others for each in (some.timing.first or 0.0, *some.timing.rest)]
        by_image = zip(*(some.predictions for some in answers), strict=True)
        return replace(
            first,
            predictions=tuple(next((each for each in row if each), None) for row in by_image),
            timing=replace(
                first.timing,
                rest=(*first.timing.rest, *seconds),
                total=first.timing.total + sum(seconds),
            ),
            output="".join(each.output for each in answers),
            peak_bytes=max(each.peak_bytes for each in answers),
        )


class _Shared(Turn):
    """The turn of one of several."""

    def __init__(self, together: _Together, number: int) -> None:
        super().__init__()
        self._together = together
        self._number = number
        self.use_at_first: Shares = ()
        """What the worker used of its limits when it had given its first answer."""
        self._use_at_last: Shares = ()

    def added(self) -> Iterator[float]:
        """Yield what the answers from the second to the last have added to that, limit by limit."""
        pairs = zip(self.use_at_first, self._use_at_last, strict=True)
        return (last - first for first, last in pairs)

    def check(self) -> None:
        """See that it is not over. A clock that jumped would end the start of a sandbox, too."""
        if self._together.is_over_for(self._number):
            raise OverError

    def wait(self, worker: WorkerProcess) -> None:
        """Wait until the first one has answered; the first has nobody to wait for."""
        if self._number > 0:
            self._together.wait_for_the_first(worker, self)

    def has_stopped(self) -> None:
        """End it for all as soon as anything is shared: one alone will be asked everything."""
        self._together.stop_if_shared()

    def has_answered(self, worker: WorkerProcess) -> None:
        """Let the others begin, if it is the first that has answered."""
        self.use_at_first = worker.use()
        if self._number == 0:
            self._together.share_out()

    def has_answered_all(self, worker: WorkerProcess) -> None:
        """Note what the worker uses now."""
        self._use_at_last = worker.use()
