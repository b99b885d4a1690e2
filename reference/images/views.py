"""The views of an image that the head learns from.

The backbone is frozen, so augmentation happens once, before the features are computed, and every view costs a
forward pass. Which views are worth it was found by cross-validation on training images, see `reference.tune`:
the mirror image is, and mild random crops are; the course's own augmentation (crops down to 8 % of the area,
changed colours) is worth less, for a linear head need not know pictures that it will never be asked about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.transforms import evaluation_transform, training_transform

Image: TypeAlias = npt.NDArray[np.uint8]
Input: TypeAlias = npt.NDArray[np.float32]

SEED = 0
CROP_SCALE = (0.35, 1.0)  # share of the area that a random crop keeps


@dataclass(frozen=True)
class View:
    """One way of looking at an image.

    Attributes:
        identity: says everything that decides the view, but for the image and the code; part of the cache
            key.
        make: uint8 (H, W, 3) BGR to the network's input, float32 (3, 224, 224).
    """

    identity: str
    make: Callable[[Image], Input]


EVALUATION = View("evaluation", evaluation_transform)


def training_views(count: int) -> tuple[View, ...]:
    """Return the first `count` views: the evaluation transform, its mirror image, then random crops."""
    crops = [View(f"crop {CROP_SCALE} seed {SEED} number {index}", _crop(index)) for index in range(2, count)]
    return (EVALUATION, View("mirror", _mirror), *crops)[:count]


def _mirror(image: Image) -> Input:
    return evaluation_transform(np.ascontiguousarray(image[:, ::-1]))


def _crop(index: int) -> Callable[[Image], Input]:
    """Crop and perhaps flip at random, seeded by the image's content: a copy gets the same view."""

    def make(image: Image) -> Input:
        content = hashlib.sha256(image.tobytes()).digest()
        rng = np.random.default_rng([SEED, index, *content])
        return training_transform(image, rng, scale=CROP_SCALE, jitter=0.0)

    return make
