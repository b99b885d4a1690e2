"""What grading costs: `python -m grader` against a bare loop over the same images in a plain process."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.measure import WHOLE_PROCESS, Runs, Subject
from benchmarks.plan import Bench, Conclusion, Plan
from benchmarks.programs import ROOT, environment, python
from benchmarks.table import Figure, number
from grader.model.assignment import load_assignment
from reference.errors import InputError
from reference.run import ASK_WORKER

ROUNDS = 10
ASSIGNMENTS = ROOT / "grader" / "assignments"


def plan(bench: Bench) -> Plan:
    """Prepare the benchmark: train a submission.

    Raises:
        InputError: there is no assignment with these classes.
        PreparationError: no submission.
    """
    assignment = assignment_of(bench.folder.classes)
    split = bench.folder.validation
    settings = environment(capped=True, engine=True)
    bare = Subject(
        "a bare loop",
        (sys.executable, str(ASK_WORKER)),
        settings,
        bench.submission,
        json.dumps([str(path.resolve()) for path in split.paths]),
    )
    graded = Subject(
        "python -m grader",
        python(
            "grader",
            bench.submission,
            *("--split", (bench.folder.root / split.name).resolve()),
            *("--assignment", assignment, "--out", bench.scratch / "report"),
        ),
        settings,
        bench.scratch,
    )
    return Plan(
        name="grading",
        title=f"Grading a submission on {len(split.paths)} images",
        subjects=(bare, graded),
        figures=(Figure(WHOLE_PROCESS, "s"),),
        rounds=bench.repeats or ROUNDS,
        conclude=say_difference,
    )


def assignment_of(folders: Sequence[str]) -> Path:
    """Return the project's assignment file for these class folders.

    Raises:
        InputError: there is none.
    """
    for path in sorted(ASSIGNMENTS.glob("*.toml")):
        if [info.folder for info in load_assignment(path).classes] == list(folders):
            return path
    raise InputError(
        f"grading: no assignment in {ASSIGNMENTS} has these {len(folders)} classes; choose others with --only"
    )


def say_difference(everything: Sequence[Runs]) -> Conclusion:
    """Say how much longer the grader takes than the bare loop."""
    bare, graded = (runs.samples(WHOLE_PROCESS) for runs in everything)
    if not bare or not graded:
        return Conclusion()
    difference = median(graded) - median(bare)
    return Conclusion((f"The grader's median is {number(difference)} s above the bare loop's.",))
