"""What all gradings of a class have in common, and what a worker keeps ready from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grader.model.assignment import Assignment
from grader.model.grading import Outcome
from grader.model.job import Question
from grader.model.split import Split
from grader.model.submission import Submission
from grader.progress import Progress
from grader.sandbox.isolation import IsolationLevel, OpenIsolation, open_isolation
from grader.session.grading import Checks, grade_question, pass_canary
from grader.session.harness import this_harness
from grader.split import decoded


@dataclass(frozen=True)
class Conditions:
    """What is the same for every submission of the class."""

    split: Split
    assignment: Assignment
    replay: bool = False
    """Ask a part of the images of every submission again."""
    public: Split | None = None
    """Images that students have, for comparison, and may hand in; None for the assignment's own."""


@dataclass(frozen=True)
class Station:
    """A worker that is ready: this process, or a process of a cluster. Several threads may use it at once."""

    conditions: Conditions
    """With the split's images decoded."""
    isolation: IsolationLevel
    """How the submissions' workers are kept apart."""

    def question(self, submission: Submission) -> Question:
        """Return what is asked of a submission that has been taken in."""
        split, assignment = self.conditions.split, self.conditions.assignment
        return Question(submission, split, assignment, "official", this_harness())

    def grade(self, question: Question, workspace: Path, progress: Progress) -> Outcome:
        """Grade a submission that has been taken in; as :func:`grade_question` does."""
        checks = Checks(canary_has_passed=True, replay=self.conditions.replay)
        public = self.conditions.public
        return grade_question(
            question, workspace, checks=checks, progress=progress, public=public, isolation=self.isolation
        )


@contextmanager
def station(conditions: Conditions, isolation: OpenIsolation = open_isolation) -> Iterator[Station]:
    """Make this process ready to grade a class.

    What is set up here serves all that the process grades; it is torn down when the class is done.

    Args:
        conditions: what is the same for every submission.
        isolation: how workers are kept apart.

    Raises:
        HarnessError: the canary did not pass here.
    """
    this_harness()  # computed once, here, and not by every thread
    pass_canary()
    split = decoded(conditions.split, conditions.assignment.channel_order)
    with isolation(conditions.assignment.limits, official=True) as level:
        yield Station(replace(conditions, split=split), level)


class StopAsked(BaseException):
    """Ends a grading between two images. No Exception, so that it is not taken for a fault of the harness."""
