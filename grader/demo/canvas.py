"""A transparent sheet to draw one object on.

The sheet is square and holds premultiplied blue, green, red (0..255) and opacity (0..1) as float32. Places
are given in its unit frame: x to the right, y down, both -1..1. It is drawn larger than it is shown, and
smoothed when it is scaled down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from grader.demo.drawing import Colour, Field, Fill, Points, Slanted, ellipse

SIZE = 448
"""Side of a sheet, pixels: twice the side of the finished image."""

_SHIFT = 4  # OpenCV takes places in 1/16 pixel


@dataclass(frozen=True)
class _Coat:
    """How a shape is painted; see `Canvas.fill`."""

    paint: Colour | Fill | Slanted
    opacity: float
    inside: bool
    soft: float = 0.0


class Canvas:
    """See the module. Each method draws over what is there."""

    def __init__(self, size: int = SIZE):
        self.size = size
        # Planes, not pixels: numpy works through long rows much faster than through groups of four.
        self._planes: NDArray[np.float32] = np.zeros((4, size, size), np.float32)

    @property
    def bgra(self) -> NDArray[np.float32]:
        """What is drawn, (size, size, 4)."""
        return np.asarray(cv2.merge(list(self._planes)), np.float32)

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The same in eight bits, opacity 0..255: enough to show, and much faster to warp."""
        scales = (1, 1, 1, 255)
        planes = [cv2.convertScaleAbs(plane, alpha=s) for plane, s in zip(self._planes, scales, strict=True)]
        return np.asarray(cv2.merge(planes), np.uint8)

    def clear(self) -> None:
        """Make it empty again."""
        self._planes[:] = 0

    def fill(
        self,
        shape: Points | Sequence[Points],
        paint: Colour | Fill | Slanted,
        *,
        opacity: float = 1.0,
        inside: bool = False,
        soft: float = 0.0,
        ink: Colour | None = None,
    ) -> None:
        """Fill one outline, or several that make holes in each other.

        Args:
            shape: outline or outlines.
            paint: a colour, or a fill, whose u and v run over the extent of the shape.
            opacity: 0..1.
            inside: only where something is already drawn, so that a stain stays on the shirt.
            soft: blurs the edge, in units of the frame.
            ink: colour of a thin outline, if any.
        """
        outlines = [shape] if isinstance(shape, np.ndarray) else list(shape)
        self._lay(outlines, _Coat(paint, opacity, inside, soft))
        if ink is not None:
            for outline in outlines:
                self.ring(outline, 0.012, ink, opacity=0.75)

    def line(
        self,
        path: Points,
        width: float,
        paint: Colour | Fill | Slanted,
        *,
        opacity: float = 1.0,
        inside: bool = False,
        soft: float = 0.0,
    ) -> None:
        """Draw along a path, `width` units wide. The other arguments are as in `fill`."""
        self._lay([path], _Coat(paint, opacity, inside, soft), (width, False))

    def ring(
        self,
        path: Points,
        width: float,
        paint: Colour | Fill | Slanted,
        *,
        opacity: float = 1.0,
        inside: bool = False,
        soft: float = 0.0,
    ) -> None:
        """Draw along a path and back to where it begins."""
        self._lay([path], _Coat(paint, opacity, inside, soft), (width, True))

    def lines(
        self, paths: Sequence[Points], width: float, paint: Colour, opacity: float = 1.0, inside: bool = False
    ) -> None:
        """Draw many open paths in one go."""
        self._lay(list(paths), _Coat(paint, opacity, inside), (width, False))

    def dots(
        self, places: Points, radius: float, paint: Colour, opacity: float = 1.0, inside: bool = True
    ) -> None:
        """Draw small round dots."""
        outlines = [ellipse(float(x), float(y), radius, radius)[::6] for x, y in places]
        for outline in outlines:
            self._lay([outline], _Coat(paint, opacity, inside))

    def text(
        self,
        words: str,
        middle: tuple[float, float],
        height: float,
        colour: Colour,
        *,
        inside: bool = True,
        bold: int = 2,
    ) -> None:
        """Write around `middle`, in letters `height` units high."""
        font = cv2.FONT_HERSHEY_DUPLEX
        scale = height * self.size / 2 / 22
        (width, tall), _ = cv2.getTextSize(words, font, scale, bold)
        mask = np.zeros((self.size, self.size), np.uint8)
        corner = (int(self._pixel(middle[0]) - width / 2), int(self._pixel(middle[1]) + tall / 2))
        cv2.putText(mask, words, corner, font, scale, 255, bold, cv2.LINE_AA)
        x0, y0 = max(corner[0] - 4, 0), max(corner[1] - tall - 8, 0)
        window = (slice(y0, corner[1] + 12), slice(x0, corner[0] + width + 4))
        self._over(window, mask[window].astype(np.float32) / 255, np.array(colour, np.float32), inside)

    def erase(self, shape: Points) -> None:
        """Make a hole."""
        window, mask = self._mask([shape], 0.0, None)
        self._planes[:, window[0], window[1]] *= 1 - mask

    def stamp(
        self, other: "Canvas", x: float = 0.0, y: float = 0.0, turn: float = 0.0, scale: float = 1.0
    ) -> None:
        """Put another sheet on this one, its middle at (x, y), turned by `turn` degrees."""
        zoom = scale * self.size / other.size
        c, s = np.cos(np.radians(turn)) * zoom, np.sin(np.radians(turn)) * zoom
        reach = (abs(c) + abs(s)) * other.size / 2 + 1
        x0, y0 = (max(0, int(self._pixel(at) - reach)) for at in (x, y))
        x1, y1 = (min(self.size, int(self._pixel(at) + reach) + 1) for at in (x, y))
        if x1 <= x0 or y1 <= y0:
            return
        middle = (other.size - 1) / 2
        matrix = np.array(
            [
                [c, -s, self._pixel(x) - x0 - (c - s) * middle],
                [s, c, self._pixel(y) - y0 - (s + c) * middle],
            ]
        )
        layer = cv2.warpAffine(other.bgra, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        below = self._planes[:, y0:y1, x0:x1]
        below *= 1 - layer[..., 3]
        below += layer.transpose(2, 0, 1)

    def _pixel(self, place: float) -> float:
        return (place + 1) * self.size / 2 - 0.5

    def _lay(self, outlines: list[Points], coat: _Coat, pen: tuple[float, bool] | None = None) -> None:
        """Lay a coat over what outlines hold, or along them with a pen: its width, and whether they close."""
        window, mask = self._mask(outlines, coat.soft, pen)
        if mask.size == 0:
            return
        turned = coat.paint if isinstance(coat.paint, Slanted) else None
        paint = turned.fill if turned else coat.paint
        if callable(paint):
            u, v = self._axes(window, np.concatenate(outlines), turned.degrees if turned else 0.0)
            colour = paint(u, v)
        else:
            colour = np.array(paint, np.float32)
        self._over(window, mask * coat.opacity, colour, coat.inside)

    def _mask(
        self, outlines: list[Points], soft: float, pen: tuple[float, bool] | None
    ) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
        """Coverage 0..1 of the shape in the smallest window that holds it."""
        width = max(1, round(pen[0] * self.size / 2)) if pen else 0
        sigma = soft * self.size / 2
        margin = int(width / 2 + 3 * sigma) + 2
        pixels = [(outline + 1) * (self.size / 2) - 0.5 for outline in outlines]
        every = np.concatenate(pixels)
        x0, y0 = (max(0, int(low) - margin) for low in every.min(0))
        x1, y1 = (min(self.size, int(high) + margin + 1) for high in every.max(0))
        window = (slice(y0, max(y0, y1)), slice(x0, max(x0, x1)))
        mask = np.zeros((max(0, y1 - y0), max(0, x1 - x0)), np.uint8)
        if mask.size == 0:
            return window, mask.astype(np.float32)
        fixed = [np.round((p - (x0, y0)) * (1 << _SHIFT)).astype(np.int32) for p in pixels]
        if pen:
            cv2.polylines(mask, fixed, pen[1], 255, width, cv2.LINE_AA, _SHIFT)
        else:
            cv2.fillPoly(mask, fixed, 255, cv2.LINE_AA, _SHIFT)
        coverage = mask.astype(np.float32) / 255
        if sigma > 0:
            coverage = cv2.GaussianBlur(coverage, (0, 0), sigma)
        return window, coverage

    def _axes(self, window: tuple[slice, slice], places: Points, turn: float) -> tuple[Field, Field]:
        """Find u and v at each pixel of the window, 0..1 over the extent of the places along turned axes."""
        rows, columns = window
        x = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * 2 / self.size - 1)[None, :]
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * 2 / self.size - 1)[:, None]
        if turn == 0:
            # One row and one column are enough, and most fills are then done at once.
            return _share(x, places[:, 0]), _share(y, places[:, 1])
        c, s = float(np.cos(np.radians(turn))), float(np.sin(np.radians(turn)))
        across, down = places[:, 0] * c + places[:, 1] * s, places[:, 1] * c - places[:, 0] * s
        return _share(x * c + y * s, across), _share(y * c - x * s, down)

    def _over(
        self, window: tuple[slice, slice], mask: NDArray[np.float32], colour: Field, inside: bool
    ) -> None:
        """Lay colour over the window, as far as the mask (0..1) goes."""
        below = self._planes[:, window[0], window[1]]
        weight = mask * below[3] if inside else mask
        keep = 1 - mask
        for plane, value in zip(below, (*colour, 1), strict=True):
            plane *= keep
            plane += value * weight


def _share(at: Field, among: Field) -> Field:
    """How far from the smallest (0) to the largest (1) of some values."""
    low, extent = among.min(), max(float(np.ptp(among)), 1e-3)
    return np.asarray(np.clip((at - low) / extent, 0, 1), np.float32)
