"""The lab sheet: one page in both languages, with the costs of the network computed here.

A convolution with a k x k kernel, c channels in and d out, and an output of h x h numbers a channel, has

    ordinary     k * k * c * d      parameters
    depthwise    k * k * c          (each channel has a filter of its own: d = c)
    pointwise    c * d              (k = 1)

and h * h times as many multiply-adds: each weight is used once for each place of the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import Language
from grader.wording import environment_of

IMAGE = 224
STEM = 32
GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""(t, c, n, s): expansion, channels out, blocks, stride of the first: table 2 of the paper."""
FEATURES = 1280
_BATCH_NORM = 2
"""Parameters a channel that learn: gamma and beta."""


@dataclass(frozen=True)
class Cost:
    """What convolutions need.

    Attributes:
        weights: numbers in their kernels.
        multiply_adds: for one image.
        channels: that a batch normalisation follows.
    """

    weights: int = 0
    multiply_adds: int = 0
    channels: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.weights + other.weights,
            self.multiply_adds + other.multiply_adds,
            self.channels + other.channels,
        )

    @property
    def parameters(self) -> int:
        """All that learn, those of batch normalisation too."""
        return self.weights + _BATCH_NORM * self.channels


@dataclass(frozen=True)
class Row:
    """A line of the table of the network: blocks that are alike.

    Attributes:
        size: height and width of the input.
        channels: of the input.
        kind: "conv3", "block" or "conv1".
        group: (t, c, n, s).
        cost: of all of them.
    """

    size: int
    channels: int
    kind: str
    group: tuple[int, int, int, int]
    cost: Cost


def convolution(kernel: int, channels: int, out: int, size: int) -> Cost:
    """Return the cost of an ordinary convolution with an output of `size` x `size`."""
    weights = kernel * kernel * channels * out
    return Cost(weights, weights * size * size, out)


def depthwise(kernel: int, channels: int, size: int) -> Cost:
    """Return the cost of a depthwise convolution with an output of `size` x `size`."""
    return replace(convolution(kernel, channels, 1, size), channels=channels)


def inverted_residual(channels: int, out: int, expansion: int, stride: int, size: int) -> Cost:
    """Return the cost of a block with an input of `size` x `size`."""
    hidden = channels * expansion
    expand = convolution(1, channels, hidden, size) if expansion != 1 else Cost()
    size //= stride
    return expand + depthwise(3, hidden, size) + convolution(1, hidden, out, size)


def network_rows() -> Iterator[Row]:
    """Yield the lines of the table of the backbone."""
    size, channels = IMAGE // 2, STEM
    yield Row(IMAGE, 3, "conv3", (0, STEM, 1, 2), convolution(3, 3, STEM, size))
    for group in GROUPS:
        t, c, n, s = group
        row, cost = (size, channels), Cost()
        for number in range(n):
            stride = s if number == 0 else 1
            cost += inverted_residual(channels, c, t, stride, size)
            size, channels = size // stride, c
        yield Row(*row, "block", group, cost)
    yield Row(size, channels, "conv1", (0, FEATURES, 1, 1), convolution(1, channels, FEATURES, size))


def render_sheet(language: Language = "zh") -> str:
    """Return the page; `language` is the one that is shown first."""
    rows = [*network_rows()]
    kernel, channels, out, size = example = (3, 64, 128, 56)
    costs = {
        "ordinary": convolution(*example),
        "depthwise": depthwise(kernel, channels, size),
        "pointwise": convolution(1, channels, out, size),
    }
    environment = environment_of(Path(__file__).parent)
    environment.filters["millions"] = lambda value, digits=1: f"{value / 1e6:.{digits}f}"
    page: str = environment.get_template("sheet.html").render(
        language=language,
        rows=rows,
        total=sum((row.cost for row in rows), Cost()),
        example=dict(zip(("k", "c", "d", "h"), example, strict=True)),
        costs=costs,
        separable=costs["depthwise"] + costs["pointwise"],
        block={"channels": 32, "expansion": 6, "size": 28, "cost": inverted_residual(32, 32, 6, 1, 28)},
        wide=convolution(3, 32 * 6, 32 * 6, 28),
        heads={classes: FEATURES * classes + classes for classes in (26, 5)},
    )
    return page
