"""What becomes of a colour on its way into the network: matrix and offset, and the names of both.

Where no straight line says how a grey level becomes a number, the curve has a name: clipped, wrapped,
rounded, cut in two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.charts import COLOURS, GREYS, grey, solid

Floats = npt.NDArray[np.float64]

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
"""ImageNet's, of pixels 0..1, in the order of RGB."""
_OTHER_STATISTICS = {
    "signed": (np.full(3, 0.5), np.full(3, 0.5)),
    "cifar": (np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])),
    "cifar-std": (np.array([0.4914, 0.4822, 0.4465]), np.array([0.2023, 0.1994, 0.2010])),
    "clip": (np.array([0.4815, 0.4578, 0.4082]), np.array([0.2686, 0.2613, 0.2758])),
    "mnist": (np.full(3, 0.1307), np.full(3, 0.3081)),
    "one-mean": (np.full(3, MEAN.mean()), np.full(3, STD.mean())),
}
_ROUNDING = 0.012
"""Of the range of a channel: how far rounding to bytes on the way drives equal numbers apart."""
_GAIN_APART, _OFFSET_APART = 0.012, 0.015
"""Within these shares (of the gain; of the range from black to white) a scale is a known one."""
_EMPTY = 1e-6
"""Of the strongest channel: a weaker one holds no picture."""
_ROWS_APART = 0.04
_LUMA = np.array([0.299, 0.587, 0.114])
_Y_CR_CB = np.array([[0.299, 0.587, 0.114], [0.5, -0.4187, -0.0813], [-0.1687, -0.3313, 0.5]])
_Y_U_V = np.array([[0.299, 0.587, 0.114], [-0.147, -0.289, 0.436], [0.615, -0.515, -0.100]])
_PICTURES = np.array([*((level,) * 3 for level in GREYS), *COLOURS], np.float64)
"""The colours that are asked about, as RGB."""
_NAMES = (*(grey(level) for level in GREYS), *(solid(colour) for colour in COLOURS))
_Convert = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
_FEW = 16
"""So many different numbers, or fewer, are rounded ones."""
_FLAT = 0.004
"""Of the range: differences that are none."""
_STRAIGHT = 0.02
_MOSTLY = 0.9


@dataclass(frozen=True, eq=False)
class Photometry:
    """What the network is given for a colour of the picture: `matrix @ rgb + offset`, for rgb of 0..255."""

    matrix: Floats
    """(C, 3)."""
    offset: Floats
    """(C,)."""
    colour: str
    negative: bool
    scale: str
    by_source: bool
    """Whether a channel's mean and std are those of the colour that it holds, not of its place."""
    is_linear: bool

    @property
    def gains(self) -> Floats:
        """(C,): what a step of one grey level is worth."""
        return np.asarray(self.matrix.sum(axis=1))


def responses(values: Mapping[str, Floats]) -> Floats | None:
    """Return what the network was given for each colour, (colours, C); None where one is missing."""
    rows = [values.get(name) for name in _NAMES]
    known = [row for row in rows if row is not None]
    if len(known) < len(rows) or len({len(row) for row in known}) != 1:
        return None
    return np.array(known)


def grey_responses(table: Floats) -> Floats:
    """Return the part of `responses` that is for the levels of GREYS."""
    return np.asarray(table[: len(GREYS)])


def photometry_of(table: Floats) -> Photometry | None:
    """Return what fits `responses` to rounding; None if they follow from the colours in no known way."""
    matrix, offset, error = fit(table, np.c_[_PICTURES, np.ones(len(_PICTURES))])
    if not np.isfinite(error) or not _answers_to_greys(table):
        return None
    if error <= _ROUNDING:
        return described(matrix, offset, is_linear=True)
    for name, convert in _CURVED.items():
        converted = _converted(convert)
        if converted.shape[1] == table.shape[1] and _fits_by_channel(table, converted):
            colour = name.split("-")[0]
            return Photometry(matrix, offset, colour, False, "unknown", False, is_linear=False)
    return None


def _answers_to_greys(table: Floats) -> bool:
    """Whether grey levels make a difference: where each picture has its own mean taken away, they do not."""
    return bool(np.ptp(grey_responses(table), axis=0).max() > _ROUNDING * np.ptp(table, axis=0).max())


def fit(table: Floats, features: Floats) -> tuple[Floats, Floats, float]:
    """Return matrix and offset of the least squares (last feature: 1), and the largest error in ranges."""
    spans = np.ptp(table, axis=0)
    solution, *_ = np.linalg.lstsq(features, table, rcond=None)
    errors = np.abs(features @ solution - table).max(axis=0)
    largest = float((errors / np.maximum(spans, spans.max() * 0.05 + 1e-12)).max())
    return solution[:-1].T, solution[-1], largest


def described(matrix: Floats, offset: Floats, is_linear: bool) -> Photometry:
    """Return a matrix and offset with the names that they have."""
    strength = np.linalg.norm(matrix[:3], axis=1)
    if len(strength) > 1 and strength.min() <= _EMPTY * strength.max():
        return Photometry(matrix, offset, "empty-channel", False, "unknown", False, is_linear)
    colour, rows = _colour_of(matrix)
    if colour in ("ycrcb", "yuv"):  # offsets of their own
        return Photometry(matrix, offset, colour, False, "unknown", False, is_linear)
    gains = np.einsum("ck,ck->c", matrix[: len(rows)], rows) / np.einsum("ck,ck->c", rows, rows)
    lightest = rows.sum(axis=1) > 0.5
    sources = np.array([int(row.argmax()) for row in rows])
    negative = bool((gains[lightest] < 0).all())
    if negative:
        turned = _scale_of(-gains, offset[: len(rows)] + 255 * gains * rows.sum(axis=1), sources, colour)
        if turned[0] != "other":
            return Photometry(matrix, offset, colour, True, *turned, is_linear)
    scale, by_source = _scale_of(gains, offset[: len(rows)], sources, colour)
    return Photometry(matrix, offset, colour, negative and scale == "other", scale, by_source, is_linear)


def order_of(table: Floats) -> str | None:
    """Return the order of the channels where only their responses one by one are known, linear or not.

    Each part of a colour is one of the greys, so a channel gives for the colour what it gives for that grey.
    """
    greys, colours = grey_responses(table), table[len(GREYS) :]
    parts = np.array([[GREYS.index(part) for part in colour] for colour in COLOURS])
    spans = np.ptp(greys, axis=0)
    if not (spans > 0).all():
        return None
    errors = np.array(
        [
            [np.abs(greys[parts[:, source], channel] - colours[:, channel]).max() for source in range(3)]
            for channel in range(table.shape[1])
        ]
    )
    apart = errors / spans[:, None]
    if (apart.min(axis=1) > 3 * _ROUNDING).any():
        return None
    order = tuple(int(source) for source in apart.argmin(axis=1))
    return _order_name(order)


def _order_name(order: tuple[int, ...]) -> str:
    known = {"012": "rgb", "210": "bgr"}
    name = "".join(map(str, order[:3]))
    return known.get(name, "permuted" if len({*name}) == 3 else "one-channel")


def _colour_of(matrix: Floats) -> tuple[str, Floats]:
    """Return the name of what a matrix does with colours, and its rows without their gains."""
    used = matrix[:3] if len(matrix) in (3, 4) else matrix
    for name, rows in _known_rows(len(used)):
        scales = np.einsum("ck,ck->c", used, rows) / np.einsum("ck,ck->c", rows, rows)
        apart = np.linalg.norm(used - scales[:, None] * rows, axis=1)
        if (apart <= _ROWS_APART * np.linalg.norm(used, axis=1)).all():
            return name, rows
    sums = used.sum(axis=1, keepdims=True)
    rows = np.where(np.abs(sums) > 1e-9, used / np.where(np.abs(sums) > 1e-9, sums, 1), 1 / 3)
    return "mixed", np.asarray(rows)


def _known_rows(count: int) -> list[tuple[str, Floats]]:
    """Return the matrices of colour that have names, for so many channels."""
    eye = np.eye(3)
    known: list[tuple[str, Floats]] = []
    if count == 3:
        known += [(_order_name(order), eye[list(order)]) for order in permutations(range(3))]
        for name, rows in (("ycrcb", _Y_CR_CB), ("yuv", _Y_U_V)):
            known += [(name, rows), (name, rows[:, ::-1])]
    greys = (_LUMA, _LUMA[::-1], np.full(3, 1 / 3), np.array([0.2126, 0.7152, 0.0722]))
    known += [("grey", np.tile(row, (count, 1))) for row in greys]
    known += [("one-channel", np.tile(row, (count, 1))) for row in eye]
    return known


def _scale_of(gains: Floats, offset: Floats, sources: npt.NDArray[np.intp], colour: str) -> tuple[str, bool]:
    """Return the name of a scale, and whether each channel is scaled by the statistics of its source."""
    places = np.arange(len(gains))
    orders: dict[str, npt.NDArray[np.intp]] = {"": places}
    if colour not in ("grey", "one-channel", "rgb"):
        orders["by-source"] = sources
    elif colour == "rgb":
        orders["other-order"] = places[::-1]
    best, least = ("other", False), np.inf
    for how, order in orders.items():
        for name, (gain, black) in _SCALES.items():
            away = _away(gains, offset, gain[order % 3], black[order % 3])
            if away < least - 1e-4:
                named = "other-order" if how == "other-order" and name == "standard" else name
                best, least = (named, how == "by-source"), away
    return best if least <= 1 else ("other", False)


def _away(gains: Floats, offset: Floats, gain: Floats, black: Floats) -> float:
    """Return how far a scale is from a known one; 1 is the farthest at which it is the same."""
    steeper = np.abs(gains - gain) / np.abs(gain) / _GAIN_APART
    higher = np.abs(offset - black) / (255 * np.abs(gain)) / _OFFSET_APART
    return float(max(steeper.max(), higher.max()))


def _known_scales() -> dict[str, tuple[Floats, Floats]]:
    """Return gain (of pixels 0..255) and offset of the scales that have names."""
    mean, std, one = MEAN, STD, np.ones(3)
    known = {
        "standard": (one / 255 / std, -mean / std),
        "unit": (one / 255, 0 * one),
        "raw": (one, 0 * one),
        "unscaled": (1 / std, -mean / std),
        "twice": (one / 255**2 / std, -mean / std),
        "unit-twice": (one / 255**2, 0 * one),
        "no-std": (one / 255, -mean),
        "std-mean": (1 / mean / 255, -std / mean),
        "mean-alone-by-255": (1 / std, -255 * mean / std),
        "std-alone-by-255": (1 / std / 255, -mean / std / 255),
        "no-mean": (1 / std / 255, 0 * one),
        "times-std": (std / 255, -mean * std),
        "raw-no-std": (one, -255 * mean),
        "mean-added": (1 / std / 255, mean / std),
        "normalised-twice": (1 / 255 / std**2, -mean / std**2 - mean / std),
        "signed-standard": (2 / 255 / std, -(1 + mean) / std),
        "doubled": (one / 127.5, 0 * one),
        "centred": (one / 255, -0.5 * one),
        "negated": (-1 / 255 / std, mean / std),
    }
    known |= {name: (1 / 255 / s, -m / s) for name, (m, s) in _OTHER_STATISTICS.items()}
    return known


_SCALES = _known_scales()


def scale_called(name: str) -> tuple[Floats, Floats]:
    """Return gain (of pixels 0..255) and offset, each (3,), of the scale of this name."""
    return _SCALES[name]


def _by(code: int) -> _Convert:
    return lambda colours: np.asarray(cv2.cvtColor(colours, code))


_CURVED: dict[str, _Convert] = {
    "hsv": _by(cv2.COLOR_RGB2HSV),
    "hsv-of-bgr": _by(cv2.COLOR_BGR2HSV),
    "hsv-full": _by(cv2.COLOR_RGB2HSV_FULL),
    "hls": _by(cv2.COLOR_RGB2HLS),
    "lab": _by(cv2.COLOR_RGB2LAB),
    "lab-of-bgr": _by(cv2.COLOR_BGR2LAB),
}
"""Ways to give a colour that no matrix can."""


def _converted(convert: _Convert) -> Floats:
    return np.asarray(convert(_PICTURES.astype(np.uint8)[None])[0], np.float64)


def _fits_by_channel(table: Floats, converted: Floats) -> bool:
    """Whether each channel is a straight line of one part of the converted colours."""
    ones = np.ones(len(converted))
    return all(
        fit(table[:, [channel]], np.c_[converted[:, channel], ones])[2] <= _ROUNDING
        for channel in range(table.shape[1])
    )


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
