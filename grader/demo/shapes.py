"""Shapes as arrays of points, in the unit frame of a canvas: x to the right, y down, both -1..1.

Every shape is an array (n, 2) of float32. Angles are in degrees, clockwise as seen.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float32]


def points(xy: ArrayLike) -> Points:
    """Make a shape of a list of (x, y)."""
    return np.asarray(xy, np.float32).reshape(-1, 2)


def ellipse(
    cx: float, cy: float, rx: float, ry: float, turn: float = 0.0, start: float = 0.0, end: float = 360.0
) -> Points:
    """Ellipse or arc of one; 0 degrees is to the right, 90 down."""
    angle = np.radians(np.linspace(start, end, 48))
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
    top = ellipse(0, y0, half0, bulge, start=180, end=0)
    bottom = ellipse(0, y1, half1, bulge, start=0, end=180)
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
