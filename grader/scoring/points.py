"""From right answers to points, what is taken off for being late, and how far the next grade is."""

from __future__ import annotations

import math
from itertools import pairwise

from grader.assignment import Late, Points


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
