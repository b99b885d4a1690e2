"""Image files: their bytes, and the pixels in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores

from reference.errors import InputError

Image: TypeAlias = npt.NDArray[np.uint8]


def file_digest(path: Path) -> bytes:
    """Return the sha256 of a file's bytes.

    Raises:
        InputError: the file cannot be read.
    """
    return hashlib.sha256(_read(path)).digest()


def decode_file(path: Path, digest: bytes) -> Image:
    """Return the image as `cv2.imread` would, uint8 (H, W, 3) BGR; also from a path that is not ASCII.

    Args:
        path: the file.
        digest: what `file_digest` said of it.

    Raises:
        InputError: it cannot be read, is no image, or is not the file any more that `digest` was taken of.
    """
    content = _read(path)
    if hashlib.sha256(content).digest() != digest:
        raise InputError(f"{path}: changed while it was being read")
    return _decode(path, content)


def read_image(path: Path) -> Image:
    """Do what `decode_file` does, whatever the file holds now.

    Raises:
        InputError: it cannot be read, or is no image.
    """
    return _decode(path, _read(path))


def _decode(path: Path, content: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise InputError(f"{path}: is not an image that OpenCV can read")
    return np.asarray(image, dtype=np.uint8)


def check_readable(paths: Iterable[Path]) -> None:
    """Read every image once, before work begins that would meet a bad one only after hours.

    Raises:
        InputError: names the first that cannot be read or is no image.
    """
    with ThreadPoolExecutor(available_cores()) as pool:
        for _ in pool.map(lambda path: read_image(path).shape, list(paths)):
            pass


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
