"""What a report shows of the first seam: the orientation card as it was handed over, and as it arrived.

Everything shown is of the worker that was asked about test charts, and in a self-check about a few of the
student's own images, but about no hidden one. Sentences are our own; the arrays are a stranger's, who chooses
every number of them. The worker has seen no hidden image, but it stands on the machine of one that has, and
reads the same libraries: which parts of them lie in the machine's memory can tell it whatever the other one
wants it to know. So where images are hidden, no array is shown. The card is drawn anew of what was
identified: where each point comes from, and what becomes of 32 levels of a colour. A submission chooses some
hundred bytes so, and those must give a picture of the card.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import Case
from grader.diagnosis.charts import CARD, CHARTS, PIXELS, Picture
from grader.diagnosis.colours import Floats
from grader.diagnosis.geometry import ORIENTATIONS, USUAL_CROPS, Map, is_inside, sampled, usual_map
from grader.diagnosis.planes import Tensor
from grader.diagnosis.preprocessing import (
    LAB,
    SIZE,
    Difference,
    Preprocessing,
    differences,
    is_stretched,
    seen_picture,
)
from grader.diagnosis.recipes import steps_that_differ
from grader.model.report import (
    DifferencePart,
    Family,
    Link,
    NetworkInputPart,
    PathsPart,
    PhotoPart,
    PicturePart,
    PreprocessingPart,
)

_BINS = 32
_ALIKE = 16.0
"""Of 255: a picture that is farther from what is to be shown, on average, does not show it."""
_LOOK = 56
"""Pixels of a side, for a first look."""
_CONVERSIONS = (cv2.COLOR_RGB2HSV, cv2.COLOR_BGR2HSV, cv2.COLOR_RGB2LAB)
_INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
_MOST_BYTES = 29_000
"""Of a PNG."""
_SIDES = (224, 160, 128, 96)
"""Pixels of the longer side; noise fits at the last."""
_PHOTO_SIDE, _QUALITY = 128, 80
_DIGITS = 4
_FULL = 255
_PREPROCESSING = (
    *("channel-order", "other-colours", "wrong-scale", "wrong-layout", "wrong-resize"),
    *("wrong-preprocessing", "turned", "random-input", "trained-otherwise"),
)
_NETWORK = (
    *("training-mode", "statistics-not-loaded", "other-checkpoint"),
    *("checkpoint-unused", "nan-checkpoint", "untrained-checkpoint", "random-network"),
    "wrong-forward-pass",
)
_LABELS = (
    *("labels-shifted", "labels-sorted-otherwise", "labels-exchanged", "labels-permuted"),
    *("wrong-readout", "collapsed-output", "answer-from-elsewhere"),
)
_BROKEN: Mapping[str, Link] = {
    **dict.fromkeys(_PREPROCESSING, "preprocessing"),
    **dict.fromkeys(_NETWORK, "network"),
    **dict.fromkeys(_LABELS, "labels"),
}
"""The link that a finding is about."""
_NOTHING = 1e-4
"""A factor that is a smaller share of the largest is a rounding error."""


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


def shown(case: Case, codes: Sequence[str]) -> NetworkInputPart | None:
    """Return what a report shows; None where nothing was seen.

    Args:
        case: everything that was tried; of what came of hidden images, nothing is taken but counts.
        codes: of the findings that explain the score, the strongest evidence first.
    """
    sight = case.sight
    if sight is None or sight.found is None:
        return None
    found = sight.found
    put_right = _put_right(case, codes)
    told = _told(found, put_right)
    steps = tuple(_in_words(each, put_right) for each in told)
    in_question = {*steps_that_differ(told), *(each.step for each in told)}
    card = next(chart.pixels for chart in CHARTS if chart.name == CARD)
    return NetworkInputPart(
        card=picture_of(card),
        right=picture_of(_as_in_the_lab(card)),
        seen=_seen(found, sight.card, picture_of, is_own=bool(sight.photos)),
        photos=tuple(
            PhotoPart(given=photo_of(image.pixels("rgb")), seen=_seen(found, tensor, photo_of, is_own=True))
            for image, tensor in sight.photos
        ),
        is_stretched=sight.card is not None and is_stretched(found, sight.card),
        differences=steps,
        excluded=tuple(family for family in _excluded(found) if family not in in_question),
        found=_numbers(found),
        lab=_numbers(LAB),
        paths=_paths(case),
        broken=next((_BROKEN[code] for code in codes if code in _BROKEN), None),
    )


def picture_of(pixels: Picture) -> PicturePart:
    """Return a picture, RGB, as a small PNG; one that does not compress becomes smaller still."""
    for side in _SIDES:
        small = _within(pixels, side)
        png = cv2.imencode(".png", small[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
        if len(png) <= _MOST_BYTES:
            break
    return _part("png", png, small)


def photo_of(pixels: Picture) -> PicturePart:
    """Return a photo, RGB, as a small JPEG."""
    small = _within(pixels, _PHOTO_SIDE)
    jpeg = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return _part("jpeg", jpeg, small)


def _part(kind: Literal["png", "jpeg"], encoded: bytes, pixels: Picture) -> PicturePart:
    height, width = pixels.shape[:2]
    return PicturePart(type=kind, data=base64.b64encode(encoded).decode("ascii"), width=width, height=height)


def _within(pixels: Picture, side: int) -> Picture:
    """Return a picture whose longer side has at most so many pixels."""
    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_in_the_lab(card: Picture) -> Picture:
    """Return the picture that the lab's preprocessing makes."""
    resized = cv2.resize(card, (256, 256), interpolation=cv2.INTER_LINEAR)
    margin = (256 - SIZE[0]) // 2
    return np.asarray(resized[margin:-margin, margin:-margin], np.uint8)


def _seen(
    found: Preprocessing, tensor: Tensor | None, made: Callable[[Picture], PicturePart], *, is_own: bool
) -> PicturePart | None:
    """Return what a network was given; unless all images are the student's own, as the card drawn anew."""
    pixels = None if tensor is None else seen_picture(found, tensor)
    if pixels is not None and not is_own:
        pixels = redrawn(found, pixels)
    return None if pixels is None else made(pixels)


@dataclass(frozen=True)
class _PutRight:
    """What was put right at the network's input, and what came of it."""

    differences: tuple[Difference, ...] = ()
    steps: frozenset[str] = frozenset()
    is_tried: bool = False
    is_proved: bool = False
    gains: bool = False


def _put_right(case: Case, codes: Sequence[str]) -> _PutRight:
    trial = case.seam_trial
    if trial is None or trial.way.correction is None:
        is_tried = case.is_input_seen and (trial is not None or not codes)
        return _PutRight(is_tried=is_tried)
    is_proved = any(_BROKEN.get(code) == "preprocessing" for code in codes)
    gains = case.gain(trial.trial).share > 0
    return _PutRight(trial.differences, trial.way.correction.steps, True, is_proved, gains)


def _told(found: Preprocessing, put_right: _PutRight) -> tuple[Difference, ...]:
    """Return the differences; those that are proved by the standard by which they were put right."""
    differing = differences(found)
    if not put_right.is_proved:
        return differing
    proved = {each.step for each in put_right.differences}
    return (*put_right.differences, *(each for each in differing if each.step not in proved))


def _in_words(difference: Difference, put_right: _PutRight) -> DifferencePart:
    """Return a difference, and whether it costs anything: the fewest steps that do are the cause."""
    is_among = bool(steps_that_differ([difference]) & put_right.steps)
    cost: Literal["proved", "none", "unknown"] = "none"
    if put_right.is_proved and difference in put_right.differences:
        cost = "proved"
    elif not put_right.is_tried or (is_among and (put_right.is_proved or put_right.gains)):
        cost = "unknown"
    return DifferencePart(
        step=difference.step,
        code=difference.code,
        text=difference.sentence("en"),
        text_zh=difference.sentence("zh"),
        cost=cost,
    )


def _excluded(found: Preprocessing) -> Iterator[Family]:
    """Yield what is known to arrive as in the lab."""
    if found.is_random or found.is_stateful or found.is_constant:
        return
    is_ordered = found.layout.reshaped == LAB.layout.reshaped
    same: Mapping[Family, bool] = {
        "colour": (found.colour, found.negative) == (LAB.colour, LAB.negative),
        "scale": (found.scale, found.linearity, found.by_image) == (LAB.scale, LAB.linearity, LAB.by_image),
        "crop": is_ordered and (found.crop, found.size) == (LAB.crop, LAB.size),
        "orientation": is_ordered and found.orientation == LAB.orientation,
        "detail": is_ordered and found.sharpness == LAB.sharpness,
    }
    yield from (family for family, is_same in same.items() if is_same)


def _numbers(found: Preprocessing) -> PreprocessingPart:
    height, width = found.size
    matrix, offset = _sums(found)
    return PreprocessingPart(
        axes=found.layout.axes, height=height, width=width, dtype=found.dtype, matrix=matrix, offset=offset
    )


def _sums(found: Preprocessing) -> tuple[tuple[tuple[float, ...], ...] | None, tuple[float, ...] | None]:
    """Return what the colours of a pixel, 0 to 1, and black add to each channel."""
    if found.matrix is None or found.offset is None:
        return None, None
    every = np.column_stack([_FULL * found.matrix, found.offset])
    if not np.isfinite(every).all():
        return None, None
    every = np.where(np.abs(every) < _NOTHING * np.abs(every).max(), 0.0, every)
    rows = [tuple(float(f"{number:.{_DIGITS}g}") for number in row) for row in every]
    return tuple(row[:-1] for row in rows), tuple(row[-1] for row in rows)


def _paths(case: Case) -> PathsPart:
    """Return the counts that were measured, all of the same images."""
    trial = case.seam_trial
    if trial is None:
        return PathsPart(images=len(case.truth), as_handed_in=int(case.is_right.sum()))
    way, heard = trial.way, trial.heard
    spoken, scored = case.correct(heard.trial()), None
    if heard.scores is not None:
        scored = case.correct(heard.trial(by_scores=True))
    paths = PathsPart(images=len(heard.images), as_handed_in=int(case.is_right[heard.images].sum()))
    if way.repair is not None:
        is_alone = way.correction is None and not way.by_scores
        return paths.model_copy(update={"right_network": spoken if is_alone else None})
    if way.correction is None:
        return paths.model_copy(update={"right_readout": scored})
    return paths.model_copy(update={"right_input": spoken, "both": scored if way.by_scores else None})
