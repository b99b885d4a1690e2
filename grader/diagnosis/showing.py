"""What a report shows of the first seam: the orientation card as it was handed over, and as it arrived.

Everything shown is of the worker that was asked about test charts, and in a self-check about a few of the
student's own images, but about no hidden one. Its arrays are a stranger's: where images are hidden, what
leaves here is drawn anew from what was identified, and sentences are our own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import cv2
import numpy as np

from grader.diagnosis.case import Case, InputTrial, Trial
from grader.diagnosis.charts import CARD, CHARTS, Picture
from grader.diagnosis.differences import Difference, differences, is_stretched, seen_picture
from grader.diagnosis.planes import Tensor
from grader.diagnosis.preprocessing import LAB, SIZE, Preprocessing
from grader.diagnosis.recipes import steps_that_differ
from grader.diagnosis.redrawn import redrawn
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

_MOST_BYTES = 29_000
"""Of a PNG."""
_SIDES = (224, 160, 128, 96)
"""Pixels of the longer side; noise fits at the last."""
_PHOTO_SIDE, _QUALITY = 128, 80
_DIGITS = 4
_FULL = 255
_PREPROCESSING = (
    *("channel-order", "other-colours", "wrong-scale", "wrong-layout", "wrong-resize"),
    *("wrong-preprocessing", "turned"),
)
_NETWORK = (
    *("training-mode", "statistics-not-loaded", "other-checkpoint"),
    *("checkpoint-unused", "nan-checkpoint", "untrained-checkpoint"),
)
_LABELS = (
    *("labels-shifted", "labels-sorted-otherwise", "labels-exchanged", "labels-permuted"),
    *("wrong-readout", "collapsed-output"),
)
_BROKEN: Mapping[str, Link] = {
    **dict.fromkeys(_PREPROCESSING, "preprocessing"),
    **dict.fromkeys(_NETWORK, "network"),
    **dict.fromkeys(_LABELS, "labels"),
}
"""The link that a finding is about."""
_NOTHING = 1e-4
"""A factor that is a smaller share of the largest is a rounding error."""


def shown(case: Case, codes: Iterable[str], is_input_proved: bool) -> NetworkInputPart | None:
    """Return what a report shows; None where nothing was seen.

    Args:
        case: everything that was tried; of what came of hidden images, nothing is taken but counts.
        codes: of the findings that explain the score, the strongest evidence first.
        is_input_proved: whether what was put right at the network's input is what costs the points.
    """
    if case.at_input is None or case.at_input.sight is None:
        return None
    sight, trial = case.at_input.sight, case.at_input
    told = _told(sight.found, trial, is_input_proved)
    gains = trial.trial is not None and case.gain(trial.trial).share > 0
    steps = tuple(_in_words(each, trial, is_input_proved, gains) for each in told)
    card = next(chart.pixels for chart in CHARTS if chart.name == CARD)
    return NetworkInputPart(
        card=picture_of(card),
        right=picture_of(_as_in_the_lab(card)),
        seen=_seen(sight.found, sight.card, picture_of, is_own=bool(sight.photos)),
        photos=tuple(
            PhotoPart(
                given=photo_of(image.pixels("rgb")), seen=_seen(sight.found, tensor, photo_of, is_own=True)
            )
            for image, tensor in sight.photos
        ),
        is_stretched=sight.card is not None and is_stretched(sight.found, sight.card),
        differences=steps,
        excluded=tuple(family for family in _excluded(sight.found) if family not in {e.step for e in told}),
        found=_numbers(sight.found),
        lab=_numbers(LAB),
        paths=_paths(case, trial.trial),
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


def _told(found: Preprocessing, trial: InputTrial, is_proved: bool) -> tuple[Difference, ...]:
    """Return the differences; those that are proved by the standard by which they were put right."""
    differing = differences(found)
    if not is_proved:
        return differing
    proved = {each.step for each in trial.differences}
    return (*trial.differences, *(each for each in differing if each.step not in proved))


def _in_words(difference: Difference, trial: InputTrial, is_proved: bool, gains: bool) -> DifferencePart:
    """Return a difference, and whether it costs anything: the fewest steps that do are the cause."""
    is_put_right = bool(steps_that_differ([difference]) & trial.steps)
    cost: Literal["proved", "none", "unknown"] = "none"
    if is_proved and difference in trial.differences:
        cost = "proved"
    elif trial.trial is None or (is_put_right and (is_proved or gains)):
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


def _paths(case: Case, trial: Trial | None) -> PathsPart:
    """Return the counts that were measured, all of the same images."""
    if trial is None:
        return PathsPart(images=len(case.truth), as_handed_in=int(case.is_right.sum()))
    return PathsPart(
        images=len(trial.images),
        as_handed_in=int(case.is_right[trial.images].sum()),
        right_input=case.correct(trial),
    )
