"""Which class a text names, how many answers are right, and the points for that."""

from grader.scoring.labels import LabelReader, normalised, reader_of
from grader.scoring.tally import after_lateness, count_predictions, images_to, nothing_answered, points_for

__all__ = [
    "LabelReader",
    "after_lateness",
    "count_predictions",
    "images_to",
    "normalised",
    "nothing_answered",
    "points_for",
    "reader_of",
]
