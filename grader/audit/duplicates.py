"""Pictures that are the same, to the pixel or to the eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.audit.pictures import Picture

MOST_BITS = 8
"""Of 63 that may differ between two candidates; a hash alone pairs plain pictures with each other."""
LEAST_CORRELATION = 0.985
"""Of the thumbnails of near duplicates."""
LEAST_LIKENESS = 0.97
"""Cosine of a network's features of near duplicates. Of 2343 garbage photos the 24 pairs just above 0.955
were all one photo, mirrored or cropped; of 1394 flower photos, pairs from 0.92 to 0.95 were other flowers."""
_ROWS = 256


@dataclass(frozen=True)
class Group:
    """Two or more pictures of one thing."""

    pictures: tuple[Picture, ...]
    is_exact: bool
    """Whether all have the very same pixels."""

    @property
    def sets(self) -> frozenset[str]:
        """Names of the sets that it lies in."""
        return frozenset(picture.set_name for picture in self.pictures)

    @property
    def labels(self) -> frozenset[str]:
        """Names of the classes that it lies in."""
        return frozenset(picture.label for picture in self.pictures)


def find_groups(pictures: Sequence[Picture], vectors: npt.NDArray[np.float32] | None = None) -> list[Group]:
    """Return the groups of exact and near duplicates, in the order of the pictures.

    Args:
        pictures: of one set or several.
        vectors: (N, D) of length 1, a pretrained network's features; with them pictures that were mirrored,
            cropped or coloured anew are found, too.
    """
    leader = [*range(len(pictures))]

    def top(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for first, second in _pairs(pictures, vectors):
        one, other = sorted((top(first), top(second)))
        leader[other] = one
    members: dict[int, list[Picture]] = {}
    for index, picture in enumerate(pictures):
        members.setdefault(top(index), []).append(picture)
    return [
        Group(tuple(group), len({picture.sha256 for picture in group}) == 1)
        for group in members.values()
        if len(group) > 1
    ]


def _pairs(pictures: Sequence[Picture], vectors: npt.NDArray[np.float32] | None) -> Iterator[tuple[int, int]]:
    """Yield the index pairs of duplicates, the smaller first."""
    if not pictures:
        return
    signs = np.where(np.stack([picture.bits for picture in pictures]), 1, -1).astype(np.float32)
    thumbnails = np.stack([picture.thumbnail for picture in pictures])
    digests = np.array([picture.sha256 for picture in pictures])
    length = signs.shape[1]
    for start in range(0, len(pictures), _ROWS):
        rows = slice(start, start + _ROWS)
        differing = (length - signs[rows] @ signs.T) / 2
        alike = (differing <= MOST_BITS) & (thumbnails[rows] @ thumbnails.T >= LEAST_CORRELATION)
        alike |= digests[rows, None] == digests[None, :]
        if vectors is not None:
            alike |= vectors[rows] @ vectors.T >= LEAST_LIKENESS
        for row, column in np.argwhere(alike):
            if start + row < column:
                yield int(start + row), int(column)
