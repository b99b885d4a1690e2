"""The ways in which a picture can reach the network: the space that a checkpoint is tried under.

A view is one point of it. The first value of each coordinate is the lab's own way; the program inside
the sandbox (`inside/main.py`) knows what each name does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

Readout = Literal["mean", "max", "lowest", "second"]
READOUTS: tuple[Readout, ...] = ("mean", "max", "lowest", "second")


@dataclass(frozen=True)
class View:
    """How the picture reaches the network, and how its answer is read."""

    colour: str = "rgb"
    scale: str = "standard"
    geometry: str = "squash"
    layout: str = "chw"
    weights: str = "loaded"
    readout: Readout = "mean"
    network: int = 0
    """Which of the checkpoints that were handed in."""

    def settings(self) -> dict[str, object]:
        """Return what the program inside needs to know; it gives every readout at once."""
        return {name: value for name, value in asdict(self).items() if name != "readout"}

    def differs_in(self, other: View) -> frozenset[str]:
        """Return the names of the coordinates in which two views differ."""
        return frozenset(
            field.name for field in fields(self) if getattr(self, field.name) != getattr(other, field.name)
        )

    def words(self, language: Literal["en", "zh"]) -> str:
        """Describe the view: its colours, and all in which it is not the lab's own."""
        index = 0 if language == "en" else 1
        said = [_WORDS[self.colour][index]]
        if self.scale != "standard" or not self.differs_in(
            replace(STANDARD, colour=self.colour, network=self.network)
        ):
            said.append(_WORDS[self.scale][index])
        for name in ("geometry", "layout", "weights", "readout"):
            if (value := getattr(self, name)) != getattr(STANDARD, name):
                said.append(_WORDS[value][index])
        return (", " if language == "en" else "、").join(said)


STANDARD = View()

_WORDS = {
    "rgb": ("RGB", "RGB"),
    "bgr": ("BGR", "BGR"),
    "grey": ("grey pictures", "灰度图"),
    "negative": ("negative pictures", "反色图"),
    "hsv": ("HSV for RGB", "用 HSV 代替 RGB"),
    "standard": ("mean/std", "减均值除标准差"),
    "unit": ("no mean/std, only /255", "只除以 255、没有减均值除标准差"),
    "raw": ("pixels 0..255 as they are", "像素保持 0..255"),
    "unscaled": ("mean/std without /255", "没有除以 255 就减均值除标准差"),
    "twice": ("/255 twice", "除以 255 两次"),
    "signed": ("pixels in [-1, 1]", "像素缩放到 [-1, 1]"),
    "std-mean": ("mean and std exchanged", "均值和标准差互换"),
    "no-std": ("mean without std", "只减均值、没有除标准差"),
    "mean-alone-by-255": ("mean of 0..255, std of 0..1", "均值按 0..255、标准差按 0..1"),
    "no-mean": ("std without mean", "只除以标准差、没有减均值"),
    "times-std": ("multiplied by std instead of divided", "乘以标准差而不是除以标准差"),
    "raw-no-std": ("pixels 0..255 less their mean, without std", "0..255 的像素只减均值、没有除标准差"),
    "whole": ("pixels rounded down to 0 or 1", "像素取整为 0 或 1"),
    "by-image": ("each image by its own mean and std", "用每张图像自己的均值和标准差"),
    "other-order": ("mean and std in the order of BGR", "均值和标准差按 BGR 顺序"),
    "stretch": ("resized to 224x224 without a crop", "直接缩放到 224x224、不裁剪"),
    "short-side": ("short side 256, then the centre", "短边缩放到 256 后取中心"),
    "nearest": ("resized by the nearest pixel", "最近邻插值缩放"),
    "exchanged": ("height and width exchanged", "高和宽互换"),
    "upside-down": ("upside down", "上下颠倒"),
    "quarter-left": ("turned to the left", "向左旋转 90 度"),
    "quarter-right": ("turned to the right", "向右旋转 90 度"),
    "zoomed": ("only the middle of the picture", "只看图像中间"),
    "half": ("only the middle half of height and width", "只看高和宽的中间一半"),
    "size-112": ("resized to 112x112", "缩放到 112x112"),
    "size-64": ("resized to 64x64", "缩放到 64x64"),
    "coarse": ("resized to 32x32 on the way", "中途缩放到 32x32"),
    "reshaped": ("reshape instead of transpose", "用 reshape 代替 transpose"),
    "first-statistics": ("batch-norm statistics at their first values", "批归一化统计量为初始值"),
    "training": ("training mode", "训练模式"),
    "max": ("max pooling", "最大池化"),
    "second": ("the second largest logit taken", "取第二大的 logit"),
    "lowest": ("the smallest logit taken", "取最小的 logit"),
}
_SCALES = (
    *("unit", "raw", "unscaled", "twice", "signed", "no-std", "std-mean"),
    *("mean-alone-by-255", "no-mean", "times-std", "raw-no-std", "whole", "by-image", "other-order"),
)
_GEOMETRIES = (
    *("stretch", "short-side", "nearest", "exchanged", "upside-down", "quarter-left", "quarter-right"),
    *("zoomed", "half", "size-112", "size-64", "coarse"),
)


def all_views() -> Iterator[View]:
    """Yield the views that are tried, the likeliest first: of those that explain as much, it is named."""
    yield from (View(), View(colour="bgr"))
    yield from (View(scale=scale) for scale in _SCALES)
    # Beside a grosser mistake than these two the order of the colours hardly shows.
    yield from (View(colour="bgr", scale=scale) for scale in ("unit", "signed"))
    yield from (View(colour=colour) for colour in ("grey", "negative", "hsv"))
    yield from (View(geometry=geometry) for geometry in _GEOMETRIES)
    # Many resize to the network's size at once: what else they do must not look like something else.
    yield View(colour="bgr", geometry="stretch")
    yield from (View(scale=scale, geometry="stretch") for scale in ("unit", "raw", "signed"))
    yield from (View(layout="reshaped"), View(weights="first-statistics"), View(weights="training"))
