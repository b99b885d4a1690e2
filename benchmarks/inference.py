"""Images a second, one at a time: MindSpore as it comes, capped, with the engine; and ONNX Runtime alone."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.answering import NETWORK, PREDICT
from benchmarks.images import any_images
from benchmarks.measure import Runs, Subject
from benchmarks.plan import Bench, Conclusion, Plan
from benchmarks.programs import CAPPED, STOCK, environment, python
from benchmarks.table import Figure
from reference.run import answer_names

IMAGES = 130
ROUNDS = 3


def plan(bench: Bench) -> Plan:
    """Prepare the benchmark: train a submission, choose images.

    Raises:
        InputError: an image cannot be read.
        PreparationError: no submission.
    """
    images = any_images(bench.folder, bench.images or IMAGES)
    request = json.dumps(
        {
            "images": [str(path.resolve()) for path in images],
            "names": answer_names(bench.folder.classes),
            "checkpoint": str(bench.submission / "mobilenetv2-best.ckpt"),
        }
    )

    def subject(name: str, program: str, *, capped: bool, engine: bool) -> Subject:
        settings = environment(capped=capped, engine=engine)
        return Subject(name, python(program), settings, bench.submission, request)

    submission_loop = "benchmarks.submission_loop"
    return Plan(
        name="inference",
        title=f"Inference on {len(images)} images, one at a time",
        subjects=(
            subject(STOCK, submission_loop, capped=False, engine=False),
            subject(CAPPED, submission_loop, capped=True, engine=False),
            subject("the course library's engine", submission_loop, capped=True, engine=True),
            subject("ONNX Runtime alone", "benchmarks.onnx_loop", capped=True, engine=False),
        ),
        figures=(Figure(PREDICT, "images/s", "more"), Figure(NETWORK, "images/s", "more")),
        rounds=bench.repeats or ROUNDS,
        conclude=compare_answers,
    )


def compare_answers(everything: Sequence[Runs]) -> Conclusion:
    """Count the images to which not all programs that answered gave the same answer."""
    answered = [runs for runs in everything if runs.answers]
    if len(answered) < 2:
        return Conclusion(("Answers could not be compared: fewer than two programs gave any.",), failed=True)
    different = sum(
        len(set(answers)) > 1 for answers in zip(*(runs.answers for runs in answered), strict=True)
    )
    return Conclusion(
        (
            f"Answers of {len(answered)} programs compared on {len(answered[0].answers)} images: "
            f"{different} differ.",
        ),
        failed=different > 0,
    )
