"""Stop with Ctrl-C, or a notebook's stop button, at a moment at which it does no harm.

A signal must not meet a thread that computes. oneDNN's matrix product for AVX and AVX2 does not leave the
stack alone, and the operating system, which puts the signal's frame on it, writes over the heap ("corrupted
size vs. prev_size", a dead kernel; one stop of five in a training). KeyboardInterrupt in the middle of
MindSpore's compiler prints pages. And whenever MindSpore runs a graph it makes its own handler that of
SIGINT, which sends SIGTERM. So while a loop runs, its thread takes neither signal, and it is Python, between
two rounds of the loop, that raises KeyboardInterrupt.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

# MindSpore turns the first into the second.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Windows has no signals that could be held back, and does not write into a thread that computes.
_CAN_HOLD_BACK = hasattr(signal, "pthread_sigmask")


def stoppable(rounds: Iterable[Item]) -> Iterator[Item]:
    """Yield the items of `rounds`; a stop that is asked for meanwhile comes before the next of them.

    Loops within loops may each be stoppable: the innermost that goes on ends them all.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, or the process was told to end.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread alone
        yield from rounds
        return
    asked: list[int] = []
    with _noted_in(asked), _held_back():
        for item in rounds:
            _stop_if(asked)
            yield item
            _stop_if(asked)
        _stop_if(asked)


@contextmanager
def _noted_in(asked: list[int]) -> Iterator[None]:
    """Have signals that another thread takes, one that does not compute, appended to `asked`."""
    earlier = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        for number, handler in earlier.items():
            # None: MindSpore's own, which Python cannot put back.
            signal.signal(number, signal.default_int_handler if handler is None else handler)


@contextmanager
def _held_back() -> Iterator[None]:
    """Let signals wait for this thread; those that still do at the end have been answered."""
    if not _CAN_HOLD_BACK:
        yield
        return
    taken = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # which throws away what waits
        signal.pthread_sigmask(signal.SIG_SETMASK, taken)


def _stop_if(asked: list[int]) -> None:
    if asked or (_CAN_HOLD_BACK and signal.sigpending().intersection(_SIGNALS)):
        raise KeyboardInterrupt
