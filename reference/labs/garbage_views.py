"""The garbage lab's passes: the course's augmentation, once for each pass over the images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from src_mindspore.transforms import training_transform

from reference.images.views import Image, Input, View


def augmented_passes(count: int, seed: int) -> tuple[View, ...]:
    """Return `count` random views: crops of 8 to 100 % of the area, flipped or not, colours changed.

    A view is seeded by the image's content, so that it can be found in the feature cache again; another
    `seed` gives other views.
    """
    return tuple(
        View(f"course augmentation seed {seed} pass {number}", _augmented(seed, number))
        for number in range(count)
    )


def _augmented(seed: int, number: int) -> Callable[[Image], Input]:
    def make(image: Image) -> Input:
        content = hashlib.sha256(image.tobytes()).digest()
        return training_transform(image, np.random.default_rng([seed, number, *content]))

    return make
