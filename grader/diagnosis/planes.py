"""What the network was given for the charts, as planes (channel, height, width); and whether always the same.

The arrays are a stranger's: of any rank and length, with anything in them. What cannot be read is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis import charts
from grader.diagnosis.charts import CARD, COLOURS, FAINT_RAMP, GREYS, SHAPES
from grader.diagnosis.colours import Floats, fit

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
SAME = 0.01
"""Tensors that differ by less than this share of their range, on average, are the same."""
_FIXED = 1e-4
"""A number that differs by less than this share of the range, whatever the colour, is not of the photo."""
_ALL, _NOTHING = 0.97, 0.02
"""Of the input: from that share on the photo fills it; up to that share there is none to speak of."""
_PADDING = 0.01
"""Of the range: so near to the numbers of the padding is padding."""
Mask = npt.NDArray[np.bool_]
_SOLIDS = [charts.solid(colour) for colour in (*((level,) * 3 for level in GREYS), *COLOURS)]


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


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network was given, as planes."""

    arrays: Mapping[str, Sequence[Tensor | None]]
    layout: Layout
    ends: Floats | None = None
    """(C, 2): what black and white became in each plane, if those were scaled after a wrong `reshape`."""
    photo: Mask | None = None
    """(H, W): where the numbers follow from the photo, if it is a wide one; None where they do everywhere."""
    padding: Floats | None = None
    """(C,): the numbers where they do not."""

    def planes(self, name: str, number: int = 0) -> Planes | None:
        """Return what was given for a chart, when it was asked for that time."""
        given = self.arrays.get(name, ())
        if number >= len(given):
            return None
        if self.ends is None:
            return planes_of(given[number], self.layout)
        planes = planes_of(given[number], replace(self.layout, reshaped=False))
        if planes is None or len(planes) != len(self.ends):
            return None
        black, white = self.ends.T[:, :, None, None]
        return planes_of((planes - black) / (white - black) * 255, Layout("CHW", reshaped=True))

    def solids(self) -> dict[str, Floats]:
        """Return the number of each channel for each chart of one colour."""
        given = ((name, self.planes(name)) for name in _SOLIDS)
        return {
            name: np.median(self._of_photo(planes), axis=1) for name, planes in given if planes is not None
        }

    def is_padding(self, *charts_of_a_shape: Planes) -> Mask | None:
        """Return where all of these hold the padding; None where there is none."""
        if self.padding is None:
            return None
        away = np.array([np.abs(planes - self.padding[:, None, None]) for planes in charts_of_a_shape])
        span = max(np.ptp(planes) for planes in charts_of_a_shape)
        return np.asarray((away <= _PADDING * span).all(axis=(0, 1)))

    def _of_photo(self, planes: Planes) -> Floats:
        """Return the numbers in the middle, as one row a channel, or all of the photo if padding is there."""
        if (
            self.photo is None
            or self.photo.shape != planes.shape[1:]
            or middle(self.photo[None].astype(np.float64)).mean() > _ALL
        ):
            return middle(planes)
        inner = cv2.erode(self.photo.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        return np.asarray(planes[:, inner if inner.any() else self.photo])


def without_padding(seen: Seen) -> Seen:
    """Return what was given with the part of it that the photo fills, where that is not all of it."""
    one = seen.planes(_SOLIDS[0])
    if one is None:
        return seen
    least = most = one = np.nan_to_num(one)
    for planes in map(seen.planes, _SOLIDS[1:]):  # one at a time: each may be a stranger's largest
        if planes is None or planes.shape != one.shape:
            return seen
        planes = np.nan_to_num(planes)
        least, most = np.minimum(least, planes), np.maximum(most, planes)
    photo = (most - least).max(axis=0) > _FIXED * (most.max() - least.min())
    if not _NOTHING < photo.mean() < _ALL:
        return seen
    return replace(seen, photo=photo, padding=np.median(one[:, ~photo], axis=1))


def first(seen: Mapping[str, Sequence[Tensor | None]], name: str) -> Tensor | None:
    """Return what was given for a chart when it was first asked for."""
    given = seen.get(name, ())
    return given[0] if len(given) else None


def ends_of(seen: Mapping[str, Sequence[Tensor | None]], layout: Layout) -> Floats | None:
    """Return what black and white became in each plane, if the planes were scaled after a wrong `reshape`."""
    if not layout.reshaped:
        return None
    found = []
    for level in (0, 255):
        planes = planes_of(first(seen, charts.grey(level)), replace(layout, reshaped=False))
        if planes is None or np.ptp(planes, axis=(1, 2)).max() > 1e-3 * np.abs(planes).max():
            return None
        found.append(planes[:, 0, 0])
    if len(found[0]) != len(found[1]):
        return None
    ends = np.array(found).T
    return ends if (ends[:, 0] != ends[:, 1]).all() else None


def is_constant(seen: Seen) -> bool:
    """Whether every chart that was given in the size of the shown card was the same numbers."""
    names = [CARD, FAINT_RAMP, *_SOLIDS, *(charts.ramp(shape, axis) for shape in SHAPES for axis in "xy")]
    found = (planes for planes in map(seen.planes, names) if planes is not None)
    one, count = next(found, None), 1
    for planes in found:
        if one is None or not np.array_equal(planes, one, equal_nan=True):
            return False
        count += 1
    return count > 2


def differs_again(seen: Seen) -> bool:
    """Return whether the same card becomes other numbers when it is asked again."""
    found = [planes for planes in (seen.planes(CARD, number) for number in range(3)) if planes is not None]
    return any(apart(found[0], again) > SAME for again in found[1:])


def apart(one: Planes, two: Planes) -> float:
    """Return the mean difference, as a share of the range; 1 where the shapes differ."""
    if one.shape != two.shape:
        return 1.0
    one, two = np.nan_to_num(one), np.nan_to_num(two)
    return float(np.abs(one - two).mean() / (np.ptp(one) + 1e-12))


def follows_from_before(table: Floats) -> bool:
    """Whether the numbers for each colour follow from it and from the colours before it."""
    if np.ptp(table, axis=0).max() <= 1e-6 * np.abs(table).max():
        return False
    colours = np.array([*((level,) * 3 for level in GREYS), *COLOURS], np.float64)
    ones = np.ones((len(colours), 1))
    before = np.r_[colours[:1] * 0, colours[:-1]]
    so_far = np.cumsum(colours, axis=0) / np.arange(1, len(colours) + 1)[:, None]
    for memory in (before, so_far.mean(axis=1, keepdims=True), so_far):
        _, _, error = fit(table[1:], np.c_[colours, memory, ones][1:])
        if error < SAME:
            return True
    return False
