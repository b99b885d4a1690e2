"""Tells whether a live network is still the one that a graph was made from.

A stale graph would be a wrong network, and nobody tells us when a network changes. So every call asks whether
a parameter can have been given other memory (a loaded checkpoint is put beside the old one), and compares
every number of the head (people tune its bias by hand, one class at a time) and a few numbers of each
parameter of the backbone (a step of an optimizer changes them all); and every FULL_CHECK_SECONDS all numbers
of all parameters, and the cells themselves. A part of one layer of the backbone that is overwritten in place,
or a layer that is exchanged, between two calls is noticed within that time; anything else at once.

What is looked at has been pushed out of the processor's caches by the network in between. It is the number
of places that costs, hence the economy: the head is two places, the backbone 260.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from mindspore import Parameter, float32, get_context, nn

from src_mindspore.engine.graph import BATCH_NORM_EPSILON
from src_mindspore.engine.mindspore_internals import Assignments, hook_version, in_graph_mode

FULL_CHECK_SECONDS = 0.25
_ASKED = 64  # of the sampled parameters, one in so many is asked at every call where it lies
_SAMPLES = 2  # of each of them, in its middle: neighbours come with one look

# What a MobileNetV2 backbone is made of; one that holds anything else is not the network of the graph.
BACKBONE_CELLS = frozenset(
    {
        "MobileNetV2Backbone",
        "ConvBNReLU",
        "InvertedResidual",
        "SequentialCell",
        "Conv2d",
        "BatchNorm2d",
        "ReLU6",
    }
)

_Words: TypeAlias = npt.NDArray[np.uint32]

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class ParameterWatch:
    """Tells whether parameters are still what they were.

    Args:
        sampled: float32, on the CPU; their memory is looked at directly. A glance compares samples; there
            must be one at least.
        whole: the same, but a glance compares every number.

    Raises:
        ValueError: a parameter of another type, or without a number.
    """

    def __init__(self, sampled: list[Parameter], whole: Sequence[Parameter] = ()) -> None:
        parameters = [*sampled, *whole]
        if any(parameter.dtype != float32 or parameter.size == 0 for parameter in parameters):
            raise ValueError("only float32 parameters can be watched")
        self._parameters = parameters
        self._sampled_count = len(sampled)
        # There are ways past the count (`parameter.data = tensor`), mostly taken for all parameters.
        self._asked = [*sampled[::_ASKED], *whole] if Assignments.can_be_counted() else parameters
        self._assignments = Assignments.count
        self._copies = [parameter.asnumpy().copy() for parameter in parameters]
        self._look_again()

    def is_same_at_a_glance(self) -> bool:
        """Compare what a glance compares, and all numbers if a parameter may have been given other memory."""
        if self._assignments != Assignments.count or self._some_addresses() != self._known_addresses:
            return self.is_same()
        if any(_memcmp(*pair) for pair in self._pairs[self._sampled_count :]):
            return False
        return bool((self._memory.take(self._places) == self._known_samples).all())

    def is_same(self) -> bool:
        """Compare all numbers, wherever they are now."""
        self._assignments = Assignments.count
        if [parameter.data_ptr() for parameter in self._parameters] != self._addresses:
            self._look_again()
        return not any(_memcmp(*pair) for pair in self._pairs)

    def _look_again(self) -> None:
        """Take the parameters' present memory as that to watch."""
        self._addresses = [parameter.data_ptr() for parameter in self._parameters]
        self._known_addresses = self._some_addresses()
        # Views of the parameters' own memory: they see what a training step writes, and keep it alive.
        self._views = [parameter.asnumpy() for parameter in self._parameters]
        self._pairs = [
            (view.ctypes.data, copy.ctypes.data, copy.nbytes)
            for view, copy in zip(self._views, self._copies, strict=True)
        ]
        self._memory, self._places = _samples_of(self._views[: self._sampled_count])
        self._known_samples = self._memory.take(self._places)

    def _some_addresses(self) -> list[int]:
        return [parameter.data_ptr() for parameter in self._asked]


def _samples_of(views: list[npt.NDArray[np.float32]]) -> tuple[_Words, npt.NDArray[np.intp]]:
    """Return memory as one array from the first parameter to the last, and the places in it to look at.

    Between the parameters lies what is not ours and perhaps not even mapped; only the places are ever read.
    One gather takes a tenth of the time that looking into 260 arrays one by one takes.
    """
    starts = [view.ctypes.data for view in views]
    first, end = min(starts), max(start + view.nbytes for start, view in zip(starts, views, strict=True))
    words = (ctypes.c_uint32 * ((end - first) // 4)).from_address(first)
    memory: _Words = np.ctypeslib.as_array(words)
    places = [
        (start - first) // 4 + np.arange(view.size // 2, min(view.size, view.size // 2 + _SAMPLES))
        for start, view in zip(starts, views, strict=True)
    ]
    return memory, np.concatenate(places)


class NetworkWatch:
    """Tells whether a network is still what it was: the same plain cells, with the same parameters.

    Args:
        backbone: must be plain, see `is_plain_backbone`.
        head: what follows it, if anything does; its cells and parameters are watched, too.

    Raises:
        ValueError: a parameter that is not float32.
    """

    def __init__(self, backbone: nn.Cell, head: nn.Cell | None = None) -> None:
        self._backbone = backbone
        self._roots = [backbone] if head is None else [backbone, head]
        self._cells = self._all_cells()
        self._head_cells = [] if head is None else [cell for _, cell in head.cells_and_names()]
        self._parameters = self._all_parameters()
        self._watch = ParameterWatch(
            list(backbone.get_parameters()), [] if head is None else list(head.get_parameters())
        )
        # Only these behave otherwise in training.
        self._moody = [cell for cell in self._cells if isinstance(cell, nn.BatchNorm2d | nn.Dropout)]
        self._hook_version = hook_version()
        self._checked = float("-inf")

    def is_unchanged(self) -> bool:
        """Compare what can be compared at once, and everything if some time has passed."""
        if not self._watch.is_same_at_a_glance():
            return False
        now = time.monotonic()
        if now - self._checked < FULL_CHECK_SECONDS and self._hook_version == hook_version():
            return True
        self._checked, self._hook_version = now, hook_version()
        # In GRAPH mode MindSpore itself goes on with the cells that it has compiled.
        return self._watch.is_same() and (in_graph_mode() or self._is_same_structure())

    def is_in_training(self) -> bool:
        """Whether the network is in training mode, or a cell in it that then behaves otherwise.

        In GRAPH mode MindSpore itself looks at the whole alone once it has compiled.
        """
        if any(cell.training for cell in self._roots):
            return True
        return not in_graph_mode() and any(cell.training for cell in self._moody)

    def _is_same_structure(self) -> bool:
        return (
            self._all_cells() == self._cells
            and _are_identical(self._all_parameters(), self._parameters)
            and is_plain_backbone(self._backbone)
            and all(is_untouched(cell) for cell in self._head_cells)
        )

    def _all_cells(self) -> list[nn.Cell]:
        return [cell for root in self._roots for _, cell in root.cells_and_names()]

    def _all_parameters(self) -> list[Parameter]:
        return [parameter for root in self._roots for parameter in root.get_parameters()]


def _are_identical(some: list[Parameter], others: list[Parameter]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def is_plain_backbone(backbone: nn.Cell) -> bool:
    """Whether a backbone computes on the CPU, in inference, exactly what its graph does."""
    return get_context("device_target") == "CPU" and all(
        _is_plain(cell) for _, cell in backbone.cells_and_names()
    )


def is_untouched(cell: nn.Cell) -> bool:
    """Whether a cell computes what its class says, in float32, and nobody listens in."""
    attributes = vars(cell)  # asking the cell for what it has not got takes microseconds
    return not (
        cell._forward_hook
        or cell._forward_pre_hook
        or cell.mixed_precision_type is not None
        or attributes.get("fp16")
        or attributes.get("bf16")
        or "construct" in attributes
    )


def _is_plain(cell: nn.Cell) -> bool:
    if type(cell).__name__ not in BACKBONE_CELLS or not is_of_the_library(cell) or not is_untouched(cell):
        return False
    if not is_as_written(cell):
        return False
    if isinstance(cell, nn.BatchNorm2d):
        return abs(cell.eps - BATCH_NORM_EPSILON) < 1e-12 and not cell.use_batch_statistics
    if isinstance(cell, nn.Conv2d):
        padding = (cell.kernel_size[0] - 1) // 2
        return (
            not cell.has_bias
            and cell.pad_mode == "pad"
            and cell.padding == padding
            and set(cell.dilation) == {1}
            and len(set(cell.stride)) == 1
        )
    return True


# What the graph takes the cells of the course library to compute. Who changes the library changes them there.


def _features(self: Any, x: Any) -> Any:
    return self.features(x)


def _block(self: Any, x: Any) -> Any:
    if self.use_res_connect:
        return x + self.conv(x)
    return self.conv(x)


def _combined(self: Any, x: Any) -> Any:
    return self.head(self.backbone(x))


_CONSTRUCTS: dict[str, Callable[..., Any]] = {
    "ConvBNReLU": _features,
    "InvertedResidual": _block,
    "MobileNetV2Backbone": _features,
    "MobileNetV2Combine": _combined,
}


def is_as_written(cell: nn.Cell) -> bool:
    """Whether a cell of the course library has the layers, and does with them, what the graph takes it to."""
    name = type(cell).__name__
    if name not in _CONSTRUCTS:
        return True
    try:
        return _is_same_code(type(cell).construct, _CONSTRUCTS[name]) and _LAYERS[name](cell)
    except (AttributeError, IndexError, TypeError):
        return False


def _is_same_code(some: Any, other: Any) -> bool:
    """Whether two functions are the same but for their names and docstrings; constants they have none."""
    one, two = some.__code__, other.__code__
    return (one.co_code, one.co_names, one.co_varnames) == (two.co_code, two.co_names, two.co_varnames)


def _has_layers_of_a_convolution(cell: Any) -> bool:
    return _types(cell.features) == ["Conv2d", "BatchNorm2d", "ReLU6"]


def _has_layers_of_a_block(cell: Any) -> bool:
    """Expand or not, filter, project. Only the filter has a stride; the sum is where the shapes allow it."""
    *expand, depthwise, project, _ = cell.conv
    first = [each.features[0] for each in (*expand, depthwise)]
    strides = [convolution.stride[0] for convolution in (*first[:-1], project)]
    is_residual = first[-1].stride[0] == 1 and first[0].in_channels == project.out_channels
    return (
        _types(cell.conv) == [*["ConvBNReLU"] * (len(expand) + 1), "Conv2d", "BatchNorm2d"]
        and len(expand) <= 1
        and set(strides) == {1}
        and bool(cell.use_res_connect) == is_residual
    )


def _has_layers_of_the_backbone(cell: Any) -> bool:
    stem, *blocks, last = cell.features
    return (
        _types(blocks) == ["InvertedResidual"] * len(blocks)
        and _types([stem, last]) == ["ConvBNReLU"] * 2
        and (stem.features[0].stride[0], last.features[0].stride[0]) == (2, 1)
    )


_LAYERS: dict[str, Callable[[Any], bool]] = {
    "ConvBNReLU": _has_layers_of_a_convolution,
    "InvertedResidual": _has_layers_of_a_block,
    "MobileNetV2Backbone": _has_layers_of_the_backbone,
    "MobileNetV2Combine": lambda _: True,  # any head
}


def _types(cells: Any) -> list[str]:
    return [type(cell).__name__ for cell in cells]


def is_of_the_library(cell: nn.Cell) -> bool:
    """Whether a cell's class is MindSpore's or the course library's own, not a subclass of somebody's."""
    return type(cell).__module__.startswith(("mindspore.", "src_mindspore."))
