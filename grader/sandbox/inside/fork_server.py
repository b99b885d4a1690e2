"""The fork server: imports libraries once, then forks a worker out of itself whenever it is asked.

It is started as a script, in a worker's environment, and runs nothing of any student's: only what comes after
a fork does, and that stands in a sandbox by then. It holds no secret, because it is told none.

Each request is one message on the channel: a JSON object and, in this order, the descriptors `holder` (a
process in the sandbox that is to be entered), `channel` and `output` (the worker's), `status` (where its
beginning and end are told), and, if there is one, `group` (the file that moves who writes to it into a
control group).

What is told are two lines of JSON: `{"pid": int}` or `{"failed": str}`, then `{"ended": int}`, the exit code
or a negative signal number. The process that waits for the worker keeps it unburied, so that its number stays
its own, until `status` is closed at the other end.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import entering

_LONGEST_REQUEST = 1 << 16
_MOST_DESCRIPTORS = 8


def serve() -> tuple[ModuleType, dict[str, Any]] | None:
    """Import what is named in the settings, say so, and fork until the channel closes.

    Returns:
        In a fork that is to be a worker, its module and what it is told: it returns, so that no frame of ours
        lies below the student's code. None when there is nothing more to do.
    """
    settings = json.loads(sys.argv[1])
    channel = socket.socket(fileno=settings["channel"])
    worker = _load(Path(entering.__file__).with_name("worker.py"), settings["worker"])
    os.chdir("/")
    own = sys.path.pop(0)
    began = time.monotonic()
    for name in settings["imports"]:
        importlib.import_module(name)
    seconds = time.monotonic() - began
    sys.path.insert(0, own)
    # A worker's garbage collection need not go over, and so copy, what is there for good.
    gc.collect()
    gc.freeze()
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    channel.sendall(json.dumps({"modules": modules, "seconds": seconds}).encode("ascii"))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody need be buried
    while (request := _receive(channel)) is not None:
        told, descriptors = request
        if os.fork() == 0:
            _enter_and_fork(told, descriptors, worker)
            _forget_outside(settings["environment"], worker)
            return worker, told["worker"]
        for descriptor in descriptors:
            os.close(descriptor)
    return None


def _receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Receive a request; None when the grader has gone."""
    descriptors = array.array("i")
    size = socket.CMSG_SPACE(_MOST_DESCRIPTORS * descriptors.itemsize)
    data, ancillary, _, _ = channel.recvmsg(_LONGEST_REQUEST, size)
    for _, _, payload in ancillary:
        descriptors.frombytes(payload)
    return (json.loads(data), list(descriptors)) if data else None


def _load(source: Path, seen_as: str) -> ModuleType:
    """Return the worker as a module that takes itself for the script `seen_as`, but has not run."""
    module = ModuleType("worker")
    module.__file__ = seen_as
    exec(compile(source.read_bytes(), seen_as, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - our own file
    module.__name__ = "__main__"
    return module


def _enter_and_fork(request: dict[str, Any], descriptors: list[int], worker: ModuleType) -> None:
    """In a fork: enter a sandbox, fork the worker, tell how it begins and ends; the worker alone returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    holder, channel, output, status, *group = descriptors
    try:
        os.sched_setaffinity(0, request["cores"])
        worker.go_first()
        if group:
            os.write(group[0], b"0")
        entering.enter(holder, request["uid"], request["gid"])
        worker.refuse_calls(**request["filter"])
        pid = os.fork()
    except OSError as error:
        _tell(status, {"failed": str(error)})
        os._exit(1)
    if pid == 0:
        os.setsid()
        entering.keep_only(channel, output)
        return
    for descriptor in (holder, channel, output, *group):
        os.close(descriptor)
    _tell(status, {"pid": pid})
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert end is not None  # noqa: S101 - only without a child there would be none
    _tell(status, {"ended": end.si_status if end.si_code == os.CLD_EXITED else -end.si_status})
    with contextlib.suppress(OSError):
        os.read(status, 1)
    # Until then the kernel keeps what is left of the sandbox.
    os.waitid(os.P_PID, pid, os.WEXITED)
    os._exit(0)


def _forget_outside(environment: dict[str, str], worker: ModuleType) -> None:
    """Be like a worker that was started as a program: what was looked up outside is looked up anew."""
    os.environ.update(environment)
    del sys.modules["entering"]
    sys.modules["__main__"] = worker
    sys.orig_argv[-2:] = [str(worker.__file__), ""]
    tempfile.tempdir = None
    vars(sys.modules.get("platform", ModuleType("none")))["_uname_cache"] = None


def _tell(status: int, what: dict[str, int | str]) -> None:
    with contextlib.suppress(OSError):  # the grader may have gone
        os.write(status, json.dumps(what).encode("ascii") + b"\n")


if __name__ == "__main__" and (forked := serve()) is not None:
    forked[0].run(forked[1])
