"""MobileNetV2 as the labs use it: a backbone, a head, and the two together.

Sandler, Howard, Zhu, Zhmoginov, Chen: "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381 (table 2 for the network, figure 3 for the block).

Parameter names are part of the interface: checkpoints are matched by name and nothing else. They carry no
prefix for the backbone, also in the combined network: `features.0.features.0.weight` ...
`features.18.features.1.gamma`, then whatever names the head gives its own parameters.
"""

import math
from typing import Any

from mindspore import Tensor, nn, ops
from mindspore.common.initializer import Normal

__all__ = [
    "ConvBNReLU",
    "GlobalAvgPooling",
    "GlobalMaxPooling",
    "InvertedResidual",
    "MobileNetV2",
    "MobileNetV2Backbone",
    "MobileNetV2Combine",
    "MobileNetV2Head",
    "mobilenet_v2",
]

# (t, c, n, s): expansion factor, output channels, blocks in the group, stride of the group's first block.
INVERTED_RESIDUALS = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def make_divisible(channels: float, divisor: int) -> int:
    """Round a number of channels to a multiple of `divisor`, but never down by more than 10 percent."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def _conv(
    in_channels: int, out_channels: int, kernel_size: int = 1, stride: int = 1, group: int = 1
) -> nn.Conv2d:
    """Make a convolution: no bias, symmetric padding, weights N(0, sqrt(2 / (k * k * out_channels)))."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        pad_mode="pad",
        padding=(kernel_size - 1) // 2,
        group=group,
        has_bias=False,
        weight_init=Normal(sigma=math.sqrt(2.0 / (kernel_size * kernel_size * out_channels))),
    )


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-5)


class ConvBNReLU(nn.Cell):
    """Convolution, batch normalisation, ReLU6: (N, in, H, W) -> (N, out, H / stride, W / stride).

    Args:
        in_planes: channels that come in.
        out_planes: channels that go out.
        kernel_size: of the convolution, odd.
        stride: of both axes.
        groups: 1, or `in_planes` for a depthwise convolution.
    """

    def __init__(
        self, in_planes: int, out_planes: int, kernel_size: int = 3, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            [
                _conv(in_planes, out_planes, kernel_size, stride, groups),
                _batch_norm(out_planes),
                nn.ReLU6(),
            ]
        )

    def construct(self, x: Tensor) -> Tensor:
        """Apply the three layers."""
        return self.features(x)


class InvertedResidual(nn.Cell):
    """Expand, filter each channel, project: (N, in, H, W) -> (N, out, H / stride, W / stride).

    The input is added to the output where both have the same shape. The projection has no activation: that is
    the "linear bottleneck".

    Args:
        inp: channels that come in.
        oup: channels that go out.
        stride: of the depthwise convolution, 1 or 2.
        expand_ratio: factor on the channels between the 1x1 convolutions; with 1 the first is left out.
    """

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        hidden = round(inp * expand_ratio)
        expand = [] if expand_ratio == 1 else [ConvBNReLU(inp, hidden, kernel_size=1)]
        self.conv = nn.SequentialCell(
            [
                *expand,
                ConvBNReLU(hidden, hidden, stride=stride, groups=hidden),
                _conv(hidden, oup),
                _batch_norm(oup),
            ]
        )
        self.use_res_connect = stride == 1 and inp == oup

    def construct(self, x: Tensor) -> Tensor:
        """Apply the block."""
        if self.use_res_connect:
            return x + self.conv(x)
        return self.conv(x)


class MobileNetV2Backbone(nn.Cell):
    """The network up to its features: float32 images (N, 3, 224, 224) -> (N, 1280, 7, 7), not pooled.

    Args:
        width_mult: factor on every number of channels.
        inverted_residual_setting: rows (t, c, n, s) in place of the paper's table 2.
        round_nearest: numbers of channels are rounded to multiples of this.
        input_channel: channels of the first convolution, before `width_mult`.
        last_channel: channels of the features, before `width_mult`, which enlarges but never reduces them.

    Attributes:
        out_channels: channels of the features (1280 by default).
    """

    def __init__(
        self,
        width_mult: float = 1.0,
        inverted_residual_setting: list[tuple[int, int, int, int]] | None = None,
        round_nearest: int = 8,
        input_channel: int = 32,
        last_channel: int = 1280,
    ) -> None:
        super().__init__()
        self.cfgs = inverted_residual_setting or INVERTED_RESIDUALS
        self.out_channels = make_divisible(last_channel * max(1.0, width_mult), round_nearest)

        channels = make_divisible(input_channel * width_mult, round_nearest)
        layers = [ConvBNReLU(3, channels, stride=2)]
        for t, c, n, s in self.cfgs:
            out = make_divisible(c * width_mult, round_nearest)
            for i in range(n):
                layers.append(InvertedResidual(channels, out, stride=s if i == 0 else 1, expand_ratio=t))
                channels = out
        layers.append(ConvBNReLU(channels, self.out_channels, kernel_size=1))
        self.features = nn.SequentialCell(layers)

    def construct(self, x: Tensor) -> Tensor:
        """Return the features of a batch of images."""
        return self.features(x)

    @property
    def get_features(self) -> nn.SequentialCell:
        """The layers as one cell (a property, as in the course's own file)."""
        return self.features


class GlobalAvgPooling(nn.Cell):
    """Mean over height and width: (N, C, H, W) -> (N, C)."""

    def construct(self, x: Tensor) -> Tensor:
        """Return the mean of each channel."""
        return ops.mean(x, (2, 3))


class GlobalMaxPooling(nn.Cell):
    """Largest value over height and width: (N, C, H, W) -> (N, C)."""

    def construct(self, x: Tensor) -> Tensor:
        """Return the largest value of each channel."""
        return ops.amax(x, (2, 3))


class MobileNetV2Head(nn.Cell):
    """Pooling and one dense layer: features (N, input_channel, H, W) -> logits (N, num_classes).

    Args:
        input_channel: channels of the features, a backbone's `out_channels`.
        num_classes: number of classes.
        has_dropout: drop a fifth of the pooled features in training. The dense layer is then called `head.2`
            and not `head.1`.
        activation: "Softmax" or "Sigmoid" turn logits into probabilities; anything else leaves them.
            Training needs logits: the losses apply their own softmax.
        reduction: how the map of each channel becomes one number: "mean" or "max". With "none" (or None) all
            `hw` * `hw` numbers of it go into the dense layer.
        hw: height and width of the features: 7, for images of 224x224.
    """

    def __init__(
        self,
        input_channel: int = 1280,
        num_classes: int = 1000,
        has_dropout: bool = False,
        activation: str | None = "None",
        *,
        reduction: str | None = "mean",
        hw: int = 7,
    ) -> None:
        super().__init__()
        pooling = _pooling(reduction)
        inputs = input_channel * hw * hw if isinstance(pooling, nn.Flatten) else input_channel
        self.head = nn.SequentialCell(
            [
                pooling,
                # `p` by name: the first positional argument is the probability to KEEP.
                *([nn.Dropout(p=0.2)] if has_dropout else []),
                nn.Dense(inputs, num_classes, weight_init=Normal(sigma=0.01), bias_init="zeros"),
            ]
        )
        self.need_activation = activation in {"Softmax", "Sigmoid"}
        if self.need_activation:
            self.activation = nn.Softmax(axis=-1) if activation == "Softmax" else nn.Sigmoid()

    def construct(self, x: Tensor) -> Tensor:
        """Return logits, or probabilities if an activation was chosen."""
        x = self.head(x)
        if self.need_activation:
            x = self.activation(x)
        return x

    @property
    def get_head(self) -> nn.SequentialCell:
        """The layers as one cell (a property, as in the course's own file)."""
        return self.head


def _pooling(reduction: str | None) -> nn.Cell:
    kinds = {"mean": GlobalAvgPooling, "max": GlobalMaxPooling, "none": nn.Flatten}
    kind = kinds.get(reduction or "none")
    if kind is None:
        raise ValueError(f"reduction is {reduction!r}, not one of {', '.join(kinds)}")
    return kind()


class MobileNetV2Combine(nn.Cell):
    """Backbone, then head: images (N, 3, 224, 224) -> what the head makes of (N, 1280, 7, 7)."""

    def __init__(self, backbone: nn.Cell, head: nn.Cell) -> None:
        # Without the automatic prefix the parameters keep the names they have in backbone and head.
        super().__init__(auto_prefix=False)
        self.backbone = backbone
        self.head = head

    def construct(self, x: Tensor) -> Tensor:
        """Return the head's answer to the backbone's features."""
        return self.head(self.backbone(x))


def mobilenet_v2(backbone: nn.Cell, head: nn.Cell) -> MobileNetV2Combine:
    """Join a backbone and any head that takes its features."""
    return MobileNetV2Combine(backbone, head)


class MobileNetV2(MobileNetV2Combine):
    """Backbone and head with random weights, in one: the network to train from scratch.

    Its parameters have the names, and its checkpoints are those, of `mobilenet_v2(backbone, head)`.

    Args:
        num_classes: number of classes.
        width_mult: factor on every number of channels.
        has_dropout: as `MobileNetV2Head` takes it.
        backbone: what else `MobileNetV2Backbone` takes, by its name.
    """

    def __init__(
        self, num_classes: int = 1000, width_mult: float = 1.0, has_dropout: bool = False, **backbone: Any
    ) -> None:
        features = MobileNetV2Backbone(width_mult, **backbone)
        super().__init__(features, MobileNetV2Head(features.out_channels, num_classes, has_dropout))
