"""The parts of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reference.training.head import IntArray


def assign_folds(labels: IntArray, contents: Sequence[bytes], folds: int, seed: int) -> IntArray:
    """Return the part of each image, (N,) in [0, folds): classes spread evenly, equal contents together."""
    rng = np.random.default_rng(seed)
    part_of: dict[bytes, int] = {}
    for label in np.unique(labels):
        new = sorted({contents[i] for i in np.flatnonzero(labels == label)} - part_of.keys())
        for place, index in enumerate(rng.permutation(len(new))):
            part_of[new[index]] = place % folds
    return np.array([part_of[content] for content in contents], dtype=np.int64)
