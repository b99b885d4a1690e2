"""One running worker: its channel, its output, its limits and deadlines, and its end."""

from __future__ import annotations

import contextlib
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from grader.model.verdict import StopReason, Verdict
from grader.run import usage
from grader.run.frames import Frame, FrameError, FrameReader
from grader.run.watch import ChildWatch, KernelWatch, LimitExceededError, Shares, WorkerDiedError
from grader.sandbox import Child, Launch, Started, start_worker
from grader.system import signal_of

_KEPT = 16 * 1024
"""Bytes of the head of a stream, and of its tail."""
_STEP_SECONDS = 0.005
"""How often it is looked whether a worker has ended, or stands in its sandbox."""
_READ = 1 << 16
_GRACE_SECONDS = 1.0


class CapturedOutput:
    """Keeps the first and last 16 KiB of a stream, however much goes through."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def feed(self, data: bytes) -> None:
        """Add bytes as they arrive."""
        self.size += len(data)
        room = _KEPT - len(self._head)
        self._head += data[:room]
        if rest := data[room:] if room > 0 else data:
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail and self._tail_size - len(self._tail[0]) >= _KEPT:
                self._tail_size -= len(self._tail.popleft())

    def text(self) -> str:
        """Return what was kept, with a line that says how much was left out."""
        tail = b"".join(self._tail)[-_KEPT:]
        left_out = self.size - len(self._head) - len(tail)
        gap = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out else b""
        return (bytes(self._head) + gap + tail).decode("utf-8", "replace")


class Watch(Protocol):
    """What looks at a worker's use of this machine from outside."""

    peak_bytes: int
    """The most memory that was seen."""

    def begin(self) -> bool:
        """Make ready to look, as soon as that is possible; return whether it was."""

    def look(self) -> float:
        """Look once; return in how many seconds to look again.

        Raises:
            LimitExceededError: a limit was passed.
        """

    def frameworks(self) -> dict[str, str]:
        """Return the inference libraries that the worker has loaded, with versions."""

    def use(self) -> Shares:
        """Return what is used of each limit now, in times of the limit."""

    def ending(self) -> AbstractContextManager[None]:
        """End what would outlive the worker, which is ended within the block."""

    def close(self) -> None:
        """Let go of what was looked at."""

    def check_own_end(self, number: int) -> None:
        """See that a worker, which has ended by that signal if by any, was not ended for want of memory.

        Raises:
            LimitExceededError: of its own memory.
            HarnessError: of the machine's.
        """


class WorkerProcess:
    """A worker and its sandbox; use as a context manager, which ends both for certain."""

    def __init__(
        self,
        launch: Callable[[int], Launch],
        now: Callable[[], float],
        reader: FrameReader | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Start a worker.

        Args:
            launch: says how, given the descriptor of the answer channel.
            now: the clock that deadlines are given by, in seconds.
            reader: of what the worker sends; None for a graded worker's.
            check: called several times a second while the worker is waited for; what it raises ends the wait.
        """
        self._now, self._check = now, check
        self.output = CapturedOutput()
        self._frames: deque[Frame] = deque()
        self._reader = reader or FrameReader()
        self._next_look = 0.0
        self._noise: StopReason | None = None
        self._is_dead = self._is_heard = False
        # Before anything of the worker is there: what can fail later would have to end it.
        with contextlib.ExitStack() as undo:
            self._selector = undo.enter_context(selectors.DefaultSelector())
            self._launch, self._started, self._channel = start_worker(launch)
            undo.pop_all()
        self._limits = self._launch.together
        self._watch = _watch_of(self._launch, self._started)
        try:
            self._hear()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, and let go of everything that belongs to it."""
        with contextlib.ExitStack() as all_that_is_open:
            all_that_is_open.callback(self._started.close)
            all_that_is_open.callback(self._channel.close)
            all_that_is_open.callback(self._selector.close)
            self.kill()

    @property
    def peak_bytes(self) -> int:
        """The most memory that was seen in use."""
        return self._watch.peak_bytes

    def send(self, data: bytes, deadline: float) -> None:
        """Send a question.

        Raises:
            LimitExceededError, WorkerDiedError: as :meth:`receive`.
        """
        view = memoryview(data)
        while view:
            if self._frames or self._noise:
                raise LimitExceededError(Verdict.CONTRACT, self._noise or StopReason.EARLY)
            try:
                view = view[self._channel.send(view) :]
            except BlockingIOError:
                self._wait(deadline, selectors.EVENT_READ | selectors.EVENT_WRITE)
            except ConnectionError:
                raise self._died() from None

    def receive(self, deadline: float) -> Frame:
        """Return the next frame.

        Args:
            deadline: of the clock, seconds.

        Raises:
            LimitExceededError: the deadline or a limit was passed, or the channel was forged.
            WorkerDiedError: the worker ended first.
        """
        while not self._frames:
            if self._noise:
                raise LimitExceededError(Verdict.CONTRACT, self._noise)
            self._wait(deadline, selectors.EVENT_READ)
        return self._frames.popleft()

    def can_be_watched(self) -> bool:
        """Whether the sandbox's folders can be seen from outside, once the worker stands in it."""
        end = self._now() + _GRACE_SECONDS
        # One that is gone already will be found dead when something is asked of it.
        while self._now() < end and self._started.exit_code() is None:
            if self._watch.begin():
                return True
            time.sleep(_STEP_SECONDS)
        return self._started.exit_code() is not None

    def shared_seconds(self) -> float:
        """Return what the imports took that were done for this worker before it was forked."""
        forked = self._launch.forked
        return 0.0 if forked is None else forked.server.import_seconds

    def frameworks(self) -> dict[str, str]:
        """Return the inference libraries that the worker has loaded, with versions."""
        return self._watch.frameworks()

    def use(self) -> Shares:
        """Return what is used of each limit now, in times of the limit; always of the same, in one order."""
        return (*self._watch.use(), self.output.size / self._limits.output_bytes)

    def instruction_set(self) -> str | None:
        """Return the widest vector instructions that oneDNN is allowed, if this processor has them."""
        return usage.allowed_instructions(self._launch.environment)

    def kill(self) -> None:
        """End the worker and everything it started; returns when it is dead."""
        if self._is_dead:
            return
        self._is_dead = True
        with self._watch.ending():
            self._started.end()
        if self._launch.group is not None:
            self._launch.group.end()
        self._drain()
        self._watch.close()

    def _hear(self) -> None:
        """Have whatever comes from the worker wake who waits for it."""
        self._channel.setblocking(False)
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._started.watch()
        self._selector.register(self._started.output, selectors.EVENT_READ)
        self._is_heard = True

    def _wait(self, deadline: float, events: int) -> None:
        """Handle whatever happens next, for at most one look's time."""
        self._check()
        now = self._now()
        if now >= self._next_look:
            pause = self._look()
            self._next_look = self._now() + pause
        self._selector.modify(self._channel, events)
        for key, mask in self._selector.select(max(0.0, min(deadline, self._next_look) - now)):
            if key.fileobj == self._started.output:
                self._read_output()
            elif mask & selectors.EVENT_READ:
                self._read_channel()
        # Last: where the grader itself was held up, an answer that had come in time must not be lost.
        if now >= deadline and not self._frames:
            raise LimitExceededError(Verdict.TIMEOUT)

    def _read_channel(self) -> None:
        try:
            data = self._channel.recv(_READ)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            raise self._died()
        try:
            for frame in self._reader.feed(data):
                self._frames.append(frame)
        except FrameError as error:
            # Said when it is its turn: what came before it may have been the worker's own.
            self._noise = error.reason

    def _read_output(self) -> None:
        data = self._started.read()
        if data == b"":
            self._selector.unregister(self._started.output)
        elif data:
            self.output.feed(data)
            if self.output.size > self._limits.output_bytes:
                raise LimitExceededError(Verdict.OUTPUT)

    def _drain(self) -> None:
        """Take what is still in the pipe of a dead worker, within reason."""
        if not self._is_heard:
            return  # it may be waited for: who was killed so soon may have left a process that holds it
        end = self._now() + _GRACE_SECONDS
        while self._now() < end and self.output.size <= self._limits.output_bytes:
            data = self._started.read()
            if not data:
                return
            self.output.feed(data)

    def _look(self) -> float:
        """Hold the worker to its limits; return in how many seconds to look again.

        Raises:
            LimitExceededError: it went past one of them.
        """
        return self._watch.look()

    def _died(self) -> WorkerDiedError:
        """Find out how the worker ended, once its channel is closed.

        Raises:
            LimitExceededError: it lives on, and went past a limit meanwhile.
            HarnessError: the machine ran out of memory.
        """
        end = self._now() + _GRACE_SECONDS
        while (code := self._started.exit_code()) is None:
            if self._now() > end:
                return WorkerDiedError(StopReason.CHANNEL_CLOSED)
            self._drain()
            self._look()
            time.sleep(_STEP_SECONDS)
        # A negative code is this process's own signal; bubblewrap reports its child's as 128 + number.
        number = -code if code < 0 else code - 128
        self._watch.check_own_end(number)
        if name := signal_of(code):
            return WorkerDiedError(StopReason.SIGNAL, name)
        if code < 0 or 128 < code < 128 + signal.NSIG:
            named = {each.value: each.name for each in signal.Signals}
            return WorkerDiedError(StopReason.SIGNAL, named.get(number, str(number)))
        return WorkerDiedError(StopReason.EXIT_CODE, str(code))


def _watch_of(launch: Launch, started: Started) -> Watch:
    return ChildWatch(launch, started) if isinstance(started, Child) else KernelWatch(launch, started)
