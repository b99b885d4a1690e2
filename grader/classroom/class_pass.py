"""One pass over a class: every submission is graded that has no result yet, or none that holds."""

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
from grader.files import NoRoomError
from grader.model.job import Job
from grader.model.verdict import Verdict
from grader.progress import Phase, Progress, silent
from grader.session import Session, StopAsked, begun, lost


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
