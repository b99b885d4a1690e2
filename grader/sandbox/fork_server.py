"""The grader's end of a fork server: a process that has MindSpore imported, and forks workers into sandboxes.

The server runs this interpreter from a file system that cannot be written.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from grader.sandbox.forkable import MINDSPORE_RULE, ForkRule
from grader.sandbox.kernel import innermost
from grader.sandbox.policy import WORKER

IMPORTS = ("mindspore", "mindspore.dataset.vision", "cv2", "onnx")
"""What is imported before the fork: it takes MindSpore a second, and the same second for every submission."""
WORKER_CHANNEL = 3
"""The descriptor of a forked worker's answer channel."""
_SERVER = Path(__file__).parent / "inside" / "fork_server.py"
_NOWHERE = "/nonexistent"
_IMPORT_SECONDS = 60.0
_INTERPRETER_SECONDS = 20.0
"""How long the sandbox that holds the interpreter may take to come up."""
_ANSWER_SECONDS = 20.0
_READ = 1 << 16


class ForkError(Exception):
    """A worker could not be forked; it has to be started as a program."""


@dataclass(frozen=True)
class ForkRequest:
    """Who is to be forked, and where it is to stand."""

    settings: Mapping[str, object]
    """What the worker is told."""
    filter: Mapping[str, str | int]
    """What refuses system calls."""
    cores: Sequence[int]
    uid: int
    """Whom the sandbox belongs to, outside."""
    gid: int


class ForkedProcess:
    """A worker that was forked. It is no child of ours: how it ended is told by who waits for it."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self._told = b""
        self._ended: int | None = None
        with contextlib.ExitStack() as undo:
            undo.enter_context(status)
            first = self._next_line(time.monotonic() + _ANSWER_SECONDS)
            if first is None or "pid" not in first:
                raise ForkError("" if first is None else str(first.get("failed")))
            self.pid = int(first["pid"])
            undo.pop_all()

    def exit_code(self) -> int | None:
        """Return its exit code, or the negative number of the signal that ended it; None while it runs."""
        if self._ended is None:
            last = self._next_line(time.monotonic())
            if last is not None:
                self._ended = int(last["ended"])
        return self._ended

    def release(self) -> None:
        """Have a worker that has ended buried; until then its number is its own."""
        self._status.close()

    def _next_line(self, deadline: float) -> dict[str, int | str] | None:
        while b"\n" not in self._told:
            self._status.settimeout(max(1e-3, deadline - time.monotonic()))
            try:
                data = self._status.recv(_READ)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            # Who waited for it was killed with it.
            self._told += data or b'{"ended": -9}\n'
        line, _, self._told = self._told.partition(b"\n")
        told: dict[str, int | str] = json.loads(line)
        return told


class ForkServer:
    """One server for any number of submissions, one after another or at a time; use as a context manager."""

    def __init__(
        self,
        environment: Mapping[str, str],
        bwrap: Path | None,
        imports: Sequence[str] = IMPORTS,
        rule: ForkRule = MINDSPORE_RULE,
    ) -> None:
        """Prepare a server; it runs from :meth:`begin` on.

        Args:
            environment: of every worker that it forks.
            bwrap: the binary of bubblewrap; without it, the server is of no use.
            imports: modules that are imported before the fork.
            rule: which submissions' workers may be forked.
        """
        self.environment = environment
        self.rule = rule
        self._imports = imports
        self._bwrap = bwrap
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._imported: frozenset[str] | None = None
        self.import_seconds = 0.0
        """What the imports took, which no worker takes again; 0 until they are done."""

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Have it begin to import, if it has not; nobody waits for that before the first worker is wanted."""
        with self._lock:
            if self._running is None and self._imported is None:
                self._begin()

    def imported(self) -> frozenset[str]:
        """Return the top-level modules that every worker of it begins with; none if it is of no use.

        Waits for the imports to be done.
        """
        self.begin()
        with self._lock:
            if self._imported is None:
                self._imported, self.import_seconds = _wait_for_imports(self._running)
            return self._imported

    def fork(self, request: ForkRequest, descriptors: Sequence[int], group: int | None) -> ForkedProcess:
        """Fork a worker into a sandbox.

        Args:
            request: who and where.
            descriptors: of a process in the sandbox (a pidfd), of the worker's answer channel, of its output.
            group: of the file that moves who writes to it into a control group; None where there is none.

        Raises:
            ForkError: it cannot be done here.
        """
        message = {
            "worker": dict(request.settings),
            "filter": dict(request.filter),
            "cores": list(request.cores),
            "uid": request.uid,
            "gid": request.gid,
        }
        ours, status = socket.socketpair()
        with status:
            passed = [*descriptors, status.fileno(), *([] if group is None else [group])]
            try:
                self._send(json.dumps(message).encode("ascii"), passed)
            except OSError as error:
                ours.close()
                raise ForkError(str(error)) from None
        return ForkedProcess(ours)

    def give_up(self) -> None:
        """Fork no more: what was tried failed, and would again."""
        with self._lock:
            self._imported = frozenset()

    def close(self) -> None:
        """End the server. Workers that it has forked go on."""
        with self._lock:
            running, self._running, self._imported = self._running, None, frozenset()
        if running is not None:
            running.channel.close()
            running.process.kill()
            running.process.wait()

    def _begin(self) -> None:
        if self._bwrap is None:
            self._imported = frozenset()
            return
        try:
            with _read_only_interpreter(self._bwrap) as interpreter:
                self._running = _start(interpreter, self.environment, self._imports)
        except OSError:
            self._imported = frozenset()

    def _send(self, message: bytes, descriptors: Sequence[int]) -> None:
        with self._lock:
            if self._running is None:
                raise BrokenPipeError("the server has been closed")
            socket.send_fds(self._running.channel, [message], descriptors)


@contextlib.contextmanager
def _read_only_interpreter(bwrap: Path) -> Iterator[str]:
    """Yield a path by which this interpreter can be started; what is started keeps the file system.

    A process can change the file that it runs, through `/proc/self/exe`, if that is its user's own: its mode
    even while it runs. A submission that is forked runs what the fork server runs.

    Raises:
        OSError: it cannot be had here.
    """
    file = os.path.realpath(sys.executable)
    if os.geteuid() == 0:
        yield file  # a submission is somebody else then, to whom it does not belong
        return
    command = (str(bwrap), "--ro-bind", "/", "/", "--die-with-parent", "--", "/bin/cat")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.write(b"\n")
            process.stdin.flush()
            yield f"/proc/{innermost(process, _INTERPRETER_SECONDS)}/root{file}"
        finally:
            process.kill()


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    channel: socket.socket


def _start(interpreter: str, environment: Mapping[str, str], imports: Sequence[str]) -> _Running:
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Outside it has no folders of its own, and is not to write into somebody's of that name.
    homeless = {name: environment[name] for name in ("HOME", "TMPDIR")}
    with contextlib.ExitStack() as undo, theirs:
        undo.enter_context(channel)
        settings = {
            "channel": theirs.fileno(),
            "imports": list(imports),
            "worker": str(WORKER),
            "environment": homeless,
        }
        process = subprocess.Popen(
            # By a relative path: workers can read this line, and where the grader lies is not for them.
            (sys.executable, "-s", "-B", "-u", _SERVER.name, json.dumps(settings)),
            executable=interpreter,
            env={**environment, **dict.fromkeys(homeless, _NOWHERE), "PWD": "/"},
            cwd=_SERVER.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        undo.pop_all()
    return _Running(process, channel)


def _wait_for_imports(running: _Running | None) -> tuple[frozenset[str], float]:
    """Return which modules have been imported, and how long that took."""
    if running is not None:
        running.channel.settimeout(_IMPORT_SECONDS)
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(running.channel.recv(_READ))
            return frozenset(told["modules"]), float(told["seconds"])
    return frozenset(), 0.0
