"""Grade a class of like submissions as `python -m grader batch` does, and time it; see `classroom`.

    python -m benchmarks.grading_class --submission DIR --split DIR --assignment FILE --students N

Tells the seconds that one of them took, by the whole, and the most memory that one used.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.classroom import EACH, PEAK
from benchmarks.protocol import ProgressTeller, Samples, tell
from grader.classroom.class_pass import ClassPass, Step
from grader.classroom.executor import local_executor
from grader.classroom.store import open_store
from grader.classroom.submissions import find_entries
from grader.model.assignment import load_assignment
from grader.model.verdict import Verdict
from grader.sandbox import forkable
from grader.session.station import Conditions
from grader.split import open_split


def main() -> None:
    """Grade the class once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--submission", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--assignment", type=Path, required=True)
    parser.add_argument("--students", type=int, required=True)
    parser.add_argument("--jobs", type=int, help="submissions at a time (default: the batch's own)")
    parser.add_argument("--no-sharing", action="store_true", help="have every worker import MindSpore itself")
    options = parser.parse_args()
    if options.no_sharing:
        forkable.imports_mindspore = _none_does
    with tempfile.TemporaryDirectory(prefix="class-", ignore_cleanup_errors=True) as folder:
        _grade(options, Path(folder))


def _none_does(submission: Path) -> bool:
    del submission
    return False


def _grade(options: argparse.Namespace, folder: Path) -> None:
    submissions = folder / "submissions"
    for number in range(options.students):
        shutil.copytree(options.submission, submissions / f"student{number:03}")
        with (submissions / f"student{number:03}" / "main.py").open("a", encoding="utf-8") as file:
            file.write(f"# {number}\n")  # so that no two are the same
    assignment = load_assignment(options.assignment)
    conditions = Conditions(open_split(options.split, assignment.classes), assignment)
    peaks: list[float] = []
    progress = ProgressTeller(options.students)

    def heard(step: Step) -> None:
        report = step.result.report
        if report.verdict is not Verdict.GRADED:
            raise SystemExit(f"{step.result.id}: {report.verdict.value}")
        peaks.append(float(report.run.peak_memory_mib))
        progress.advance()

    with open_store(folder / "out", submissions) as store:
        begun = time.perf_counter()
        with local_executor(conditions, options.jobs) as executor:
            ClassPass(conditions, executor, store).run(find_entries(submissions).entries, heard)
        seconds = time.perf_counter() - begun
    tell(Samples(EACH, (seconds / options.students,)))
    tell(Samples(PEAK, (max(peaks),)))


if __name__ == "__main__":
    main()
