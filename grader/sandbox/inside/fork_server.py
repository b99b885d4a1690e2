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

A process goes into a sandbox that stands, and leaves everything behind that is not of there. So the fork does
what bubblewrap does to the program it starts: an unprivileged uid, all namespaces, no capabilities, no way to
new ones. Sources: setns(2), user_namespaces(7), capabilities(7), prctl(2).
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
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

_LONGEST_REQUEST = 1 << 16
_MOST_DESCRIPTORS = 8
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
# include/uapi/linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_ALL_NAMESPACES = 0x20000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
# include/uapi/linux/prctl.h
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_FIRST_FREE = 64
"""Above the descriptors that are to be given their places, below the lowest usual limit on them."""


def serve() -> tuple[ModuleType, dict[str, Any]] | None:
    """Import what is named in the settings, say so, and fork until the channel closes.

    Returns:
        In a fork that is to be a worker, its module and what it is told: it returns, so that no frame of ours
        lies below the student's code. None when there is nothing more to do.
    """
    settings = json.loads(sys.argv[1])
    channel = socket.socket(fileno=settings["channel"])
    worker = _load(Path(__file__).with_name("worker.py"), settings["worker"])
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
        _enter(holder, request["uid"], request["gid"])
        worker.refuse_calls(**request["filter"])
        pid = os.fork()
    except OSError as error:
        _tell(status, {"failed": str(error)})
        os._exit(1)
    if pid == 0:
        os.setsid()
        _keep_only(channel, output)
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


def _enter(holder: int, uid: int, gid: int) -> None:
    """Enter the namespaces of the process that the pidfd `holder` names, with no rights in them.

    Into the process namespace come only the children of who calls this.

    Args:
        holder: of a process in the sandbox.
        uid: whom the sandbox belongs to outside; root becomes that user.
        gid: the group.

    Raises:
        OSError: the kernel does not allow it; this process is of no use any more.
    """
    if uid == 0:
        raise PermissionError("a sandbox of root's own is not entered")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    _check(_libc.setns(holder, _ALL_NAMESPACES))
    _give_up_capabilities()


def _keep_only(channel: int, output: int) -> None:
    """Close all descriptors but these two: the one becomes 3, the other 1 and 2; 0 is empty."""
    wanted = (os.open(os.devnull, os.O_RDONLY), output, output, channel)
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FIRST_FREE) for descriptor in wanted]
    for number, descriptor in enumerate(moved):
        os.dup2(descriptor, number)
    # One by one: where there is no close_range(2), Python would try all numbers up to the limit.
    for name in os.listdir("/proc/self/fd"):
        if (descriptor := int(name)) >= len(wanted):
            with contextlib.suppress(OSError):  # the one that the names were read from
                os.close(descriptor)


def _give_up_capabilities() -> None:
    """Who enters a user namespace has all capabilities in it; afterwards none, for ever."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for number in range(last + 1):
        _check(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0))
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, in two halves
    _check(_libc.capset(header, none))
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    # A change of user took that away, and with it the process's own view of itself in /proc.
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _forget_outside(environment: dict[str, str], worker: ModuleType) -> None:
    """Be like a worker that was started as a program: what was looked up outside is looked up anew."""
    os.environ.update(environment)
    sys.modules["__main__"] = worker
    sys.orig_argv[-2:] = [str(worker.__file__), ""]
    tempfile.tempdir = None
    vars(sys.modules.get("platform", ModuleType("none")))["_uname_cache"] = None


def _tell(status: int, what: dict[str, int | str]) -> None:
    with contextlib.suppress(OSError):  # the grader may have gone
        os.write(status, json.dumps(what).encode("ascii") + b"\n")


if __name__ == "__main__" and (forked := serve()) is not None:
    forked[0].run(forked[1])
