"""The card as a network was given it, drawn anew of what is known of the preprocessing, and of no more.

A submission chooses every number of its network's input. The worker that is asked about the card has seen no
hidden image, but it stands on the machine of one that has, and reads the same libraries: which parts of them
lie in the machine's memory can tell it whatever the other one wants it to know. So where images are hidden,
no array of a submission's is shown. The card is drawn by where each point comes from, and what becomes of 32
levels of a colour: a submission chooses some hundred bytes, and those must give a picture of the card.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.charts import CARD, PIXELS, Picture
from grader.diagnosis.geometry import ORIENTATIONS, USUAL_CROPS, Map, is_inside, sampled, usual_map
from grader.diagnosis.photometry import Floats
from grader.diagnosis.preprocessing import Preprocessing

_BINS = 32
_ALIKE = 16.0
"""Of 255: a picture that is farther from what is to be shown, on average, does not show it."""
_LOOK = 56
"""Pixels of a side, for a first look."""
_CONVERSIONS = (cv2.COLOR_RGB2HSV, cv2.COLOR_BGR2HSV, cv2.COLOR_RGB2LAB)
_INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_NEAREST)


def redrawn(found: Preprocessing, seen: Picture) -> Picture | None:
    """Return the card, RGB, as it was given to a network, from what is known of the preprocessing.

    Args:
        found: what is known.
        seen: what is to be shown: the network's input as a picture, a stranger's.

    Returns:
        A picture that looks like it; None where nothing that is known does.
    """
    ordered = _ordered(found, seen)
    known = found.maps.get("wide")
    ways = [] if known is None else [known]
    best = min(
        (_drawn(found, ordered, way) for way in (*ways, _likeliest(found, ordered))),
        key=lambda drawn: _apart(drawn, ordered),
    )
    return _scrambled(found, best) if _apart(best, ordered) <= _ALIKE else None


def _apart(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


def _likeliest(found: Preprocessing, seen: Picture) -> Map:
    """Return the usual map by which the card looks most like what is to be shown."""
    small = np.asarray(cv2.resize(seen, (_LOOK, _LOOK), interpolation=cv2.INTER_AREA), np.uint8)
    ways = [usual_map(each, crop, "wide") for each in ORIENTATIONS for crop in USUAL_CROPS]
    return min(ways, key=lambda way: _apart(_drawn(found, small, way), small))


def _drawn(found: Preprocessing, seen: Picture, where: Map) -> Picture:
    """Return the card with its points placed by a map, in the colours of what is to be shown."""
    size = seen.shape[:2]
    inside = is_inside(where, size)
    card = np.clip(sampled(PIXELS[CARD], where, size), 0, 255).transpose(1, 2, 0)
    tries = [_coloured(each, seen, inside) for each in _less_sharp(found, card)]
    return min(tries, key=lambda drawn: _apart(drawn, seen))


def _less_sharp(found: Preprocessing, card: Floats) -> Iterator[Floats]:
    """Yield the card with the detail that is left of it, in each way in which it may have been lost."""
    height, width = card.shape[:2]
    if found.sharpness == "blurred":
        yield np.asarray(cv2.GaussianBlur(card, (0, 0), found.detail, borderType=cv2.BORDER_REPLICATE))
    elif found.sharpness == "coarse":
        side = int(np.clip(round(found.detail * (found.box.right - found.box.left)), 1, min(height, width)))
        small = cv2.resize(card, (side, side), interpolation=cv2.INTER_AREA)
        for how in _INTERPOLATIONS:
            yield np.asarray(cv2.resize(small, (width, height), interpolation=how))
    else:
        yield card


def _coloured(card: Floats, seen: Picture, inside: npt.NDArray[np.bool_]) -> Picture:
    """Return the card in the colours of what is to be shown, by channel; outside of it, in one colour."""
    drawn = np.empty_like(seen)
    for channel in range(seen.shape[2]):
        given = seen[:, :, channel].astype(np.float64)
        drawn[:, :, channel] = np.median(given[~inside]) if not inside.all() else 0
        if inside.any():
            numbers = given[inside]
            tries = [_by_levels(values[inside], numbers) for values in _sources(card)]
            tries.append(_by_sum(card[inside], numbers))
            best = min(tries, key=lambda made: float(np.abs(made - numbers).mean()))
            drawn[inside, channel] = np.clip(best.round(), 0, 255)
    return drawn


def _sources(card: Floats) -> Iterator[Floats]:
    """Yield what a channel may be made of: a colour, grey, or a part of another colour space; 0 to 255."""
    pixels = np.clip(card.round(), 0, 255).astype(np.uint8)
    yield from np.moveaxis(card, -1, 0)
    yield np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float64)
    for conversion in _CONVERSIONS:
        yield from np.moveaxis(cv2.cvtColor(pixels, conversion).astype(np.float64), -1, 0)


def _by_levels(values: Floats, numbers: Floats) -> Floats:
    """Return what follows from values by a curve through 32 points of whole numbers."""
    bins = np.clip(values * _BINS / 256, 0, _BINS - 1).astype(np.intp)
    count = np.bincount(bins, minlength=_BINS)
    known = count > 0
    x = np.bincount(bins, values, _BINS)[known] / count[known]
    y = (np.bincount(bins, numbers, _BINS)[known] / count[known]).round()
    return np.asarray(np.interp(values, x, y))


def _by_sum(colours: Floats, numbers: Floats) -> Floats:
    """Return what follows from colours by a weighted sum."""
    features = np.c_[colours, np.ones(len(colours))].astype(np.float64)
    solution, *_ = np.linalg.lstsq(features, numbers, rcond=None)
    return np.asarray(features @ solution)


def _ordered(found: Preprocessing, seen: Picture) -> Picture:
    """Return a picture that a wrong `reshape` scrambled as it was before."""
    if not found.layout.reshaped:
        return seen
    height, width, count = seen.shape
    if found.layout.channels_first:
        return np.ascontiguousarray(seen.transpose(2, 0, 1)).reshape(height, width, count)
    return np.ascontiguousarray(seen.reshape(count, height, width).transpose(1, 2, 0))


def _scrambled(found: Preprocessing, picture: Picture) -> Picture:
    """Do what :func:`_ordered` undoes."""
    if not found.layout.reshaped:
        return picture
    height, width, count = picture.shape
    if found.layout.channels_first:
        return np.ascontiguousarray(picture.reshape(count, height, width).transpose(1, 2, 0))
    return np.ascontiguousarray(picture.transpose(2, 0, 1)).reshape(height, width, count)
