"""How a grey level becomes a number where no straight line says so: clipped, wrapped, rounded, cut in two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.diagnosis.charts import GREYS
from grader.diagnosis.photometry import Floats

_FEW = 16
"""So many different numbers, or fewer, are rounded ones."""
_FLAT = 0.004
"""Of the range: differences that are none."""
_STRAIGHT = 0.02
_MOSTLY = 0.9


@dataclass(frozen=True, eq=False)
class Curve:
    """What one channel becomes."""

    kind: str
    """linear, clipped, wrapped, rounded, floored, threshold, curved."""
    gain: float | None = None
    """Of the straight part, by grey level."""
    black: float | None = None
    """What the straight part gives for black."""


def curve_of(levels: Floats, numbers: Floats, solids: Floats) -> Curve:
    """Return what a channel's numbers are made of.

    Args:
        levels: (n,) the grey levels of many pixels.
        numbers: (n,) what the network was given for them.
        solids: (greys,) what it was given for each of GREYS.
    """
    span = float(max(np.ptp(solids), np.ptp(numbers)))
    if not np.isfinite(span) or span <= 0 or len(levels) < 2:
        return Curve("curved")
    few = count_values(numbers, span)
    if few <= 2:
        white_alone = np.ptp(solids[:-1]) <= _FLAT * span < abs(solids[-1] - solids[0])
        return Curve("floored" if white_alone else "threshold")
    if few <= _FEW:
        return Curve("rounded")
    x, y = _binned(levels, numbers)
    return _clipped(x, y, span) or _wrapped(x, y) or Curve("curved")


def count_values(numbers: Floats, span: float) -> int:
    """Return how many different numbers nine pixels of ten have."""
    _, counts = np.unique((numbers / span * 500).round(), return_counts=True)
    shares = np.cumsum(np.sort(counts)[::-1]) / len(numbers)
    return int(np.searchsorted(shares, _MOSTLY)) + 1


def _binned(levels: Floats, numbers: Floats) -> Floats:
    """Return, as two rows, the mean level and the median number of each of 128 bins that is not empty."""
    bins = np.clip(levels / 2, 0, 127).astype(np.intp)
    order = np.argsort(bins, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(bins[order])) + 1)
    found = [(levels[part].mean(), np.median(numbers[part])) for part in parts]
    return np.array(found).T


def _clipped(x: Floats, y: Floats, span: float) -> Curve | None:
    """Return the straight part between flat ends."""
    inside = (y > y.min() + _FLAT * span) & (y < y.max() - _FLAT * span)
    if inside.sum() < 4:
        return None
    first, last = np.flatnonzero(inside)[[0, -1]]
    if not inside[first : last + 1].all() or last - first < 6:
        return None
    ends = slice(first + 1, last)
    gain, black = np.polyfit(x[ends], y[ends], 1)
    error = np.abs(np.clip(gain * x + black, y.min(), y.max()) - y)
    if np.quantile(error, _MOSTLY) > _STRAIGHT * span:
        return None
    is_whole = first <= 1 and last >= len(x) - 2
    return Curve("linear" if is_whole else "clipped", float(gain), float(black))


def _wrapped(x: Floats, y: Floats) -> Curve | None:
    """Return the straight line that starts anew after each 256 of it, or after each half of that."""
    gain = float(np.median(np.diff(y) / np.maximum(np.diff(x), 1e-9)))
    for lap in (256 * gain, 128 * gain):
        if abs(lap) < 1e-12 or not np.isfinite(lap):
            return None
        laps = (y - gain * x) / lap
        angles = np.exp(2j * np.pi * laps)
        start = float(np.angle(np.median(angles.real) + 1j * np.median(angles.imag))) / (2 * np.pi)
        whole = (laps - start).round()
        is_near = np.abs(laps - start - whole) < 0.03
        if is_near.mean() >= _MOSTLY and len(np.unique(whole[is_near])) > 1:
            return Curve("wrapped", gain, start * lap)
    return None


def is_clipped(solids: Floats) -> bool:
    """Whether the responses to GREYS rise or fall between flat ends, at least one of which is there."""
    steps = np.diff(solids)
    span = np.abs(steps).sum()
    moving = np.flatnonzero(np.abs(steps) > _FLAT * span)
    if len(moving) < 2 or not np.isfinite(span):
        return False
    part = steps[moving[0] : moving[-1] + 1]
    return bool((np.sign(part) == np.sign(part[0])).all() and len(moving) < len(steps))


def strict_part(solids: Floats) -> slice | None:
    """Return between which of GREYS the responses rise, or fall, without a bend at either end."""
    steps = np.diff(solids)
    span = np.abs(steps).sum()
    if span <= 0 or not np.isfinite(span):
        return None
    signs = np.where(np.abs(steps) <= _FLAT * span, 0, np.sign(steps))
    moving = np.flatnonzero(signs)
    if len(moving) == 0 or (signs[moving[0] : moving[-1] + 1] != signs[moving[0]]).any():
        return None
    first, last = int(moving[0]), int(moving[-1]) + 1
    first += first > 0
    last -= last < len(GREYS) - 1
    return slice(first, last + 1) if last > first else None
