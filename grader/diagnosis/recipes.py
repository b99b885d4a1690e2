"""How any of the steps in which a preprocessing differs is put right while the others stay as they are.

A correction is a matrix and an offset for the colours of each pixel: over the student's own tensor, where the
place of the pixels stays, or over the picture as the lab crops it, where that is put right too.

What is right is what the network was trained with. That is the lab's preprocessing as a rule, and else one of
the few that other courses teach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Literal

import numpy as np

from grader.diagnosis.colours import Floats, scale_called
from grader.diagnosis.preprocessing import LAB, PIXELS, Difference, Preprocessing, differences
from grader.model.records import Offset, Recipe

Step = Literal["colour", "scale", "geometry"]
STEPS: tuple[Step, ...] = ("colour", "scale", "geometry")
"""What can be put right by itself; layout and sharpness are of the geometry."""

_BY_STEP: dict[str, tuple[Step, ...]] = {
    "colour": ("colour",),
    "scale": ("scale",),
    "linearity": ("scale",),
    "by-image": ("scale",),
    "geometry": ("geometry",),
    "layout": ("geometry",),
    "sharpness": ("geometry",),
    "random": ("geometry",),
    "state": STEPS,
    "training": ("colour", "scale"),
}
_Change = tuple[Floats, Floats]
"""A matrix (3, 3) and an offset (3,)."""
_ORDERS = {"rgb": np.eye(3), "bgr": np.eye(3)[::-1]}
_MOST_CONDITION = 1e3
"""A matrix that stretches one colour so much more than another has lost it."""


def _standard(colour: str, scale: str) -> Preprocessing:
    gain, offset = scale_called(scale)
    return replace(LAB, colour=colour, scale=scale, matrix=gain[:, None] * _ORDERS[colour], offset=offset)


OTHER_STANDARDS = tuple(
    _standard(colour, scale)
    for colour, scale in product(("rgb", "bgr"), ("standard", "signed", "unit", "raw"))
    if (colour, scale) != (LAB.colour, LAB.scale)
)
"""Of what else a network learns from: OpenCV's order, and the scales of other courses."""


@dataclass(frozen=True)
class Correction:
    """What to give the network instead."""

    steps: frozenset[Step]
    """What is put right."""
    recipe: Recipe
    standard: Preprocessing = LAB
    """What it is put right by."""

    @property
    def is_another_standard(self) -> bool:
        """Whether it is no matter of the lab's, but of how the network may have been trained."""
        return self.standard in OTHER_STANDARDS


def steps_that_differ(found: Iterable[Difference]) -> frozenset[Step]:
    """Return which steps a list of differences is about."""
    return frozenset(step for difference in found for step in _BY_STEP[difference.step])


def corrections(found: Preprocessing, standard: Preprocessing = LAB) -> tuple[Correction, ...]:
    """Return the corrections of all subsets of the steps that differ, the fewest steps first.

    A subset is left out where it cannot be put right by itself: of a grey tensor the colours are lost. Where
    not even all steps that are known to differ can be, all steps there are stand in their place.

    A network that is given its channels last changes the axes by itself, and may scale by itself, too. Then
    the same follows with pixels of 0 to 255 as the standard's scale, where they do not arrive so.
    """
    ways = _by_standard(found, standard)
    if standard is LAB and not found.layout.channels_first and found.scale not in ("raw", "unknown"):
        ways += tuple(each for each in _by_standard(found, PIXELS) if "scale" in each.steps)
    return tuple(sorted(ways, key=lambda each: len(each.steps)))


def other_standards(found: Preprocessing) -> tuple[Correction, ...]:
    """Return what gives the network what it may have been trained with, if not with the lab's preprocessing.

    The place of the pixels stays.
    """
    made = []
    for standard in OTHER_STANDARDS if found.colour in _ORDERS else ():
        wanted = {"colour": standard.colour != found.colour, "scale": standard.scale != found.scale}
        steps = frozenset(step for step in STEPS if wanted.get(step))
        if steps and (each := correction(found, steps, standard)) is not None:
            made.append(each)
    return tuple(sorted(made, key=lambda each: len(each.steps)))


def _by_standard(found: Preprocessing, standard: Preprocessing) -> tuple[Correction, ...]:
    differing = steps_that_differ(differences(found, standard))
    possible = tuple(_possible(found, standard, differing))
    if not differing or any(each.steps == differing for each in possible):
        return possible
    whole = correction(found, frozenset(STEPS), standard)
    return possible if whole is None else (*possible, whole)


def _possible(
    found: Preprocessing, standard: Preprocessing, differing: frozenset[Step]
) -> Iterator[Correction]:
    steps = [step for step in STEPS if step in differing]
    for count in range(1, len(steps) + 1):
        for subset in combinations(steps, count):
            made = correction(found, frozenset(subset), standard)
            if made is not None:
                yield made


def correction(
    found: Preprocessing, steps: frozenset[Step], standard: Preprocessing = LAB
) -> Correction | None:
    """Return the correction of these steps alone, or None if there is none."""
    if found.channels != 3 or standard.matrix is None or standard.offset is None:
        return None
    wanted = _wanted(found, (standard.matrix, standard.offset), steps)
    if wanted is None:
        return None
    if "geometry" not in steps:
        over = _over_tensor(found, *wanted)
        if over is not None:
            return _made(steps, "tensor", over, standard)
        if not _has_geometry_of(found, standard):
            return None
    return _made(steps, "image", wanted, standard)


def _made(
    steps: frozenset[Step], source: Literal["tensor", "image"], change: _Change, standard: Preprocessing
) -> Correction:
    first, second, third = (_three(row) for row in change[0])
    return Correction(steps, Recipe(source, (first, second, third), _three(change[1])), standard)


def _three(numbers: Floats) -> Offset:
    red, green, blue = numbers.tolist()
    return red, green, blue


def _wanted(found: Preprocessing, right: _Change, steps: frozenset[Step]) -> _Change | None:
    """Return matrix and offset, of the pixels of the picture, that the network is to get."""
    if {"colour", "scale"} <= steps:
        return right
    if "scale" in steps:
        return _in_the_students_colours(found, *right)
    known = _known(found)
    return _in_the_labs_colours(found, right, *known) if known and "colour" in steps else known


def _known(found: Preprocessing) -> _Change | None:
    """Return the student's own matrix and offset, where nothing else is done to the values."""
    is_plain = found.linearity == "linear" and not found.by_image
    if not is_plain or found.matrix is None or found.offset is None:
        return None
    return found.matrix, found.offset


def _in_the_students_colours(found: Preprocessing, matrix: Floats, offset: Floats) -> _Change | None:
    """Return the lab's scale for the colours that the student's network is given."""
    rows = _rows(found)
    if rows is None:
        return None
    gains = matrix.sum(axis=1)
    if found.negative:
        return -gains[:, None] * rows, offset + 255 * gains
    return gains[:, None] * rows, offset


def _rows(found: Preprocessing) -> Floats | None:
    """Return which colours each channel is made of, each row with the sum 1; None where it is unknown."""
    if found.colour in _ORDERS:
        return _ORDERS[found.colour]
    if found.matrix is None or found.linearity != "linear":
        return None
    sums = found.matrix.sum(axis=1, keepdims=True)
    if (np.abs(sums) < 1e-3 * np.abs(found.matrix).max()).any():
        return None
    return np.asarray(found.matrix / sums)


def _in_the_labs_colours(
    found: Preprocessing, right: _Change, matrix: Floats, offset: Floats
) -> _Change | None:
    """Return the student's scale for the lab's colours."""
    rows = _rows(found)
    if rows is None:
        return None
    gains = matrix.sum(axis=1)
    if found.negative:
        gains, offset = -gains, offset + 255 * gains
    if found.by_source:  # mean and std go with their colours
        places = [int(np.abs(rows[:, source]).argmax()) for source in range(3)]
        gains, offset = gains[places], offset[places]
    order = right[0] / right[0].sum(axis=1, keepdims=True)
    return gains[:, None] * order, offset


def _over_tensor(found: Preprocessing, matrix: Floats, offset: Floats) -> _Change | None:
    """Return what makes the wanted values of the student's own; None where they are not in it."""
    known = _known(found)
    if known is None or found.layout.reshaped:
        return None
    own, black = known
    largest = np.abs(own).max(axis=1, keepdims=True)
    if largest.min() <= 0:  # a channel without a picture
        return None
    with np.errstate(all="ignore"):
        ratio = matrix.sum(axis=1) / own.sum(axis=1)
        is_scaled = np.allclose(ratio[:, None] * own, matrix, rtol=1e-3, atol=1e-6 * np.abs(matrix).max())
    if is_scaled:
        change = np.diag(ratio)
    elif np.linalg.cond(own / largest) > _MOST_CONDITION:
        return None
    else:
        change = matrix @ np.linalg.inv(own)
    return change, offset - change @ black


def _has_geometry_of(found: Preprocessing, standard: Preprocessing) -> bool:
    """Whether the pixels are where the standard has them, so that its picture can stand for the student's."""
    return (
        found.layout.reshaped == standard.layout.reshaped
        and not found.is_random
        and (found.orientation, found.crop, found.size, found.sharpness)
        == (standard.orientation, standard.crop, standard.size, standard.sharpness)
    )
