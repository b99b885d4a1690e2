"""From the ramps and cards to the geometry of a preprocessing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from grader.diagnosis import charts
from grader.diagnosis.charts import GREYS, PIXELS, SHAPES
from grader.diagnosis.geometry import (
    FULL,
    Map,
    affine_of,
    agreement,
    box_of,
    crop_of,
    guess,
    orientation_of,
    sampled,
    thinned,
    usual_map,
)
from grader.diagnosis.linearity import strict_part
from grader.diagnosis.photometry import Floats, grey_responses
from grader.diagnosis.planes import Planes
from grader.diagnosis.preprocessing import Preprocessing
from grader.diagnosis.seen import Seen

_CARDS = ("wide", "tall", "square")
_LEAST_AGREEMENT = 0.7
"""Of a card with what was given for it, for a geometry to be taken for the one that was used."""
_CLEARLY = 0.1
"""A card that is flipped agrees better by this much with the flipped picture."""
_MIRROR = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
_UPSIDE_DOWN = np.array([[1.0, 0, 0], [0, -1, 1], [0, 0, 1]])


def with_geometry(seen: Seen, start: Preprocessing, table: Floats | None) -> Preprocessing:
    """Return a preprocessing with where the pixels come from: by the ramps, or by the look of the cards.

    Args:
        seen: what the network was given.
        start: what is known so far.
        table: the responses to colours; None where they follow from no colour by itself, so that a ramp
            says nothing about its places.
    """
    maps = {} if table is None else dict(_maps_of(seen, grey_responses(table)))
    if start.linearity == "linear" and not start.is_random and not _are_whole(seen, maps):
        maps = {}
    if not maps:
        return start if start.is_random else _with_guess(seen, start)
    orientations = {orientation_of(found) for found in maps.values()}
    boxes = {shape: box_of(found) for shape, found in maps.items()}
    if len(orientations) > 1:
        return replace(start, is_random=True)
    if start.is_random:
        return start
    box = boxes.get("wide", next(iter(boxes.values())))
    orientation = orientations.pop()
    if orientation == "unknown":
        return start
    crop = "unknown" if orientation == "slanted" else crop_of(boxes)
    if start.linearity != "linear":
        # Ramps whose contrast depends on the picture seem larger or smaller than they are; cards do not.
        by_cards = _with_guess(seen, start)
        if by_cards.crop not in ("unknown", crop):
            return replace(by_cards, by_image=start.by_image or "own-other")
    return replace(start, orientation=orientation, crop=crop, maps=maps, box=box)


def is_flipped_at_times(seen: Seen, start: Preprocessing) -> bool:
    """Whether a card lies otherwise than the ramps did."""
    for shape in _CARDS:
        planes, where = seen.planes(charts.card(shape)), start.maps.get(shape)
        if planes is None or where is None:
            continue
        given = thinned(planes)
        ways = [where, where @ _MIRROR, where @ _UPSIDE_DOWN]
        picture = PIXELS[charts.card(shape)]
        upright, *flipped = (agreement(sampled(picture, way, given.shape[1:]), given) for way in ways)
        if max(flipped) > upright + _CLEARLY:
            return True
    return False


def _are_whole(seen: Seen, maps: Mapping[str, Map]) -> bool:
    """Whether each shape of photo that reached the network has its map."""
    reached = {shape for shape in _CARDS if seen.planes(charts.ramp(shape, "x")) is not None}
    return reached <= set(maps)


def _maps_of(seen: Seen, greys: Floats) -> Iterator[tuple[str, Map]]:
    """Yield the map of each shape whose ramps show one."""
    for shape in SHAPES:
        ramps = [seen.planes(charts.ramp(shape, axis)) for axis in "xy"]
        if ramps[0] is None or ramps[1] is None:
            continue
        across, down = (_places(ramp, greys) for ramp in ramps if ramp is not None)
        if across is None or down is None or across.shape != down.shape:
            continue
        padding = seen.is_padding(*(ramp for ramp in ramps if ramp is not None))
        if padding is not None:
            across[padding] = down[padding] = np.nan
        found = affine_of(across, down)
        if found is not None:
            yield shape, found


def _places(planes: Planes, greys: Floats) -> Floats | None:
    """Return the grey level, 0..1, that each number stands for: the mean of the channels that tell."""
    if len(planes) != greys.shape[1]:
        return None
    levels = np.array(GREYS, np.float64) / 255
    found = []
    for numbers, solids in zip(planes, greys.T, strict=True):
        part = strict_part(solids)
        if part is not None:
            order = np.argsort(solids[part])
            known, values = solids[part][order], levels[part][order]
            found.append(np.interp(numbers, known, values, left=np.nan, right=np.nan))
    return np.mean(found, axis=0) if found else None


def _with_guess(seen: Seen, start: Preprocessing) -> Preprocessing:
    cards = {}
    for shape in _CARDS:
        planes = seen.planes(charts.card(shape))
        if planes is not None:
            cards[shape] = (PIXELS[charts.card(shape)], planes)
    found = guess(cards)
    if found.agreement < _LEAST_AGREEMENT:
        return replace(start, orientation="scrambled" if start.linearity == "linear" else "unknown")
    maps = {shape: usual_map(found.orientation, found.crop, shape) for shape in cards}
    box = box_of(maps["wide"]) if "wide" in maps else FULL
    return replace(start, orientation=found.orientation, crop=found.crop, maps=maps, box=box)
