"""Which images are asked again, and what an altered copy of one is.

Some images are asked as they are, in another order: an answer that changes depends on chance, or on what was
asked before. Of others an altered copy is asked, which to an eye and to a network is the same picture but has
no pixel, and no size, in common with the first: an answer that is lost was found by the exact pixels, unless
the network is so frail that any change costs answers. That shows in copies of images that it got wrong: a
frail network gets as many of them right by chance as it loses.

No image is asked both ways, so that a process that is asked again cannot know an altered copy by its
likeness to something it has seen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2

from grader.split import Split, SplitImage

MOST = 24
"""Images of each kind."""
_JPEG_QUALITY = 95
_SMALLEST_CROPPED = 16
"""Pixels a side; one less is much to a smaller image."""


@dataclass(frozen=True)
class Probe:
    """One image to be asked again."""

    index: int
    """In the split."""
    is_altered: bool
    was_right: bool
    """Whether the main pass's answer was right."""
    image: SplitImage


def choose_probes(split: Split, is_right: Sequence[bool], identity: str) -> tuple[Probe, ...]:
    """Choose what is asked again; the same for the same grading, so that its report is the same.

    Args:
        split: what was asked in the main pass.
        is_right: by image, whether its answer was right. Of those copies are asked, and of as many others.
        identity: of the grading. It is not secret, and need not be: only who has the split could work out
            which images it chooses, and then know the second pass by them. He gains nothing by it: the
            repeated images ask for the same answers, and the altered copies are not among what he has.
    """
    chance = random.Random(identity)  # noqa: S311 - nothing hangs on its being secret
    order = list(range(len(split.images)))
    chance.shuffle(order)
    count = min(MOST, len(order) // 2)
    repeated, rest = order[:count], order[count:]
    right = [index for index in rest if is_right[index]][:MOST]
    wrong = [index for index in rest if not is_right[index]][:MOST]
    return (
        *(Probe(index, False, is_right[index], split.images[index]) for index in repeated),
        *(Probe(index, True, is_right[index], altered(split.images[index])) for index in (*right, *wrong)),
    )


def altered(image: SplitImage) -> SplitImage:
    """Return the same picture without its first row and column, encoded anew as JPEG of quality 95."""
    pixels = image.pixels("bgr")
    if min(pixels.shape[:2]) >= _SMALLEST_CROPPED:
        pixels = pixels[1:, 1:]
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    # A plain image, whatever the first was: one that keeps its pixels would still show the old ones.
    return SplitImage(image.name, image.label, encoded.tobytes())
