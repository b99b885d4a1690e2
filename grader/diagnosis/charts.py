"""The test charts: pictures of our own, from which a program's preprocessing can be read off.

Solid colours say what becomes of a colour, whatever is cropped or turned. Ramps say where each point of the
network's input comes from: their value *is* the place, from 0 at the left or top edge to 255 at the other.
The faint ramp says whether a picture's own contrast decides, the texture whether fine detail arrives, and the
cards, which no program can confuse with themselves turned or mirrored, show it all to a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

SHAPES = {"wide": (360, 480), "tall": (480, 360), "square": (224, 224), "small": (96, 128)}
"""Height and width of ramps and cards."""
GREYS = (0, 32, 64, 96, 128, 160, 192, 224, 255)
COLOURS = (
    *((255, 0, 0), (0, 255, 0), (0, 0, 255)),
    # What clips or wraps at the ends of the range still tells these apart; each part is one of the greys.
    *((160, 96, 128), (128, 160, 96), (96, 128, 160)),
)
FAINT = (64, 128)
"""The ends of the faint ramp; its middle is not that of the full one, where much is cut in two."""
TEXTURE = "texture"
FAINT_RAMP = "faint"
CARD = "card-wide"
"""The chart that a person is shown."""
_CELL = 4
"""Pixels to a cell of the texture: a thumbnail of 64 pixels loses them."""
_SOLID = (240, 320)
_TIMES_CARD = 3


@dataclass(frozen=True, eq=False)
class Chart:
    """One picture to ask about."""

    name: str
    pixels: Picture
    """RGB, (H, W, 3)."""


def solid(colour: tuple[int, int, int]) -> str:
    """Return the name of the chart that is of one colour, given as RGB."""
    return "solid-{:02x}{:02x}{:02x}".format(*colour)


def grey(level: int) -> str:
    """Return the name of the chart that is of one grey level."""
    return solid((level, level, level))


def ramp(shape: str, axis: str) -> str:
    """Return the name of the ramp along an axis, `x` or `y`, in one of SHAPES."""
    return f"ramp-{shape}-{axis}"


def card(shape: str) -> str:
    """Return the name of the orientation card in one of SHAPES."""
    return f"card-{shape}"


def _all_charts() -> Iterator[Chart]:
    for colour in (*((level,) * 3 for level in GREYS), *COLOURS):
        yield Chart(solid(colour), np.full((*_SOLID, 3), colour, np.uint8))
    for shape, (height, width) in SHAPES.items():
        along_x = np.tile(_steps(width), (height, 1))
        along_y = np.tile(_steps(height)[:, None], (1, width))
        yield Chart(ramp(shape, "x"), _three(along_x))
        yield Chart(ramp(shape, "y"), _three(along_y))
    low, high = FAINT
    wide = SHAPES["wide"]
    faint = low + np.tile(_steps(wide[1]), (wide[0], 1)) * (high - low) / 255
    yield Chart(FAINT_RAMP, _three(faint.round()))
    yield Chart(TEXTURE, _three(_texture(*SHAPES["square"])))
    for shape in ("tall", "square"):
        yield Chart(card(shape), _card(*SHAPES[shape]))
    shown = Chart(CARD, _card(*SHAPES["wide"]))
    yield from [shown] * _TIMES_CARD


def _steps(length: int) -> npt.NDArray[np.float64]:
    """Return the values of a ramp: 255 times the place of each pixel's centre."""
    return np.asarray((255 * (np.arange(length) + 0.5) / length).round())


def _three(values: npt.NDArray[np.float64]) -> Picture:
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)


def _texture(height: int, width: int) -> npt.NDArray[np.float64]:
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    cells = np.random.default_rng(7).integers(0, 2, (rows, columns)) * 255.0
    return np.asarray(cells.repeat(_CELL, 0).repeat(_CELL, 1)[:height, :width])


def _card(height: int, width: int) -> Picture:
    """Draw four coloured fields with letters, a frame, and an arrow that points up."""
    picture = np.zeros((height, width, 3), np.uint8)
    middle, centre = height // 2, width // 2
    unit = min(height, width)
    fields = {
        "A": ((0, 0), (214, 56, 48)),
        "B": ((0, centre), (52, 168, 83)),
        "C": ((middle, 0), (48, 92, 214)),
        "D": ((middle, centre), (240, 190, 40)),
    }
    for letter, ((top, left), colour) in fields.items():
        picture[top : top + middle, left : left + centre] = colour
        at = (left + centre // 2 - unit // 11, top + middle // 2 + unit // 12)
        cv2.putText(picture, letter, at, cv2.FONT_HERSHEY_DUPLEX, unit / 130, (255, 255, 255), unit // 60 + 1)
    thick = unit // 40
    cv2.arrowedLine(picture, (centre, middle + unit // 4), (centre, middle - unit // 4), (20, 20, 20), thick)
    cv2.putText(
        picture,
        "UP",
        (centre + unit // 14, middle - unit // 5),
        cv2.FONT_HERSHEY_SIMPLEX,
        unit / 400,
        (20, 20, 20),
        max(1, unit // 150),
    )
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), (250, 250, 250), unit // 30)
    return picture


CHARTS: tuple[Chart, ...] = tuple(_all_charts())
"""In the order in which they are asked; the card that is shown is asked three times running."""
PIXELS = {chart.name: chart.pixels for chart in CHARTS}
