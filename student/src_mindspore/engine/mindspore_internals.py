"""What the engine uses of MindSpore beyond its public interface, wherever a release keeps it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import Parameter, Tensor, context

try:  # where it is since MindSpore 2.9
    from mindspore.graph.api import _cell_graph_executor, _pynative_executor
except ImportError:
    from mindspore.common.api import _cell_graph_executor, _pynative_executor

try:
    from mindspore.common.hook_handle import _hook_version
except ImportError:  # a release that does not count its hooks

    def _hook_version() -> int:
        return 0


__all__ = ["Assignments", "cell_graph_executor", "hook_version", "in_graph_mode", "pynative_executor"]

cell_graph_executor = _cell_graph_executor
hook_version = _hook_version
pynative_executor = _pynative_executor


def in_graph_mode() -> bool:
    """Whether networks are compiled when they are called; `get_context` takes ten microseconds to tell."""
    return bool(context._get_mode() == context.GRAPH_MODE)


class Assignments:
    """Counts how often any tensor was given the memory of another.

    A loaded checkpoint does not overwrite a parameter, it puts other memory in its place. To ask 262
    parameters where they lie takes 0.2 ms at every call, because their objects have been pushed out of the
    processor's caches by then. So the one method through which MindSpore's Python does it is made to count.
    """

    count = 0

    @classmethod
    @functools.cache
    def can_be_counted(cls) -> bool:
        """Begin to count. False if this release has another way, and the count tells nothing."""
        Tensor.assign_value = _counting(Tensor.assign_value)
        parameter = Parameter(Tensor(np.zeros(1, np.float32)))
        before = cls.count
        parameter.set_data(Tensor(np.ones(1, np.float32)))
        return cls.count > before


def _counting(assign_value: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(assign_value)
    def assign_and_count(self: Tensor, *arguments: Any, **named: Any) -> Any:
        try:
            return assign_value(self, *arguments, **named)
        finally:
            Assignments.count += 1  # afterwards, so that who sees the old count may see the old memory only

    return assign_and_count
