"""One pass over a class: every submission graded whose grading is not there yet."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.classroom.executor import Executor, run_all
from grader.classroom.store import Result, Store
from grader.classroom.submissions import Entry
from grader.errors import HarnessError
from grader.model.job import Job
from grader.model.verdict import Verdict
from grader.progress import Phase, Progress, silent
from grader.session import Session, StopAsked, begun, lost


@dataclass(frozen=True)
class Step:
    """One student's turn in the pass."""

    result: Result
    is_new: bool = False
    """Whether it was graded now."""
    is_refused: bool = False
    """Whether there is another submission that was not graded, because it is one too many."""


@dataclass(frozen=True)
class ClassPass:
    """How the class is gone through."""

    session: Session
    """Submissions are taken in through it, wherever they are graded."""
    executor: Executor
    store: Store
    """Written to by this process alone, wherever the gradings are done."""
    regrade: bool = False
    """Grade also what has a result that still holds."""
    watch: Callable[[str], Progress] = lambda _: silent
    """Returns what the grading of a student's submission, which begins now, is to tell."""

    def run(self, entries: Sequence[Entry], heard: Callable[[Step], None]) -> None:
        """Grade them all; each result is kept before it is heard of.

        Raises:
            HarnessError: nothing can be graded, or what was found out cannot be kept. What has been kept is
                safe in every case.
        """
        stop = threading.Event()
        tasks = [(entry.id, entry.source) for entry in entries if entry.source is not None]
        pool = self.executor.pool()
        try:
            for _, step in run_all(lambda task: self._turn(*task, stop), tasks, pool, self.executor.capacity):
                heard(step)
        finally:
            stop.set()

    def _turn(self, id_: str, source: Path, stop: threading.Event) -> Step:
        """Grade one submission; trouble with it is no trouble for the others.

        Raises:
            HarnessError: nothing can be graded, or its result cannot be kept.
        """
        try:
            return self._one(id_, source, stop)
        except HarnessError:
            raise
        except Exception as error:
            grading = lost(begun(self.session.exam, id_), "take in", error, traceback.format_exc())
        try:
            return Step(self.store.save(id_, grading)[0], is_new=True)
        except OSError as error:
            raise HarnessError("result-not-kept", id=id_, reason=error) from error

    def _one(self, id_: str, source: Path, stop: threading.Event) -> Step:
        kept = self.store.read(id_)
        with self.session.taking_in(source, name=id_) as taken:
            if kept is not None:
                job = taken.grading.job
                if self._may_hold(kept, job):
                    return Step(kept)
                if self._is_one_too_many(kept, job):
                    return Step(kept, is_refused=True)

            watched = self.watch(id_)

            def go_on(phase: Phase, done: int = 0, total: int = 0, /) -> None:
                if stop.is_set():
                    raise StopAsked
                watched(phase, done, total)

            grading = self.executor.grade(taken, go_on)
        watched("report")
        result, is_new = self.store.save(id_, grading)
        return Step(result, is_new=is_new)

    def _is_one_too_many(self, kept: Result, job: Job) -> bool:
        most = self.session.exam.assignment.attempts.most
        is_another = job.submission is None or job.submission.sha256 != kept.report.submission.sha256
        return most is not None and is_another and len(kept.attempts) >= most

    def _may_hold(self, kept: Result, job: Job) -> bool:
        """Whether a kept result is of the very same, and need not be made anew.

        What could not be taken in has no identity of its own: saying so again costs next to nothing.
        """
        if job.submission is None or job.identity != kept.report.identity:
            return False
        if self.regrade or kept.report.verdict is Verdict.INTERNAL:
            return False
        wants_replay = self.session.exam.checks.replay and kept.report.verdict is Verdict.GRADED
        return not wants_replay or kept.report.checks.replay.status != "off"
