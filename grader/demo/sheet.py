"""A contact sheet: a few images of every class beside its name, to see the whole set at a glance."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from grader.demo.generate import DemoError
from grader.demo.picture import draw
from grader.model.classes import GARBAGE26, ClassInfo, load_classes

PER_CLASS: Final = 6
"""Images shown of each class: the first ones of its training split."""

_THUMB = 112  # pixels
_LABEL = 150
_COLUMNS = 2


def write_sheet(path: Path, *, seed: int = 0) -> bool:
    """Write the contact sheet as PNG.

    Returns:
        True if it was written, False if exactly this sheet was there already.

    Raises:
        DemoError: if the file holds anything else, which is then left as it is, or cannot be written.
    """
    path = path.expanduser()
    if path.suffix.lower() != ".png":
        raise DemoError(f"{path}: the contact sheet is a PNG image; give it a name that ends in .png")
    good, data = cv2.imencode(".png", contact_sheet(seed))
    if not good:
        raise DemoError(f"OpenCV could not write {path} as PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.is_file() and path.read_bytes() == bytes(data):
                return False
            raise DemoError(f"{path} is there already; it was left as it is. Choose another name")
        with path.open("xb") as file:
            file.write(bytes(data))
    except OSError as error:
        raise DemoError(f"{path}: {error.strerror}") from error
    return True


def contact_sheet(seed: int = 0) -> NDArray[np.uint8]:
    """Rows of images with the class names, in two columns; (13 * 112, 1644, 3), blue-green-red."""
    rows = [_row(info, seed) for info in load_classes(GARBAGE26)]
    half = -(-len(rows) // _COLUMNS)
    return np.hstack([np.vstack(rows[start : start + half]) for start in range(0, len(rows), half)])


def _row(info: ClassInfo, seed: int) -> NDArray[np.uint8]:
    """Name and folder of a class, then its images."""
    label = np.full((_THUMB, _LABEL, 3), 255, np.uint8)
    for text, y in zip([info.folder, *info.name.split()], range(34, _THUMB, 24), strict=False):
        cv2.putText(label, text, (8, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    size = (_THUMB, _THUMB)
    thumbs = [
        cv2.resize(draw(info.folder, "train", k, seed), size, interpolation=cv2.INTER_AREA)
        for k in range(1, PER_CLASS + 1)
    ]
    return np.hstack([label, *thumbs])
