"""Counting which answers are right, class by class, and the points for them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from grader.model.assignment import Late, Points
from grader.model.classes import ClassInfo
from grader.model.predictions import Answered
from grader.model.split import Split
from grader.scoring.labels import LabelReader


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


def points_for(correct: int, total: int, rule: Points) -> float:
    """Return the points for `correct` of `total` images, rounded as the rule says."""
    accuracy = correct / total
    if rule.table:
        points = max((points for reached, points in rule.table if reached <= accuracy), default=0.0)
    elif rule.curve:
        points = _on_curve(accuracy, rule.curve)
    else:
        points = rule.full * correct / total
    return round(points, rule.decimals)


def after_lateness(points: float, days_late: float, rule: Late, decimals: int) -> float:
    """Return what is left of the points after `days_late` days; each day begun counts whole."""
    days = math.ceil(max(0.0, days_late - rule.free_days))
    lost = min(rule.percent_per_day * days, rule.most_percent)
    return round(points * (100 - lost) / 100, decimals)


def images_to(boundary: float, correct: int, total: int, rule: Points) -> int:
    """Return how many more images must be right for `boundary` points; how many fewer would do, if negative.

    Raises:
        ValueError: not even all images would reach it.
    """
    for enough in range(total + 1):
        if points_for(enough, total, rule) >= boundary:
            return enough - correct
    raise ValueError(f"{boundary:g} points are more than there are")


def _on_curve(accuracy: float, curve: tuple[tuple[float, float], ...]) -> float:
    if accuracy <= curve[0][0]:
        return curve[0][1]
    for (low, before), (high, after) in pairwise(curve):
        if accuracy <= high:
            return before + (after - before) * (accuracy - low) / (high - low)
    return curve[-1][1]
