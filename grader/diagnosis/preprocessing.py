"""The preprocessing of a program as it was identified: one value, and the lab's own beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from grader.diagnosis.geometry import FULL, Box, Map
from grader.diagnosis.photometry import MEAN, STD, Floats
from grader.diagnosis.planes import Layout

SIZE = (224, 224)


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What happens to a photo before the network gets it; the first value of each is the lab's own."""

    layout: Layout
    batch: int
    channels: int
    size: tuple[int, int]
    """Height and width."""
    dtype: str
    matrix: Floats | None
    """(C, 3): the network is given `matrix @ rgb + offset` for a pixel of 0..255, or would be if that was not
    clipped or wrapped; None where that is not so."""
    offset: Floats | None
    """(C,)."""
    colour: str
    """rgb, bgr, permuted, one-channel, grey, empty-channel, ycrcb, yuv, hsv, hls, lab, mixed;
    unknown."""
    negative: bool
    scale: str
    """standard, or the name of another scale; other; unknown."""
    by_source: bool
    """Whether mean and std follow the colours where the order of the colours is not the lab's."""
    linearity: str
    """linear, clipped, wrapped, rounded, floored, threshold, curved, unlike; unknown."""
    by_image: str
    """Empty, own-mean, own-range, own-other, equalised."""
    orientation: str
    """upright, upside-down, mirrored, turned-over, turned-left, turned-right, exchanged, exchanged-over,
    slanted, scrambled; unknown."""
    crop: str
    """squash-crop, stretch, short-side-crop, pad, zoomed, or the part that is kept (top-left); unknown."""
    maps: Mapping[str, Map] = field(default_factory=dict)
    """For each shape of the charts, the place in the photo of each point of the input."""
    box: Box = FULL
    """The part of a wide photo that is seen."""
    sharpness: str = "sharp"
    """sharp, blurred, coarse, lost."""
    detail: float = 0.0
    """The blur's sigma, in pixels of the input; or the side of the thumbnail."""
    covered: float = 1.0
    """The share of the input that a wide photo reaches, if it is not padded."""
    is_random: bool = False
    is_stateful: bool = False
    is_constant: bool = False


LAB = Preprocessing(
    layout=Layout("NCHW"),
    batch=1,
    channels=3,
    size=SIZE,
    dtype="float32",
    matrix=(1 / 255 / STD)[:, None] * [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]],
    offset=-MEAN / STD,
    colour="rgb",
    negative=False,
    scale="standard",
    by_source=False,
    linearity="linear",
    by_image="",
    orientation="upright",
    crop="squash-crop",
)
"""RGB, resized to 256x256, the centre of 224x224, ImageNet's mean and std."""

PIXELS = replace(LAB, layout=Layout("NHWC"), matrix=np.eye(3), offset=np.zeros(3), scale="raw", dtype="uint8")
"""The same without a scale, for a network that scales by itself."""
