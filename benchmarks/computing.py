"""The benchmarks of what is computed: training a head or in two stages, answering about images, a step."""

from __future__ import annotations

import json
from collections.abc import Sequence

from src_mindspore.cpu import VARIABLE as ONEDNN_CAP

from benchmarks.answering import NETWORK, PREDICT
from benchmarks.measure import (
    BOTH,
    CORRECT,
    FEATURES,
    HEAD,
    PROCESSOR_TIME,
    WHOLE_NETWORK,
    WHOLE_PROCESS,
    Runs,
    Subject,
)
from benchmarks.plan import (
    CAPPED,
    STOCK,
    Conclusion,
    Inputs,
    Plan,
    any_images,
    environment,
    python,
    smaller_set,
)
from benchmarks.results import Figure
from reference.run import answer_names

EPOCHS = 40  # the lab's
TRAINING_IMAGES = 520
IMAGES_IN_TWO_STAGES = 52
IMAGES_TO_ANSWER = 130
STEP_BATCH_SIZE = 32
STEPS = 1  # a run, after the first
ROUNDS = 3


def plan_head(inputs: Inputs) -> Plan:
    """Prepare the comparison of the lab's original recipe with the reference's.

    Raises:
        InputError: too few images, or one that cannot be read.
    """
    dataset = inputs.scratch / "head"
    train, validation = smaller_set(inputs.folder, inputs.images or TRAINING_IMAGES, dataset)
    common = (
        *("--dataset_path", dataset, "--pretrained", inputs.pretrained),
        *("--scratch", inputs.scratch, "--epochs", EPOCHS),
    )
    original = Subject(
        "the original recipe",
        python("benchmarks.original_recipe", *common),
        environment(capped=False, engine=False),
        inputs.scratch,
    )
    ours = Subject(
        "the reference",
        python("benchmarks.training_programs", "head", *common),
        environment(capped=True, engine=True),
        inputs.scratch,
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
        rounds=inputs.repeats or ROUNDS,
    )


def plan_order(inputs: Inputs) -> Plan:
    """Prepare the lab's two stages in a file that imports MindSpore first, and in one that does not.

    Raises:
        InputError: too few images, or one that cannot be read.
    """
    dataset = inputs.scratch / "order"
    train, validation = smaller_set(inputs.folder, inputs.images or IMAGES_IN_TWO_STAGES, dataset)
    # As on a student's computer: nobody has told oneDNN anything.
    settings = {
        name: value for name, value in environment(capped=True, engine=False).items() if name != ONEDNN_CAP
    }
    common = ("--dataset_path", dataset, "--pretrained", inputs.pretrained, "--scratch", inputs.scratch)
    return Plan(
        name="order",
        title=f"The lab's two stages on {train} and {validation} images, by what is imported first",
        subjects=tuple(
            Subject(
                f"{first} first",
                python("benchmarks.two_stage_program", first, *common),
                settings,
                inputs.scratch,
            )
            for first in ("src_mindspore", "mindspore")
        ),
        figures=tuple(
            Figure(name, "s") for name in (FEATURES, HEAD, WHOLE_NETWORK, WHOLE_PROCESS, PROCESSOR_TIME)
        ),
        rounds=inputs.repeats or ROUNDS,
    )


def plan_inference(inputs: Inputs) -> Plan:
    """Prepare images a second, one at a time: MindSpore as it comes, capped, with the engine; ONNX Runtime.

    Raises:
        InputError: an image cannot be read.
        PreparationError: no submission.
    """
    images = any_images(inputs.folder, inputs.images or IMAGES_TO_ANSWER)
    request = json.dumps(
        {
            "images": [str(path.resolve()) for path in images],
            "names": answer_names(inputs.folder.classes),
            "checkpoint": str(inputs.submission / "mobilenetv2-best.ckpt"),
        }
    )

    def subject(name: str, way: str, *, capped: bool, engine: bool) -> Subject:
        settings = environment(capped=capped, engine=engine)
        return Subject(name, python("benchmarks.answering", way), settings, inputs.submission, request)

    return Plan(
        name="inference",
        title=f"Inference on {len(images)} images, one at a time",
        subjects=(
            subject(STOCK, "submission", capped=False, engine=False),
            subject(CAPPED, "submission", capped=True, engine=False),
            subject("the course library's engine", "submission", capped=True, engine=True),
            subject("ONNX Runtime alone", "onnx", capped=True, engine=False),
        ),
        figures=(Figure(PREDICT, "images/s", "more"), Figure(NETWORK, "images/s", "more")),
        rounds=inputs.repeats or ROUNDS,
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


def plan_step(inputs: Inputs) -> Plan:
    """Prepare training steps: MindSpore's two modes, with and without the cap on oneDNN.

    Raises:
        InputError: an image cannot be read.
    """
    images = any_images(inputs.folder, STEP_BATCH_SIZE)
    arguments = ("--pretrained", inputs.pretrained, "--classes", len(inputs.folder.classes), "--steps", STEPS)
    files = [path.resolve() for path in images]

    def subject(name: str, mode: str, *, capped: bool) -> Subject:
        command = python("benchmarks.training_programs", "step", "--mode", mode, *arguments, *files)
        return Subject(name, command, environment(capped=capped, engine=False), inputs.scratch)

    return Plan(
        name="step",
        title=f"A training step of the whole network on {len(images)} images, batch normalisation included",
        subjects=(
            subject("MindSpore, PyNative mode", "pynative", capped=False),
            subject("MindSpore, GRAPH mode", "graph", capped=False),
            subject("MindSpore, GRAPH mode, oneDNN capped at AVX2", "graph", capped=True),
        ),
        figures=(Figure("step", "s"), Figure("first step", "s")),
        rounds=inputs.repeats or ROUNDS,
    )
