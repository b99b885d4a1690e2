"""The lab's transforms, as training and `predict` see an image: `Resize(232)`, then a crop of 224x224.

In plain numpy and OpenCV, so that torchvision is not needed. Images come in as OpenCV reads them, uint8
(H, W, 3) in BGR order, and leave as the network takes them, float32 (3, 224, 224) in RGB order.
短边缩放到 232，再裁剪 224x224；训练与 `predict` 使用同样的处理。
"""

import cv2
import numpy as np
import numpy.typing as npt
from src_mindspore.transforms import MEAN, SIZE, STD

Image = npt.NDArray[np.uint8]
Input = npt.NDArray[np.float32]

RESIZED = 232  # the shorter side; the aspect ratio is kept 短边的长度，保持宽高比


def evaluation_view(image: Image) -> Input:
    """Resize, crop the centre, normalise."""
    rgb = _resized(image)
    return _crop(rgb, (rgb.shape[0] - SIZE) // 2, (rgb.shape[1] - SIZE) // 2)


def training_view(image: Image, rng: np.random.Generator) -> Input:
    """Resize, crop anywhere, flip half of the images, normalise."""
    rgb = _resized(image)
    if rng.random() < 0.5:
        rgb = rgb[:, ::-1]
    return _crop(rgb, int(rng.integers(rgb.shape[0] - SIZE + 1)), int(rng.integers(rgb.shape[1] - SIZE + 1)))


def _resized(image: Image) -> Image:
    height, width = image.shape[:2]
    factor = RESIZED / min(height, width)
    size = max(RESIZED, round(width * factor)), max(RESIZED, round(height * factor))
    # Each pixel of a smaller image is the mean of those that it stands for. 缩小时取平均，避免混叠。
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), size, interpolation=how), np.uint8)


def _crop(rgb: Image, top: int, left: int) -> Input:
    crop = rgb[top : top + SIZE, left : left + SIZE].astype(np.float32)
    normal = (crop - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
