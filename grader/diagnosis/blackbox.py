"""The black box: the submission itself is asked again, in a fresh process.

Where its checkpoint cannot be run (another network, another format), this is what remains: an alteration of
the images that undoes the mistake makes it answer better. What is asked is counted: images and processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import MANY, Case, IntArray, Kept, PublicTrial, Trial, spread
from grader.diagnosis.evidence import ALPHA
from grader.diagnosis.subject import Subject
from grader.model.dataset import Split, SplitImage
from grader.run import secret_order

Pixels = npt.NDArray[np.uint8]
ALTERATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "exchanged-colours": lambda pixels: pixels[:, :, ::-1],
    "upside-down": lambda pixels: pixels[::-1],
    "transposed": lambda pixels: pixels.transpose(1, 0, 2),
}
_MOST_PAIRS = 12
_MOST_FAILED = 2
"""New processes that may contradict a kept answer before it is given up."""


class BlackBox:
    """One submission that can be asked again."""

    def __init__(self, subject: Subject) -> None:
        self._rules = subject.patient_rules
        self._subject = subject
        self._images = subject.split.images

    def ask_altered(self, case: Case) -> dict[str, Trial]:
        """Ask about a few images in every alteration, and about all in the one that did best.

        Raises:
            UnfinishedError: time was over.
        """
        few = case.few()
        first = self._ask_each([(name, index) for name in ALTERATIONS for index in few.tolist()], "altered")
        best = max(first, key=lambda name: case.correct(first[name]))
        rest = np.setdiff1d(case.many(), few)
        parts = [first[best], *self._ask_each([(best, index) for index in rest.tolist()], "rest").values()]
        return {
            best: Trial(
                np.concatenate([part.images for part in parts]),
                np.concatenate([part.answers for part in parts]),
            )
        }

    def ask_public(self, public: Split) -> PublicTrial:
        """Ask about as many public images as there are others, at most.

        Raises:
            UnfinishedError: time was over.
        """
        chosen = spread(np.arange(len(public.images)), min(MANY, len(self._images)))
        images = [public.images[index] for index in chosen]
        said = self._ask(images, "public")
        return PublicTrial(int((said == [image.label for image in images]).sum()), len(images))

    def ask_new_processes(self, case: Case) -> Kept | None:
        """Ask new processes about two images each, until chance no longer explains how often the first wins.

        Its own class comes for it only where the network knows it, so one may fail.

        Returns:
            None if a process gave two answers, or there are no two such images left.

        Raises:
            UnfinishedError: time was over.
        """
        others = spread(np.flatnonzero(case.truth != case.said[0]), _MOST_PAIRS).tolist()
        kept = Kept(0, 0)
        while kept.asked - kept.times < _MOST_FAILED and kept.p(len(case.names)) >= ALPHA:
            first, *rest = others[kept.asked :] or [None]
            second = next((index for index in rest if case.truth[index] != case.truth[first]), None)
            if first is None or second is None:
                return None
            is_kept = self._keeps_first_answer((first, second), kept.asked)
            if is_kept is None:
                return None
            kept = Kept(kept.times + is_kept, kept.asked + 1)
        return kept

    def _keeps_first_answer(self, pair: tuple[int, int], number: int) -> bool | None:
        """Return whether the class of the image that a process was asked first came for both.

        None if there were two answers.
        """
        images = [self._images[index] for index in pair]
        said = {*self._ask(images, f"again-{number}", number).tolist()}
        first = images[secret_order(len(images), self._subject.seed + number)[0]]
        return said == {first.label} if len(said) == 1 else None

    def _ask_each(self, questions: Sequence[tuple[str, int]], name: str) -> dict[str, Trial]:
        """Return what was answered to altered images, by alteration."""
        images = [_altered(self._images[index], how) for how, index in questions]
        said = self._ask(images, name)
        found: dict[str, list[tuple[int, int]]] = {}
        for (how, index), answer in zip(questions, said.tolist(), strict=True):
            found.setdefault(how, []).append((index, answer))
        return {
            how: Trial(*(np.array(column, np.int64) for column in zip(*pairs, strict=True)))
            for how, pairs in found.items()
        }

    def _ask(self, images: Sequence[SplitImage], name: str, number: int = 0) -> IntArray:
        """Return the class that a fresh process names for each image, or NO_ANSWER."""
        if not images:
            return np.empty(0, np.int64)
        return self._subject.classes_named(self._subject.fresh(name), images, self._rules, number)


def _altered(image: SplitImage, name: str) -> SplitImage:
    pixels = np.ascontiguousarray(ALTERATIONS[name](image.pixels("bgr")))
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    # A plain image, whatever the first was: one that keeps its pixels would still show the old ones.
    return SplitImage(image.name, image.label, encoded.tobytes())
