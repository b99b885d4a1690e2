"""A trained network in other formats, each loaded again and compared with MindSpore's own before it appears.

The face of the package; everything else in it is private. What needs MindSpore is imported when it is asked
for, so that a command can find fault with its input first.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
_NEED_MINDSPORE = dict.fromkeys(("Exported", "export"), "files")


def __getattr__(name: str) -> Any:
    if name not in _NEED_MINDSPORE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NEED_MINDSPORE[name]}"), name)
