"""One grading, from end to end: `grade(submission, split, assignment) -> Report`."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from grader.checks.canary import check_canary
from grader.files import workspace
from grader.findings.collect import findings_of_refusal
from grader.findings.exceptions import short
from grader.intake import IntakeRefusedError, name_of, take_in
from grader.model.assignment import Assignment, load_assignment
from grader.model.diagnosis import OFF as NO_DIAGNOSIS
from grader.model.grading import HiddenFile, Outcome
from grader.model.job import Canary, Mode, Question
from grader.model.replay import OFF
from grader.model.report import FindingPart, Report
from grader.model.split import Split
from grader.model.submission import Submission
from grader.model.verdict import Verdict
from grader.progress import Progress, silent
from grader.run.interview import interview
from grader.sandbox.isolation import IsolationLevel, best_isolation, sandbox_for
from grader.session.harness import this_harness
from grader.session.hidden_files import find_hidden_files
from grader.session.reach import check_apart, check_out_of_reach
from grader.session.stages import (
    circumstances_now,
    diagnosed,
    failed_outcome,
    graded_report,
    replayed,
    ungraded_report,
)
from grader.split import choose_split
from grader.wording import finding

_CANARY_LASTS_SECONDS = 300


@dataclass(frozen=True)
class Checks:
    """What an official grading does beside asking every image; a self-check needs only the diagnosis."""

    canary: bool = True
    """Try this harness first on two submissions whose outcome is known."""
    canary_has_passed: bool = False
    """It has been tried already, by whoever grades a whole class."""
    replay: bool = True
    """Ask a part of the split again afterwards."""
    diagnosis: bool = True
    """Find out by experiment why the score is not better; a student's own check does, too."""


NO_CHECKS = Checks(canary=False, replay=False, diagnosis=False)


def grade(
    submission: Path | str,
    split: Path | str | Split | None = None,
    assignment: Assignment | Path | str | None = None,
    *,
    self_check: bool = False,
    key_file: Path | str | None = None,
    checks: Checks = Checks(),
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
    return run_grading(Path(submission), opened, rules, self_check=self_check, checks=checks).report


def run_grading(
    source: Path,
    split: Split,
    assignment: Assignment,
    *,
    name: str | None = None,
    self_check: bool = False,
    checks: Checks = Checks(),
    progress: Progress = silent,
    public: Split | None = None,
    isolation: IsolationLevel | None = None,
) -> Outcome:
    """Take a submission in, interview it, and put its report together.

    Args:
        source: a folder or .zip.
        split: what to ask.
        assignment: the rules.
        name: what the submission is called in its report; None for its folder's or archive's name.
        self_check: accept a lower isolation level.
        checks: what official grading does besides.
        progress: told each phase, and each image that has been asked.
        public: images that students have, for comparison; None for the assignment's own.
        isolation: how workers are kept apart; None for the best level that works here.

    Raises:
        UsageError: there is no such submission.
        HarnessError: this machine cannot grade; whatever fails later gives an outcome with verdict INTERNAL.
    """
    progress("intake")
    return take_and_grade(
        source,
        split,
        assignment,
        lambda question, workspace: grade_question(
            question, workspace, checks=checks, progress=progress, public=public, isolation=isolation
        ),
        name=name,
        self_check=self_check,
        public=public,
    )


def take_and_grade(
    source: Path,
    split: Split,
    assignment: Assignment,
    answer: Callable[[Question, Path], Outcome],
    *,
    name: str | None = None,
    self_check: bool = False,
    public: Split | None = None,
) -> Outcome:
    """Take a submission in, and have what is then to be asked answered: here, or by another machine.

    Args:
        source: a folder or .zip.
        split: what to ask.
        assignment: the rules.
        answer: gives the outcome of a question; with it comes a private folder, the submission's copy in it.
        name: what the submission is called in its report; None for its folder's or archive's name.
        self_check: accept a lower isolation level.
        public: images that students have, and may hand in; None for the assignment's own.

    Raises:
        UsageError: there is no such submission, or the split lies in it.
    """
    mode: Mode = "self-check" if self_check else "official"
    check_apart(source, split, self_check=self_check)

    def refused(
        submission: Submission, why: Sequence[FindingPart], found: tuple[HiddenFile, ...] = ()
    ) -> Outcome:
        question = Question(submission, split, assignment, mode, this_harness())
        report = ungraded_report(question, Verdict.FORMAT, why, circumstances_now())
        return Outcome(report, None, split, assignment.classes, secrets.randbits(53), hidden_files=found)

    with workspace() as folder:
        try:
            submission = take_in(source, folder, assignment.limits)
            submission = replace(submission, name=name or submission.name)
        except IntakeRefusedError as refusal:
            nothing = Submission(name=name or name_of(source), folder=folder, files=(), sha256="")
            return refused(nothing, findings_of_refusal(refusal))
        found = find_hidden_files(submission, split, assignment, self_check=self_check, public=public)
        if found:
            # One name and no count: a hand-in full of guesses must not tell which of them are right.
            return refused(submission, [finding("leaked-file", detail=short(str(found[0].path)))], found)
        return answer(Question(submission, split, assignment, mode, this_harness()), folder)


def grade_question(
    question: Question,
    workspace: Path,
    *,
    checks: Checks = Checks(),
    progress: Progress = silent,
    public: Split | None = None,
    isolation: IsolationLevel | None = None,
) -> Outcome:
    """Interview a submission that has been taken in, and put its report together.

    Args:
        question: the submission, with its copy, and what to ask.
        workspace: a private folder, in which nothing stands in the way but that copy.
        checks: what official grading does besides.
        progress: told each phase, and each image that has been asked.
        public: images that students have, for comparison; None for the assignment's own.
        isolation: how workers are kept apart; None for the best level that works here.

    Raises:
        HarnessError: this machine cannot grade; whatever fails later gives an outcome with verdict INTERNAL.
    """
    seed, circumstances = secrets.randbits(53), circumstances_now()
    split, assignment, is_official = question.split, question.assignment, question.mode == "official"
    level = isolation or best_isolation(official=is_official)
    sandbox = sandbox_for(level, question.submission, workspace, assignment.limits, official=is_official)
    check_out_of_reach(sandbox, split)
    try:
        if checks.canary and not checks.canary_has_passed and is_official:
            progress("canary")
            _canary_passes(int(time.monotonic() // _CANARY_LASTS_SECONDS))
        progress("import")
        answers = interview(
            sandbox.launch,
            split,
            assignment,
            seed,
            lambda asked: progress("predict", asked, len(split.images)),
        )
    except Exception as error:
        return failed_outcome(question, circumstances, error, traceback.format_exc())
    again, failure = OFF, ""
    if checks.replay and is_official:
        progress("replay")
        again, failure = replayed(sandbox, workspace, question, answers)
    diagnosis = NO_DIAGNOSIS
    if checks.diagnosis:
        progress("diagnosis")
        diagnosis, trouble = diagnosed(sandbox, workspace, question, answers, again, public)
        failure = failure or trouble
    canary: Canary = "not-needed" if not is_official else "passed" if checks.canary else "skipped"
    report = graded_report(question, answers, sandbox, circumstances, canary, again, diagnosis)
    return Outcome(report, answers, split, assignment.classes, seed, again, failure)


@cache
def _canary_passes(_period: int) -> None:
    """Try the canary, once a period: a process that grades a whole class need not for each.

    Raises:
        HarnessError: it had another outcome than the known one. Nothing is kept then.
    """
    pass_canary()


def question_of(source: Path, split: Split, assignment: Assignment) -> Question | None:
    """Return what an official grading of `source` would ask; None if it cannot be taken in.

    For its digests alone: the copy they were taken of is gone.

    Raises:
        UsageError: there is no such submission.
    """
    with workspace() as folder:
        try:
            submission = take_in(source, folder, assignment.limits)
        except IntakeRefusedError:
            return None
    return Question(submission, split, assignment, "official", this_harness())


def pass_canary() -> None:
    """Try this harness on two submissions whose outcome is known.

    Raises:
        HarnessError: one of them had another outcome than the known one.
    """
    check_canary(lambda source, split, assignment: run_grading(source, split, assignment, checks=NO_CHECKS))


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)
