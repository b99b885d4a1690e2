"""A Python that has imported MindSpore, and forks for each program: a program's start costs seconds otherwise.

Each program still has a process of its own, which does nothing after it, with the arguments, environment, working
folder, limits and signals that it is given. Only imports come before the fork, and what the imported modules do
then (`tests/grader_once.py` has templates compiled): nothing that gives a library threads. What is random when Python starts is drawn anew in each fork, as far as that can be done; a
test that two runs give the same bytes compares a forked run with one that was started.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
_LONGEST_REQUEST = 1 << 17
_FIRST_FREE = 64
"""Above the descriptors that are given their places."""


@dataclass(frozen=True)
class Program:
    """What is to run, and how."""

    arguments: Sequence[str]
    """What comes after `python` on a command line: `-m MODULE ...`, `-c CODE ...`, or a script's path, and its
    arguments."""
    folder: Path = field(default_factory=Path.cwd)
    """The working folder."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    """The whole of it."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Limits of the process, by their names in the module `resource`."""
    umask: int = 0o022


class Running:
    """A program that was forked. It has what tests ask of a `subprocess.Popen`; its output goes to files.

    Args:
        program: what runs.
        said: files that hold its standard output and its standard error.
        status: where its process number and its end are told.
    """

    def __init__(self, program: Program, said: Sequence[Path], status: socket.socket) -> None:
        self.args = program.arguments
        self._said = said
        self._status = status
        self._told = b""
        self.pid = int(self._next_line(PATIENCE_SECONDS))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or the negative number of the signal that ended it; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Return the exit code once the program has ended.

        Raises:
            subprocess.TimeoutExpired: it does not end.
        """
        if self.returncode is None:
            self.returncode = int(self._next_line(timeout))
            self._status.close()  # its keeper may bury it now
        return self.returncode

    def communicate(self, timeout: float = PATIENCE_SECONDS) -> tuple[str, str]:
        """Wait for the end; return what was said on standard output and on standard error."""
        self.wait(timeout)
        stdout, stderr = (path.read_text(encoding="utf-8") for path in self._said)
        return stdout, stderr

    def send_signal(self, number: int) -> None:
        """Send a signal to a program that has not ended."""
        # Its keeper does not bury it before its end has been read here: the number is its own until then.
        if self.poll() is None:
            os.kill(self.pid, number)

    def _next_line(self, timeout: float) -> bytes:
        while b"\n" not in self._told:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.args), timeout)
            data = self._status.recv(64)
            assert data, "whoever keeps the program has gone"
            self._told += data
        line, _, self._told = self._told.partition(b"\n")
        return line


class ReadyPython:
    """The process, which lives as long as the body of a `with`.

    Args:
        imports: modules that it imports.
        forgotten: packages that are imported on the way, and that each program is to find for itself.
        environment: that it is started with, and that /proc shows of all its programs; else this process's.
    """

    def __init__(
        self,
        imports: Sequence[str],
        forgotten: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = environment
        self._asked = {"imports": list(imports), "forgotten": list(forgotten)}
        self._files = tempfile.TemporaryDirectory(prefix="said-")
        self._count = 0

    def __enter__(self) -> ReadyPython:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.ready_python", str(theirs.fileno()), json.dumps(self._asked)],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._process.wait(PATIENCE_SECONDS)
        self._files.cleanup()

    def start(self, program: Program) -> Running:
        """Have a program forked."""
        self._count += 1
        said = [Path(self._files.name) / f"{self._count}-{stream}" for stream in ("stdout", "stderr")]
        status, theirs = socket.socketpair()
        with contextlib.ExitStack() as passed:
            passed.enter_context(theirs)
            files = [passed.enter_context(path.open("wb")) for path in said]
            request = json.dumps({**asdict(program), "folder": str(program.folder)}).encode("utf-8")
            descriptors = [*(file.fileno() for file in files), theirs.fileno()]
            socket.send_fds(self._channel, [request], descriptors)
        return Running(program, said, status)

    def run(self, program: Program) -> subprocess.CompletedProcess[str]:
        """Have a program forked, and wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it does not end.
        """
        running = self.start(program)
        stdout, stderr = running.communicate()
        assert running.returncode is not None
        return subprocess.CompletedProcess(list(program.arguments), running.returncode, stdout, stderr)


def _settle() -> None:
    """Call this before forks: their garbage collection need not go over, and so copy, what is there for good."""
    gc.collect()
    gc.freeze()


def _end_at_once(code: object) -> NoReturn:
    """End as Python does, but leave to the kernel what takes it most of a second: to let go of all modules."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _serve(channel: socket.socket, imports: Sequence[str], forgotten: Sequence[str]) -> dict[str, Any]:
    """Import, and fork for each request; returns in a fork, with the request."""
    before = dict(os.environ)
    for name in imports:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in forgotten]:
        del sys.modules[name]
    # What a library sets for itself, or for the processes that it starts.
    added = {name: value for name, value in os.environ.items() if before.get(name) != value}
    _settle()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need not be buried
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, _LONGEST_REQUEST, 8)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            channel.close()
            request = json.loads(data)
            _keep_or_become(descriptors)
            request["environment"] = {**added, **request["environment"]}
            return dict(request)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep_or_become(descriptors: Sequence[int]) -> None:
    """Fork the program, which returns; the keeper tells its number and its end, and ends when that was read."""
    *said, status = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(status)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        for number, descriptor in enumerate(said, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return
    for descriptor in said:
        os.close(descriptor)
    # Whatever is sent to the whole group, such as Ctrl-C, is for the program.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # who asked may have gone
        os.write(status, b"%d\n" % pid)
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        os.write(status, b"%d\n" % code)
        os.read(status, 1)
    os._exit(0)


def _become(request: Mapping[str, Any]) -> NoReturn:
    """Be what `python ARGUMENTS` is when its imports are done."""
    os.chdir(request["folder"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for name, most in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tempfile.tempdir = None
    _draw_anew()
    try:
        _run(request["arguments"], request["folder"])
        code: object = 0
    except SystemExit as end:
        code = end.code
    _end_at_once(code)


def _run(arguments: Sequence[str], folder: str) -> None:
    first, *rest = arguments
    sys.path[:1] = [folder, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if first == "-m":
        sys.argv = rest
        if not hasattr(sys.modules.get(rest[0]), "__path__"):
            sys.modules.pop(rest[0], None)  # to `runpy`, a module that is there already is no program
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = [first, *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.path[0] = str(Path(first).resolve().parent)
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def _draw_anew() -> None:
    """Seed what is seeded by chance when it is imported, as in a process that was started."""
    random.seed()
    sys.modules["numpy"].random.seed()


if __name__ == "__main__":
    _become(_serve(socket.socket(fileno=int(sys.argv[1])), **json.loads(sys.argv[2])))
