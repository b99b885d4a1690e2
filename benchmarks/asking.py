"""Ask submissions about a split inside the sandbox or outside, and time it; a program, see `sandbox`.

    python -m benchmarks.asking WAY --assignment FILE --split FOLDER SUBMISSION ...

Tells, for each submission, the seconds from its start to its last answer, and what it answered to all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import reference.submission.ask_worker
from benchmarks.protocol import Answers, Samples, tell
from grader.intake.intake import take_in
from grader.model.assignment import Assignment, load_assignment
from grader.model.split import Split
from grader.model.submission import Submission
from grader.run.interview import interview
from grader.sandbox import process
from grader.sandbox.isolation import Rung, choose_rung
from grader.sandbox.policy import course_library, environment_for
from grader.split.opening import open_split

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
    program = str(Path(reference.submission.ask_worker.__file__).resolve())
    with subprocess.Popen(
        (sys.executable, "-s", "-B", program),
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
                running.kill()  # as a worker is: its time to say goodbye is nobody's
                return [str(name) for name in json.loads(line)["names"]]
    raise SystemExit("the bare loop gave no answers")


def ask_process(
    submission: Submission, workspace: Path, assignment: Assignment, folder: Path, split: Split
) -> Sequence[str]:
    """Interview a worker on the lower rung: a process of its own without a wall."""
    del folder
    rung = Rung(process.ISOLATION, submission, workspace, assignment.limits, None, None)
    return _interviewed(rung, assignment, split)


def ask_sandbox(
    submission: Submission, workspace: Path, assignment: Assignment, folder: Path, split: Split
) -> Sequence[str]:
    """Interview a worker on the top rung; that it works is tried first, as in every grading."""
    del folder
    rung = choose_rung(submission, workspace, assignment.limits, official=True)
    return _interviewed(rung, assignment, split)


def _interviewed(rung: Rung, assignment: Assignment, split: Split) -> Sequence[str]:
    answers = interview(rung.launch, split, assignment, seed=0, progress=lambda _: None)
    return [(prediction and prediction.text) or "" for prediction in answers.predictions]


WAYS: dict[str, Ask] = {"bare": ask_bare, "process": ask_process, "sandbox": ask_sandbox}


def main() -> None:
    """Ask each submission once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--assignment", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("submissions", type=Path, nargs="+")
    options = parser.parse_args()
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


if __name__ == "__main__":
    main()
