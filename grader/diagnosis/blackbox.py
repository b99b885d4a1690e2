"""The black box: the submission itself is asked again, about altered images, in a fresh process.

Where its checkpoint cannot be run (another network, another format), this is what remains: an alteration that
undoes the mistake makes it answer better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import NO_ANSWER, Case, IntArray, PublicTrial, Trial
from grader.diagnosis.completeness import complete
from grader.model.assignment import Assignment
from grader.model.predictions import classes_of
from grader.model.split import Split, SplitImage, split_of
from grader.run.interview import interview, secret_order
from grader.sandbox.launch import Launch

Pixels = npt.NDArray[np.uint8]
ALTERATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "exchanged-colours": lambda pixels: pixels[:, :, ::-1],
    "upside-down": lambda pixels: pixels[::-1],
    "transposed": lambda pixels: pixels.transpose(1, 0, 2),
}
LEAVE = 3.0
"""Times what the assignment allows for all images: the last resort, not a plan."""


class BlackBox:
    """One submission that can be asked again.

    Args:
        fresh: gives a way to start workers over a fresh copy of it, by a name that is used once.
        split: the images.
        assignment: the rules.
        seed: secret; decides the order of the images.
    """

    def __init__(
        self, fresh: Callable[[str], Callable[[int], Launch]], split: Split, assignment: Assignment, seed: int
    ) -> None:
        self._fresh = fresh
        self._split = split
        self._rules = assignment.with_limits(total_seconds=LEAVE * assignment.limits.total_seconds)
        self._seed = seed

    def ask_altered(self, case: Case, few: IntArray, many: IntArray) -> dict[str, Trial]:
        """Ask about a few images in every alteration, and about all in the one that did best.

        Raises:
            UnfinishedError: time was over.
        """
        first = self._ask_each([(name, index) for name in ALTERATIONS for index in few.tolist()], "altered")
        best = max(first, key=lambda name: case.correct(first[name]))
        rest = [(best, index) for index in many.tolist() if index not in set(few.tolist())]
        parts = [first[best], *self._ask_each(rest, "altered-so").values()]
        return {
            best: Trial(
                np.concatenate([part.images for part in parts]),
                np.concatenate([part.answers for part in parts]),
            )
        }

    def ask_public(self, public: Split) -> PublicTrial:
        """Ask about public images.

        Raises:
            UnfinishedError: time was over.
        """
        said = self._ask(public.images, "public")
        right = sum(answer == image.label for image, answer in zip(public.images, said, strict=True))
        return PublicTrial(right, len(said))

    def keeps_first_answer(self, pair: tuple[int, int], number: int) -> bool | None:
        """Ask a new process about two images of different classes.

        Args:
            pair: indices of the images.
            number: of the process.

        Returns:
            Whether the class of the one that was asked first came for both; None if there were two answers.
        """
        images = [self._split.images[index] for index in pair]
        said = {*self._ask(images, f"again-{number}", number)}
        first = images[secret_order(len(images), self._seed + number)[0]]
        return said == {first.label} if len(said) == 1 else None

    def _ask_each(self, questions: Sequence[tuple[str, int]], name: str) -> dict[str, Trial]:
        """Return what was answered to altered images, by alteration."""
        images = [_altered(self._split.images[index], how) for how, index in questions]
        said = self._ask(images, name)
        found: dict[str, list[tuple[int, int]]] = {}
        for (how, index), answer in zip(questions, said, strict=True):
            found.setdefault(how, []).append((index, answer))
        return {
            how: Trial(*(np.array(column, np.int64) for column in zip(*pairs, strict=True)))
            for how, pairs in found.items()
        }

    def _ask(self, images: Sequence[SplitImage], name: str, number: int = 0) -> list[int]:
        """Return the class that a fresh process names for each image, or NO_ANSWER."""
        if not images:
            return []
        asked = split_of(images, places=())
        answers = interview(self._fresh(name), asked, self._rules, self._seed + number)
        return [NO_ANSWER if index is None else index for index in classes_of(complete(answers))]


def _altered(image: SplitImage, name: str) -> SplitImage:
    pixels = np.ascontiguousarray(ALTERATIONS[name](image.pixels("bgr")))
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return replace(image, encoded=encoded.tobytes())
