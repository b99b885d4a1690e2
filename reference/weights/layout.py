"""What the MobileNetV2 1.0 backbone consists of, known without building the network.

It is 52 pairs of a convolution and its batch normalisation. Every implementation of the paper has the same
pairs in the same order; only their names differ (see `naming`).
"""

from typing import NamedTuple

# (t, c, n) of table 2 in Sandler et al. 2018; strides do not show in shapes.
_GROUPS = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]
_STEM, _TAIL = 32, 1280


class Block(NamedTuple):
    """One inverted residual block: its numbers of channels."""

    inputs: int
    hidden: int
    outputs: int

    @property
    def expands(self) -> bool:
        """Whether the block begins with a 1x1 expansion; the first block does not."""
        return self.hidden != self.inputs


def blocks() -> list[Block]:
    """Return the 17 blocks in order."""
    result, channels = [], _STEM
    for t, c, n in _GROUPS:
        for _ in range(n):
            result.append(Block(channels, t * channels, c))
            channels = c
    return result


def convolution_shapes() -> list[tuple[int, int, int, int]]:
    """Return the weight shapes (out, in / group, k, k) of the 52 convolutions in the order of the network."""
    shapes = [(_STEM, 3, 3, 3)]
    for block in blocks():
        if block.expands:
            shapes.append((block.hidden, block.inputs, 1, 1))
        shapes.append((block.hidden, 1, 3, 3))
        shapes.append((block.outputs, block.hidden, 1, 1))
    shapes.append((_TAIL, blocks()[-1].outputs, 1, 1))
    return shapes
