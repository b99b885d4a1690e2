"""What looking at several views of an image costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reference.features.extraction import Backbone
from reference.images.reading import Image, decode_file, file_digest
from reference.images.views import View

IMAGES = 15  # enough for a median, and done in half a second


def cost_ratio(paths: Sequence[Path], views: Sequence[View], backbone: Backbone) -> float:
    """Return the time that an image takes in all `views`, in multiples of the time in the first alone.

    Making the views and running the backbone are timed, all that a prediction does but for the small head.
    The first `IMAGES` images are asked both ways in turn, and the medians divided.
    """
    first: list[float] = []
    all_of_them: list[float] = []
    for path in paths[:IMAGES]:
        image = decode_file(path, file_digest(path))
        first.append(_seconds(image, views[:1], backbone))
        all_of_them.append(_seconds(image, views, backbone))
    return statistics.median(all_of_them) / statistics.median(first)


def _seconds(image: Image, views: Sequence[View], backbone: Backbone) -> float:
    begun = time.perf_counter()
    backbone.extract(np.stack([view.make(image) for view in views]))
    return time.perf_counter() - begun
