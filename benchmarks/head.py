"""From images to a trained head: the lab's original recipe against the reference's."""

from __future__ import annotations

from benchmarks.images import smaller_set
from benchmarks.measure import PROCESSOR_TIME, WHOLE_PROCESS, Subject
from benchmarks.plan import Bench, Plan
from benchmarks.programs import environment, python
from benchmarks.recipes import BOTH, CORRECT, FEATURES, HEAD
from benchmarks.table import Figure

EPOCHS = 40  # the lab's
IMAGES = 520
ROUNDS = 3


def plan(bench: Bench) -> Plan:
    """Prepare the benchmark.

    Raises:
        InputError: too few images, or one that cannot be read.
    """
    dataset = bench.scratch / "head"
    train, validation = smaller_set(bench.folder, bench.images or IMAGES, dataset)
    common = (
        *("--dataset_path", dataset, "--pretrained", bench.pretrained),
        *("--scratch", bench.scratch, "--epochs", EPOCHS),
    )
    original = Subject(
        "the original recipe",
        python("benchmarks.original_recipe", *common),
        environment(capped=False, engine=False),
        bench.scratch,
    )
    ours = Subject(
        "the reference",
        python("benchmarks.our_recipe", *common),
        environment(capped=True, engine=True),
        bench.scratch,
    )
    return Plan(
        name="head",
        title=f"From {train} training and {validation} validation images to a trained head, {EPOCHS} epochs",
        subjects=(original, ours),
        figures=(
            Figure(FEATURES, "s"),
            Figure(HEAD, "s"),
            Figure(BOTH, "s"),
            Figure(WHOLE_PROCESS, "s"),
            Figure(PROCESSOR_TIME, "s"),
            Figure(CORRECT, f"of {validation}", "neither"),
        ),
        rounds=bench.repeats or ROUNDS,
    )
