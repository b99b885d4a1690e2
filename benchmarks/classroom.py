"""What a whole class costs: one, ten and a hundred submissions with MindSpore in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.grading import assignment_of
from benchmarks.measure import WHOLE_PROCESS, Runs, Subject
from benchmarks.plan import Bench, Conclusion, Plan
from benchmarks.programs import environment, python
from benchmarks.table import Figure, number

EACH = "a submission"
PEAK = "memory of the largest worker"
CLASSES = (1, 10, 100)
ROUNDS = 1


def plan(bench: Bench) -> Plan:
    """Prepare the benchmark: train a submission, of which each class has so many.

    Raises:
        InputError: there is no assignment with these classes.
        PreparationError: no submission.
    """
    split = bench.folder.validation
    common = (
        *("--submission", bench.submission, "--split", (bench.folder.root / split.name).resolve()),
        *("--assignment", assignment_of(bench.folder.classes)),
    )

    def subject(name: str, *more: object) -> Subject:
        command = python("benchmarks.grading_class", *common, *more)
        return Subject(name, command, environment(capped=True, engine=True), bench.scratch)

    return Plan(
        name="class",
        title=f"A class in one batch, each with MindSpore and asked about {len(split.paths)} images",
        subjects=(
            subject("10, each of which imports MindSpore", "--students", 10, "--no-sharing"),
            *(subject(f"{count}, forked with MindSpore imported", "--students", count) for count in CLASSES),
        ),
        figures=(Figure(EACH, "s"), Figure(WHOLE_PROCESS, "s"), Figure(PEAK, "MiB", "neither")),
        rounds=bench.repeats or ROUNDS,
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
