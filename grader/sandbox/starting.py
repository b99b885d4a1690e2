"""How a worker is started: as a program that inherits its channel or connects to us, or by a fork."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from grader.sandbox.child import Child
from grader.sandbox.fork_server import ForkedProcess, ForkError, ForkRequest
from grader.sandbox.kernel import ControlGroup, innermost, owner, pidfd
from grader.sandbox.launch import ForkedWorker, Launch

_READ = 1 << 16
_HOLDING_SECONDS = 20.0
_DEATH_SECONDS = 5.0
_LOOK_SECONDS = 0.002


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
        with _pipe() as (self.output, theirs), _bound_to(_some_cores(launch.together.cores)):
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
                cores = _some_cores(launch.together.cores)
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


def _some_cores(count: int) -> list[int]:
    ours = sorted(os.sched_getaffinity(0))
    return random.sample(ours, min(len(ours), count))


@contextlib.contextmanager
def _bound_to(cores: Sequence[int]) -> Iterator[None]:
    """Bind this thread to some cores for a while: what it starts is bound to them for good."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)
