"""Whether the hidden images of a class are another kind of picture than its training images.

Both are drawn at random from one pool, or so a split claims. Then the distance between their mean features is
no larger than when the same pictures are dealt into two heaps of these sizes by chance: a permutation test of
the mean discrepancy (A. Gretton et al., "A kernel two-sample test", JMLR 2012, with a linear kernel), one a
class, and Holm's correction for so many tests. Duplicates count once, or they would look like a tight heap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.audit.duplicates import Group
from grader.audit.pictures import Picture

ALPHA = 0.01
"""Probability of naming any class at all, where there is no shift."""
_LEAST_DEALS = 9999
_DEALS_A_CLASS = 400
"""So many that even one class of many can be told."""
_FEWEST = 3
"""Images on either side."""
_MOST = 300
"""Training images of a class that are looked at; more make it no surer."""
_SEED = 0


@dataclass(frozen=True)
class Shift:
    """How far apart a class's two sets of images lie."""

    label: str
    train: int
    hidden: int
    """Images that were compared."""
    distance: float
    """Between the mean features, in standard deviations of what chance gives, above its mean."""
    p: float
    is_shifted: bool


def find_shifts(
    pictures: Sequence[Picture], vectors: npt.NDArray[np.float32], groups: Sequence[Group]
) -> list[Shift]:
    """Compare each class that has enough images on both sides; the least probable first."""
    kept = _one_of_each(pictures, groups)
    labels = sorted({picture.label for picture in pictures})
    deals = max(_LEAST_DEALS, _DEALS_A_CLASS * len(labels))
    measured = {}
    for label in labels:
        indices = {
            name: [i for i in kept if pictures[i].label == label and pictures[i].set_name == name]
            for name in ("train", "hidden")
        }
        train, hidden = indices["train"][:_MOST], indices["hidden"][:_MOST]
        if min(len(train), len(hidden)) >= _FEWEST:
            distance, p = _compare(vectors[train], vectors[hidden], deals)
            measured[label] = (len(train), len(hidden), distance, p)
    shifted = _holm({label: values[3] for label, values in measured.items()})
    found = [Shift(label, *values, label in shifted) for label, values in measured.items()]
    return sorted(found, key=lambda shift: (shift.p, -shift.distance))


def _one_of_each(pictures: Sequence[Picture], groups: Sequence[Group]) -> list[int]:
    """Return the indices of the pictures, of each group of duplicates only the first in either set."""
    seen: set[tuple[int, str]] = set()
    number = {picture.path: index for index, group in enumerate(groups) for picture in group.pictures}
    kept = []
    for index, picture in enumerate(pictures):
        group = number.get(picture.path)
        if group is not None and (group, picture.set_name) in seen:
            continue
        if group is not None:
            seen.add((group, picture.set_name))
        kept.append(index)
    return kept


def _compare(
    train: npt.NDArray[np.float32], hidden: npt.NDArray[np.float32], deals: int
) -> tuple[float, float]:
    """Return (distance, p) of two heaps."""
    together = np.concatenate([train, hidden]).astype(np.float64)
    products = together @ together.T
    heap = np.concatenate([np.full(len(train), -1 / len(train)), np.full(len(hidden), 1 / len(hidden))])
    chance = np.random.default_rng(_SEED)
    dealt = chance.permuted(np.broadcast_to(heap, (deals, len(heap))), axis=1)
    by_chance = ((dealt @ products) * dealt).sum(axis=1)
    found = float(heap @ products @ heap)
    p = (1 + int((by_chance >= found - 1e-12).sum())) / (1 + deals)
    spread = float(by_chance.std())
    return (found - float(by_chance.mean())) / spread if spread else 0.0, p


def _holm(p_values: Mapping[str, float]) -> set[str]:
    """Return what is still significant when so many things are tested (S. Holm, 1979)."""
    found = set()
    for rank, label in enumerate(sorted(p_values, key=lambda label: p_values[label])):
        if p_values[label] > ALPHA / (len(p_values) - rank):
            break
        found.add(label)
    return found
