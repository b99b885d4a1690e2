"""One training step of the whole network: MindSpore's two modes, with and without the cap on oneDNN."""

from __future__ import annotations

from benchmarks.images import any_images
from benchmarks.measure import Subject
from benchmarks.plan import Bench, Plan
from benchmarks.programs import environment, python
from benchmarks.table import Figure

BATCH_SIZE = 32
STEPS = 1  # a run, after the first
ROUNDS = 3


def plan(bench: Bench) -> Plan:
    """Prepare the benchmark.

    Raises:
        InputError: an image cannot be read.
    """
    images = any_images(bench.folder, BATCH_SIZE)
    arguments = ("--pretrained", bench.pretrained, "--classes", len(bench.folder.classes), "--steps", STEPS)
    files = [path.resolve() for path in images]

    def subject(name: str, mode: str, *, capped: bool) -> Subject:
        command = python("benchmarks.training_step", "--mode", mode, *arguments, *files)
        return Subject(name, command, environment(capped=capped, engine=False), bench.scratch)

    return Plan(
        name="step",
        title=f"A training step of the whole network on {len(images)} images, batch normalisation included",
        subjects=(
            subject("MindSpore, PyNative mode", "pynative", capped=False),
            subject("MindSpore, GRAPH mode", "graph", capped=False),
            subject("MindSpore, GRAPH mode, oneDNN capped at AVX2", "graph", capped=True),
        ),
        figures=(Figure("step", "s"), Figure("first step", "s")),
        rounds=bench.repeats or ROUNDS,
    )
