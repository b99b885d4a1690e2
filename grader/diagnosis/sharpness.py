"""How much contrast and detail of a picture arrives: equalisation, blur, thumbnails that were enlarged."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.charts import FAINT_RAMP, PIXELS, TEXTURE
from grader.diagnosis.colours import Floats
from grader.diagnosis.geometry import Map, box_of, is_inside, sampled
from grader.diagnosis.planes import Mask, Planes, Seen, middle
from grader.diagnosis.preprocessing import Preprocessing

_SIGMAS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0)
_SIDES = (
    *(160, 144, 128, 112, 98, 92, 84, 76, 70, 64, 60, 56, 52, 48, 44, 42, 40, 36, 32, 30, 28, 26, 24, 22, 20),
    *(18, 16, 14),
)
_LEAST_SIGMA = 1.0
_LARGEST_SIDE = 128
"""What blurs less, or keeps more, is a matter of interpolation, and no fault."""
_BETTER = 0.6
"""A blurred picture must explain what was given with at most that share of the error of the sharp one."""
_KNOWN_CROPS = ("squash-crop", "stretch", "short-side-crop")
"""Parts of the photo that are known to a pixel."""
_LIKE = 0.7
"""A texture that correlates with what was given by more than that is not lost."""
_EQUAL = 0.02
"""Below this error nothing is lost: the texture's cells by themselves look like an enlarged thumbnail."""
_UNLIKE = 0.35
"""Above this error, in parts of the range, the texture is lost, however it was smoothed."""
_ENLARGED = (256, 256)
"""What a thumbnail is enlarged to, before the centre is cut out as in the lab."""
_LIKE_THUMBNAIL = 0.2
"""Below this error the texture is that of a thumbnail, gaps and all."""
_STRETCHED = 1.25
"""A faint ramp that comes out steeper by this factor has been equalised."""
_COVERED = 0.9
"""Of a rectangle that a photo must fill, so that its detail can be told."""
_LEAST_WINDOW = 64
"""Of its sides."""


def with_contrast(seen: Seen, start: Preprocessing) -> Preprocessing:
    """Return `equalised` where a faint ramp gains contrast that no colour by itself explains."""
    where, given = start.maps.get("wide"), _as_pixels(seen, start, FAINT_RAMP)
    if where is None or given is None:
        return start
    expected = sampled(PIXELS[FAINT_RAMP], where, given.shape[1:])[:1]
    part = _photo_in(seen, where, given.shape[1:])
    is_whole = middle(part[None].astype(np.float64)).all()
    if is_whole:
        given, expected = middle(given), middle(expected)
    else:
        given, expected = given[:, part], expected[:, part]
    if not given.size:
        return start
    steeper = given.std() / max(expected.std(), 1e-12)
    return replace(start, by_image="equalised") if steeper > _STRETCHED else start


def with_sharpness(seen: Seen, start: Preprocessing) -> Preprocessing:
    """Return a preprocessing with what becomes of the texture's detail."""
    where, given = start.maps.get("square"), _as_pixels(seen, start, TEXTURE)
    if where is None or given is None or min(given.shape[1:]) < _LEAST_WINDOW:
        return start
    part = _photo_in(seen, where, given.shape[1:])
    window = np.ix_(part.any(axis=1), part.any(axis=0))
    if (
        not _COVERED * window[0].size * window[1].size <= part.sum()
        or min(window[0].size, window[1].size) < _LEAST_WINDOW
    ):
        return start
    expected = sampled(PIXELS[TEXTURE], where, given.shape[1:])[0][window] / 255
    kind, detail = _sharpness_of(expected, np.clip(np.nan_to_num(given[0][window] / 255), -1, 2))
    box = box_of(where)
    if kind == "lost" and (side := _thumbnail_of(where, given, window)) is not None:
        return replace(start, sharpness="coarse", detail=side)
    if (
        kind == "lost" and start.crop not in _KNOWN_CROPS
    ):  # the places may be a little off, and then so is all
        return start
    if kind == "coarse":  # the thumbnail was of the whole photo
        detail /= max(box.right - box.left, 1e-3)
    return replace(start, sharpness=kind, detail=detail)


def _sharpness_of(expected: Floats, given: Floats) -> tuple[str, float]:
    """Return `sharp`, `blurred` and the sigma, `coarse` and the side of the thumbnail, or `lost`.

    Args:
        expected: (H, W), what the network would be given of a texture without any loss, 0..1.
        given: (H, W), what it was given.
    """
    size = expected.shape[1], expected.shape[0]
    whole = np.asarray(expected, np.float32)
    best, least = ("sharp", 0.0), _error(whole, given)
    sharp = least
    for sigma in _SIGMAS:
        error = _error(cv2.GaussianBlur(whole, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), given)
        if error < least:
            best, least = ("blurred", sigma), error
    for side in _SIDES:
        if side < min(size):
            small = cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)
            for kind in (cv2.INTER_LINEAR, cv2.INTER_NEAREST, cv2.INTER_CUBIC):
                error = _error(cv2.resize(small, size, interpolation=kind), given)
                if error < least:
                    best, least = ("coarse", float(side)), error
    if sharp < _EQUAL or least > min(_BETTER * sharp, _UNLIKE):
        is_lost = sharp > _UNLIKE and _likeness(whole, given) < _LIKE
        return ("lost" if is_lost else "sharp"), 0.0
    if best[0] == "blurred":
        return best if best[1] >= _LEAST_SIGMA else ("sharp", 0.0)
    return best if best[1] <= _LARGEST_SIDE else ("sharp", 0.0)


def _thumbnail_of(where: Map, given: Planes, window: tuple[npt.NDArray[np.intp], ...]) -> float | None:
    """Return the side of the thumbnail that was made of the whole photo; None where it was none.

    Of a `cv2.resize` without an area to average, most pixels of the photo are in no pixel of it.
    """
    texture = PIXELS[TEXTURE]
    numbers = np.clip(np.nan_to_num(given[0][window] / 255), -1, 2)
    errors: dict[float, float] = {}
    for side in _SIDES:
        small = cv2.resize(texture, (side, side), interpolation=cv2.INTER_LINEAR)
        for kind in (cv2.INTER_LINEAR, cv2.INTER_NEAREST, cv2.INTER_CUBIC):
            enlarged = np.asarray(cv2.resize(small, _ENLARGED, interpolation=kind), np.uint8)
            error = _error(sampled(enlarged, where, given.shape[1:])[0][window] / 255, numbers)
            errors[side] = min(error, errors.get(side, np.inf))
    best = min(errors, key=lambda side: errors[side])
    return best if errors[best] <= _LIKE_THUMBNAIL and best <= _LARGEST_SIDE else None


def _likeness(picture: npt.NDArray[np.float32], given: Floats) -> float:
    """Return the correlation, which a change of contrast does not lower."""
    inner = slice(8, -8)
    return float(np.corrcoef(picture[inner, inner].ravel(), given[inner, inner].ravel())[0, 1])


def _error(picture: npt.NDArray[np.float32], given: Floats) -> float:
    inner = slice(8, -8)
    return float(np.sqrt(np.mean((picture[inner, inner] - given[inner, inner]) ** 2)))


def _photo_in(seen: Seen, where: Map, size: tuple[int, ...]) -> Mask:
    """Return which points of the input show the photo, a few at its edges apart."""
    inside = is_inside(where, size)
    if seen.photo is not None and seen.photo.shape == inside.shape:
        inside &= seen.photo
    return np.asarray(cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)


def _as_pixels(seen: Seen, start: Preprocessing, name: str) -> Planes | None:
    """Return the grey levels, (1, H, W), that the steepest channel holds of a grey chart."""
    planes, matrix, offset = seen.planes(name), start.matrix, start.offset
    if planes is None or matrix is None or offset is None or len(planes) != len(matrix):
        return None
    if seen.ends is not None:
        return planes[:1]
    gains = matrix.sum(axis=1)
    steepest = int(np.abs(gains).argmax())
    return np.asarray((planes[[steepest]] - offset[steepest]) / gains[steepest])
