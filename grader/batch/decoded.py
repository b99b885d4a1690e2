"""A split whose images are decoded once, for a whole class."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from grader.split import ChannelOrder, Split, SplitImage

MOST_BYTES = 1 << 30
"""Pixels that are kept; images beyond it are decoded anew each time."""


@dataclass(frozen=True, eq=False)
class DecodedImage(SplitImage):
    """An image with its pixels, in the order that the assignment asks for."""

    kept: npt.NDArray[np.uint8]
    order: ChannelOrder

    def pixels(self, channel_order: ChannelOrder) -> npt.NDArray[np.uint8]:
        """Return the pixels, read-only: every submission gets the same array's bytes."""
        return self.kept if channel_order == self.order else super().pixels(channel_order)


def decoded(split: Split, order: ChannelOrder, most_bytes: int = MOST_BYTES) -> Split:
    """Return the same split with its images decoded, as many as fit."""
    images: list[SplitImage] = []
    for image in split.images:
        pixels = image.pixels(order)
        pixels.flags.writeable = False
        most_bytes -= pixels.nbytes
        fits = most_bytes >= 0
        images.append(DecodedImage(image.name, image.label, image.encoded, pixels, order) if fits else image)
    return replace(split, images=tuple(images))
