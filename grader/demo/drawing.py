"""What a canvas is given: colours, fills, and shapes.

A colour is (blue, green, red), each 0..255. A fill gives a colour to each place of a shape: it is a function
of u and v, arrays (h, w) or (1, w) and (h, 1) of the place across and down the shape, both 0..1 (see
`Canvas.fill`), and returns blue, green and red planes that spread over (3, h, w).

A shape is an array (n, 2) of float32, in the unit frame of a canvas: x to the right, y down, both -1..1.
Angles are in degrees, clockwise as seen.
"""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Field = NDArray[np.float32]
Colour = tuple[float, float, float]
Fill = Callable[[Field, Field], Field]
Points = NDArray[np.float32]
T = TypeVar("T")
WHITE: Colour = (250, 250, 250)
BLACK: Colour = (25, 25, 25)


@dataclass(frozen=True)
class Slanted:
    """A fill whose axes of u and v are turned, so that a slanting stick is shaded across itself."""

    fill: Fill
    degrees: float


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


def points(xy: ArrayLike) -> Points:
    """Make a shape of a list of (x, y)."""
    return np.asarray(xy, np.float32).reshape(-1, 2)


def ellipse(
    cx: float,
    cy: float,
    rx: float,
    ry: float,
    turn: float = 0.0,
    arc: tuple[float, float] = (0.0, 360.0),
) -> Points:
    """Ellipse or an arc of one, from one angle to another; 0 degrees is to the right, 90 down."""
    angle = np.radians(np.linspace(*arc, 48))
    return moved(points(np.stack([rx * np.cos(angle), ry * np.sin(angle)], 1)), cx, cy, turn)


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Points:
    """Rectangle with rounded corners."""
    if radius <= 0:
        return points([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    quarter = np.radians(np.linspace(0, 90, 8))
    corners = [
        (x1 - r, y1 - r, 0.0),
        (x0 + r, y1 - r, 90.0),
        (x0 + r, y0 + r, 180.0),
        (x1 - r, y0 + r, 270.0),
    ]
    arcs = []
    for cx, cy, turn in corners:
        arcs.append(moved(points(np.stack([r * np.cos(quarter), r * np.sin(quarter)], 1)), cx, cy, turn))
    return np.concatenate(arcs)


def moved(
    shape: NDArray[np.floating[Any]], dx: float = 0.0, dy: float = 0.0, turn: float = 0.0, scale: float = 1.0
) -> Points:
    """Scale and turn about the origin, then shift."""
    c, s = np.cos(np.radians(turn)) * scale, np.sin(np.radians(turn)) * scale
    matrix = np.array([[c, s], [-s, c]], np.float32)
    return (shape @ matrix + np.array([dx, dy], np.float32)).astype(np.float32)


def smooth(knots: ArrayLike, closed: bool = True, steps: int = 10) -> Points:
    """Catmull-Rom curve through the knots."""
    p = points(knots)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-1:]])


def turned(profile: Sequence[tuple[float, float]], rounded: bool = True) -> Points:
    """Outline of a body turned on a lathe, from (y, half width) pairs from top to bottom."""
    right = points([(half, y) for y, half in profile])
    if rounded:
        right = smooth(right, closed=False)
    left = right[::-1] * np.array([-1, 1], np.float32)
    return np.concatenate([right, left])


def band(y0: float, y1: float, half0: float, half1: float, bulge: float) -> Points:
    """Strip round a cylinder seen a little from above: both edges sag by `bulge` in the middle."""
    top = ellipse(0, y0, half0, bulge, arc=(180, 0))
    bottom = ellipse(0, y1, half1, bulge, arc=(0, 180))
    return np.concatenate([top, bottom])


def ribbon(path: ArrayLike, widths: ArrayLike) -> Points:
    """Outline of a strip along a path; `widths` (half widths) are spread evenly over its points."""
    p = points(path)
    half = np.asarray(widths, np.float32).reshape(-1)
    half = np.interp(np.linspace(0, 1, len(p)), np.linspace(0, 1, len(half)), half).astype(np.float32)
    along = np.asarray(np.gradient(p, axis=0), np.float32)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-6
    across = along[:, ::-1] * np.array([-1, 1], np.float32)
    return np.concatenate([p + across * half[:, None], (p - across * half[:, None])[::-1]])


def jagged(path: ArrayLike, amount: float, rng: np.random.Generator) -> Points:
    """Return the path with every point knocked aside by up to `amount`."""
    p = points(path)
    return (p + rng.uniform(-amount, amount, p.shape)).astype(np.float32)


def _planes(colour: Colour) -> Field:
    """Shape the colour (3, 1, 1), to be spread over any (h, w)."""
    return np.array(colour, np.float32).reshape(3, 1, 1)
