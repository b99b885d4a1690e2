"""A worker that gives each answer that the same program has given to the same question before.

What differs between two gradings of one program is what is asked, and in which order; a program whose answer
hangs on nothing but the question need not be run for each. Everything above a worker is the grader's own: the
order of the images, what the replay chooses, the whole diagnosis. Only a question that was never asked before
goes to a worker that really runs.

The same question put to one worker twice is another question the second time: a program whose answers hang on
chance is seen as such. One whose answers hang on what was asked before is not; it must be graded as it is.
"""

from __future__ import annotations

import json
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from types import TracebackType
from typing import Any
from unittest.mock import patch

from grader.run.frames import Answered, Frame, FrameReader
from grader.run.worker import CapturedOutput, WorkerProcess
from grader.sandbox import Launch

NOT_THE_PROGRAM = "README.md"
"""What a submission may hold beside its program: where students' submissions differ, it is here."""
_LENGTH = struct.Struct("!I")
_PATIENCE_SECONDS = 600.0
_START = 2
"""Frames that a worker sends before it is asked anything."""

Key = tuple[object, ...]
Start = Callable[[int], Launch]


class Memory:
    """What programs answered, by program and question."""

    def __init__(self) -> None:
        self.frames: dict[Key, Frame] = {}
        self.frameworks: dict[Key, dict[str, str]] = {}
        self.asked = 0
        """Questions that a worker really answered."""

    def worker(
        self,
        launch: Start,
        now: Callable[[], float],
        reader: FrameReader | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> RememberingWorker:
        """Return a worker in the place of a `WorkerProcess`."""
        del check  # nobody waits here
        return RememberingWorker(self, launch, now, reader)

    @contextmanager
    def in_place_of_workers(self) -> Iterator[None]:
        """Have every worker that a grading starts be one that remembers."""
        with (
            patch("grader.run.asking.WorkerProcess", self.worker),
            patch("grader.run.recording.WorkerProcess", self.worker),
        ):
            yield


class RememberingWorker:
    """One worker, as those who ask see it; a process stands behind it only if it is needed."""

    def __init__(
        self, memory: Memory, launch: Start, now: Callable[[], float], reader: FrameReader | None
    ) -> None:
        self.output = CapturedOutput()
        self.peak_bytes = 0
        self._memory, self._launch, self._now, self._reader = memory, launch, now, reader
        self._program = (program_of(launch), reader is not None)
        self._times: Counter[bytes] = Counter()
        self._next: deque[tuple[Key, int, bytes]] = deque(
            ((*self._program, number), 0, b"") for number in range(_START)
        )
        self._process: WorkerProcess | None = None

    def __enter__(self) -> RememberingWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, data: bytes, deadline: float) -> None:
        """Note a question."""
        del deadline  # no time passes here that is the program's
        question, number = question_of(data)
        self._times[question] += 1
        self._next.append(((*self._program, question, self._times[question]), number, data))

    def receive(self, deadline: float) -> Frame:
        """Return the answer to the next question: as it was the last time, or a new one."""
        del deadline
        key, number, data = self._next.popleft()
        if key not in self._memory.frames:
            self._memory.frames[key] = self._ask(data, key)
        frame = self._memory.frames[key]
        return replace(frame, number=number) if isinstance(frame, Answered) else frame

    def can_be_watched(self) -> bool:
        """Whether it stands in its sandbox: a process that does not could not be started."""
        return True

    def shared_seconds(self) -> float:
        """Return no seconds: nothing is timed here."""
        return 0.0

    def frameworks(self) -> dict[str, str]:
        """Return what the program's first process had loaded when it was asked this."""
        known = self._memory.frameworks
        if self._program not in known:
            known[self._program] = self._process.frameworks() if self._process else {}
        return known[self._program]

    def instruction_set(self) -> str | None:
        """Return nothing: it is no part of what is compared."""
        return None

    def kill(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the process and let go of all that belongs to it."""
        if self._process is not None:
            self._process.close()

    def _ask(self, data: bytes, key: Key) -> Frame:
        if self._process is None:
            self._process = WorkerProcess(self._launch, self._now, self._reader)
            for number in range(_START):
                start = (*self._program, number)
                self._memory.frames[start] = self._process.receive(self._now() + _PATIENCE_SECONDS)
        if not data:
            return self._memory.frames[key]
        self._memory.asked += 1
        self._process.send(data, self._now() + _PATIENCE_SECONDS)
        return self._process.receive(self._now() + _PATIENCE_SECONDS)


def question_of(data: bytes) -> tuple[bytes, int]:
    """Return the digest of a question, whatever its number, and the number."""
    (length,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + length
    header: dict[str, Any] = json.loads(data[_LENGTH.size : end])
    number = header.pop("number")
    digest = blake2b(json.dumps(header, sort_keys=True).encode("ascii"), digest_size=20)
    digest.update(memoryview(data)[end:])
    return digest.digest(), number


def program_of(launch: Start) -> bytes:
    """Return the digest of what a worker runs: all files of its folder but the one that tells students apart."""
    folder = launch.__self__.submission.folder  # type: ignore[attr-defined]
    digest = blake2b(digest_size=20)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.name != NOT_THE_PROGRAM:
            digest.update(str(path.relative_to(folder)).encode("utf-8"))
            digest.update(blake2b(path.read_bytes()).digest())
    return digest.digest()
