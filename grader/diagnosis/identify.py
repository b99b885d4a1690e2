"""From what a network was given for the test charts to the preprocessing that made it so.

Colours come from charts of one colour, places from ramps and cards. The arrays are a stranger's: nothing here
fails on them; what cannot be read is `unknown`, or None altogether.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from grader.diagnosis import charts
from grader.diagnosis.charts import CARD, COLOURS, FAINT_RAMP, GREYS, PIXELS, SHAPES
from grader.diagnosis.colours import (
    Curve,
    Floats,
    Photometry,
    count_values,
    curve_of,
    described,
    grey_responses,
    is_clipped,
    order_of,
    photometry_of,
    responses,
    strict_part,
)
from grader.diagnosis.geometry import (
    FULL,
    Map,
    affine_of,
    agreement,
    box_of,
    crop_of,
    guess,
    is_inside,
    orientation_of,
    sampled,
    thinned,
    usual_map,
)
from grader.diagnosis.planes import (
    SAME,
    Layout,
    Planes,
    Seen,
    Tensor,
    apart,
    differs_again,
    ends_of,
    first,
    follows_from_before,
    is_constant,
    layout_of,
    without_padding,
)
from grader.diagnosis.preprocessing import Preprocessing
from grader.diagnosis.sharpness import with_contrast, with_sharpness

_CARDS = ("wide", "tall", "square")
_LEAST_AGREEMENT = 0.7
"""Of a card with what was given for it, for a geometry to be taken for the one that was used."""
_CLEARLY = 0.1
"""A card that is flipped agrees better by this much with the flipped picture."""
_MIRROR = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
_UPSIDE_DOWN = np.array([[1.0, 0, 0], [0, -1, 1], [0, 0, 1]])
_UNMOVED = 0.02
"""Of the range of a ramp: greys that differ by less say that each picture is scaled by itself."""


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


def identify(seen: Mapping[str, Sequence[Tensor | None]]) -> Preprocessing | None:
    """Return how photos reach the network.

    Args:
        seen: for each chart the first input of the network, as often as the chart was asked for; None, or no
            entry, where nothing is known.

    Returns:
        What was found; None where the inputs are no pictures that can be read.
    """
    with np.errstate(all="ignore"):
        layout = layout_of(first(seen, charts.solid(colour)) for colour in COLOURS[:3])
        if layout is None:
            return None
        shown = Seen(seen, layout, ends_of(seen, layout))
        planes = shown.planes(CARD)
        array = first(seen, CARD)
        if planes is None or array is None:
            return None
        start = _unknown(layout, array, planes)
        if is_constant(shown):
            return replace(start, is_constant=True)
        return _identified(without_padding(shown), start)


def _unknown(layout: Layout, array: Tensor, planes: Planes) -> Preprocessing:
    channels, height, width = planes.shape
    if not layout.flat:
        sides = dict(zip(layout.axes, array.shape[-len(layout.axes) :], strict=True))
        height, width = sides["H"], sides["W"]
    return Preprocessing(
        layout=layout,
        batch=array.shape[0] if layout.axes.startswith("N") or (layout.flat and array.ndim > 1) else 1,
        channels=channels,
        size=(height, width),
        dtype=array.dtype.name,
        matrix=None,
        offset=None,
        colour="unknown",
        negative=False,
        scale="unknown",
        by_source=False,
        linearity="unknown",
        by_image="",
        orientation="unknown",
        crop="unknown",
    )


def _identified(seen: Seen, start: Preprocessing) -> Preprocessing:
    """Return what is found, step by step."""
    table = responses(seen.solids())
    photometry = None if table is None else photometry_of(table)
    by_image = "" if photometry is not None and photometry.is_linear else _by_image(seen, table)
    remembers = photometry is None and table is not None and not by_image and follows_from_before(table)
    start = replace(start, is_stateful=remembers, is_random=not remembers and differs_again(seen))
    if photometry is not None:
        start = _with_photometry(start, _scaled_back(photometry, seen.ends))
    if start.is_stateful:
        return start
    start = replace(start, by_image=by_image)
    start = with_geometry(seen, start, None if by_image or table is None else table)
    if seen.photo is not None and start.crop != "pad" and start.orientation != "slanted":
        start = replace(start, covered=float(seen.photo.mean()))
    if is_flipped_at_times(seen, start):
        start = replace(start, is_random=True, orientation="unknown", crop="unknown", maps={}, box=FULL)
    if photometry is None and table is not None and not start.by_image:
        start = _with_curves(seen, start, table)
    if start.by_image and start.maps:
        start = replace(start, colour=_colour_of_cards(seen, start))
    if start.linearity == "linear" and start.maps:
        start = with_contrast(seen, start)
        start = with_sharpness(seen, start)
    if (start.linearity, start.colour, start.by_image, start.is_random) == ("unknown", "unknown", "", False):
        return replace(start, linearity="unlike")
    return start


def _with_photometry(start: Preprocessing, found: Photometry) -> Preprocessing:
    return replace(
        start,
        matrix=found.matrix if found.is_linear else None,
        offset=found.offset if found.is_linear else None,
        colour=found.colour,
        negative=found.negative,
        scale=found.scale,
        by_source=found.by_source,
        linearity="linear" if found.is_linear else "unknown",
    )


def _scaled_back(found: Photometry, ends: Floats | None) -> Photometry:
    """Return what was found of planes that had been scaled to pixels, as it was before."""
    if ends is None or not found.is_linear or len(found.matrix) != len(ends):
        return found
    black, white = ends.T
    return described(found.matrix * ((white - black) / 255)[:, None], black, is_linear=True)


# -- curves ------------------------------------------------------------------------------------------------


def _by_image(seen: Seen, table: Floats | None) -> str:
    """Return how each picture is scaled by itself, if it is."""
    ramp = seen.planes(charts.ramp("wide", "x"))
    if ramp is None:
        return ""
    span = np.ptp(ramp, axis=(1, 2)).max()
    greys = np.zeros((len(GREYS), 1)) if table is None else grey_responses(table)
    moved = np.ptp(greys[1:], axis=0).max() if np.isfinite(greys).all() else 0.0
    if span <= _UNMOVED * moved:  # hardly any grey but white becomes anything
        return ""
    is_moved = moved > _UNMOVED * span
    if _has_two_tones(ramp):
        return ""
    faint = seen.planes(FAINT_RAMP)
    if is_moved and (faint is None or apart(ramp, faint) > 2 * SAME):
        return ""
    if abs(ramp.mean()) < _UNMOVED * span:
        return "own-mean"
    return "own-range" if abs(ramp.max() - 1) < _UNMOVED or abs(ramp.max() - 255) < 5 else "own-other"


def _with_curves(seen: Seen, start: Preprocessing, table: Floats) -> Preprocessing:
    """Return what is not linear, by its kind; and the straight part by its name."""
    name = charts.ramp("wide", "x")
    planes, where = seen.planes(name), start.maps.get("wide")
    greys = grey_responses(table)
    if planes is None or where is None or len(planes) != table.shape[1]:
        if planes is not None and _has_two_tones(planes) and np.ptp(greys, axis=0).max() > 0:
            return replace(start, linearity="threshold", colour=_colour_of_two_tones(seen, start))
        clipped = any(is_clipped(solids) for solids in greys.T)
        return replace(start, linearity="clipped" if clipped else start.linearity)
    levels = sampled(PIXELS[name], where, planes.shape[1:])[0]
    inner = np.zeros(levels.shape, np.bool_)
    inner[4:-4, 4:-4] = True
    inner &= is_inside(where, levels.shape)
    if not inner.any():
        return start
    found = [
        curve_of(levels[inner].ravel(), numbers[inner].ravel(), solids)
        for numbers, solids in zip(planes, greys.T, strict=True)
    ]
    kinds = [curve.kind for curve in found]
    kind = max(sorted({*kinds} - {"linear"}), key=kinds.count, default="linear")
    other = "mixed" if kind == "linear" else "unknown"
    colour = order_of(table) or ("grey" if _channels_agree(table) else other)
    return replace(_with_straight_part(start, found, colour), linearity=kind, colour=colour)


def _with_straight_part(start: Preprocessing, found: list[Curve], colour: str) -> Preprocessing:
    orders = {"rgb": (0, 1, 2), "bgr": (2, 1, 0)}
    if colour not in orders or len(found) != 3:
        return start
    gains = np.array([np.nan if curve.gain is None else curve.gain for curve in found])
    blacks = np.array([np.nan if curve.black is None else curve.black for curve in found])
    if not np.isfinite(gains + blacks).all():
        return start
    matrix = gains[:, None] * np.eye(3)[list(orders[colour])]
    laps = (0, -1, 1) if all(curve.kind == "wrapped" for curve in found) else (0,)
    names = [described(matrix, blacks + 256 * lap * gains, is_linear=False) for lap in laps]
    best = next((each for each in names if each.scale != "other"), names[0])
    return replace(
        start,
        matrix=best.matrix,
        offset=best.offset,
        scale=best.scale,
        negative=best.negative,
        by_source=best.by_source,
    )


def _has_two_tones(planes: Planes) -> bool:
    span = float(np.ptp(planes, axis=(1, 2)).max())
    return all(count_values(numbers.ravel(), span) <= 2 for numbers in planes)


def _colour_of_two_tones(seen: Seen, start: Preprocessing) -> str:
    """Return `grey` where all channels of the coloured card are alike, as in dots of black and white."""
    planes = seen.planes(CARD)
    alike = planes is not None and _channels_agree(planes.reshape(len(planes), -1).T)
    return "grey" if alike else start.colour


def _channels_agree(table: Floats) -> bool:
    """Whether all channels hold the same, up to a scale of their own."""
    low, span = table.min(axis=0), np.ptp(table, axis=0)
    same = (table - low) / np.maximum(span, 1e-12)
    return bool(np.abs(same - same[:, :1]).max() < 0.05)


def _colour_of_cards(seen: Seen, start: Preprocessing) -> str:
    """Return the order of the channels in the card that is shown, where each picture is scaled by itself."""
    planes, where = seen.planes(CARD), start.maps.get("wide")
    if planes is None or where is None or len(planes) != 3:
        return "unknown"
    expected = sampled(PIXELS[CARD], where, planes.shape[1:])
    across = np.corrcoef(expected.reshape(3, -1), np.nan_to_num(planes).reshape(3, -1))[3:, :3]
    order = tuple(int(source) for source in across.argmax(axis=1))
    return {"012": "rgb", "210": "bgr"}.get("".join(map(str, order)), "unknown")
