"""Counting: which answers are right, class by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.classes import ClassInfo
from grader.dialogue.frames import Answered
from grader.scoring.labels import LabelReader
from grader.split import Split


@dataclass(frozen=True)
class Tally:
    """The counted answers of one grading."""

    confusion: npt.NDArray[np.int64]
    """(K, K + 1): row = true class, column = answered class; the last column counts no valid answer."""
    unanswered: int
    """Images for which no answer came at all."""
    raised: int
    """Images at which predict raised."""
    wrong_types: Counter[str]
    """Types other than str that were returned, with their number."""
    unknown_labels: Counter[str]
    """Texts that name no class, with their number."""

    @property
    def correct(self) -> int:
        """Images answered with their true class."""
        return int(np.trace(self.confusion[:, :-1]))

    @property
    def total(self) -> int:
        """All images of the split; every one counts, answered or not."""
        return int(self.confusion.sum())


def tally(answers: Sequence[Answered | None], split: Split, classes: Sequence[ClassInfo]) -> Tally:
    """Count the answers, given in the split's order. An image without a valid answer is wrong."""
    reader = LabelReader(classes)
    confusion = np.zeros((len(classes), len(classes) + 1), np.int64)
    wrong_types: Counter[str] = Counter()
    unknown_labels: Counter[str] = Counter()
    for image, answer in zip(split.images, answers, strict=True):
        answered = len(classes)
        if answer is not None and answer.label is not None:
            index = reader.read(answer.label)
            if index is None:
                unknown_labels[answer.label] += 1
            else:
                answered = index
        elif answer is not None and answer.wrong_type is not None:
            wrong_types[answer.wrong_type] += 1
        confusion[image.label, answered] += 1
    return Tally(
        confusion=confusion,
        unanswered=sum(answer is None for answer in answers),
        raised=sum(answer is not None and answer.error is not None for answer in answers),
        wrong_types=wrong_types,
        unknown_labels=unknown_labels,
    )
