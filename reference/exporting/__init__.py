"""A trained network in other formats, each loaded again and compared with MindSpore's own before it appears.

The face of the package; everything else in it is private. What needs MindSpore is imported when it is asked
for, so that a command can find fault with its input first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exporting.classifier import (
    FORMATS,
    TOLERANCE,
    Activation,
    Pooling,
    classifier_from,
    drawn_images,
    file_name,
    image_files,
    images_below,
    read_classifier,
)
from reference.lazy import imported_when_asked

if TYPE_CHECKING:
    from reference.exporting.files import Exported, export

__all__ = [
    "FORMATS",
    "TOLERANCE",
    "Activation",
    "Exported",
    "Pooling",
    "classifier_from",
    "drawn_images",
    "export",
    "file_name",
    "image_files",
    "images_below",
    "read_classifier",
]
__getattr__ = imported_when_asked(__name__, dict.fromkeys(("Exported", "export"), "files"))
