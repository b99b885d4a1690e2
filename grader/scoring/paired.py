"""Comparing two lists of answers to the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.scoring.binomial import binomial_tail

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Paired:
    """Two submissions, or two ways to run one, on the same images."""

    gained: int
    """Images that only the second has right."""
    lost: int
    """Images that only the first has right."""
    total: int
    """All images that were compared."""

    @property
    def share(self) -> float:
        """Of the images, how many more the second has right."""
        return (self.gained - self.lost) / self.total if self.total else 0.0

    @property
    def p_better(self) -> float:
        """One-sided exact McNemar: how probable so many gains are if the second is no better."""
        return binomial_tail(self.gained + self.lost, self.gained, 0.5)

    @property
    def p_different(self) -> float:
        """Two-sided exact McNemar: how probable so uneven a difference is between equals."""
        return min(1.0, 2 * binomial_tail(self.gained + self.lost, max(self.gained, self.lost), 0.5))


def paired(first: BoolArray, second: BoolArray) -> Paired:
    """Compare which images are right, (N,) each, in the same order.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947): images on which both are right, or both wrong, say nothing about which is better.

    Raises:
        ValueError: the lists differ in length.
    """
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} and {len(second)} images cannot be compared one by one")
    return Paired(int((~first & second).sum()), int((first & ~second).sum()), len(first))
