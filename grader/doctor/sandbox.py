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

from grader.doctor.results import Result, result
from grader.errors import line
from grader.files import workspace
from grader.model.assignment import Limits
from grader.sandbox import (
    ARCHITECTURES,
    CONTROLLERS,
    SETPRIV,
    Namespaces,
    find_bwrap,
    is_delegated,
    own_group,
    spare_uids,
)

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
    # /proc/sys: (the value that forbids, the result)
    "user/max_user_namespaces": ("0", "userns-max"),
    "kernel/unprivileged_userns_clone": ("0", "userns-clone"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "userns-apparmor"),
}
_MEANINGS = {"ENOSPC": "userns-no-more", "EINVAL": "userns-not-built"}
_LANDLOCK_CREATE_RULESET, _LANDLOCK_VERSION = 444, 1


def whole_sandbox(limits: Limits) -> Result:
    """Start Python in the very sandbox that grading uses, around an empty submission."""
    with workspace() as folder:
        obstacle = Namespaces().obstacle(folder, limits)
    if obstacle is None:
        return result("sandbox-works")
    return result(_code_of(str(obstacle)), obstacle=obstacle)


def user_namespaces(proc_sys: Path = Path("/proc/sys")) -> Result:
    """Make a user namespace as an ordinary user would, and find out what forbids it."""
    code = _NEW_USER_AND_MOUNTS.format(uid=next(iter(spare_uids()), 0))
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if child.returncode == 0:
        return result("userns-works")
    words = child.stderr.split()
    error = errno.errorcode.get(int(words[1])) if len(words) == 2 and words[1].isdigit() else None
    reason = error or child.stderr.strip() or line("no-reason")
    for switch, (forbids, code) in _SWITCHES.items():
        if _read(proc_sys / switch) == forbids:
            return result(code, error=reason, switch=switch.replace("/", "."), value=forbids)
    if error in _MEANINGS:
        return result(_MEANINGS[error], error=reason)
    return result("userns-filtered" if _status("Seccomp") == "2" else "userns-refused", error=reason)


def bubblewrap() -> Result:
    """Look for the bwrap binary."""
    bwrap = find_bwrap()
    if bwrap is None:
        return result("bubblewrap-absent")
    try:
        said = subprocess.run(
            [bwrap, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return result("bubblewrap-broken", path=bwrap, reason=str(error))
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < (0, 8):
        return result("bubblewrap-old", version=said.strip())
    return result("bubblewrap-works", version=said.strip(), path=bwrap)


def root() -> Result:
    """Say who grades; root needs `setpriv` to become somebody else."""
    if not spare_uids():
        return result("user-ordinary", uid=os.geteuid())
    return result("user-root" if SETPRIV.exists() else "user-root-stuck", setpriv=SETPRIV)


def system_call_filter() -> Result:
    """Look whether the kernel filters system calls, and whether we know this architecture's."""
    if platform.machine() not in ARCHITECTURES:
        return result("filter-unknown", machine=platform.machine())
    if "errno" not in _read(Path("/proc/sys/kernel/seccomp/actions_avail")).split():
        return result("filter-absent")
    return result("filter-works", machine=platform.machine())


def control_groups(group: Path | None = None) -> Result:
    """Look whether a control group with memory and processes is ours to divide; there is a way without."""
    group = group or own_group()
    if group is None:
        return result("groups-absent")
    if is_delegated(group):
        return result("groups-ours", group=group)
    missing = CONTROLLERS - set(_read(group / "cgroup.controllers").split())
    if missing:
        return result("groups-incomplete", missing=", ".join(sorted(missing)))
    return result("groups-not-ours", group=group)


def landlock() -> Result:
    """Ask the kernel for its version of Landlock; the sandbox does without."""
    version = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    return result("landlock-version", version=version) if version > 0 else result("landlock-absent")


def overlay() -> Result:
    """Look for overlayfs; the sandbox does without, because an overlay's upper layer has no size."""
    known = "overlay" in _read(Path("/proc/filesystems")).split()
    return result("overlay-known" if known else "overlay-absent")


def _code_of(obstacle: str) -> str:
    """Return the result that says what helps against what bubblewrap said last."""
    return "sandbox-in-container" if "mount proc" in obstacle else "sandbox-fails"


def _status(key: str) -> str:
    """Return a line of this process's status."""
    lines = (line.partition(":") for line in _read(Path("/proc/self/status")).splitlines())
    return next((value.strip() for name, _, value in lines if name == key), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
