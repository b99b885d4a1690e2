"""From right answers to points, and what is taken off for being late."""

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


def _on_curve(accuracy: float, curve: tuple[tuple[float, float], ...]) -> float:
    if accuracy <= curve[0][0]:
        return curve[0][1]
    for (low, before), (high, after) in pairwise(curve):
        if accuracy <= high:
            return before + (after - before) * (accuracy - low) / (high - low)
    return curve[-1][1]
