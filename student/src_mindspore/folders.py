"""A data set as it lies on the disk: `train/` and `val/` (or `test/`), with one folder per class in each.

This file imports no MindSpore.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from src_mindspore.cpu import available_cores

GARBAGE_FOLDERS = [f"{group:02d}_{k:02d}" for group, count in enumerate((10, 8, 4, 4)) for k in range(count)]
"""The folders of the 26 kinds of garbage, 00_00 ... 03_03, in the order of their labels."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


def split_folder(dataset_path: Path, training: bool) -> Path:
    """Return the folder of the training split, or of the evaluation split: `val/`, else `test/`.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not dataset_path.is_dir():
        raise FileNotFoundError(
            f"{dataset_path}: no such folder; it should hold train/ and val/"
            " 没有这个文件夹, 其中应有 train/ 和 val/"
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
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not names:
        raise FileNotFoundError(f"{folder}: no class folders in it 其中没有类别文件夹")
    return {name: label for label, name in enumerate(names)}


def labelled_images(dataset_path: str | Path, training: bool) -> list[tuple[Path, int]]:
    """List the images of the training split, or of the evaluation split, with their labels, in sorted order.

    Raises:
        FileNotFoundError: no such split, no class folders, or no images of a known class in it.
    """
    folder = split_folder(Path(dataset_path), training)
    images = [
        (path, label)
        for name, label in sorted_classes(dataset_path).items()
        for path in sorted((folder / name).glob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not images:
        raise FileNotFoundError(f"{folder}: no images in it 其中没有图片")
    return images


def read_image(path: Path) -> npt.NDArray[np.uint8] | None:
    """Read an image as `cv2.imread` does, uint8 (H, W, 3) in BGR order; None if it cannot be read.

    On Windows `cv2.imread` itself cannot open a path with Chinese characters in it.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError:  # no permission, or a folder of such a name
        return None
    return cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None


def find_broken_image(dataset_path: str | Path) -> Path | None:
    """Return the first image of all splits that cannot be decoded, or None: MindSpore may crash on one."""
    images = sorted(path for path in Path(dataset_path).glob("*/*/*") if path.suffix.lower() in SUFFIXES)
    with ThreadPoolExecutor(available_cores()) as pool:
        broken = pool.map(lambda path: read_image(path) is None, images)
        return next((path for path, is_broken in zip(images, broken, strict=True) if is_broken), None)
