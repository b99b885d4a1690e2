"""Small pictures inside a page, so that the page stays one file."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy.typing as npt

SIDE = 128
"""Pixels of the longer side."""
_QUALITY = 80


def thumbnail(pixels: npt.NDArray[Any]) -> str:
    """Return a data URI of a small JPEG of `pixels`, uint8 (height, width, 3) in BGR."""
    scale = SIDE / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode('ascii')}"
