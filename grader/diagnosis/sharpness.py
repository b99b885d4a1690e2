"""How much detail of a picture arrives: blur, and thumbnails that were enlarged again."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.photometry import Floats

_SIGMAS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0)
_SIDES = (
    *(160, 144, 128, 112, 98, 92, 84, 76, 70, 64, 60, 56, 52, 48, 44, 42, 40, 36, 32, 30, 28, 26, 24, 22, 20),
    *(18, 16, 14),
)
_LEAST_SIGMA = 1.0
_LARGEST_SIDE = 128
"""What blurs less, or keeps more, is a matter of interpolation, and no fault."""
_BETTER = 0.6
"""A blurred picture must explain what was given with at most that share of the error of the sharp one."""
_EQUAL = 0.02
"""Below this error nothing is lost: the texture's cells by themselves look like an enlarged thumbnail."""
_UNLIKE = 0.35
"""Above this error, in parts of the range, what was given is not the picture at all."""


def sharpness_of(expected: Floats, given: Floats) -> tuple[str, float]:
    """Return `sharp`, `blurred` and the sigma, or `coarse` and the side of the thumbnail.

    Args:
        expected: (H, W), what the network would be given of a texture without any loss, 0..1.
        given: (H, W), what it was given.
    """
    size = expected.shape[1], expected.shape[0]
    whole = np.asarray(expected, np.float32)
    best, least = ("sharp", 0.0), _error(whole, given)
    sharp = least
    for sigma in _SIGMAS:
        error = _error(cv2.GaussianBlur(whole, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), given)
        if error < least:
            best, least = ("blurred", sigma), error
    for side in _SIDES:
        if side < min(size):
            small = cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)
            for kind in (cv2.INTER_LINEAR, cv2.INTER_NEAREST, cv2.INTER_CUBIC):
                error = _error(cv2.resize(small, size, interpolation=kind), given)
                if error < least:
                    best, least = ("coarse", float(side)), error
    if sharp < _EQUAL or least > min(_BETTER * sharp, _UNLIKE):
        return "sharp", 0.0
    if best[0] == "blurred":
        return best if best[1] >= _LEAST_SIGMA else ("sharp", 0.0)
    return best if best[1] <= _LARGEST_SIDE else ("sharp", 0.0)


def _error(picture: npt.NDArray[np.float32], given: Floats) -> float:
    inner = slice(8, -8)
    return float(np.sqrt(np.mean((picture[inner, inner] - given[inner, inner]) ** 2)))
