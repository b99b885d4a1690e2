"""A worker that connects to us: started with nothing but what processes have on Linux, macOS and Windows.

It inherits no descriptor. By its standard input it is told at which port of this machine it is awaited, and a
secret to come in with; the pipe stays open, and its end tells the worker that the grader has ended. What it
prints comes through a pipe; a thread passes it on to a socket, for which alone Windows can wait.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

import psutil

from grader.sandbox.launch import Launch
from grader.system import creation_flags

_HERE = "127.0.0.1"
_CONNECTION_SECONDS = 60.0
"""Python and numpy take a second to start, and a minute where a scanner for viruses looks at each file."""
_LOOK_SECONDS = 0.1
_SECRET_SECONDS = 2.0
_DEATH_SECONDS = 5.0
_READ = 1 << 16


class Child:
    """A worker below our own child, which may be no more than what starts it: a launcher of Windows'."""

    def __init__(self, launch: Launch) -> None:
        """Start it, and wait for it to connect; of one that does not, the channel is at its end."""
        with contextlib.ExitStack() as undo:
            server = undo.enter_context(socket.create_server((_HERE, 0), backlog=1))
            self.output, passed_on = socket.socketpair()
            undo.callback(self.output.close)
            with passed_on:
                self._process = _popen(launch)
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
        server.settimeout(_LOOK_SECONDS)
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


def _popen(launch: Launch) -> subprocess.Popen[bytes]:
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
