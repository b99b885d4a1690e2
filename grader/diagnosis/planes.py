"""From an array that went into a network to planes (channel, height, width): which axis is which.

The arrays are a stranger's: of any rank and length, with anything in them. What cannot be read is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.generic]
"""What a network was given: of any number type and rank."""
Planes = npt.NDArray[np.float64]
"""(C, H, W)."""

_CHANNELS = (3, 1, 4)
_LEAST, _MOST = 8, 4096
"""Of a picture's sides."""
_LEAST_FLAT = 64
"""Of the sides of a picture in one row: shorter rows are features, such as 768 = 3 x 16 x 16."""
_KEPT = 640
"""Larger sides are thinned out to at most that many."""
_HUGE = 1e30
"""Larger numbers are cut, so that no sum of squares overflows."""
_UNLIKE = 0.05
"""A picture of one colour whose values differ by more than this share of their size is not one picture."""


@dataclass(frozen=True)
class Layout:
    """How a tensor holds a picture."""

    axes: str
    """The axes in order, such as `NCHW`, or those of the picture that a `flat` tensor was."""
    flat: bool = False
    reshaped: bool = False
    """Whether the numbers lie in the other order than the axes say: `reshape` where `transpose` was due."""

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before height and width."""
        return self.axes.endswith("CHW") or "C" not in self.axes


def layout_of(arrays: Iterable[Tensor | None]) -> Layout | None:
    """Return the layout of tensors that are of pictures of one colour each, strong colours best."""
    given = [array for array in arrays if array is not None]
    if not given:
        return None
    candidates = _candidates(given[0].shape)
    if not candidates:
        return None
    uneven = [sum(_unevenness(planes_of(array, layout)) for array in given) for layout in candidates]
    other = int(np.argmin(uneven))
    if uneven[0] > _UNLIKE * len(given) and uneven[other] < uneven[0] / 4:
        return candidates[other]
    return candidates[0]


def planes_of(array: Tensor | None, layout: Layout) -> Planes | None:
    """Return the first picture of a tensor, numbers that are none as they are; None where it does not fit."""
    if array is None or array.dtype.kind not in "buif" or not array.size:
        return None
    shape = _flat_shape(array.size, layout.axes) if layout.flat else array.shape[-len(layout.axes) :]
    if len(shape) != len(layout.axes) or layout.axes not in {each.axes for each in _candidates(shape)}:
        return None
    first = array.reshape(-1, *shape)[0]
    picture = first[0] if layout.axes.startswith("N") else first
    if "C" not in layout.axes:
        picture = picture[None]
    planes = _ordered(picture, layout)
    _, height, width = planes.shape
    planes = planes[:, :: -(-height // _KEPT), :: -(-width // _KEPT)]
    return np.asarray(np.clip(planes.astype(np.float64), -_HUGE, _HUGE))


def middle(planes: Planes) -> npt.NDArray[np.float64]:
    """Return the middle half of each plane, as one row a channel: what padding seldom reaches."""
    count, height, width = planes.shape
    inner = planes[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    return inner.reshape(count, -1)


def _ordered(picture: Tensor, layout: Layout) -> Tensor:
    """Return a picture's values with the channels first."""
    if layout.channels_first:
        count, height, width = picture.shape
        return picture.reshape(height, width, count).transpose(2, 0, 1) if layout.reshaped else picture
    height, width, count = picture.shape
    return picture.reshape(count, height, width) if layout.reshaped else picture.transpose(2, 0, 1)


def _candidates(shape: tuple[int, ...]) -> list[Layout]:
    """Return the layouts that a shape can have, the likeliest first."""
    axes = _axes(shape[-4:])
    if axes and "C" in axes:
        return [Layout(axes), Layout(axes, reshaped=True)]
    if axes:
        return [Layout(axes)]
    size = int(np.prod(shape[-2:])) if len(shape) <= 2 else 0
    return [Layout(axes, flat=True) for axes in ("CHW", "HWC") if _flat_shape(size, axes)]


def _axes(shape: tuple[int, ...]) -> str:
    batch, rest = ("N", shape[1:]) if len(shape) == 4 else ("", shape)
    if len(rest) == 3 and rest[0] in _CHANNELS and _are_sides(rest[1:]):
        return batch + "CHW"
    if len(rest) == 3 and rest[2] in _CHANNELS and _are_sides(rest[:2]):
        return batch + "HWC"
    if len(rest) == 3 and not batch and rest[0] and _are_sides(rest[1:]):
        return "NHW"
    return "HW" if len(rest) == 2 and _are_sides(rest) else ""


def _are_sides(sides: tuple[int, ...]) -> bool:
    return all(_LEAST <= side <= _MOST for side in sides)


def _flat_shape(size: int, axes: str) -> tuple[int, ...]:
    """Return the shape of the square picture in colour that so many numbers are; empty if none is."""
    side = round((size / 3) ** 0.5)
    if 3 * side * side != size or not _LEAST_FLAT <= side <= _MOST:
        return ()
    return (3, side, side) if axes == "CHW" else (side, side, 3)


def _unevenness(planes: Planes | None) -> float:
    """Return how far the values of a plane are from one value, as a share of how large they are."""
    if planes is None:
        return 0.0
    values = np.nan_to_num(middle(planes), nan=0.0)
    apart = np.abs(values - np.median(values, axis=1, keepdims=True)).mean()
    return float(apart / (np.abs(values).mean() + 1e-12))
