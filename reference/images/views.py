"""The views of an image that the head learns from, and those that a submission looks at.

The backbone is frozen, so augmentation happens once, before the features are computed, and every view costs a
forward pass. Which views are worth it was found by cross-validation on training images, see `reference.tune`.

To learn from: the evaluation transform, which crops the edges off; the whole image, mirrored, which differs
from it in two ways at once; then mild random crops. The course's own augmentation (crops down to 8 % of the
area, changed colours) is worth less, for a linear head need not know pictures that it will never be asked
about.

To look at: the first two of these, and if wanted the same the other way round. The logits are averaged; for a
linear head that is the same as averaging the features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from src_mindspore.transforms import RESIZED, SIZE, evaluation_transform, training_transform

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


@dataclass(frozen=True)
class TestView:
    """A view that a submission looks at, in numbers that can stand in its `main.py`.

    Attributes:
        resized: edge of the square that the image is resized to before its 224x224 centre is taken.
        mirrored: left and right exchanged first.
    """

    __test__ = False  # no test case, whatever pytest makes of the name

    resized: int
    mirrored: bool

    def make(self, image: Image) -> Input:
        """Return the network's input, float32 (3, 224, 224), for an image uint8 (H, W, 3) BGR."""
        return evaluation_transform(image[:, ::-1] if self.mirrored else image, self.resized)

    @property
    def view(self) -> View:
        """The same for the feature cache."""
        return View(f"resized {self.resized} mirrored {self.mirrored}", self.make)


TEST_VIEWS = (
    TestView(RESIZED, mirrored=False),
    TestView(SIZE, mirrored=True),
    TestView(RESIZED, mirrored=True),
    TestView(SIZE, mirrored=False),
)
EVALUATION = TEST_VIEWS[0].view


def training_views(count: int, of_tail: bool = False) -> tuple[View, ...]:
    """Return the first `count` views: two without chance, then random crops.

    Args:
        count: how many.
        of_tail: they are for the last blocks of the network, which a submission shows the evaluation view
            alone: the second view is that one's mirror image, and not the whole image mirrored.
    """
    second = TEST_VIEWS[2] if of_tail else TEST_VIEWS[1]
    crops = [View(f"crop {CROP_SCALE} seed {SEED} number {index}", _crop(index)) for index in range(2, count)]
    return (EVALUATION, second.view, *crops)[:count]


def _crop(index: int) -> Callable[[Image], Input]:
    """Crop and perhaps flip at random, seeded by the image's content: a copy gets the same view."""

    def make(image: Image) -> Input:
        content = hashlib.sha256(image.tobytes()).digest()
        rng = np.random.default_rng([SEED, index, *content])
        return training_transform(image, rng, scale=CROP_SCALE, jitter=0.0)

    return make
