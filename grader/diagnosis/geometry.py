"""Where each point of the network's input lies in the photo: as an affine map, and by its name.

Both are measured in unit squares: (0, 0) is the upper left corner, (1, 1) the lower right, x before y.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.charts import SHAPES, Picture

Floats = npt.NDArray[np.float64]
Map = Floats
"""(2, 3): x and y in the photo from (x, y, 1) in the input."""

_NEAR, _NEARER = 0.04, 0.015
"""How far from the map a point may lie that belongs to it: at first, and once more."""
_LEAST_SHARE = 0.5
"""Of the points in the middle that must belong to the map."""
_SAME = 0.02
"""Edges that lie so near each other are the same, in photo widths."""
_LAB_MARGIN = 1 / 16
"""256 pixels less 224, on each side."""
_PADDED = 0.03
_SQUARE_PIXELS = 0.04
_WHOLE = 0.8
"""A crop that keeps this share of the short side is the usual one; a smaller one has zoomed in."""
_SLANTED = 0.04
_LEAST_SLOPE = 0.02

ORIENTATIONS: dict[str, Floats] = {
    "upright": np.array([[1.0, 0], [0, 1]]),
    "upside-down": np.array([[1.0, 0], [0, -1]]),
    "mirrored": np.array([[-1.0, 0], [0, 1]]),
    "turned-over": np.array([[-1.0, 0], [0, -1]]),
    "exchanged": np.array([[0.0, 1], [1, 0]]),
    "turned-right": np.array([[0.0, 1], [-1, 0]]),
    "turned-left": np.array([[0.0, -1], [1, 0]]),
    "exchanged-over": np.array([[0.0, -1], [-1, 0]]),
}
"""Signs of a map's linear part: flips, turns by 90 degrees and the exchange of height and width."""
USUAL_CROPS = ("squash-crop", "stretch", "short-side-crop", "pad", "zoomed", "top-left")


@dataclass(frozen=True)
class Box:
    """The part of a photo that is seen; beyond 0 and 1 lies padding."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def share(self) -> float:
        """Return the share of the photo that lies in the box."""
        width = min(self.right, 1) - max(self.left, 0)
        height = min(self.bottom, 1) - max(self.top, 0)
        return max(width, 0) * max(height, 0)


LAB = Box(_LAB_MARGIN, _LAB_MARGIN, 1 - _LAB_MARGIN, 1 - _LAB_MARGIN)
FULL = Box(0, 0, 1, 1)


def affine_of(across: Floats, down: Floats) -> Map | None:
    """Return the map that gives the places which two ramps show, or None if no affine map does.

    Args:
        across: (H, W), the place in the photo from left to right, 0..1, of each point of the input.
        down: (H, W), the same from top to bottom.
    """
    if across.shape != down.shape:
        return None
    rows = [_line_of(places) for places in (across, down)]
    return None if rows[0] is None or rows[1] is None else np.array(rows)


def _line_of(places: Floats) -> Floats | None:
    """Return (slope in x, slope in y, start) of places that are a linear function, padding apart."""
    height, width = places.shape
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    is_known = np.isfinite(places) & (places > 0.01) & (places < 0.99)
    if is_known.mean() < 0.02:
        return None
    slope_u, slope_v = _slope(places, is_known, 1), _slope(places, is_known, 0)
    line = np.array([slope_u, slope_v, np.median((places - slope_u * u - slope_v * v)[is_known])])
    features = np.stack([u, v, np.ones_like(u)], axis=-1)
    for near in (_NEAR, _NEARER, _NEARER):
        fits = is_known & (np.abs(features @ line - places) < near)
        if fits.sum() < _LEAST_SHARE * is_known.sum():
            return None
        line = np.linalg.lstsq(features[fits], places[fits], rcond=None)[0]
    return line


def _slope(places: Floats, is_known: npt.NDArray[np.bool_], axis: int) -> float:
    """Return how much places grow over the whole input along an axis: the median over a quarter of it."""
    length = places.shape[axis]
    step = max(1, length // 4)
    here, there = (slice(None),) * axis + (slice(step, None),), (slice(None),) * axis + (slice(None, -step),)
    both = is_known[here] & is_known[there]
    return float(np.median((places[here] - places[there])[both]) * length / step) if both.any() else 0.0


def orientation_of(found: Map) -> str:
    """Return the name of the nearest orientation; `slanted`; `unknown` where hardly any place is seen."""
    if np.abs(found[:, :2]).max(axis=1).min() < _LEAST_SLOPE:
        return "unknown"
    linear = found[:, :2] / np.maximum(np.abs(found[:, :2]).max(axis=1, keepdims=True), 1e-9)
    for name, signs in ORIENTATIONS.items():
        if np.abs(linear - signs).max() < _SLANTED:
            return name
    return "slanted"


def box_of(found: Map) -> Box:
    """Return the part of the photo that a map sees."""
    corners = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]) @ found.T
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))


def map_of(orientation: str, box: Box) -> Map:
    """Return the map that sees a box in an orientation."""
    size = np.array([box.right - box.left, box.bottom - box.top])
    linear = ORIENTATIONS[orientation] * size[:, None]
    start = np.array([box.left, box.top]) - np.minimum(linear, 0).sum(axis=1)
    return np.asarray(np.c_[linear, start])


def crop_of(boxes: Mapping[str, Box]) -> str:
    """Return the name of the way in which the part that is seen depends on the shape of the photo."""
    if not boxes:
        return "unknown"
    for name, box in (("squash-crop", LAB), ("stretch", FULL)):
        if all(_are_same(each, box) for each in boxes.values()):
            return name
    edges = np.array([[each.left, each.top, 1 - each.right, 1 - each.bottom] for each in boxes.values()])
    if edges.min() < -_PADDED:
        return "pad"
    if np.abs(edges[:, :2] - edges[:, 2:]).max() > 2 * _SAME:
        return _corner(edges)
    if all(_has_square_pixels(shape, box) for shape, box in boxes.items() if shape != "square"):
        longest = max(max(each.right - each.left, each.bottom - each.top) for each in boxes.values())
        return "short-side-crop" if longest >= _WHOLE else "zoomed"
    return "zoomed" if edges.mean() > _LAB_MARGIN else "stretch"


def _are_same(box: Box, other: Box) -> bool:
    return bool(np.abs(np.array(astuple(box)) - np.array(astuple(other))).max() < _SAME)


def _has_square_pixels(shape: str, box: Box) -> bool:
    height, width = SHAPES[shape]
    ratio = (box.right - box.left) * width / max((box.bottom - box.top) * height, 1e-9)
    return abs(ratio - 1) < _SQUARE_PIXELS


def _corner(edges: Floats) -> str:
    """Return which part is seen, from what is cut off at left, top, right and bottom."""
    cut = edges[np.abs(edges[:, :2] - edges[:, 2:]).max(axis=1).argmax()]
    across, down = cut[0] - cut[2], cut[1] - cut[3]
    vertical = "" if abs(down) <= 2 * _SAME else "top" if down < 0 else "bottom"
    horizontal = "" if abs(across) <= 2 * _SAME else "left" if across < 0 else "right"
    return "-".join(filter(None, (vertical, horizontal)))


# -- where only the look of the cards says what was done -----------------------------------------------------


@dataclass(frozen=True, eq=False)
class Guess:
    """The likeliest of the usual geometries."""

    orientation: str
    crop: str
    agreement: float
    """From 0 to 1: how much of what the network was given follows from the picture under this geometry."""


def guess(cards: Mapping[str, tuple[Picture, Floats]]) -> Guess:
    """Return the usual geometry under which what the network was given follows best from the picture.

    Args:
        cards: for each shape the picture (H, W, 3) and what was given for it (C, h, w). How a pixel's value
            became a number does not matter, as long as equal values became equal numbers.
    """
    best = Guess("upright", "squash-crop", 0.0)
    few = {shape: (picture, thinned(given)) for shape, (picture, given) in cards.items()}
    for orientation in ORIENTATIONS:
        for crop, maps in _usual(orientation, [*cards]):
            each = [
                agreement(sampled(picture, maps[shape], (56, 56)), given)
                for shape, (picture, given) in few.items()
            ]
            total = float(np.mean(each)) if each else 0.0
            if total > best.agreement + 0.01:
                best = Guess(orientation, crop, total)
    return best


def usual_map(orientation: str, crop: str, shape: str) -> Map:
    """Return the map of one of the usual geometries for photos of one of SHAPES."""
    return map_of(orientation, _usual_box(crop, shape))


def _usual(orientation: str, shapes: list[str]) -> Iterator[tuple[str, dict[str, Map]]]:
    for crop in USUAL_CROPS:
        yield crop, {shape: usual_map(orientation, crop, shape) for shape in shapes}


def _usual_box(crop: str, shape: str) -> Box:
    height, width = SHAPES[shape]
    short, long = min(height, width), max(height, width)
    if crop in ("short-side-crop", "pad"):
        keep = (short * 7 / 8) if crop == "short-side-crop" else long
        across, down = (1 - keep / width) / 2, (1 - keep / height) / 2
        return Box(across, down, 1 - across, 1 - down)
    return {
        "squash-crop": LAB,
        "stretch": FULL,
        "zoomed": Box(0.28125, 0.28125, 0.71875, 0.71875),
        "top-left": Box(0, 0, min(1, 224 / width), min(1, 224 / height)),
    }[crop]


def is_inside(found: Map, size: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which points of an input of that size (height, width) lie in the photo."""
    rows, columns = size
    u, v = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    places = np.stack([u, v, np.ones_like(u)], axis=-1) @ found.T
    return np.asarray(((places > 0) & (places < 1)).all(axis=-1))


def sampled(picture: Picture | Floats, found: Map, size: tuple[int, ...]) -> Floats:
    """Return what an input of that size (height, width) sees of a picture, (C, h, w)."""
    height, width = picture.shape[:2]
    rows, columns = size
    to_pixels = np.diag([width, height]) @ found @ np.array(
        [[1 / columns, 0, 0.5 / columns], [0, 1 / rows, 0.5 / rows], [0, 0, 1]]
    ) - np.array([[0, 0, 0.5], [0, 0, 0.5]])
    seen = cv2.warpAffine(
        picture.astype(np.float32),
        to_pixels,
        (columns, rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(seen.reshape(rows, columns, -1).transpose(2, 0, 1), np.float64)


def agreement(expected: Floats, given: Floats) -> float:
    """Return how much of the numbers given follows from the values expected, whatever the function."""
    shades = [_shades(values) for values in _with_grey(expected)]
    total = [_explained(shades, numbers) for numbers in given]
    return float(np.mean(total)) if total else 0.0


def _shades(values: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which of 32 shades each of the values 0..255 has, and how often each is there, at least once."""
    shade = np.clip(values.ravel() / 8, 0, 31).astype(np.intp)
    return shade, np.maximum(np.bincount(shade, minlength=32), 1)


def _explained(shades: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]], numbers: Floats) -> float:
    """Return the correlation ratio: the share of the variance of numbers that shades explain, of the best."""
    numbers = np.nan_to_num(numbers.ravel())
    total = ((numbers - numbers.mean()) ** 2).sum()
    if total <= 0:
        return 0.0
    among = max((np.bincount(shade, numbers, 32) ** 2 / count).sum() for shade, count in shades)
    return float(np.clip((among - numbers.sum() ** 2 / numbers.size) / total, 0, 1))


def _with_grey(picture: Floats) -> list[Floats]:
    return [*picture, np.tensordot(np.array([0.299, 0.587, 0.114]), picture, 1)]


def thinned(given: Floats) -> Floats:
    """Return 56x56 of the numbers of each channel."""
    _, height, width = given.shape
    rows = ((np.arange(56) + 0.5) * height / 56).astype(np.intp)
    columns = ((np.arange(56) + 0.5) * width / 56).astype(np.intp)
    return np.asarray(given[:, rows[:, None], columns])
