"""Plain inference of a live MindSpore backbone on ONNX Runtime, several times faster than MindSpore's own.

`MobileNetV2Backbone` asks here first whenever it is called. An answer is given only where MindSpore would
give the same one, to float32 rounding: on the CPU, not in training, no gradient wanted, float32 images of
224x224. Everything else, and all training, stays with MindSpore.

The engine's graph is made from the parameters as they are at the first call. A stale graph would be a wrong
network, so every call compares: where each parameter lies in memory, and a few of its numbers (a step of an
optimizer changes them all); and every _FULL_CHECK_SECONDS all numbers of all parameters. A single weight set
by hand between two calls is noticed within that time; anything larger at once.

`SRC_MINDSPORE_ENGINE=off` in the environment turns it off.
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import TYPE_CHECKING, Any

from mindspore import Tensor, float32, get_context, nn

try:  # where it is since MindSpore 2.9
    from mindspore.graph.api import _pynative_executor
except ImportError:
    from mindspore.common.api import _pynative_executor

from src_mindspore.engine.graph import BATCH_NORM_EPSILON

if TYPE_CHECKING:
    from src_mindspore.engine.session import FeatureExtractor

SWITCH = "SRC_MINDSPORE_ENGINE"
_OFF = frozenset({"off", "0", "false", "no"})
_INPUT_SHAPE = (3, 224, 224)
_FULL_CHECK_SECONDS = 0.1
# What a MobileNetV2 backbone is made of; one that holds anything else is not the network of the graph.
_CELLS = frozenset(
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

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class ParameterWatch:
    """Tells whether a cell's parameters are still what they were.

    Args:
        cell: its parameters must be on the CPU; their memory is looked at directly.
    """

    def __init__(self, cell: nn.Cell) -> None:
        self._parameters = list(cell.get_parameters())
        self._copies = [parameter.asnumpy().copy() for parameter in self._parameters]
        self._look_again()

    def is_unchanged(self) -> bool:
        """Compare addresses and samples, and all numbers if an address changed or some time has passed."""
        if self._addresses() != self._known_addresses:
            self._look_again()
            return self._all_equal()
        if self._samples() != self._known_samples:
            return False
        if time.monotonic() - self._checked < _FULL_CHECK_SECONDS:
            return True
        return self._all_equal()

    def _look_again(self) -> None:
        """Take the parameters' present memory as that to watch."""
        self._known_addresses = self._addresses()
        # Views of the parameters' own memory: they see what a training step writes.
        self._views = [parameter.asnumpy() for parameter in self._parameters]
        self._places = [
            (memoryview(view).cast("B").cast("f"), place)
            for view in self._views
            for place in sorted({0, view.size // 3, 2 * view.size // 3, view.size - 1})
        ]
        self._known_samples = self._samples()
        self._checked = float("-inf")

    def _addresses(self) -> list[int]:
        return [parameter.data_ptr() for parameter in self._parameters]

    def _samples(self) -> list[float]:
        return [view[place] for view, place in self._places]

    def _all_equal(self) -> bool:
        self._checked = time.monotonic()
        return not any(
            _memcmp(view.ctypes.data, copy.ctypes.data, copy.nbytes)
            for view, copy in zip(self._views, self._copies, strict=True)
        )


class LiveEngine:
    """Answers for one backbone. A copy of a network gets an engine of its own, with nothing in it yet."""

    def __init__(self) -> None:
        self._extractor: FeatureExtractor | None = None
        self._watch: ParameterWatch | None = None
        self._norms: list[nn.BatchNorm2d] = []
        self._is_usable = os.environ.get(SWITCH, "").strip().lower() not in _OFF

    def __deepcopy__(self, memo: dict[int, Any]) -> LiveEngine:
        return LiveEngine()

    def __reduce__(self) -> tuple[type[LiveEngine], tuple[()]]:
        return LiveEngine, ()

    def features(self, backbone: nn.Cell, inputs: tuple[Any, ...]) -> Tensor | None:
        """Return the features (N, C, 7, 7) of the images in `inputs`; None if this is not plain inference."""
        if not self._accepts(backbone, inputs) or self._extractor is None:
            return None
        return Tensor(self._extractor(inputs[0].asnumpy()))

    def _accepts(self, backbone: nn.Cell, inputs: tuple[Any, ...]) -> bool:
        return (
            self._is_usable
            and len(inputs) == 1
            and isinstance(inputs[0], Tensor)
            and inputs[0].dtype == float32
            and inputs[0].shape[1:] == _INPUT_SHAPE
            and inputs[0].shape[0] > 0
            and not backbone.training
            and not _pynative_executor.requires_grad()
            and get_context("device_target") == "CPU"
            and self._is_ready(backbone)
            # Last, because it is only known then which cells these are.
            and not any(norm.training for norm in self._norms)
        )

    def _is_ready(self, backbone: nn.Cell) -> bool:
        """Have a graph of the parameters as they are now, made anew if they changed."""
        # PyNative mode computes behind our back; what it still has to write must be there to be compared.
        _pynative_executor.sync()
        if self._watch is None or not self._watch.is_unchanged():
            self._make(backbone)
        return self._is_usable

    def _make(self, backbone: nn.Cell) -> None:
        try:
            from src_mindspore.engine.session import FeatureExtractor

            self._extractor = FeatureExtractor(backbone, pooled=False)
        except (ImportError, ValueError):
            # No onnxruntime here, or a network that is no MobileNetV2 any more: MindSpore knows what to do.
            self._is_usable = False
            return
        self._norms = [cell for _, cell in backbone.cells_and_names() if isinstance(cell, nn.BatchNorm2d)]
        self._is_usable = all(_is_plain(cell) for _, cell in backbone.cells_and_names())
        self._watch = ParameterWatch(backbone)


def _is_plain(cell: nn.Cell) -> bool:
    """Whether a cell computes what its class says in inference, in float32, and nobody listens in."""
    if type(cell).__name__ not in _CELLS or not type(cell).__module__.startswith(
        ("mindspore.", "src_mindspore.")
    ):
        return False
    if (
        cell._forward_hook
        or cell._forward_pre_hook
        or cell.mixed_precision_type is not None
        or getattr(cell, "fp16", False)
    ):
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
        )
    return True
