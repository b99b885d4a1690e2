"""The orientation card drawn anew, as a network was given it, from what was identified of the preprocessing.

Where each point comes from, and what becomes of 32 levels of a colour, is known; the array itself, a
stranger's, is only compared with. A submission chooses some hundred bytes so, and those must give a picture
of the card. Where the part that is seen is another each time, it is found by its look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from heapq import nsmallest
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.charts import CARD, PIXELS, Picture
from grader.diagnosis.colours import Floats
from grader.diagnosis.geometry import (
    ORIENTATIONS,
    USUAL_CROPS,
    Box,
    Map,
    is_inside,
    map_of,
    sampled,
    usual_map,
)
from grader.diagnosis.preprocessing import Preprocessing

_BINS = 32
_ALIKE = 16.0
"""Of 255: a picture that is farther from what is to be shown, on average, does not show it."""
_LOOK = 56
"""Pixels of a side, for a first look."""
_CONVERSIONS = (cv2.COLOR_RGB2HSV, cv2.COLOR_BGR2HSV, cv2.COLOR_RGB2LAB)
_INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
_SMALL = 28
"""Pixels of a side, where many parts of the card are looked at."""
_SHARES = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
"""Of the card's width and height, that a part of it may have."""
_PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of such a part, from one edge to the other."""
_TRIED = 8
"""Parts that look most like it at first: the best one of all may lie near another than the first."""
_STEPS = (0.08, 0.04, 0.02, 0.01)
_MOST_MOVES = 4
_LEAST_SHARE = 0.08


def redrawn(found: Preprocessing, seen: Picture) -> Picture | None:
    """Return the card, RGB, as it was given to a network, from what is known of the preprocessing.

    Args:
        found: what is known.
        seen: what is to be shown: the network's input as a picture, a stranger's.

    Returns:
        A picture that looks like it; None where nothing that is known does.
    """
    ordered = _ordered(found, seen)
    best = min(
        (_drawn(found, ordered, way) for way in _ways(found, ordered)),
        key=lambda drawn: _apart(drawn, ordered),
    )
    return _scrambled(found, best) if _apart(best, ordered) <= _ALIKE else None


def _apart(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


def _ways(found: Preprocessing, seen: Picture) -> Iterator[Map]:
    """Yield where the points of what is to be shown may lie on the card."""
    if found.is_random or found.is_stateful:
        yield _part_like(seen[:, :, ::-1] if found.colour == "bgr" else seen)
    elif (known := found.maps.get("wide")) is not None:
        yield known
    yield _likeliest(found, seen)


def _part_like(seen: Picture) -> Map:
    """Return the part of the card, upright or mirrored, that looks most like what is to be shown."""
    card = cv2.resize(PIXELS[CARD], None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.resize(seen, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)

    def unlike(part: tuple[str, Box]) -> float:
        return float(np.abs(sampled(card, map_of(*part), (_SMALL, _SMALL)) - small).mean())

    found = []
    for part in nsmallest(_TRIED, _parts(), key=unlike):
        for step in [step for step in _STEPS for _ in range(_MOST_MOVES)]:
            part = min((part, *_moved(part, step)), key=unlike)
        found.append(part)
    return map_of(*min(found, key=unlike))


def _parts() -> Iterator[tuple[str, Box]]:
    """Yield parts of the card of all sizes and places."""
    sides = {(place * (1 - share), share) for share, place in product(_SHARES, _PLACES)}
    for orientation in ("upright", "mirrored"):
        for (left, width), (top, height) in product(sorted(sides), repeat=2):
            yield orientation, Box(left, top, left + width, top + height)


def _moved(part: tuple[str, Box], step: float) -> Iterator[tuple[str, Box]]:
    """Yield the same part with one edge moved, or two that lie across from each other."""
    orientation, box = part
    for moves in ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 1, 0), (0, 1, 0, 1)):
        for sign in (step, -step):
            moved = Box(*(edge + sign * move for edge, move in zip(astuple(box), moves, strict=True)))
            if min(moved.right - moved.left, moved.bottom - moved.top) >= _LEAST_SHARE:
                yield orientation, moved


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
    cards = (*_less_sharp(found, card), *_coarse(found, where, size))
    tries = [_coloured(each, seen, inside) for each in cards]
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


def _coarse(found: Preprocessing, where: Map, size: tuple[int, ...]) -> Iterator[Floats]:
    """Yield what is seen of a thumbnail that was made of the whole card, as `cv2.resize` makes it."""
    if found.sharpness != "coarse":
        return
    card = PIXELS[CARD]
    side = int(np.clip(round(found.detail), 1, min(card.shape[:2])))
    small = cv2.resize(card, (side, side), interpolation=cv2.INTER_LINEAR)
    for how in _INTERPOLATIONS:
        enlarged = np.asarray(cv2.resize(small, card.shape[1::-1], interpolation=how), np.uint8)
        yield np.clip(sampled(enlarged, where, size), 0, 255).transpose(1, 2, 0)


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
