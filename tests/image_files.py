"""Image files of every kind, written without a library that would tidy them up."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np


def lopsided(height: int = 60, width: int = 90) -> np.ndarray:
    """A picture that no turning or mirroring leaves as it is: uint8 (height, width, 3), smooth."""
    coarse = np.random.default_rng(3).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(suffix: str, image: np.ndarray | None = None) -> bytes:
    """The picture as a file of one of OpenCV's kinds."""
    image = lopsided() if image is None else image
    image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if suffix == ".pgm" else image
    return cv2.imencode(suffix, image)[1].tobytes()


def exif(orientation: int, order: str = "<") -> bytes:
    """EXIF data that says nothing but how the picture must be turned; `order` is `<` or `>`, as for struct."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def jpeg_with_exif(orientation: int, order: str = "<") -> bytes:
    """A JPEG file as phones save it: as the sensor lay, with a note which way is up."""
    plain, body = encoded(".jpg"), b"Exif\0\0" + exif(orientation, order)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]


def png_with_exif(orientation: int) -> bytes:
    """A PNG file with the same note."""
    plain, chunk = encoded(".png"), b"eXIf" + exif(orientation)
    end_of_header = 33
    added = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return plain[:end_of_header] + added + plain[end_of_header:]


def put(path: Path, content: bytes = b"") -> Path:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
