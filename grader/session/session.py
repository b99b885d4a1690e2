"""A session: what all gradings of one process have in common, opened once.

The command, the batch, the workers of a cluster and `grader.grade` all grade through a session, by the same
two halves of :meth:`Session.grade`: a submission is taken in, and then it is examined. With a cluster, one
machine does the first half and another the second.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from grader.errors import HarnessError
from grader.files import workspace
from grader.model.assignment import Assignment, load_assignment
from grader.model.dataset import Split
from grader.model.grading import ALL_CHECKS, NO_CHECKS, Checks, Exam, Grading
from grader.model.report import Report
from grader.model.submission import Submission
from grader.progress import Progress, silent
from grader.report import build_report
from grader.sandbox import (
    AsForked,
    IsolationLevel,
    OpenIsolation,
    Sandbox,
    best_isolation,
    open_isolation,
    sandbox_for,
)
from grader.session.harness import check_attack, check_canary, this_harness
from grader.session.stages import (
    Setup,
    attempt,
    begun,
    check_apart,
    check_out_of_reach,
    diagnosed,
    explained,
    failed,
    interviewed,
    replayed,
    scored,
    taken_in,
)
from grader.split import choose_split, decoded

MOST_JOBS = 4
"""Workers that are asked at a time where there are cores for more: each takes the memory of one."""


class StopAsked(BaseException):
    """Ends a grading between two images. No Exception, so that it is not taken for a fault of the harness."""


@dataclass(frozen=True)
class TakenIn:
    """A submission that has been taken in, or refused, with the folder that is private to its grading."""

    grading: Grading
    workspace: Path


class Session:
    """Grades submissions, one after the other or several at once, in threads.

    Args:
        exam: what is the same for every submission.
        isolation: how workers are kept apart; None for the best level that works here, each worker started as
            a program.
        has_passed_canary: whether this machine has been tried already, by whoever opens the session.
        jobs: how many workers of a submission may be asked at a time.
    """

    def __init__(
        self,
        exam: Exam,
        isolation: IsolationLevel | None = None,
        *,
        has_passed_canary: bool = False,
        jobs: int = 1,
    ) -> None:
        self.exam = exam
        self._jobs = jobs
        self._isolation = isolation or best_isolation(official=exam.is_official)
        self._has_passed_canary = has_passed_canary or not (exam.checks.canary and exam.is_official)
        self._has_passed_fork = self._has_passed_canary
        self._lock = threading.Lock()
        this_harness()  # computed once, here, and not by every thread

    def grade(self, source: Path, *, name: str | None = None, progress: Progress = silent) -> Grading:
        """Take a submission in, ask it everything, and explain what came of it.

        Args:
            source: a folder or .zip.
            name: what the submission is called in its report; None for its folder's or archive's name.
            progress: told each phase, and each image that has been asked.

        Raises:
            UsageError: there is no such submission, or the split lies in it.
            HarnessError: this machine cannot grade; whatever fails later is recorded, with verdict INTERNAL.
        """
        progress("intake")
        with self.taking_in(source, name=name) as taken:
            return self.examine(taken, progress)

    @contextmanager
    def taking_in(self, source: Path, *, name: str | None = None) -> Iterator[TakenIn]:
        """Yield a submission that has been taken in; its copy is gone afterwards.

        Raises:
            UsageError: there is no such submission, or the split lies in it.
        """
        check_apart(source, self.exam)
        with workspace() as folder:
            yield TakenIn(taken_in(self.exam, source, folder, name), folder)

    def arrived(self, submission: Submission, workspace: Path) -> TakenIn:
        """Return a submission that another machine has taken in, and whose copy lies below `workspace`."""
        return TakenIn(begun(self.exam, submission.name, submission), workspace)

    def examine(self, taken: TakenIn, progress: Progress = silent) -> Grading:
        """Ask a submission that has been taken in everything, and explain what came of it.

        Raises:
            HarnessError: this machine cannot grade; whatever fails later is recorded, with verdict INTERNAL.
        """
        grading, submission = taken.grading, taken.grading.job.submission
        if submission is not None and not grading.is_refused:
            grading = self._asked(taken, submission, progress)
        return explained(grading)

    def make_ready(self) -> None:
        """Do now what the first grading would have to wait for.

        Raises:
            HarnessError: the canary had another outcome than the known one.
        """
        self._try_canary(silent)
        _ = self._decoded

    def _asked(self, taken: TakenIn, submission: Submission, progress: Progress) -> Grading:
        try:
            setup = self._set_up(taken, submission, progress)
        except HarnessError:
            raise
        except Exception as error:
            return failed(taken.grading, "set up", error, traceback.format_exc())
        grading = attempt(taken.grading, "canary", partial(self._with_canary, setup=setup))
        grading = attempt(grading, "interview", partial(interviewed, setup=setup))
        grading = attempt(grading, "score", scored)
        grading = attempt(grading, "replay", partial(replayed, setup=setup))
        return attempt(grading, "diagnose", partial(diagnosed, setup=setup))

    def _set_up(self, taken: TakenIn, submission: Submission, progress: Progress) -> Setup:
        """Make ready what the stages of one submission need.

        Raises:
            HarnessError: this machine cannot grade.
        """
        exam, limits = self.exam, self.exam.assignment.limits
        sandbox = sandbox_for(self._isolation, submission, taken.workspace, limits, official=exam.is_official)
        check_out_of_reach(sandbox, exam.split)
        own = replace(exam, split=self._decoded)
        return Setup(own, submission, taken.workspace, sandbox, progress, self._jobs)

    def _with_canary(self, grading: Grading, setup: Setup) -> Grading:
        self._try_canary(setup.progress)
        self._try_fork(setup.sandbox, setup.progress)
        if not self.exam.is_official:
            return grading
        return replace(grading, canary="passed" if self.exam.checks.canary else "skipped")

    def _try_canary(self, progress: Progress) -> None:
        """Try this harness, once a session; a failure is not kept.

        Raises:
            HarnessError: it had another outcome than the known one.
        """
        with self._lock:
            if not self._has_passed_canary:
                progress("canary")
                pass_canary(self._isolation)
                self._has_passed_canary = True

    def _try_fork(self, sandbox: Sandbox, progress: Progress) -> None:
        """Try the way that forked workers take, once a session, before the first submission that takes it.

        Raises:
            HarnessError: the attack had another outcome than the known one.
        """
        if self._has_passed_fork or not sandbox.is_forked():
            return
        with self._lock:
            if not self._has_passed_fork:
                progress("canary")
                check_attack(partial(_grade_known, AsForked(sandbox)))
                self._has_passed_fork = True

    @cached_property
    def _decoded(self) -> Split:
        """The split with its images decoded, for all gradings."""
        return decoded(self.exam.split, self.exam.assignment.channel_order)


@contextmanager
def open_session(exam: Exam, isolate: OpenIsolation = open_isolation, jobs: int = 1) -> Iterator[Session]:
    """Yield a session, with all that belongs to its isolation level for as long.

    Nothing is done before it is needed: a session in which submissions are only taken in costs nothing.

    Args:
        exam: what is the same for every submission.
        isolate: opens the isolation level, which stays open as long as the session.
        jobs: how many workers of a submission may be asked at a time.
    """
    with isolate(exam.assignment.limits, official=exam.is_official) as isolation:
        yield Session(exam, isolation, jobs=jobs)


def pass_canary(isolation: IsolationLevel | None = None) -> None:
    """Try this harness on two submissions whose outcome is known.

    Args:
        isolation: how their workers are kept apart; None for the best level that works here.

    Raises:
        HarnessError: one of them had another outcome than the known one.
    """
    check_canary(partial(_grade_known, isolation))


def grade(
    submission: Path | str,
    split: Path | str | Split | None = None,
    assignment: Assignment | Path | str | None = None,
    *,
    self_check: bool = False,
    key_file: Path | str | None = None,
    checks: Checks = ALL_CHECKS,
) -> Report:
    """Grade one submission and return its report.

    Args:
        submission: a folder or .zip with `main.py`.
        split: an ImageFolder directory, a sealed file, or an opened split; None for the assignment's own,
            or the drawn demo set if it names none.
        assignment: an assignment, or the path of its file; None for the garbage lab.
        self_check: accept a lower isolation level.
        key_file: of a sealed split; None for the one that GRADER_SPLIT_KEY_FILE names.
        checks: what official grading does besides.

    Raises:
        UsageError: a path or setting cannot be used.
        HarnessError: this machine cannot grade officially.
    """
    rules = assignment if isinstance(assignment, Assignment) else load_assignment(_path(assignment))
    opened = (
        split
        if isinstance(split, Split)
        else choose_split(_path(split), rules, self_check=self_check, key_file=_path(key_file))
    )
    exam = Exam(opened, rules, "self-check" if self_check else "official", checks)
    with open_session(exam, jobs=MOST_JOBS) as session:
        return build_report(session.grade(Path(submission)))


def _grade_known(
    isolation: IsolationLevel | None, source: Path, split: Split, assignment: Assignment
) -> Grading:
    return Session(Exam(split, assignment, checks=NO_CHECKS), isolation).grade(source)


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)
