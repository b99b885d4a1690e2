"""MobileNetV2 in PyTorch, with the parameter names of torchvision.

Sandler, Howard, Zhu, Zhmoginov, Chen: "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381 (table 2 for the network, figure 3 for the block). Checkpoints of
torchvision's `mobilenet_v2` load into it, without torchvision being needed.
参数名与 torchvision 一致，可以直接加载其权重，但不需要安装 torchvision。
"""

from torch import Tensor, nn

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
FEATURES = 1280


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU6: (N, in, H, W) -> (N, out, H / stride, W / stride)."""
    padding = (kernel_size - 1) // 2
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: (N, in, H, W) -> (N, out, H / stride, W / stride).

    The input is added to the output where both have the same shape.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        hidden = in_channels * expand_ratio
        expand = [] if expand_ratio == 1 else [conv_bn_relu(in_channels, hidden, kernel_size=1)]
        self.conv = nn.Sequential(
            *expand,
            conv_bn_relu(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.use_res_connect = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """Images, float32 (N, 3, 224, 224), RGB, normalised -> logits (N, num_classes).

    Attributes:
        features: the backbone, up to (N, 1280, 7, 7).
        classifier: dropout and one linear layer, for pooled features (N, 1280).
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        channels = 32
        layers: list[nn.Module] = [conv_bn_relu(3, channels, stride=2)]
        for t, c, n, s in INVERTED_RESIDUALS:
            for i in range(n):
                layers.append(InvertedResidual(channels, c, stride=s if i == 0 else 1, expand_ratio=t))
                channels = c
        layers.append(conv_bn_relu(channels, FEATURES, kernel_size=1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, num_classes))

    def pooled(self, x: Tensor) -> Tensor:
        """Return the backbone's features, averaged over height and width: (N, 1280)."""
        features: Tensor = self.features(x)
        return features.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        logits: Tensor = self.classifier(self.pooled(x))
        return logits
