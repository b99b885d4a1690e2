"""What a report shows of the first seam: the orientation card as it was handed over, and as it arrived.

Everything shown is of the worker that was asked about test charts, and in a self-check about a few of the
student's own images, but about no hidden one. Sentences are our own; the arrays are a stranger's, who chooses
every number of them. The worker has seen no hidden image, but it stands on the machine of one that has, and
reads the same libraries: which parts of them lie in the machine's memory can tell it whatever the other one
wants it to know. So where images are hidden, no array is shown, and the card is drawn
anew (`drawing.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from grader.diagnosis.case import Case, Sight
from grader.diagnosis.charts import CARD, CHARTS, Picture
from grader.diagnosis.drawing import redrawn
from grader.diagnosis.evidence import Evidence
from grader.diagnosis.parameters import own_files
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
from grader.diagnosis.readout import named_right
from grader.diagnosis.recipes import steps_that_differ
from grader.diagnosis.telling import corrected
from grader.model.report import (
    DifferencePart,
    Family,
    Link,
    NetworkInputPart,
    PathsPart,
    PhotoPart,
    PicturePart,
    PreprocessingPart,
    Sound,
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
    broken = _broken(case, codes)
    is_own = bool(sight.photos)
    is_other = found.is_random or found.is_stateful
    card = next(chart.pixels for chart in CHARTS if chart.name == CARD)
    return NetworkInputPart(
        card=picture_of(card),
        right=picture_of(_as_in_the_lab(card)),
        seen=_seen(found, sight.card, picture_of, is_own=is_own),
        seen_again=_seen(found, sight.card_again, picture_of, is_own=is_own) if is_other else None,
        photos=tuple(
            PhotoPart(given=photo_of(image.pixels("rgb")), seen=_seen(found, tensor, photo_of, is_own=True))
            for image, tensor in sight.photos
        ),
        is_stretched=sight.card is not None and is_stretched(found, sight.card),
        differences=steps,
        excluded=tuple(family for family in _excluded(found) if family not in in_question),
        sound=tuple(_sound(case, sight, broken)),
        found=_numbers(found),
        lab=_numbers(LAB),
        paths=_paths(case, codes),
        broken=broken,
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


def _broken(case: Case, codes: Sequence[str]) -> Link | None:
    """Return the link that points are lost in: by the findings, or since answers name no class."""
    named = next((_BROKEN[code] for code in codes if code in _BROKEN), None)
    trial = case.seam_trial
    if named is not None or trial is None or trial.rule is None or trial.rule.code != "no-class":
        return named
    gain = case.gain(trial.trial)
    return "labels" if Evidence(corrected(gain.p_better, trial.tried), gain.share).is_proved else None


def _sound(case: Case, sight: Sight, broken: Link | None) -> Iterator[Sound]:
    """Yield what is known to be right in the network and after it."""
    if broken != "network" and sight.networks and own_files(sight.networks, sight.files):
        yield "weights"
    if not sight.is_training:
        yield "mode"
    if broken != "labels" and sight.is_read_right and case.seams and case.seams.is_read_right is not False:
        yield "readout"


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


def _paths(case: Case, codes: Sequence[str]) -> PathsPart:
    """Return the counts that were measured, all of the same images."""
    trial = case.seam_trial
    if trial is None:
        named = named_right(case) if any(_BROKEN.get(code) == "labels" for code in codes) else None
        right = int(case.is_right.sum())
        return PathsPart(images=len(case.truth), as_handed_in=right, right_readout=named)
    way, heard = trial.way, trial.heard
    spoken, scored = case.correct(heard.trial()), None
    if heard.scores is not None:
        scored = case.correct(heard.trial(by_scores=True))
    paths = PathsPart(images=len(heard.images), as_handed_in=int(case.is_right[heard.images].sum()))
    if way.repair is not None:
        # Parameters of another file that answer no better put nothing right.
        is_alone = way.correction is None and not way.by_scores
        is_better = spoken > int(case.is_right[heard.images].sum())
        return paths.model_copy(update={"right_network": spoken if is_alone and is_better else None})
    if way.correction is None:
        return paths.model_copy(update={"right_readout": scored})
    return paths.model_copy(update={"right_input": spoken, "both": scored if way.by_scores else None})
