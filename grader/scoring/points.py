"""Points, and how many images decide whether a boundary between two grades is reached."""

from __future__ import annotations

from grader.assignment import Points


def points_for(correct: int, total: int, rule: Points) -> float:
    """Return the points for so many right answers."""
    return round(rule.full * correct / total, rule.decimals)


def images_to(boundary: float, correct: int, total: int, rule: Points) -> int:
    """Return how many more images must be right for `boundary` points; how many fewer would do, if negative.

    Raises:
        ValueError: not even all images would reach it.
    """
    for enough in range(total + 1):
        if points_for(enough, total, rule) >= boundary:
            return enough - correct
    raise ValueError(f"{boundary:g} points are more than there are")
