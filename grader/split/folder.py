"""What lies in a folder with one sub-folder a class, and which of it is an image.

The ending of a file's name decides whether it is an image, as in torchvision: what a set holds must not hang
on what some decoder can make of it, or a damaged image would just be missing. What is in the file decides how
it is read: a `.bmp` that holds a JPEG is read as one. The course library has the same rule for training sets
(`src_mindspore/folders.py`); one table of tests holds for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError, line

# In any letter case: torchvision's list, and JPEG's other names (.jfif is what browsers on Windows save).
IMAGE_SUFFIXES = frozenset({
    ".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".pjp", ".pjpeg", ".png", ".ppm", ".tif", ".tiff",
    ".webp",
})  # fmt: skip
# Images, too, but not for OpenCV everywhere. Passed over, they would make a set smaller unnoticed.
OTHER_IMAGES = frozenset({
    ".apng", ".arw", ".avif", ".cr2", ".cr3", ".dib", ".dng", ".gif", ".heic", ".heif", ".ico", ".j2k",
    ".jp2", ".jxl", ".mpo", ".nef", ".pbm", ".psd", ".svg", ".tga",
})  # fmt: skip
_LEFT_BY_SYSTEMS = frozenset({
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    "@eadir",
})  # fmt: skip
REFUSED = ("other-kind", "dangling")
PASSED_OVER = ("system", "loose", "folder", "special", "no-image")


@dataclass(frozen=True)
class Listing:
    """What lies in such a folder."""

    images: Mapping[str, list[Path]]
    """By class folder; the folders, and the images in each, in sorted order."""
    aside: Mapping[str, list[Path]]
    """Everything else, by the reason: those of REFUSED and of PASSED_OVER."""


def list_images(folder: Path) -> Listing:
    """Sort out what lies in a folder; nothing is opened.

    Raises:
        OSError: a folder is not there or cannot be read.
    """
    images: dict[str, list[Path]] = {}
    aside: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if why := _why_no_class(entry):
            aside.setdefault(why, []).append(entry)
            continue
        images[entry.name] = []
        for file in sorted(entry.iterdir()):
            why = _why_no_image(file)
            (aside.setdefault(why, []) if why else images[entry.name]).append(file)
    return Listing(images, aside)


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image."""
    has_folder = "/" in name or "\0" in name
    return not has_folder and not _is_left_by_system(name) and Path(name).suffix.lower() in IMAGE_SUFFIXES


def refusal(listing: Listing) -> UsageError | None:
    """Return an error that says which file must be put right first, if one must."""
    for why in REFUSED:
        if files := listing.aside.get(why):
            more = line("so-many-more", count=len(files) - 1) if files[1:] else ""
            return UsageError(f"image-{why}", path=files[0], more=more)
    return None


def _why_no_class(entry: Path) -> str:
    if _is_left_by_system(entry.name):
        return "system"
    if entry.is_dir():
        return ""
    return "loose" if entry.exists() else "dangling"


def _why_no_image(file: Path) -> str:
    if _is_left_by_system(file.name):
        return "system"
    if file.is_dir():
        return "folder"
    if file.suffix.lower() in OTHER_IMAGES:
        return "other-kind"
    if not is_image_name(file.name):
        return "no-image"
    if file.is_file():
        return ""
    return "special" if file.exists() else "dangling"


def _is_left_by_system(name: str) -> bool:
    # Among them .DS_Store, the ._x.jpg that macOS puts beside an x.jpg, and .ipynb_checkpoints.
    return name.startswith(".") or name.casefold() in _LEFT_BY_SYSTEMS
