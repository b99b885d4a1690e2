"""The part of the network that is trained when its first cells are frozen.

`features` has 19 cells: the stem (0), 17 inverted residual blocks (1 to 17) and the last convolution (18).
With the first N of them frozen, what goes into cell N is the same in every epoch; the rest and the head are a
network of their own, with the parameters, and the parameters' names, of the whole.
"""

from __future__ import annotations

from src_mindspore.cpu import cap_onednn_isa

cap_onednn_isa()

from mindspore import Tensor, nn  # noqa: E402
from src_mindspore.mobilenetv2 import MobileNetV2Backbone  # noqa: E402


class Tail(nn.Cell):
    """Cells from `first` on, then the head: activations (N, C, H, W) -> what the head makes of them.

    Args:
        backbone: its cells are used as they are, not copied.
        head: takes features (N, 1280, 7, 7).
        first: number of the first cell; 0 makes it the whole network.
    """

    def __init__(self, backbone: MobileNetV2Backbone, head: nn.Cell, first: int) -> None:
        # Without the automatic prefix the parameters keep the names they have in backbone and head.
        super().__init__(auto_prefix=False)
        self.cells_from_first = nn.CellList(list(backbone.features)[first:], auto_prefix=False)
        self.head = head

    def construct(self, x: Tensor) -> Tensor:
        """Return the head's answer to a batch of activations."""
        for cell in self.cells_from_first:
            x = cell(x)
        return self.head(x)


def batch_norms(network: nn.Cell) -> list[nn.Cell]:
    """Return a network's batch normalisations, for `loop.Task.frozen`: so their statistics stay."""
    return [cell for _, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)]
