"""Two programs to measure: submissions asked in the sandbox or outside, and a class that is graded.

    python -m benchmarks.grading_programs ask WAY --assignment FILE --split FOLDER SUBMISSION ...
    python -m benchmarks.grading_programs class --submission DIR --split DIR --assignment FILE --students N

The first tells, for each submission, the seconds from its start to its last answer, and what it answered to
all. The second grades like submissions as `python -m grader batch` does, and tells the seconds that one of
them took, by the whole, and the most memory that one used.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from benchmarks.grading import EACH, PEAK
from benchmarks.measure import Answers, ProgressTeller, Samples, tell
from grader.classroom import ClassPass, PassResult, find_entries, local_executor, open_store
from grader.intake import take_in
from grader.model.assignment import Assignment, Limits, load_assignment
from grader.model.dataset import Split
from grader.model.grading import Checks, Exam
from grader.model.submission import Submission
from grader.model.verdict import Verdict
from grader.places import course_library
from grader.run import interview
from grader.sandbox import (
    IsolationLevel,
    Namespaces,
    PlainProcess,
    best_isolation,
    environment_for,
    open_isolation,
)
from grader.session import open_session
from grader.split import open_split
from reference.run import ASK_WORKER

Ask = Callable[[Submission, Path, Assignment, Path, Split], Sequence[str]]


def ask_bare(
    submission: Submission, workspace: Path, assignment: Assignment, folder: Path, split: Split
) -> Sequence[str]:
    """Let a plain process import the submission and answer for itself, in the sandbox's environment."""
    environment = {
        **environment_for(workspace, assignment.limits),
        "PYTHONPATH": str(course_library().parent),
        "TMPDIR": str(workspace),
    }
    with subprocess.Popen(
        (sys.executable, "-s", "-B", str(ASK_WORKER)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=submission.folder,
        env=environment,
        encoding="utf-8",
    ) as running:
        assert running.stdin is not None and running.stdout is not None  # noqa: S101 - pipes were asked for
        running.stdin.write(json.dumps([str(folder / image.name) for image in split.images]))
        running.stdin.close()
        for line in running.stdout:
            if line.startswith("{"):
                running.kill()  # as a worker is: the time in which it ends is not measured
                return [str(name) for name in json.loads(line)["names"]]
    raise SystemExit("the bare loop gave no answers")


def ask_process(
    submission: Submission, workspace: Path, assignment: Assignment, folder: Path, split: Split
) -> Sequence[str]:
    """Interview a worker without isolation: a process of its own."""
    del folder
    return _interviewed(PlainProcess(), submission, workspace, assignment, split)


def ask_sandbox(
    submission: Submission, workspace: Path, assignment: Assignment, folder: Path, split: Split
) -> Sequence[str]:
    """Interview a worker at the highest isolation level, which is tried first, as in every grading."""
    del folder
    return _interviewed(best_isolation(official=True), submission, workspace, assignment, split)


def _interviewed(
    isolation: IsolationLevel, submission: Submission, workspace: Path, assignment: Assignment, split: Split
) -> Sequence[str]:
    sandbox = isolation.sandbox(submission, workspace, assignment.limits)
    answers = interview([sandbox.launch], split, assignment, seed=0, progress=lambda _: None)
    return [(prediction and prediction.text) or "" for prediction in answers.predictions]


WAYS: dict[str, Ask] = {"bare": ask_bare, "process": ask_process, "sandbox": ask_sandbox}


def ask(arguments: Sequence[str]) -> None:
    """Ask each submission once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--assignment", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("submissions", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    assignment = load_assignment(options.assignment)
    split = open_split(options.split, assignment.classes)
    # As many cores as a worker gets.
    cores = sorted(os.sched_getaffinity(0))[: assignment.limits.threads]
    os.sched_setaffinity(0, cores)
    answers: list[str] = []
    for path in options.submissions:
        with tempfile.TemporaryDirectory(prefix="asking-", ignore_cleanup_errors=True) as workspace:
            submission = take_in(path, Path(workspace), assignment.limits)
            begun = time.perf_counter()
            answers += WAYS[options.way](submission, Path(workspace), assignment, options.split, split)
            tell(Samples(path.name, (time.perf_counter() - begun,)))
    tell(Answers(tuple(answers)))


def grade_class(arguments: Sequence[str]) -> None:
    """Grade the class once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--submission", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--assignment", type=Path, required=True)
    parser.add_argument("--students", type=int, required=True)
    parser.add_argument("--jobs", type=int, help="submissions at a time (default: the batch's own)")
    parser.add_argument("--no-sharing", action="store_true", help="have every worker import MindSpore itself")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="class-", ignore_cleanup_errors=True) as folder:
        _grade(options, Path(folder))


def _without_sharing(limits: Limits, *, official: bool) -> AbstractContextManager[Namespaces]:
    """Have every worker started as a program."""
    del limits, official
    return nullcontext(Namespaces())


def _grade(options: argparse.Namespace, folder: Path) -> None:
    submissions = folder / "submissions"
    for number in range(options.students):
        shutil.copytree(options.submission, submissions / f"student{number:03}")
        with (submissions / f"student{number:03}" / "main.py").open("a", encoding="utf-8") as file:
            file.write(f"# {number}\n")  # so that no two are the same
    assignment = load_assignment(options.assignment)
    exam = Exam(open_split(options.split, assignment.classes), assignment, checks=Checks(replay=False))
    peaks: list[float] = []
    progress = ProgressTeller(options.students)

    def finished(graded: PassResult) -> None:
        report = graded.result.report
        if report.verdict is not Verdict.GRADED:
            raise SystemExit(f"{graded.result.id}: {report.verdict.value}")
        peaks.append(float(report.run.peak_memory_mib))
        progress.advance()

    with open_store(folder / "out", submissions) as store:
        begun = time.perf_counter()
        isolation = _without_sharing if options.no_sharing else open_isolation
        with open_session(exam, isolation) as session, local_executor(session, options.jobs) as executor:
            ClassPass(session, executor, store).run(find_entries(submissions).entries, finished)
        seconds = time.perf_counter() - begun
    tell(Samples(EACH, (seconds / options.students,)))
    tell(Samples(PEAK, (max(peaks),)))


PROGRAMS = {"ask": ask, "class": grade_class}


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])
