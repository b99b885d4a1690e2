"""What the sandbox costs: the same submissions inside it, in a plain process, and in a bare loop."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.grading import assignment_of
from benchmarks.inference import compare_answers
from benchmarks.measure import Runs, Subject
from benchmarks.plan import Bench, Conclusion, Plan
from benchmarks.programs import environment, python
from benchmarks.table import Figure, number

ROUNDS = 10
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


def plan(bench: Bench) -> Plan:
    """Prepare the benchmark: train one submission, write another.

    Raises:
        InputError: there is no assignment with these classes.
        PreparationError: no submission.
    """
    assignment = assignment_of(bench.folder.classes)
    split = bench.folder.validation
    submissions = (bench.scratch / MINDSPORE, bench.scratch / NUMPY)
    shutil.copytree(bench.submission, submissions[0])
    write_numpy(submissions[1], bench.folder.classes)

    def subject(name: str, way: str) -> Subject:
        command = python(
            "benchmarks.asking",
            *(way, "--assignment", assignment, "--split", (bench.folder.root / split.name).resolve()),
            *submissions,
        )
        return Subject(name, command, environment(capped=True, engine=True), bench.scratch)

    return Plan(
        name="sandbox",
        title=f"Two submissions asked about {len(split.paths)} images, from their start to the last answer",
        subjects=(
            subject("a bare loop", "bare"),
            subject("asked in a plain process", "process"),
            subject("asked in the sandbox", "sandbox"),
        ),
        figures=(Figure(MINDSPORE, "s"), Figure(NUMPY, "s")),
        rounds=bench.repeats or ROUNDS,
        conclude=conclude,
    )


def write_numpy(folder: Path, names: Sequence[str]) -> None:
    """Write the submission without a network."""
    folder.mkdir()
    (folder / "main.py").write_text(textwrap.dedent(NUMPY_MAIN).format(names=list(names)), encoding="utf-8")


def conclude(everything: Sequence[Runs]) -> Conclusion:
    """Say what the sandbox adds to the bare loop, and whether all answered alike."""
    notes = [note for figure in (MINDSPORE, NUMPY) for note in _difference(figure, everything)]
    agreement = compare_answers(everything)
    return Conclusion((*notes, *agreement.notes), agreement.failed)


def _difference(figure: str, everything: Sequence[Runs]) -> list[str]:
    bare, inside = (runs.samples(figure) for runs in (everything[0], everything[-1]))
    # Turn by turn, so that what slows a whole turn does not count.
    differences = [after - before for before, after in zip(bare, inside, strict=False)]
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
