"""Colours and fills.

A colour is (blue, green, red), each 0..255. A fill gives a colour to each place of a shape: it is a function
of u and v, arrays (h, w) or (1, w) and (h, 1) of the place across and down the shape, both 0..1 (see
`Canvas.fill`), and returns blue, green and red planes that spread over (3, h, w).
"""

import colorsys
from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Colour = tuple[float, float, float]
Fill = Callable[[Field, Field], Field]
T = TypeVar("T")

WHITE: Colour = (250, 250, 250)
BLACK: Colour = (25, 25, 25)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Colour from hue in degrees (0 red, 120 green, 240 blue), saturation and value in 0..1."""
    r, g, b = colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return (255 * b, 255 * g, 255 * r)


def choose(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def vivid(rng: np.random.Generator) -> Colour:
    """Make a strong colour such as packaging has."""
    return hsv(rng.uniform(0, 360), rng.uniform(0.6, 0.95), rng.uniform(0.55, 0.95))


def near(
    rng: np.random.Generator, hue: float, saturation: float, value: float, spread: float = 1.0
) -> Colour:
    """Make a colour near the given one; `spread` 1 is about 8 degrees of hue and .1 of the rest."""
    return hsv(
        hue + spread * rng.uniform(-8, 8),
        saturation + spread * rng.uniform(-0.1, 0.1),
        value + spread * rng.uniform(-0.1, 0.1),
    )


def shade(colour: Colour, factor: float) -> Colour:
    """Darker (factor below 1) or lighter."""
    b, g, r = (min(255.0, channel * factor) for channel in colour)
    return (b, g, r)


def blend(a: Colour, b: Colour, share: float) -> Colour:
    """From `a` (share 0) to `b` (share 1)."""
    mixed = [x + (y - x) * share for x, y in zip(a, b, strict=True)]
    return (mixed[0], mixed[1], mixed[2])


def _planes(colour: Colour) -> Field:
    """Shape the colour (3, 1, 1), to be spread over any (h, w)."""
    return np.array(colour, np.float32).reshape(3, 1, 1)


def flat(colour: Colour) -> Fill:
    """Make a fill of one colour."""
    planes = _planes(colour)
    return lambda _u, _v: planes


def gradient(first: Colour, last: Colour) -> Fill:
    """From the top of the shape to its bottom."""
    a, b = _planes(first), _planes(last)
    return lambda _u, v: a + (b - a) * v


def cylinder(colour: Colour, light: float = 0.3, gloss: float = 0.5) -> Fill:
    """Make a fill that looks like an upright cylinder lit at `light` (0 left edge, 1 right edge)."""
    base = _planes(colour)

    def fill(u: Field, _v: Field) -> Field:
        body = 0.5 + 0.62 * np.exp(-(((u - light) / 0.36) ** 2)) + 0.12 * np.exp(-(((u - 0.97) / 0.08) ** 2))
        spot = gloss * 170 * np.exp(-(((u - light) / 0.06) ** 2))
        return np.asarray(np.clip(base * body + spot, 0, 255), np.float32)

    return fill


def metal(colour: Colour, phase: float = 0.0) -> Fill:
    """Polished metal: several bright and dark streaks across."""
    base = _planes(colour)

    def fill(u: Field, _v: Field) -> Field:
        streaks = 0.78 + 0.24 * np.sin(9.5 * u + phase) + 0.16 * np.sin(23 * u + 2 * phase)
        return np.asarray(np.clip(base * streaks, 0, 255), np.float32)

    return fill


def ball(colour: Colour, gloss: float = 0.35) -> Fill:
    """Make a fill that looks like a ball lit from the upper left."""
    base = _planes(colour)

    def fill(u: Field, v: Field) -> Field:
        far = ((u - 0.36) ** 2 + (v - 0.32) ** 2) / 0.5
        spot = gloss * 200 * np.exp(-far / 0.03)
        return np.asarray(np.clip(base * (1.15 - 0.75 * far) + spot, 0, 255), np.float32)

    return fill


def mottled(rng: np.random.Generator, colour: Colour, amount: float = 0.1, cells: int = 12) -> Fill:
    """Uneven colour in patches; the arguments are as in `worn`."""
    return worn(rng, flat(colour), amount, cells)


def worn(rng: np.random.Generator, fill: Fill, amount: float = 0.1, cells: int = 12) -> Fill:
    """Make a fill uneven in patches, `cells` of them across; `amount` is the deviation of brightness."""
    grid = rng.normal(1, amount, (cells, cells)).astype(np.float32)

    def patched(u: Field, v: Field) -> Field:
        height, width = np.broadcast_shapes(u.shape, v.shape)
        patches = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.clip(fill(u, v) * patches, 0, 255), np.float32)

    return patched
