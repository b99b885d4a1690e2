"""What the engine uses of MindSpore beyond its public interface, wherever a release keeps it."""

from __future__ import annotations

from mindspore import context

try:  # where it is since MindSpore 2.9
    from mindspore.graph.api import _cell_graph_executor, _pynative_executor
except ImportError:
    from mindspore.common.api import _cell_graph_executor, _pynative_executor

try:
    from mindspore.common.hook_handle import _hook_version
except ImportError:  # a release that does not count its hooks

    def _hook_version() -> int:
        return 0


__all__ = ["cell_graph_executor", "hook_version", "in_graph_mode", "pynative_executor"]

cell_graph_executor = _cell_graph_executor
hook_version = _hook_version
pynative_executor = _pynative_executor


def in_graph_mode() -> bool:
    """Whether networks are compiled when they are called; `get_context` takes ten microseconds to tell."""
    return bool(context._get_mode() == context.GRAPH_MODE)
