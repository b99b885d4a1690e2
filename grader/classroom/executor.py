"""Many gradings at a time: where they are done, and how many.

An executor is this machine, or a cluster (`cluster.py`). The same loop drives both, from threads of this
process that mostly wait: the work is done in the sandboxes.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from grader.errors import HarnessError
from grader.model.grading import Grading
from grader.progress import Progress
from grader.session import Session, TakenIn, lost

Task = TypeVar("Task")
Result = TypeVar("Result")
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


def run_all(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    pool: ThreadPoolExecutor,
    capacity: Callable[[], int],
) -> Iterator[tuple[Task, Result]]:
    """Yield every task with its result, as they come.

    Leaving early (an exception, Ctrl-C) begins nothing more and does not wait for what has begun.

    Args:
        work: done in threads of `pool`.
        tasks: begun in this order.
        pool: shut down at the end.
        capacity: how many may be under way now.
    """
    left, under_way = deque(tasks), dict[Future[Result], Task]()
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
