"""The benchmarks of the grader: one submission, what the sandbox costs it, and a whole class."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.computing import compare_answers
from benchmarks.measure import WHOLE_PROCESS, Runs, Subject
from benchmarks.plan import Conclusion, Inputs, Plan, environment, python
from benchmarks.results import Figure, number
from grader.model.assignment import BUILT_IN as ASSIGNMENTS
from grader.model.assignment import load_assignment
from reference.errors import InputError
from reference.run import ASK_WORKER

ROUNDS, CLASS_ROUNDS = 10, 1

EACH = "a submission"
PEAK = "memory of the largest worker"
CLASSES = (1, 10, 100)

MINDSPORE, NUMPY = "MindSpore submission", "NumPy submission"
MOST_PERCENT, MOST_SECONDS = 5.0, 0.15

NUMPY_MAIN = """
    import numpy as np

    NAMES = {names!r}
    random = np.random.default_rng(0)
    weights = random.standard_normal((56 * 56 * 3, len(NAMES)))

    def predict(image):
        rows, columns = (np.linspace(0, size - 1, 56).astype(int) for size in image.shape[:2])
        small = image[rows][:, columns].astype(np.float64).ravel() / 255
        return NAMES[int(np.argmax(small @ weights))]
"""
"""Some arithmetic, no network: what is left is the asking."""


def plan_grading(inputs: Inputs) -> Plan:
    """Prepare `python -m grader` against a bare loop over the same images: train a submission.

    Raises:
        InputError: there is no assignment with these classes.
        PreparationError: no submission.
    """
    assignment = assignment_of(inputs.folder.classes)
    split = inputs.folder.validation
    settings = environment(capped=True, engine=True)
    bare = Subject(
        "a bare loop",
        (sys.executable, str(ASK_WORKER)),
        settings,
        inputs.submission,
        json.dumps([str(path.resolve()) for path in split.paths]),
    )
    graded = Subject(
        "python -m grader",
        python(
            "grader",
            inputs.submission,
            *("--split", (inputs.folder.root / split.name).resolve()),
            *("--assignment", assignment, "--out", inputs.scratch / "report"),
        ),
        settings,
        inputs.scratch,
    )
    return Plan(
        name="grading",
        title=f"Grading a submission on {len(split.paths)} images",
        subjects=(bare, graded),
        figures=(Figure(WHOLE_PROCESS, "s"),),
        rounds=inputs.repeats or ROUNDS,
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


def plan_sandbox(inputs: Inputs) -> Plan:
    """Prepare the same submissions in the sandbox, in a plain process, in a bare loop: train one, write one.

    Raises:
        InputError: there is no assignment with these classes.
        PreparationError: no submission.
    """
    assignment = assignment_of(inputs.folder.classes)
    split = inputs.folder.validation
    submissions = (inputs.scratch / MINDSPORE, inputs.scratch / NUMPY)
    shutil.copytree(inputs.submission, submissions[0])
    write_numpy(submissions[1], inputs.folder.classes)

    def subject(name: str, way: str) -> Subject:
        command = python(
            "benchmarks.grading_programs",
            *("ask", way, "--assignment", assignment, "--split", (inputs.folder.root / split.name).resolve()),
            *submissions,
        )
        return Subject(name, command, environment(capped=True, engine=True), inputs.scratch)

    return Plan(
        name="sandbox",
        title=f"Two submissions asked about {len(split.paths)} images, from their start to the last answer",
        subjects=(
            subject("a bare loop", "bare"),
            subject("asked in a plain process", "process"),
            subject("asked in the sandbox", "sandbox"),
        ),
        figures=(Figure(MINDSPORE, "s"), Figure(NUMPY, "s")),
        rounds=inputs.repeats or ROUNDS,
        conclude=say_cost,
    )


def write_numpy(folder: Path, names: Sequence[str]) -> None:
    """Write the submission without a network."""
    folder.mkdir()
    (folder / "main.py").write_text(textwrap.dedent(NUMPY_MAIN).format(names=list(names)), encoding="utf-8")


def say_cost(everything: Sequence[Runs]) -> Conclusion:
    """Say what the sandbox adds to the bare loop, and whether all answered alike."""
    notes = [note for figure in (MINDSPORE, NUMPY) for note in _difference(figure, everything)]
    agreement = compare_answers(everything)
    return Conclusion((*notes, *agreement.notes), agreement.failed)


def _difference(figure: str, everything: Sequence[Runs]) -> list[str]:
    bare, sandboxed = (runs.samples(figure) for runs in (everything[0], everything[-1]))
    # Turn by turn, so that what slows a whole turn does not count.
    differences = [after - before for before, after in zip(bare, sandboxed, strict=False)]
    if not differences:
        return []
    seconds = median(differences)
    percent = 100 * seconds / median(bare)
    is_allowed = percent < MOST_PERCENT or seconds < MOST_SECONDS
    allowance = f"the {MOST_PERCENT:g} % or {1000 * MOST_SECONDS:g} ms that are allowed"
    return [
        f"{figure}: in the sandbox {number(1000 * seconds)} ms ({number(percent)} %) above the bare loop of "
        f"the same turn, by the median: {'within' if is_allowed else 'beyond'} {allowance}."
    ]


def plan_class(inputs: Inputs) -> Plan:
    """Prepare one, ten and a hundred submissions in one batch: train one, of which each class has so many.

    Raises:
        InputError: there is no assignment with these classes.
        PreparationError: no submission.
    """
    split = inputs.folder.validation
    common = (
        *("--submission", inputs.submission, "--split", (inputs.folder.root / split.name).resolve()),
        *("--assignment", assignment_of(inputs.folder.classes)),
    )

    def subject(name: str, *more: object) -> Subject:
        command = python("benchmarks.grading_programs", "class", *common, *more)
        return Subject(name, command, environment(capped=True, engine=True), inputs.scratch)

    return Plan(
        name="class",
        title=f"A class in one batch, each with MindSpore and asked about {len(split.paths)} images",
        subjects=(
            subject("10, each of which imports MindSpore", "--students", 10, "--no-sharing"),
            *(subject(f"{count}, forked with MindSpore imported", "--students", count) for count in CLASSES),
        ),
        figures=(Figure(EACH, "s"), Figure(WHOLE_PROCESS, "s"), Figure(PEAK, "MiB", "neither")),
        rounds=inputs.repeats or CLASS_ROUNDS,
        conclude=say_throughput,
    )


def say_throughput(everything: Sequence[Runs]) -> Conclusion:
    """Say how many submissions a second that is."""
    return Conclusion(
        tuple(
            f"{runs.subject.name}: {number(1 / median(samples))} submissions a second."
            for runs in everything
            if (samples := runs.samples(EACH))
        )
    )
