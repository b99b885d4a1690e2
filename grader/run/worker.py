"""One running worker: its channel, its output, its limits and deadlines, and its end."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from grader.errors import HarnessError
from grader.model.assignment import MIB
from grader.model.verdict import StopReason, Verdict
from grader.run import usage
from grader.run.frames import Frame, FrameError, FrameReader
from grader.sandbox import Launch, folders_of, start_worker

_KEPT = 16 * 1024
"""Bytes of the head of a stream, and of its tail."""
_LOOK_SECONDS = 0.05
"""How often the worker's memory, processes and disk are looked at while there is plenty left."""
_SHORTEST_LOOK_SECONDS = 0.002
_COUNT_SECONDS, _COUNT_SHARE = 0.25, 0.2
"""How often what the kernel keeps is counted, and the share of time that this may take: it takes the longer,
the more there is."""
_FILL_BYTES_PER_SECOND = 4 << 30
"""How fast one core can fill memory, generously."""
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


@dataclass
class LimitExceededError(Exception):
    """The worker went past a limit and has been killed."""

    verdict: Verdict
    reason: StopReason | None = None
    value: str = ""

    @property
    def is_deadline(self) -> bool:
        """Whether it only was too slow."""
        return self.verdict is Verdict.TIMEOUT and self.reason is not StopReason.PROCESSOR_TIME


@dataclass
class WorkerDiedError(Exception):
    """The worker ended although it still had something to answer."""

    reason: StopReason
    value: str = ""
    """The exit code, or the signal's name."""


class WorkerProcess:
    """A worker and its sandbox; use as a context manager, which ends both for certain."""

    def __init__(
        self, launch: Callable[[int], Launch], now: Callable[[], float], reader: FrameReader | None = None
    ) -> None:
        """Start a worker.

        Args:
            launch: says how, given the descriptor of the answer channel.
            now: the clock that deadlines are given by, in seconds.
            reader: of what the worker sends; None for a graded worker's.
        """
        self._now = now
        self.output = CapturedOutput()
        self.peak_bytes = 0
        self._inside: usage.Inside | None = None
        self._processor_time = usage.ProcessorTime()
        self._kernel_bytes = 0
        self._next_count = 0.0
        self._last_look = 0.0
        self._ended_for_memory = usage.processes_ended_for_memory()
        self._frames: deque[Frame] = deque()
        self._reader = reader or FrameReader()
        self._next_look = 0.0
        self._noise: StopReason | None = None
        self._is_dead = False
        # Before anything of the worker is there: what can fail later would have to end it.
        with contextlib.ExitStack() as undo:
            self._selector = undo.enter_context(selectors.DefaultSelector())
            self._launch, self._started, self._channel = start_worker(launch)
            undo.pop_all()
        self._limits = self._launch.together
        self._stdout = self._started.output
        try:
            self._watch()
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
            except (BrokenPipeError, ConnectionResetError):
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
            self._enter()
            if self._inside is not None or not self._launch.is_contained:
                return True
            time.sleep(_SHORTEST_LOOK_SECONDS)
        return self._started.exit_code() is not None

    def shared_seconds(self) -> float:
        """Return what the imports took that were done for this worker before it was forked."""
        forked = self._launch.forked
        return 0.0 if forked is None else forked.server.import_seconds

    def frameworks(self) -> dict[str, str]:
        """Return the inference libraries that the worker has loaded, with versions."""
        return usage.frameworks(self._processes())

    def instruction_set(self) -> str | None:
        """Return the widest vector instructions that oneDNN is allowed, if this processor has them."""
        return usage.allowed_instructions(self._launch.environment)

    def _processes(self) -> Iterator[Path]:
        """Yield the folders in /proc of all its processes; of a sandbox's, those that stand in it."""
        return folders_of(*self._started.roots) if self._inside is None else self._inside.processes()

    def _enter(self) -> None:
        """Take hold of the sandbox's folders, to watch them, as soon as they are there."""
        if self._launch.is_contained and self._inside is None:
            self._inside = usage.find_inside(self._started.roots, self._launch.writable)

    def kill(self) -> None:
        """End the worker and everything it started; returns when it is dead."""
        if self._is_dead:
            return
        self._is_dead = True
        # Without a process namespace, whose end ends them all: at least those that are known.
        known = [] if self._launch.is_contained else list(folders_of(*self._started.roots))
        self._started.end()
        for process in known[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
        if self._launch.group is not None:
            self._launch.group.end()
        self._drain()
        if self._inside is not None:
            self._inside.close()
            self._inside = None

    def _watch(self) -> None:
        """Have whatever comes from the worker wake who waits for it."""
        self._channel.setblocking(False)
        self._selector.register(self._channel, selectors.EVENT_READ)
        os.set_blocking(self._stdout, False)
        self._selector.register(self._stdout, selectors.EVENT_READ)

    def _wait(self, deadline: float, events: int) -> None:
        """Handle whatever happens next, for at most one look's time."""
        now = self._now()
        if now >= self._next_look:
            pause = self._look()
            self._next_look = self._now() + pause
        self._selector.modify(self._channel, events)
        for key, mask in self._selector.select(max(0.0, min(deadline, self._next_look) - now)):
            if key.fileobj is self._stdout:
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
        except ConnectionResetError:
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
        data = self._read_some()
        if data == b"":
            self._selector.unregister(self._stdout)
        elif data:
            self.output.feed(data)
            if self.output.size > self._limits.output_bytes:
                raise LimitExceededError(Verdict.OUTPUT)

    def _read_some(self) -> bytes | None:
        try:
            return os.read(self._stdout, _READ)
        except BlockingIOError:
            return None

    def _drain(self) -> None:
        """Take what is still in the pipe of a dead worker, within reason."""
        if os.get_blocking(self._stdout):
            return  # it is not watched yet: who was killed so soon may have left a process that holds it
        end = self._now() + _GRACE_SECONDS
        while self._now() < end and self.output.size <= self._limits.output_bytes:
            data = self._read_some()
            if not data:
                return
            self.output.feed(data)

    def _look(self) -> float:
        """Hold the worker to its memory, processes, processor time and disk.

        Returns:
            In how many seconds to look again: sooner, if what is left of the memory could be filled sooner.

        Raises:
            LimitExceededError: it went past one of them.
        """
        self._enter()
        if self._launch.is_contained and self._inside is None:
            return _LOOK_SECONDS  # nothing of the submission's runs yet
        seen = usage.measure(self._processes())
        if (tasks := seen.tasks - self._launch.is_contained) > self._limits.tasks:
            raise LimitExceededError(Verdict.PIDS, StopReason.TASKS, str(tasks))
        if self._processor_time.with_those_gone(seen) > self._limits.processor_seconds:
            raise LimitExceededError(Verdict.TIMEOUT, StopReason.PROCESSOR_TIME)
        if self._inside is not None and self._inside.is_full(self._limits.inodes):
            raise LimitExceededError(Verdict.DISK)
        return self._look_at_memory(seen.memory_bytes)

    def _look_at_memory(self, used: int) -> float:
        """Hold the worker to its memory; return how long what is left lasts, within bounds."""
        left = self._memory_left(used, self._kept_by_the_kernel())
        lasts = left / (_FILL_BYTES_PER_SECOND * self._limits.cores)
        return min(_LOOK_SECONDS, max(_SHORTEST_LOOK_SECONDS, lasts))

    def _memory_left(self, used: int, kept: int) -> int:
        """Return how many bytes are left.

        Raises:
            LimitExceededError: none are.
        """
        # Shared pages were counted for each process; only near the limit is the exact sum worth its time.
        if used + kept > self._limits.memory_bytes:
            used = usage.proportional_bytes(self._processes())
        self.peak_bytes = max(self.peak_bytes, used)
        left = self._limits.memory_bytes - used - kept
        if left < 0:
            # With the kernel's part, or the report would say a peak below the limit that was passed.
            self.peak_bytes = max(self.peak_bytes, used + kept)
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_USED, str((used + kept) // MIB))
        return left

    def _look_meanwhile(self) -> None:
        """During a long count, hold the worker to its memory all the same."""
        if time.monotonic() - self._last_look > _LOOK_SECONDS:
            self._memory_left(usage.measure(self._processes()).memory_bytes, self._kernel_bytes)
            self._last_look = time.monotonic()

    def _kept_by_the_kernel(self) -> int:
        """Return how many bytes the kernel may keep for the worker, beside its processes' own memory.

        Raises:
            LimitExceededError: too many.
        """
        began, most = time.monotonic(), self._limits.kernel_bytes
        if began >= self._next_count:
            usage.check_memory_of_machine()
            self._last_look = began
            self._kernel_bytes = usage.kernel_bytes(self._processes(), most, self._look_meanwhile)
            took = time.monotonic() - began
            self._next_count = began + max(_COUNT_SECONDS, took / _COUNT_SHARE)
        if self._kernel_bytes > most:
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_KEPT)
        return self._kernel_bytes + (self._inside.socket_bytes() if self._inside is not None else 0)

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
            time.sleep(_LOOK_SECONDS / 10)
        if self._launch.group is not None and self._launch.group.ran_out_of_memory():
            raise LimitExceededError(Verdict.MEMORY, StopReason.MEMORY_COUNTED)
        # A negative code is this process's own signal; bubblewrap reports its child's as 128 + number.
        number = -code if code < 0 else code - 128
        if number == signal.SIGKILL and usage.processes_ended_for_memory() > self._ended_for_memory:
            raise HarnessError("ended-for-memory")
        if code < 0 or 128 < code < 128 + signal.NSIG:
            named = {each.value: each.name for each in signal.Signals}
            return WorkerDiedError(StopReason.SIGNAL, named.get(number, str(number)))
        return WorkerDiedError(StopReason.EXIT_CODE, str(code))
