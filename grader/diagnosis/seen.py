"""What the network was given for the charts, as planes; and whether that is the same each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis import charts
from grader.diagnosis.charts import CARD, COLOURS, FAINT_RAMP, GREYS, SHAPES
from grader.diagnosis.photometry import Floats, fit
from grader.diagnosis.planes import Layout, Planes, Tensor, middle, planes_of

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
