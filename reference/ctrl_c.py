"""Ctrl-C, which MindSpore handles in ways of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Hold Ctrl-C back until the body is done; then raise KeyboardInterrupt.

    Interrupted while it is imported or compiles, MindSpore ends with an abort or pages of its log.
    """
    pressed: list[int] = []
    with _handling(lambda number, _: pressed.append(number)):
        yield
    if pressed:
        raise KeyboardInterrupt


@contextmanager
def ctrl_c_raises() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt in the body, as it does everywhere else.

    While MindSpore runs, and after, a handler of its own answers SIGINT with a SIGTERM to the process itself.
    """
    with _handling(signal.default_int_handler):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have both signals handled in the body, where they can be: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, earlier[number])
