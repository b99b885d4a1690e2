"""The black box: the submission itself is asked again, about altered images, in a fresh process.

Where its checkpoint cannot be run (another network, another format), this is what remains: an alteration that
undoes the mistake makes it answer better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from grader.assignment import Assignment
from grader.diagnosis.case import NO_ANSWER, IntArray, PublicTrial, Trial
from grader.dialogue.interview import interview, secret_order
from grader.sandbox.launch import Launch
from grader.scoring.labels import LabelReader
from grader.split import Split, SplitImage, split_of

Pixels = npt.NDArray[np.uint8]
ALTERATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "exchanged-colours": lambda pixels: pixels[:, :, ::-1],
    "upside-down": lambda pixels: pixels[::-1],
    "transposed": lambda pixels: pixels.transpose(1, 0, 2),
}


def ask_altered(
    launch: Callable[[int], Launch],
    split: Split,
    assignment: Assignment,
    images: IntArray,
    seconds: float,
    seed: int,
) -> dict[str, Trial]:
    """Ask about every alteration of `images`, (M,) indices; what was not answered in time is left out."""
    questions = [(name, int(index)) for index in images for name in ALTERATIONS]
    asked = split_of([_altered(split.images[index], name) for name, index in questions], places=())
    answers = interview(launch, asked, assignment.within(seconds), seed, lambda _: None).answers
    reader = LabelReader(assignment.classes)
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in ALTERATIONS}
    for (name, index), answer in zip(questions, answers, strict=True):
        if answer is not None:
            said = reader.read_answer(answer)
            found[name].append((index, NO_ANSWER if said is None else said))
    return {
        name: Trial(*(np.array(column, np.int64) for column in zip(*pairs, strict=True)))
        for name, pairs in found.items()
        if pairs
    }


def ask_public(
    launch: Callable[[int], Launch], split: Split, assignment: Assignment, seconds: float, seed: int
) -> PublicTrial:
    """Ask about public images; what was not answered in time is left out."""
    answers = interview(launch, split, assignment.within(seconds), seed, lambda _: None).answers
    reader = LabelReader(assignment.classes)
    pairs = [(image, answer) for image, answer in zip(split.images, answers, strict=True) if answer]
    right = sum(reader.read_answer(answer) == image.label for image, answer in pairs)
    return PublicTrial(right, len(pairs))


def keeps_first_answer(
    launch: Callable[[int], Launch],
    split: Split,
    assignment: Assignment,
    pair: tuple[int, int],
    seconds: float,
    seed: int,
) -> bool | None:
    """Ask a new process about two images of different classes.

    Returns:
        Whether the class of the one that was asked first came for both; None if there were two answers.
    """
    images = [split.images[index] for index in pair]
    answers = interview(
        launch, split_of(images, places=()), assignment.within(seconds), seed, lambda _: None
    ).answers
    reader = LabelReader(assignment.classes)
    said = {reader.read_answer(answer) for answer in answers}
    return said == {images[secret_order(len(images), seed)[0]].label} if len(said) == 1 else None


def _altered(image: SplitImage, name: str) -> SplitImage:
    pixels = np.ascontiguousarray(ALTERATIONS[name](image.pixels("bgr")))
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return replace(image, encoded=encoded.tobytes())
