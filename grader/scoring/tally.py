"""Counting which answers are right, class by class, and the points for them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from grader.model.assignment import Late, Points
from grader.model.dataset import Split
from grader.model.predictions import Prediction, Raised, Tally, WrongType, classes_of


def count_predictions(predictions: Sequence[Prediction | None], split: Split, classes: int) -> Tally:
    """Count the predictions, given in the split's order. An image without a valid answer is wrong.

    Args:
        predictions: by image; None where no answer came.
        split: the images, with their labels.
        classes: how many there are.
    """
    confusion = np.zeros((classes, classes + 1), np.int64)
    for image, index in zip(split.images, classes_of(predictions), strict=True):
        confusion[image.label, classes if index is None else index] += 1
    given = [prediction for prediction in predictions if prediction is not None]
    problems = [prediction.problem for prediction in given]
    return Tally(
        confusion=confusion,
        unanswered=len(predictions) - len(given),
        raised=sum(isinstance(problem, Raised) for problem in problems),
        wrong_types=Counter(problem.name for problem in problems if isinstance(problem, WrongType)),
        unknown_labels=Counter(each.text for each in given if each.text is not None and each.index is None),
    )


def nothing_answered(split: Split, classes: int) -> Tally:
    """Return the count of a submission that was asked nothing: every image is without an answer."""
    return count_predictions([None] * len(split.images), split, classes)


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
