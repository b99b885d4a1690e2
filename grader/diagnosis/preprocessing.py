"""The preprocessing of a program as it was identified, and the steps in which it is not the lab's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from grader.diagnosis.colours import MEAN, STD, Floats
from grader.diagnosis.geometry import FULL, Box, Map
from grader.diagnosis.planes import Layout, Tensor, planes_of
from grader.errors import Language
from grader.printable import as_written
from grader.wording import table

SIZE = (224, 224)
_WITHIN = (-40.0, 295.0)
"""Pixels that, scaled back, lie here for the most part were scaled in the lab's way, or nearly."""
_LEAST_CONTRAST = 25.0
_HIDDEN = 0.04
"""Of the input: less than that without the photo is a matter of its edges."""


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

    @property
    def is_mixed(self) -> bool:
        """Whether the axes were changed by `reshape` before the picture was resized.

        Then the three colours of a pixel lie side by side: resizing makes one grey of them, and no picture is
        left.
        """
        return self.colour == "grey" and self.orientation == "scrambled"


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


@dataclass(frozen=True)
class Difference:
    """One step that is not the standard's."""

    step: str
    """colour, scale, linearity, by-image, geometry, layout, sharpness, random, state; training; network;
    readout."""
    code: str
    """Of `grader/wording/seams.toml`."""
    details: Mapping[str, object] = field(default_factory=dict, compare=False)

    def sentence(self, language: Language) -> str:
        """Return the difference in one sentence."""
        text: str = table("seams")[self.code][language]
        return text.format(**self.details)

    def title(self, language: Language) -> str:
        """Return what the sentence says before its colon: the difference, and not what comes of it."""
        head, *_ = re.split("：|: ", self.sentence(language), maxsplit=1)
        return head.rstrip(".。")

    def help(self, language: Language) -> str | None:
        """Return what to do about it; None where it is what is to be done about any of its kind."""
        text: str | None = table("seams")[self.code].get("help" if language == "en" else "help_zh")
        return None if text is None else text.format(**self.details)


def differences(found: Preprocessing, standard: Preprocessing = LAB) -> tuple[Difference, ...]:
    """Return the steps in which a preprocessing is not the standard one, the grossest first.

    What could not be found out is no difference; nor are the interpolation, the order of the axes and the
    size of the batch, which the network would not have taken otherwise.
    """
    if found.is_constant:
        return (Difference("state", "constant"),)
    if found.is_stateful:
        return (Difference("state", "stateful"),)
    return (*_of_values(found, standard), *_of_places(found, standard))


def _of_values(found: Preprocessing, standard: Preprocessing) -> Iterator[Difference]:
    if found.is_random:
        yield Difference("random", "random")
    elif found.linearity not in ("unknown", standard.linearity):
        yield Difference("linearity", found.linearity)
    if found.by_image != standard.by_image and found.by_image:
        yield Difference("by-image", found.by_image)
    if found.colour not in ("unknown", standard.colour) and not found.is_mixed:
        yield Difference("colour", found.colour)
    if found.negative != standard.negative:
        yield Difference("colour", "negative")
    follows = found.scale == "other" and found.linearity not in ("unknown", "linear")
    if found.scale not in ("unknown", standard.scale) and not follows:
        code = "scale-other" if found.scale == "other" else found.scale
        code = "scaled-before" if standard.scale == "raw" else code
        yield Difference("scale", code, _ends(found, standard))


def _of_places(found: Preprocessing, standard: Preprocessing) -> Iterator[Difference]:
    if found.is_mixed or found.layout.reshaped != standard.layout.reshaped:
        yield Difference("layout", "reshaped")
    if found.orientation not in ("unknown", standard.orientation) and not found.is_mixed:
        yield Difference("geometry", found.orientation)
    if found.crop not in ("unknown", standard.crop):
        yield Difference("geometry", found.crop, {"share": round(100 * found.box.share)})
    if standard.covered - found.covered > _HIDDEN:
        yield Difference("geometry", "masked", {"share": round(100 * found.covered)})
    if found.size != standard.size:
        (height, width), (right_height, right_width) = found.size, standard.size
        sides = {"height": height, "width": width, "right_height": right_height, "right_width": right_width}
        yield Difference("geometry", "size", sides)
    if found.sharpness != standard.sharpness:
        yield Difference("sharpness", found.sharpness, {"side": round(found.detail)})


def _ends(found: Preprocessing, standard: Preprocessing) -> dict[str, object]:
    """Return what black and white become, and what they should: the mean of the channels."""
    black, white = _black_and_white(found)
    right_black, right_white = _black_and_white(standard)
    return {"black": black, "white": white, "right_black": right_black, "right_white": right_white}


def _black_and_white(found: Preprocessing) -> tuple[str, str]:
    if found.matrix is None or found.offset is None:
        return "?", "?"
    black = found.offset.mean()
    return as_written(black), as_written(black + 255 * found.matrix.sum(axis=1).mean())


def seen_picture(found: Preprocessing, tensor: Tensor) -> npt.NDArray[np.uint8] | None:
    """Return what the network was given, as a picture (H, W, 3) in RGB; None where it is none.

    The lab's scale is undone. Where that gives no picture, the numbers are stretched to 0..255.
    """
    pixels = _scaled_back(found, tensor)
    if pixels is None:
        return None
    if _is_no_picture(pixels):
        pixels = _stretched(pixels)
    return np.asarray(np.clip(pixels.round(), 0, 255).astype(np.uint8).transpose(1, 2, 0))


def is_stretched(found: Preprocessing, tensor: Tensor) -> bool:
    """Whether the numbers had to be stretched to be seen."""
    pixels = _scaled_back(found, tensor)
    return pixels is not None and _is_no_picture(pixels)


def _scaled_back(found: Preprocessing, tensor: Tensor) -> Floats | None:
    """Return the pixels (3, H, W) that the lab's scale would have made these numbers of."""
    planes = planes_of(tensor, replace(found.layout, reshaped=False))
    if planes is None:
        return None
    planes = np.nan_to_num(planes)
    if len(planes) >= 3:
        return np.asarray((planes[:3] * STD[:, None, None] + MEAN[:, None, None]) * 255)
    return np.asarray(np.repeat(planes[:1] * STD.mean() + MEAN.mean(), 3, axis=0) * 255)


def _is_no_picture(pixels: Floats) -> bool:
    low, high = np.quantile(pixels, (0.02, 0.98))
    return bool(low < _WITHIN[0] or high > _WITHIN[1] or high - low < _LEAST_CONTRAST)


def _stretched(pixels: Floats) -> Floats:
    low, high = np.quantile(pixels, (0.01, 0.99))
    if high <= low:
        low, high = pixels.min(), pixels.max()
    return np.asarray((pixels - low) / max(high - low, 1e-12) * 255)
