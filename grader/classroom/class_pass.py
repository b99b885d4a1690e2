"""One pass over a class: every submission is graded that has no result yet, or none that holds.

An executor is the place where that is done: this machine, or a cluster (`cluster.py`). The same loop drives
both, from threads of this process that mostly wait: the work is done in the sandboxes.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from grader.classroom.store import Result, Store
from grader.classroom.submissions import Entry
from grader.errors import HarnessError
from grader.files import NoRoomError
from grader.model.grading import Grading, Job
from grader.model.verdict import Verdict
from grader.progress import Phase, Progress, silent
from grader.session import Session, StopAsked, TakenIn, begun, lost

Task = TypeVar("Task")
Done = TypeVar("Done")
_LOOK_SECONDS = 1.0
"""How often a cluster that grows or shrinks is noticed."""


class Executor(Protocol):
    """Where the gradings of a class are done."""

    def pool(self) -> ThreadPoolExecutor:
        """Return new threads, in which this process attends to each submission."""

    def capacity(self) -> int:
        """Return how many submissions can be under way now."""

    def grade(self, taken: TakenIn, progress: Progress) -> Grading:
        """Grade one submission that has been taken in, or refused; called in a thread of the pool.

        Args:
            taken: the submission.
            progress: called with each phase, and each image, as far as that happens in this process.

        Raises:
            HarnessError: nothing can be graded there.
        """


@dataclass(frozen=True)
class LocalExecutor:
    """This machine: each thread is bound to cores of its own, and what it starts inherits them.

    Otherwise two sandboxes, each of which keeps to a random choice of cores, would now and then share one
    core while another is idle.
    """

    session: Session
    jobs: int

    def pool(self) -> ThreadPoolExecutor:
        """Return threads, each with cores of its own where there are enough."""
        return bound_pool(self.jobs, self.session.exam.assignment.limits.threads)

    def capacity(self) -> int:
        """Return the number of jobs."""
        return self.jobs

    def grade(self, taken: TakenIn, progress: Progress) -> Grading:
        """Grade one submission in a sandbox of this machine.

        The canary has passed before: a machine that cannot grade now fails this submission alone.
        """
        try:
            return self.session.examine(taken, progress)
        except HarnessError as error:
            return lost(taken.grading, "interview", error, traceback.format_exc())


@dataclass(frozen=True)
class PassResult:
    """One student's result after the pass."""

    result: Result
    is_new: bool = False
    """Whether it was graded now."""
    is_refused: bool = False
    """Whether there is a newer submission that was not graded, because all attempts are used up."""


@dataclass(frozen=True)
class ClassPass:
    """The way in which every submission of a class is graded."""

    session: Session
    """Takes the submissions in, wherever they are graded."""
    executor: Executor
    store: Store
    """This process alone writes to it, wherever the gradings are done."""
    regrade: bool = False
    """Grade submissions with a result that still holds, too."""
    watch: Callable[[str], Progress] = lambda _: silent
    """Called with an id when a grading begins; returns what follows its progress."""

    def run(self, entries: Sequence[Entry], on_result: Callable[[PassResult], None]) -> None:
        """Grade them all; each result is kept before `on_result` is called with it.

        Raises:
            HarnessError: nothing can be graded, or a result cannot be kept. The results kept so far are safe.
        """
        stop = threading.Event()
        tasks = [(entry.id, entry.source) for entry in entries if entry.source is not None]
        pool = self.executor.pool()
        try:
            for _, result in run_all(
                lambda task: self._grade(*task, stop), tasks, pool, self.executor.capacity
            ):
                on_result(result)
        finally:
            stop.set()

    def _grade(self, id_: str, source: Path, stop: threading.Event) -> PassResult:
        """Grade one submission; a fault of the harness over it stops no other.

        Raises:
            HarnessError: nothing can be graded, or its result cannot be kept.
        """
        try:
            return self._try_to_grade(id_, source, stop)
        except Exception as error:
            if isinstance(error, HarnessError) and not isinstance(error, NoRoomError):
                raise
            grading = lost(begun(self.session.exam, id_), "take in", error, traceback.format_exc())
        try:
            return PassResult(self.store.save(id_, grading)[0], is_new=True)
        except OSError as error:
            raise HarnessError("result-not-kept", id=id_, reason=error) from error

    def _try_to_grade(self, id_: str, source: Path, stop: threading.Event) -> PassResult:
        kept = self.store.read(id_)
        with self.session.taking_in(source, name=id_) as taken:
            if kept is not None:
                job = taken.grading.job
                if self._may_hold(kept, job):
                    return PassResult(kept)
                if self._is_one_too_many(kept, job):
                    return PassResult(kept, is_refused=True)

            watched = self.watch(id_)

            def go_on(phase: Phase, done: int = 0, total: int = 0, /) -> None:
                if stop.is_set():
                    raise StopAsked
                watched(phase, done, total)

            grading = self.executor.grade(taken, go_on)
        watched("report")
        result, is_new = self.store.save(id_, grading)
        return PassResult(result, is_new=is_new)

    def _is_one_too_many(self, kept: Result, job: Job) -> bool:
        most = self.session.exam.assignment.attempts.most
        is_another = job.submission is None or job.submission.sha256 != kept.report.submission.sha256
        return most is not None and is_another and len(kept.attempts) >= most

    def _may_hold(self, kept: Result, job: Job) -> bool:
        """Whether a kept result is of the very same submission and rules, and need not be made anew.

        A submission that could not be taken in has no identity: refusing it again costs next to nothing.
        """
        if job.submission is None or job.identity != kept.report.identity:
            return False
        if self.regrade or kept.report.verdict is Verdict.INTERNAL:
            return False
        wants_replay = self.session.exam.checks.replay and kept.report.verdict is Verdict.GRADED
        return not wants_replay or kept.report.checks.replay.status != "off"


def run_all(
    work: Callable[[Task], Done],
    tasks: Sequence[Task],
    pool: ThreadPoolExecutor,
    capacity: Callable[[], int],
) -> Iterator[tuple[Task, Done]]:
    """Yield every task with its result, as they come.

    Leaving early (an exception, Ctrl-C) begins nothing more and does not wait for what has begun.

    Args:
        work: done in threads of `pool`.
        tasks: begun in this order.
        pool: shut down at the end.
        capacity: how many may be under way now.
    """
    left, under_way = deque(tasks), dict[Future[Done], Task]()
    try:
        while left or under_way:
            while left and len(under_way) < capacity():
                task = left.popleft()
                under_way[pool.submit(work, task)] = task
            done, _ = wait(under_way, _LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                yield under_way.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def local_executor(session: Session, jobs: int | None = None) -> Iterator[LocalExecutor]:
    """Make this machine ready for a class.

    Args:
        session: what is the same for every submission.
        jobs: submissions at a time; None for as many as keep all cores busy.

    Raises:
        HarnessError: the canary did not pass.
    """
    session.make_ready()
    yield LocalExecutor(session, jobs or default_jobs(session.exam.assignment.limits.threads))


def default_jobs(threads: int) -> int:
    """Return how many submissions of so many threads each keep all cores busy."""
    return max(1, len(os.sched_getaffinity(0)) // threads)


def bound_pool(jobs: int, threads: int) -> ThreadPoolExecutor:
    """Return a pool of `jobs` threads, each bound to cores for a job of so many threads."""
    groups = core_groups(sorted(os.sched_getaffinity(0)), jobs, threads)
    return ThreadPoolExecutor(jobs, "grading", initializer=bind_to_next, initargs=(groups,))


def core_groups(cores: Sequence[int], jobs: int, threads: int) -> SimpleQueue[Sequence[int]]:
    """Return the cores of each job: its own where there are enough, else all for each."""
    groups: SimpleQueue[Sequence[int]] = SimpleQueue()
    for job in range(jobs):
        own = cores[job * threads : (job + 1) * threads]
        groups.put(own if jobs * threads <= len(cores) else cores)
    return groups


def bind_to_next(groups: SimpleQueue[Sequence[int]]) -> None:
    """Bind the calling thread to the next group of cores, if one is left."""
    with suppress(Empty):
        os.sched_setaffinity(0, groups.get_nowait())
