"""From anybody's parameter names to ours: the MobileNetV2 1.0 backbone, known without building the network.

The backbone is 52 pairs of a convolution and its batch normalisation. Every implementation of the paper has
the same pairs in the same order; only their names differ. A family is a list of 52 (convolution, batch
normalisation) names in the order of the network, and the four words it uses for the tensors of a batch
normalisation. Converting is laying two such lists side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reference.errors import WeightsError
from reference.values import Arrays

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


Pairs = list[tuple[str, str]]

_TORCH_BN = ("weight", "bias", "running_mean", "running_var")
_MINDSPORE_BN = ("gamma", "beta", "moving_mean", "moving_variance")
# Wrappers that training code puts round the network; their prefix says nothing about the weights.
_PREFIXES = ("module.", "model.", "network.", "backbone.")


def _course() -> Pairs:
    pairs = [("features.0.features.0", "features.0.features.1")]
    for i, block in enumerate(blocks(), start=1):
        at, k = f"features.{i}.conv", 0
        for _ in range(2 if block.expands else 1):
            pairs.append((f"{at}.{k}.features.0", f"{at}.{k}.features.1"))
            k += 1
        pairs.append((f"{at}.{k}", f"{at}.{k + 1}"))
    return [*pairs, ("features.18.features.0", "features.18.features.1")]


def _torchvision() -> Pairs:
    return [(conv.replace(".features.", "."), bn.replace(".features.", ".")) for conv, bn in _course()]


def _flat(prefix: Callable[[int], str], stem: tuple[str, str], tail: tuple[str, str]) -> Pairs:
    """Blocks that number convolution, BN and ReLU6 in one list: 0, 1, (2), 3, 4, (5), 6, 7."""
    pairs = [stem]
    for i, block in enumerate(blocks(), start=1):
        for k in (0, 3, 6) if block.expands else (0, 3):
            pairs.append((f"{prefix(i)}.{k}", f"{prefix(i)}.{k + 1}"))
    return [*pairs, tail]


def _bottleneck() -> Pairs:
    return _flat(
        lambda i: f"features.{i}.conv", ("features.0.0", "features.0.1"), ("features.18.0", "features.18.1")
    )


def _mindcv() -> Pairs:
    return _flat(
        lambda i: f"features.{i + 2}.layers", ("features.0", "features.1"), ("features.20", "features.21")
    )


def _timm() -> Pairs:
    pairs = [("conv_stem", "bn1")]
    for stage, length in enumerate((1, 2, 3, 4, 3, 3, 1)):
        for b in range(length):
            # The first block is another class, whose projection is called conv_pw.
            convolutions = ("conv_dw", "conv_pw") if stage == 0 else ("conv_pw", "conv_dw", "conv_pwl")
            for k, conv in enumerate(convolutions, start=1):
                pairs.append((f"blocks.{stage}.{b}.{conv}", f"blocks.{stage}.{b}.bn{k}"))
    return [*pairs, ("conv_head", "bn2")]


@dataclass(frozen=True)
class Family:
    """One implementation's way of naming the backbone's parameters."""

    title: str
    pairs: Pairs
    bn_words: tuple[str, str, str, str]

    def names(self) -> list[str]:
        """All 260 names, in the same order for every family."""
        return [
            name
            for conv, bn in self.pairs
            for name in (f"{conv}.weight", *(f"{bn}.{word}" for word in self.bn_words))
        ]


COURSE = Family("the course", _course(), _MINDSPORE_BN)
TORCHVISION = Family("torchvision", _torchvision(), _TORCH_BN)
FAMILIES = [
    COURSE,
    TORCHVISION,
    Family("the bottleneck file", _bottleneck(), _TORCH_BN),
    Family("timm", _timm(), _TORCH_BN),
    Family("MindCV", _mindcv(), _MINDSPORE_BN),
]


def backbone_shapes() -> dict[str, tuple[int, ...]]:
    """Our 260 names with the shape each must have."""
    shapes: list[tuple[int, ...]] = []
    for conv in convolution_shapes():
        shapes += [conv, *[(conv[0],)] * 4]
    return dict(zip(COURSE.names(), shapes, strict=True))


def to_course_names(state: Mapping[str, npt.NDArray[np.generic]]) -> Arrays:
    """Convert a state dict of any known family to the backbone's own names.

    Whatever is not one of the family's 260 names is left out: classifiers, optimizer moments,
    `num_batches_tracked`.

    Args:
        state: parameter name -> array, names of one family, perhaps behind a prefix such as `module.`.

    Returns:
        Our 260 names -> float32 arrays, in the order of the network.

    Raises:
        WeightsError: names are missing, a shape differs, or a value is not a finite number.
    """
    given = {without_prefix(name): array for name, array in state.items()}
    family = max(FAMILIES, key=lambda f: sum(name in given for name in f.names()))
    foreign = dict(zip(COURSE.names(), family.names(), strict=True))
    shapes = backbone_shapes()

    if missing := [name for name in foreign.values() if name not in given]:
        raise WeightsError(
            f"not a MobileNetV2 1.0 backbone (closest to the names of {family.title}):"
            f" {len(missing)} of {len(shapes)} parameters are missing: {_some(missing)}"
        )
    if wrong := [
        f"{name} {tuple(given[name].shape)} instead of {shapes[ours]}"
        for ours, name in foreign.items()
        if tuple(given[name].shape) != shapes[ours]
    ]:
        raise WeightsError(f"not a MobileNetV2 1.0 backbone: wrong shape of {_some(wrong)}")
    result = {ours: _as_float32(name, given[name]) for ours, name in foreign.items()}
    if negative := [name for name, array in result.items() if name.endswith("variance") and array.min() < 0]:
        raise WeightsError(f"damaged weights: negative variance in {_some(negative)}")
    return result


def to_torchvision_names(arrays: Arrays) -> Arrays:
    """Give a backbone with our own 260 names those of torchvision, in the same order."""
    return {theirs: arrays[ours] for ours, theirs in zip(COURSE.names(), TORCHVISION.names(), strict=True)}


def without_prefix(name: str) -> str:
    """Return a parameter's name without what training code has put before it."""
    while prefix := next((p for p in _PREFIXES if name.startswith(p)), None):
        name = name.removeprefix(prefix)
    return name


def _as_float32(name: str, array: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    if not np.issubdtype(array.dtype, np.floating):
        raise WeightsError(
            f"not a MobileNetV2 1.0 backbone: {name} holds {array.dtype}, not numbers with a point"
        )
    # A value too large for float32 becomes infinite here and is reported in the next line.
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(converted).all():
        raise WeightsError(f"damaged weights: {name} holds a value that is not a finite number")
    return converted


def _some(items: Iterable[str], limit: int = 3) -> str:
    items = list(items)
    return ", ".join(items[:limit]) + (f" and {len(items) - limit} more" if len(items) > limit else "")
