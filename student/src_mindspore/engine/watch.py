"""Tells whether a live network is still the one that a graph was made from.

A stale graph would be a wrong network, and nobody tells us when a network changes. So every call asks each
parameter where its numbers lie (a loaded checkpoint is put beside the old one), and compares every number of
the head (people tune its bias by hand, one class at a time) and a few numbers of each parameter of the
backbone (a step of an optimizer changes them all); and every FULL_CHECK_SECONDS all numbers of all
parameters, and the cells themselves. A part of one layer of the backbone that is overwritten in place, or a
layer that is exchanged, between two calls is noticed within that time; anything else at once.

What is looked at has been pushed out of the processor's caches by the network in between. It is the number
of places that costs, hence the economy: to compare all numbers takes a fifth of the time of the network.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from mindspore import Parameter, float32, nn

from src_mindspore.engine.mindspore_internals import hook_version, in_graph_mode
from src_mindspore.engine.plain import is_plain_backbone, is_untouched

FULL_CHECK_SECONDS = 0.25
_SAMPLES = 2  # of each parameter of a backbone, in its middle: neighbours come with one look

_Words: TypeAlias = npt.NDArray[np.uint32]

# Of C's own library, which on Windows goes by a name.
_memcmp = ctypes.CDLL(None if os.name == "posix" else "msvcrt").memcmp
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
        self._copies = [parameter.asnumpy().copy() for parameter in parameters]
        self._look_again()

    def is_same_at_a_glance(self) -> bool:
        """Compare what a glance compares, and all numbers if a parameter has been given other memory."""
        if self._addresses_now() != self._addresses:
            return self.is_same()
        if any(_memcmp(*pair) for pair in self._pairs[self._sampled_count :]):
            return False
        return bool((self._memory.take(self._places) == self._known_samples).all())

    def is_same(self) -> bool:
        """Compare all numbers, wherever they are now."""
        if self._addresses_now() != self._addresses:
            self._look_again()
        return not any(_memcmp(*pair) for pair in self._pairs)

    def _look_again(self) -> None:
        """Take the parameters' present memory as that to watch."""
        self._addresses = self._addresses_now()
        # Views of the parameters' own memory: they see what a training step writes, and keep it alive.
        self._views = [parameter.asnumpy() for parameter in self._parameters]
        self._pairs = [
            (view.ctypes.data, copy.ctypes.data, copy.nbytes)
            for view, copy in zip(self._views, self._copies, strict=True)
        ]
        self._memory, self._places = _samples_of(self._views[: self._sampled_count])
        self._known_samples = self._memory.take(self._places)

    def _addresses_now(self) -> list[int]:
        return [parameter.data_ptr() for parameter in self._parameters]


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
