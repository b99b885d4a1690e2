"""Batches of images and labels from a folder with one subfolder per class."""

from pathlib import Path
from typing import Any

import cv2
import mindspore.dataset as ds
import numpy as np
import numpy.typing as npt
from mindspore.dataset import vision

from src_mindspore.cpu import available_cores
from src_mindspore.folders import find_broken_image, labelled_images, read_image, sorted_classes
from src_mindspore.transforms import MEAN, RESIZED, SIZE, STD

__all__ = ["available_cores", "create_dataset", "dataset_of", "find_broken_image", "sorted_classes"]


def create_dataset(
    config: Any, training: bool = True, buffer_size: int = 1000, repeat: int = 1
) -> ds.Dataset:
    """Make the data set of one split, normalised with ImageNet's statistics, in RGB order.

    Args:
        config: needs `dataset_path`, the folder that holds `train/` and `val/` (or `test/`), and
            `batch_size`. May have `eval_batch_size` (default: `batch_size`), `image_height` and `image_width`
            (224), `class_index` (folder name -> label; default: the training folders in sorted order), and
            `seed`: with one, order and augmentation are the same in every run and on any number of cores.
        training: the augmented, shuffled training split, or the evaluation split in its fixed order.
        buffer_size: images among which the shuffle picks the next one.
        repeat: passes over the images in one epoch; each pass is augmented anew.

    Returns:
        Data set with the columns `image`, float32 (N, 3, 224, 224), and `label`, int32 (N,).

    Raises:
        FileNotFoundError: no such split, or no images in it; see `labelled_images`.
        ValueError: an image of a kind that is not read, or a link to nothing.
    """
    images = labelled_images(config.dataset_path, training, getattr(config, "class_index", None))
    return dataset_of(images, config, training, buffer_size, repeat)


def dataset_of(
    images: list[tuple[Path, int]], config: Any, training: bool, buffer_size: int = 1000, repeat: int = 1
) -> ds.Dataset:
    """Make the data set of these images and labels; all else is as for `create_dataset`."""
    workers = available_cores()
    data = _decoded(images, config, training, workers)
    data = (_augmented if training else _centred)(data, config, workers)
    data = data.map([vision.Normalize(MEAN, STD), vision.HWC2CHW()], "image", num_parallel_workers=workers)
    batch_size = config.batch_size
    if training:
        data = data.shuffle(buffer_size)
    else:
        batch_size = getattr(config, "eval_batch_size", batch_size)
    # Every evaluation image comes exactly once, in a smaller last batch if need be. In training that batch is
    # dropped, unless it is the only one: it would weigh its few images more than the others.
    drop_remainder = training and data.get_dataset_size() >= batch_size
    return data.batch(batch_size, drop_remainder=drop_remainder, num_parallel_workers=workers).repeat(repeat)


def _decoded(images: list[tuple[Path, int]], config: Any, training: bool, workers: int) -> ds.Dataset:
    """Return the decoded images and their labels, for training in an order drawn with the seed.

    Images are read as `cv2.imread` reads them, for so does whoever calls `predict`: MindSpore's own decoder
    leaves a phone's photo lying that has to be turned by its EXIF data, and does not know WebP.
    """
    paths = [path for path, _ in images]
    seed = getattr(config, "seed", None)
    if seed is not None:
        ds.config.set_seed(seed)
    numbers = np.arange(len(images))
    labels = np.array([label for _, label in images], np.int32)
    data = ds.NumpySlicesDataset((numbers, labels), ["image", "label"], shuffle=training)
    return data.map(lambda number: _read_rgb(paths[int(number)]), "image", num_parallel_workers=workers)


def _augmented(data: ds.Dataset, config: Any, workers: int) -> ds.Dataset:
    """Crop, flip and change the colours of training images at random."""
    return data.map(
        [
            vision.RandomResizedCrop(_size(config), scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
            vision.RandomHorizontalFlip(prob=0.5),
            vision.RandomColorAdjust(brightness=0.4, contrast=0.4, saturation=0.4),
        ],
        "image",
        # Each worker has its own random numbers: with several, the views would depend on how many there are.
        num_parallel_workers=workers if getattr(config, "seed", None) is None else 1,
    )


def _centred(data: ds.Dataset, config: Any, workers: int) -> ds.Dataset:
    """Resize evaluation images to 256x256, whatever their aspect ratio, and crop the 224x224 centre."""
    height, width = _size(config)
    enlarged = (height * RESIZED // SIZE, width * RESIZED // SIZE)
    steps = [vision.Resize(enlarged), vision.CenterCrop((height, width))]
    return data.map(steps, "image", num_parallel_workers=workers)


def _size(config: Any) -> tuple[int, int]:
    return getattr(config, "image_height", SIZE), getattr(config, "image_width", SIZE)


def _read_rgb(path: Path) -> npt.NDArray[np.uint8]:
    image = read_image(path)
    if image is None:
        raise ValueError(f"{path}: not a readable image 图像已损坏")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
