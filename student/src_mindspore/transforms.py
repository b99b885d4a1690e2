"""The image transforms of `dataset.create_dataset`, as plain numpy and OpenCV.

For whoever has one image and no pipeline: `predict(image)`, the feature cache, the tests. Images come in as
OpenCV reads them, uint8 (H, W, 3) in BGR order, and leave as the network takes them, float32 (3, 224, 224)
or of another size, in RGB order. `evaluation_transform` gives what MindSpore's pipeline gives, to float32
rounding. This file imports no MindSpore.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Input = npt.NDArray[np.float32]

# ImageNet's channel statistics (RGB), times 255 because the images are not scaled to [0, 1] first.
MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

_MEAN32, _STD32 = np.array(MEAN, np.float32), np.array(STD, np.float32)

SIZE = 224
RESIZED = 256


def evaluation_transform(image: Image, resized: int = RESIZED, size: tuple[int, int] = (SIZE, SIZE)) -> Input:
    """Resize to 256x256 (aspect ratio not kept), crop the 224x224 centre, normalise.

    Args:
        image: uint8 (H, W, 3), BGR as `cv2.imread` returns it.
        resized: the edge to resize to, if not 256; with 224 nothing is cropped and the whole image is seen.
        size: height and width of the centre, if not 224x224; `resized` is then in proportion.

    Returns:
        float32 (3, *size), RGB, normalised with ImageNet's statistics.

    Raises:
        ValueError: not an image of that shape and type (`cv2.imread` returns None for a file it cannot read),
            or `resized` is less than 224.
    """
    if resized < SIZE:
        raise ValueError(f"an image of {resized}x{resized} has no {SIZE}x{SIZE} centre")
    (high, wide), (height, width) = (edge * resized // SIZE for edge in size), size
    rgb = cv2.resize(_to_rgb(image), (wide, high), interpolation=cv2.INTER_LINEAR)
    top, left = (high - height) // 2, (wide - width) // 2
    return _normalise(rgb[top : top + height, left : left + width])


def training_transform(
    image: Image,
    rng: np.random.Generator,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    jitter: float = 0.4,
) -> Input:
    """Crop at random, flip, change the colours, normalise: another view of the same thing.

    The random resized crop is that of Szegedy et al. 2014, "Going Deeper with Convolutions", section 6; the
    colour steps are computed as MindSpore's `RandomColorAdjust` does.

    Args:
        image: uint8 (H, W, 3), BGR as `cv2.imread` returns it.
        rng: the only source of randomness; the same state gives the same view.
        scale: smallest and largest share of the area that the crop keeps.
        ratio: smallest and largest width / height of the crop.
        flip: probability of a horizontal flip.
        jitter: brightness, contrast and saturation are multiplied by numbers from [1 - jitter, 1 + jitter].

    Returns:
        float32 (3, 224, 224), RGB, normalised with ImageNet's statistics.

    Raises:
        ValueError: not an image of that shape and type.
    """
    rgb = _to_rgb(image)
    top, left, height, width = random_crop_box(rgb.shape[0], rgb.shape[1], rng, scale, ratio)
    crop = rgb[top : top + height, left : left + width]
    return _changed(crop, (SIZE, SIZE), rng, flip, jitter)


def training_transform_to(size: tuple[int, int]) -> Callable[[Image, np.random.Generator], Input]:
    """Return what `training_transform` does by default, for views of another height and width."""

    def transform(image: Image, rng: np.random.Generator) -> Input:
        rgb = _to_rgb(image)
        top, left, height, width = random_crop_box(rgb.shape[0], rgb.shape[1], rng)
        return _changed(rgb[top : top + height, left : left + width], size, rng)

    return transform


def _changed(
    crop: Image, size: tuple[int, int], rng: np.random.Generator, flip: float = 0.5, jitter: float = 0.4
) -> Input:
    view = cv2.resize(crop, size[::-1], interpolation=cv2.INTER_LINEAR)
    if rng.random() < flip:
        view = np.ascontiguousarray(view[:, ::-1])
    steps = [adjust_brightness, adjust_contrast, adjust_saturation]
    for i in rng.permutation(len(steps)):
        view = steps[i](view, rng.uniform(1 - jitter, 1 + jitter))
    return _normalise(view)


def random_crop_box(
    height: int,
    width: int,
    rng: np.random.Generator,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> tuple[int, int, int, int]:
    """Choose (top, left, height, width) of a crop; the largest allowed in the centre if ten tries fail."""
    low, high = np.log(ratio[0]), np.log(ratio[1])
    for _ in range(10):
        area = rng.uniform(*scale) * height * width
        aspect = np.exp(rng.uniform(low, high))
        w, h = round(float(np.sqrt(area * aspect))), round(float(np.sqrt(area / aspect)))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    w = max(1, min(width, round(height * ratio[1])))
    h = max(1, min(height, round(width / ratio[0])))
    return (height - h) // 2, (width - w) // 2, h, w


def adjust_brightness(rgb: Image, factor: float) -> Image:
    """Blend with black: 0 is black, 1 the image itself."""
    return _blend(np.zeros_like(rgb), rgb, factor)


def adjust_contrast(rgb: Image, factor: float) -> Image:
    """Blend with the image's mean grey: 0 is plain grey, 1 the image itself."""
    mean = int(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).mean() + 0.5)
    return _blend(np.full_like(rgb, mean), rgb, factor)


def adjust_saturation(rgb: Image, factor: float) -> Image:
    """Blend with the image in grey: 0 is without colour, 1 the image itself."""
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return _blend(grey, rgb, factor)


def _blend(other: Image, rgb: Image, factor: float) -> Image:
    blended: Image = cv2.addWeighted(other, 1.0 - factor, rgb, factor, 0.0)
    return blended


def _to_rgb(image: Image) -> Image:
    if not isinstance(image, np.ndarray):
        raise ValueError(
            f"the image is {type(image).__name__}, not a numpy array (a file that could not be read?)"
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"the image is {image.dtype} {image.shape}, not uint8 (H, W, 3)")
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _normalise(rgb: Image) -> Input:
    normalised = (rgb.astype(np.float32) - _MEAN32) / _STD32
    return np.ascontiguousarray(normalised.transpose(2, 0, 1))
