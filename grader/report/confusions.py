"""Which confusions of two classes cost most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.report.model import Report

LEAST = 2
"""Images; what happened once may have been chance."""


@dataclass(frozen=True)
class Confused:
    """Images of one class that were taken for one other."""

    truth: int
    """Class index."""
    said: int | None
    """Class index; None if it was no class."""
    count: int
    share: float
    """Of all images, 0..1: what they cost of the accuracy."""


def has_answers(report: Report) -> bool:
    """Whether any answer named a class; if none did, there is nothing to confuse."""
    return any(any(row[:-1]) for row in report.confusion.matrix)


def costliest(report: Report, most: int) -> Sequence[Confused]:
    """Return the confusions that cost most, the costliest first; single images if there is nothing else."""
    matrix = report.confusion.matrix
    images = sum(map(sum, matrix)) or 1
    found = [
        Confused(truth, said if said < len(row) - 1 else None, count, count / images)
        for truth, row in enumerate(matrix)
        for said, count in enumerate(row)
        if count and said != truth
    ]
    found.sort(key=lambda confused: -confused.count)
    often = [confused for confused in found if confused.count >= LEAST]
    return (often or found)[:most]
