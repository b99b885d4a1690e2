"""Many gradings at a time, without more threads at work than there are cores.

A grading is a thread here that mostly waits: the work is in its sandbox. Each thread of the pool is bound to
cores of its own, and what it starts inherits them. Otherwise two sandboxes, each of which keeps to a random
choice of cores, would now and then share one while another is idle.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def default_jobs(threads: int) -> int:
    """Return how many submissions of so many threads each keep all cores busy."""
    return max(1, len(os.sched_getaffinity(0)) // threads)


def run_all(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, threads: int
) -> Iterator[tuple[Task, Result]]:
    """Yield every task with its result, as they come.

    Leaving early (an exception, Ctrl-C) cancels what has not begun and does not wait for what has.

    Args:
        work: done in threads of a pool.
        tasks: begun in this order.
        jobs: how many at a time.
        threads: of the numerical libraries of one job.
    """
    groups = core_groups(sorted(os.sched_getaffinity(0)), jobs, threads)
    pool = ThreadPoolExecutor(jobs, "grading", initializer=_bind, initargs=(groups,))
    try:
        futures = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def core_groups(cores: Sequence[int], jobs: int, threads: int) -> SimpleQueue[Sequence[int]]:
    """Return the cores of each job: its own where there are enough, else all for each."""
    groups: SimpleQueue[Sequence[int]] = SimpleQueue()
    for job in range(jobs):
        own = cores[job * threads : (job + 1) * threads]
        groups.put(own if jobs * threads <= len(cores) else cores)
    return groups


def _bind(groups: SimpleQueue[Sequence[int]]) -> None:
    os.sched_setaffinity(0, groups.get())
