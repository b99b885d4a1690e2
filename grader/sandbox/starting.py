"""How a worker is started: as a program that inherits its channel or connects to us, or by a fork.

One that connects to us is started with nothing but what processes have on Linux, macOS and Windows. It
inherits no descriptor. By its standard input it is told at which port of this machine it is awaited, and a
secret to come in with; the pipe stays open, and its end tells the worker that the grader has ended. What it
prints comes through a pipe; a thread passes it on to a socket, for which alone Windows can wait.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Protocol

import psutil

from grader.sandbox.fork_server import ForkedProcess, ForkError, ForkRequest
from grader.sandbox.kernel import ControlGroup, innermost, owner, pidfd
from grader.sandbox.launch import ForkedWorker, Launch
from grader.system import creation_flags

_HERE = "127.0.0.1"
_CONNECTION_SECONDS = 60.0
"""Python and numpy take a second to start, and a minute where a scanner for viruses looks at each file."""
_ACCEPT_SECONDS = 0.1
_SECRET_SECONDS = 2.0
_HOLDING_SECONDS = 20.0
_DEATH_SECONDS = 5.0
_LOOK_SECONDS = 0.002
_READ = 1 << 16


class Started(Protocol):
    """A worker's processes, seen from outside."""

    roots: tuple[int, ...]
    """Everything that belongs to it is one of these processes, or below one; its own is below the first."""

    @property
    def output(self) -> int | socket.socket:
        """What it prints, for who waits for that."""

    def watch(self) -> None:
        """Have :meth:`read` wait for nothing."""

    def read(self) -> bytes | None:
        """Return what it has printed; None if nothing new, no byte at the end."""

    def exit_code(self) -> int | None:
        """Return its exit code, or the negative number of the signal that ended it; None while it runs."""

    def end(self) -> None:
        """End it, and all that its sandbox contains."""

    def close(self) -> None:
        """Close what it prints."""


def start_worker(launch: Callable[[int], Launch]) -> tuple[Launch, Started, socket.socket]:
    """Start a worker; return how, its processes, and our end of its answer channel.

    One that cannot be forked is started as a program, like all others from then on.
    """
    try:
        return _start(launch)
    except ForkError:
        # With a channel of its own: the fork may have come about after all, too late.
        return _start(launch)


class Child:
    """A worker below our own child, which may be no more than what starts it: a launcher of Windows'."""

    def __init__(self, launch: Launch) -> None:
        """Start it, and wait for it to connect; of one that does not, the channel is at its end."""
        with contextlib.ExitStack() as undo:
            server = undo.enter_context(socket.create_server((_HERE, 0), backlog=1))
            self.output, passed_on = socket.socketpair()
            undo.callback(self.output.close)
            with passed_on:
                self._process = _popen_alone(launch)
                self._first = _process_of(self._process.pid)
                self._known = set(self._first)
                undo.callback(self.close)
                undo.callback(self.end)
                _pass_on(self._process, passed_on.dup())
            self.roots: tuple[int, ...] = (self._process.pid,)
            self.channel = self._connected(server)
            server.close()
            undo.pop_all()

    def exit_code(self) -> int | None:
        """Return its exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._process.poll()

    def processes(self) -> Iterator[psutil.Process]:
        """Yield its processes that live, as far as they were seen below it at one time."""
        for first in self._first:
            with contextlib.suppress(psutil.Error):
                self._known |= {*first.children(recursive=True)}
        self._known = {process for process in self._known if process.is_running()}
        yield from self._known

    def read(self) -> bytes | None:
        """Return what it has printed; None if nothing new, no byte at the end."""
        try:
            return self.output.recv(_READ)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""

    def watch(self) -> None:
        """Have :meth:`read` wait for nothing."""
        self.output.setblocking(False)

    def end(self) -> None:
        """End it, and all processes of it that were seen."""
        for process in [*self.processes()]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DEATH_SECONDS)

    def close(self) -> None:
        """Close what it prints, and the pipe that told it that we are there."""
        self.output.close()
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _connected(self, server: socket.socket) -> socket.socket:
        """Return the channel of the worker, which is told where it is awaited."""
        secret = secrets.token_bytes(16).hex()
        told = json.dumps([server.getsockname()[1], secret])
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        with contextlib.suppress(OSError):  # it has ended already
            self._process.stdin.write(f"{told}\n".encode("ascii"))
            self._process.stdin.flush()
        server.settimeout(_ACCEPT_SECONDS)
        end = time.monotonic() + _CONNECTION_SECONDS
        while self.exit_code() is None and time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                channel, _ = server.accept()
                if _knows(channel, secret):
                    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return channel
                channel.close()  # another program of this machine
        ours, theirs = socket.socketpair()
        theirs.close()
        return ours


def _start(launch: Callable[[int], Launch]) -> tuple[Launch, Started, socket.socket]:
    ours, theirs = socket.socketpair()
    with contextlib.ExitStack() as undo, theirs:
        undo.enter_context(ours)
        chosen = launch(theirs.fileno())
        if chosen.comes_by_itself:
            child = Child(chosen)
            return chosen, child, child.channel
        if chosen.group is not None:
            undo.callback(chosen.group.end)
        if chosen.forked is not None:
            undo.callback(chosen.forked.server.give_up)
        started = _started(chosen, theirs.fileno())
        undo.pop_all()
    return chosen, started, ours


def _started(launch: Launch, channel: int) -> Started:
    """Start or fork the worker; the descriptors that its command inherits are closed here, come what may."""
    with contextlib.ExitStack() as inherited:
        for descriptor in launch.inherited:
            inherited.callback(os.close, descriptor)
        if launch.forked is None:
            return _Program(launch, channel)
        return _Forked(launch, launch.forked, channel)


class _Printing:
    """A worker whose output comes through a pipe."""

    output: int

    def watch(self) -> None:
        os.set_blocking(self.output, False)

    def read(self) -> bytes | None:
        try:
            return os.read(self.output, _READ)
        except BlockingIOError:
            return None

    def close(self) -> None:
        os.close(self.output)


class _Program(_Printing):
    """A worker that is the sandbox's own command, and so below our own child."""

    def __init__(self, launch: Launch, channel: int) -> None:
        with _pipe() as (self.output, theirs), _bound_to(_cores_for(launch)):
            self._process = _popen(launch, theirs, theirs, [channel])
        self.roots: tuple[int, ...] = (self._process.pid,)

    def exit_code(self) -> int | None:
        return _exit_code(self._process)

    def end(self) -> None:
        _kill_session(self._process)
        self._process.wait()


class _Forked(_Printing):
    """A worker that has entered a sandbox; the sandbox's own command only keeps it open."""

    def __init__(self, launch: Launch, worker: ForkedWorker, channel: int) -> None:
        try:
            with _pipe() as (self.output, theirs):
                cores = _cores_for(launch)
                with _bound_to(cores):
                    self._holder = _popen(launch, subprocess.PIPE, theirs, [])
                self._worker = self._fork(launch, worker, cores, channel, theirs)
        except OSError as error:
            raise ForkError(str(error)) from error
        self.roots: tuple[int, ...] = (self._worker.pid, self._holder.pid)

    def exit_code(self) -> int | None:
        return self._worker.exit_code()

    def end(self) -> None:
        self._end_holder()
        end = time.monotonic() + _DEATH_SECONDS
        while self._worker.exit_code() is None and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        self._worker.release()

    def _fork(
        self, launch: Launch, worker: ForkedWorker, cores: Sequence[int], channel: int, output: int
    ) -> ForkedProcess:
        with contextlib.ExitStack() as undo:
            undo.callback(self._end_holder)
            inside = innermost(self._holder, _HOLDING_SECONDS)
            request = ForkRequest(worker.settings, worker.filter, cores, *owner(inside))
            with _members(launch.group) as group, pidfd(inside) as holder:
                forked = worker.server.fork(request, (holder, channel, output), group)
            undo.pop_all()
        return forked

    def _end_holder(self) -> None:
        _kill_session(self._holder)
        self._holder.wait()


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Yield the ends of a pipe. Afterwards the second is closed, and after an error both are."""
    with contextlib.ExitStack() as undo:
        ours, theirs = os.pipe()
        undo.callback(os.close, ours)
        try:
            yield ours, theirs
        finally:
            os.close(theirs)
        undo.pop_all()


@contextlib.contextmanager
def _members(group: ControlGroup | None) -> Iterator[int | None]:
    """Yield a descriptor of the file that moves who writes to it into the group; None where there is none."""
    if group is None:
        yield None
        return
    descriptor = group.open_members()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _popen(launch: Launch, output: int, errors: int, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the command with nothing but what it is to have."""
    return subprocess.Popen(
        launch.command,
        env=dict(launch.environment),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        pass_fds=[*descriptors, *launch.inherited],
        start_new_session=True,
    )


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    # WNOWAIT leaves it unburied: until it and all else has been ended, its number stays its own.
    state = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if state is None:
        return None
    return state.si_status if state.si_code == os.CLD_EXITED else -state.si_status


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _cores_for(launch: Launch) -> list[int]:
    ours = sorted(os.sched_getaffinity(0))
    return [*launch.cores] or random.sample(ours, min(len(ours), launch.together.cores))


@contextlib.contextmanager
def _bound_to(cores: Sequence[int]) -> Iterator[None]:
    """Bind this thread to some cores for a while: what it starts is bound to them for good."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def _popen_alone(launch: Launch) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        launch.command,
        env=dict(launch.environment),
        cwd=launch.writable[0],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        creationflags=creation_flags(),
    )


def _process_of(pid: int) -> frozenset[psutil.Process]:
    """Return the process of that number, known by when it began, too; none if it has ended already.

    Once it has been waited for, its number may be another's.
    """
    try:
        return frozenset({psutil.Process(pid)})
    except psutil.Error:
        return frozenset()


def _pass_on(process: subprocess.Popen[bytes], target: socket.socket) -> None:
    """Have a thread pass on what a process prints, until nobody holds the pipe or nobody listens."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    arguments = (process.stdout, target)
    # A process that outlives all others may hold the pipe: who waits for its end must not wait for that.
    threading.Thread(target=_pump, args=arguments, name="output", daemon=True).start()


def _pump(source: BinaryIO, target: socket.socket) -> None:
    with source, target, contextlib.suppress(OSError):
        while data := source.read1(_READ):  # type: ignore[attr-defined]
            target.sendall(data)


def _knows(channel: socket.socket, secret: str) -> bool:
    """Whether who has connected says the secret first."""
    channel.settimeout(_SECRET_SECONDS)
    said = b""
    with contextlib.suppress(OSError):
        while len(said) < len(secret) and (data := channel.recv(len(secret) - len(said))):
            said += data
    channel.settimeout(None)
    return hmac.compare_digest(said, secret.encode("ascii"))
