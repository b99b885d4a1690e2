"""A data set as it lies on the disk: `train/` and `val/` (or `test/`), with one folder per class in each.

The ending of a file's name decides whether it is an image, as in torchvision: what a set holds must not hang
on what some decoder can make of it, or a damaged image would just be missing. What is in the file decides how
it is read: a `.bmp` that holds a JPEG is read as one. This file imports no MindSpore.
"""

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from src_mindspore.cpu import available_cores

GARBAGE_FOLDERS = [f"{group:02d}_{k:02d}" for group, count in enumerate((10, 8, 4, 4)) for k in range(count)]
"""The folders of the 26 kinds of garbage, 00_00 ... 03_03, in the order of their labels."""

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

REFUSED = {
    "other-kind": "an image of a kind that is not read; convert it to JPEG or PNG"
    " 不支持的图像格式，请转换为 JPEG 或 PNG",
    "dangling": "a link to nothing; put the image itself there, or remove the link"
    " 链接指向的文件不存在，请放入图像本身或删除链接",
}
PASSED_OVER = {
    "system": "left by a system 系统文件",
    "loose": "in no class folder 不在类别文件夹中",
    "folder": "a folder in a class folder 类别文件夹中的子文件夹",
    "special": "no ordinary file 不是普通文件",
    "no-image": "no image by its name 扩展名不是图像",
    "unknown": "of no class that is learned 不属于要学习的类别",
}
_MOST_NAMED = 3


@dataclass(frozen=True)
class SplitListing:
    """What lies in the folder of a split."""

    images: Mapping[str, list[Path]]
    """By class folder; the folders, and the images in each, in sorted order."""
    aside: Mapping[str, list[Path]]
    """Everything else, by the reason: those of REFUSED and of PASSED_OVER."""


def list_split(folder: Path) -> SplitListing:
    """Sort out what lies in the folder of a split; nothing is opened.

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
    return SplitListing(images, aside)


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image."""
    return not _is_left_by_system(name) and Path(name).suffix.lower() in IMAGE_SUFFIXES


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


def refusal(listing: SplitListing) -> str:
    """Say which files must be put right first, or return an empty text."""
    for why, what in REFUSED.items():
        if files := listing.aside.get(why):
            more = f" (and {len(files) - 1} more 另有 {len(files) - 1} 个)" if files[1:] else ""
            return f"{files[0]}: {what}{more}"
    return ""


def say_what_is_passed_over(folder: Path, aside: Mapping[str, list[Path]]) -> None:
    """Log one line with counts, reasons and first names, where there is something to say.

    Python prints a warning that is logged to standard error, unless a program wants it elsewhere.
    """
    said = [
        f"{len(files)} {what} ({_some(str(file.relative_to(folder)) for file in files)})"
        for why, what in PASSED_OVER.items()
        if (files := aside.get(why))
    ]
    if said:
        logging.getLogger(__name__).warning("note: %s: passed over 已略过：%s", folder, "; ".join(said))


def _some(names: Iterable[str]) -> str:
    first = [*names]
    return ", ".join(first[:_MOST_NAMED] + ["..."] * (len(first) > _MOST_NAMED))


def split_folder(dataset_path: Path, training: bool) -> Path:
    """Return the folder of the training split, or of the evaluation split: `val/`, else `test/`.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not dataset_path.is_dir():
        raise FileNotFoundError(
            f"{dataset_path}: no such folder; it should hold train/ and val/"
            " 没有这个文件夹，其中应有 train/ 和 val/"
        )
    names = ["train"] if training else ["val", "test"]
    for name in names:
        if (dataset_path / name).is_dir():
            return dataset_path / name
    raise FileNotFoundError(
        f"{dataset_path}: no {'/ or '.join(names)}/ in it 其中没有 {'/ 或 '.join(names)}/"
    )


def sorted_classes(dataset_path: str | Path) -> dict[str, int]:
    """Give the class folders their labels, in sorted order: folder name -> label.

    The training split decides where there is one: a class that is missing in `val/` must not shift the
    others.

    Raises:
        FileNotFoundError: no such split, or no class folders in it.
    """
    root = Path(dataset_path)
    folder = split_folder(root, training=(root / "train").is_dir())
    names = [*list_split(folder).images]
    if not names:
        raise FileNotFoundError(f"{folder}: no class folders in it 其中没有类别文件夹")
    return {name: label for label, name in enumerate(names)}


def labelled_images(
    dataset_path: str | Path, training: bool, class_index: Mapping[str, int] | None = None
) -> list[tuple[Path, int]]:
    """List the images of the training split, or of the evaluation split, with their labels, in sorted order.

    What is passed over is logged in one line. A class may have no images in the evaluation split.

    Args:
        dataset_path: holds `train/` and `val/` (or `test/`).
        training: which of them.
        class_index: folder name -> label; default: `sorted_classes`. Other folders are passed over.

    Raises:
        FileNotFoundError: no such split, no class folders, no images of a known class in it, or a class of
            the training split without images.
        ValueError: an image of a kind that is not read, or a link to nothing.
    """
    folder = split_folder(Path(dataset_path), training)
    return images_in(folder, class_index or sorted_classes(dataset_path), training)


def images_in(folder: Path, class_index: Mapping[str, int], training: bool) -> list[tuple[Path, int]]:
    """List the images in the class folders of a folder, with their labels, in sorted order.

    Args:
        folder: of a split.
        class_index: folder name -> label.
        training: no class may be without images.

    Raises:
        FileNotFoundError, ValueError: as `labelled_images`.
    """
    listing = list_split(folder)
    if problem := refusal(listing):
        raise ValueError(problem)
    known = {name: files for name, files in listing.images.items() if name in class_index}
    unknown = [folder / name for name in listing.images if name not in class_index]
    say_what_is_passed_over(folder, {**listing.aside, "unknown": unknown})
    if training and (empty := [name for name, files in known.items() if not files]):
        raise FileNotFoundError(
            f"{folder / empty[0]}: no images in it; put some there, or remove the folder"
            " 其中没有图像，请放入图像或删除该文件夹"
        )
    images = [(path, class_index[name]) for name, files in known.items() for path in files]
    if not images:
        raise FileNotFoundError(f"{folder}: no images in it 其中没有图像")
    return images


def read_image(path: Path) -> npt.NDArray[np.uint8] | None:
    """Read an image as `cv2.imread` does, uint8 (H, W, 3) in BGR order; None if it cannot be read.

    A photo that a phone took upright, but saved lying with a note in its EXIF data, is turned upright. On
    Windows `cv2.imread` itself cannot open a path with Chinese characters in it.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError:  # no permission, or a folder of such a name
        return None
    return cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None


def find_broken_image(dataset_path: str | Path) -> Path | None:
    """Return the first image of all splits that cannot be decoded, or None."""
    folders = [folder for name in ("test", "train", "val") if (folder := Path(dataset_path) / name).is_dir()]
    images = [path for folder in folders for files in list_split(folder).images.values() for path in files]
    with ThreadPoolExecutor(available_cores()) as pool:
        broken = pool.map(lambda path: read_image(path) is None, images)
        return next((path for path, is_broken in zip(images, broken, strict=True) if is_broken), None)
