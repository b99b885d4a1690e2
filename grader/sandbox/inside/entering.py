"""How a process goes into a sandbox that stands, and leaves everything behind that is not of there.

What bubblewrap does to the program it starts: an unprivileged uid, all namespaces, no capabilities, no way to
new ones. It does it before a program is started, and here there is none to be started.

Sources: setns(2), user_namespaces(7), capabilities(7), prctl(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
from pathlib import Path

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


def enter(holder: int, uid: int, gid: int) -> None:
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


def keep_only(channel: int, output: int) -> None:
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
