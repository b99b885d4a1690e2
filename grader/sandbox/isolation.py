"""Which rung of isolation this machine offers, found by trying it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from grader.errors import HarnessError, Line, line
from grader.files import make_readable
from grader.model.assignment import Limits
from grader.model.job import Isolation
from grader.model.submission import Submission
from grader.sandbox import bubblewrap, forkable, process
from grader.sandbox import kernel as control_group
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.launch import Launch
from grader.sandbox.policy import SCRATCH, SEEN_ABOVE, WORKER, Policy, environment_for, policy_for

_PROBE_SECONDS = 20
_SANDBOX_TASKS = 5
"""What a sandbox is made of, at most: bubblewrap and the first of its namespace, twice for root, and who
waits for a forked worker."""


@dataclass(frozen=True)
class Rung:
    """A way to start workers, and what it is worth."""

    isolation: Isolation
    submission: Submission
    workspace: Path
    limits: Limits
    policy: Policy | None
    """What can be seen inside; None where nothing is hidden."""
    bwrap: Path | None
    groups: Path | None = None
    """The control group below which each worker has its own; None where the system gives none."""
    server: ForkServer | None = None
    """What workers may be forked from; None if each is to be started as a program."""

    def launch(self, channel: int) -> Launch:
        """Return how to start a worker that answers on the inherited descriptor `channel`."""
        if self.policy is None or self.bwrap is None:
            start = process.launch(self.submission.folder, self.workspace, channel, self.limits)
        elif self.server is not None and self._is_forkable and self.server.imported():
            start = bubblewrap.launch_forked(self.bwrap, self.policy, self.server)
        else:
            start = bubblewrap.launch(self.bwrap, self.policy, channel)
        return start if self.groups is None else _in_group(start, self.groups)

    @cached_property
    def _is_forkable(self) -> bool:
        """Whether workers may be forked; looked at once, since the copy that they run does not change."""
        folder = self.submission.folder
        if self.policy is None or self.server is None or self.server.environment != self.policy.environment:
            return False
        if not forkable.imports_mindspore(folder):
            return False
        modules = self.server.imported()
        return bool(modules) and not forkable.cares_what_is_imported(folder, modules)

    def over(self, submission: Submission, workspace: Path) -> Rung:
        """Return the same rung for other files; that it works here has been tried already."""
        policy = None if self.policy is None else _policy(submission, workspace, self.limits)
        return replace(self, submission=submission, workspace=workspace, policy=policy)

    def on_all_cores(self) -> Rung:
        """Return the same rung with as many cores as this thread may use."""
        return replace(self, policy=None if self.policy is None else _on_all_cores(self.policy))


def _on_all_cores(policy: Policy) -> Policy:
    return replace(policy, together=replace(policy.together, cores=len(os.sched_getaffinity(0))))


def _policy(submission: Submission, workspace: Path, limits: Limits) -> Policy:
    return policy_for(submission.folder, (submission.size >> 20) + 1, _write_identity(workspace), limits)


def _in_group(start: Launch, groups: Path) -> Launch:
    """Have a worker start in a control group of its own, if one can be made."""
    tasks = start.together.tasks + _SANDBOX_TASKS + SEEN_ABOVE
    # The scratch folders lie in memory, and the kernel counts them with it.
    group = control_group.make(groups, start.together.memory_bytes + start.scratch_bytes, tasks)
    return replace(start, group=group, command=group.entering(start.command)) if group else start


def choose_rung(
    submission: Submission,
    workspace: Path,
    limits: Limits,
    *,
    official: bool,
    server: ForkServer | None = None,
) -> Rung:
    """Return the highest rung that works here.

    Args:
        submission: what is to be run.
        workspace: a private folder for what the rung needs.
        limits: of the assignment.
        official: refuse all but the top rung.
        server: what workers may be forked from.

    Raises:
        HarnessError: `official`, and the top rung does not work; says why and what to do.
    """
    policy = _policy(submission, workspace, limits)
    bwrap = bubblewrap.find_bwrap()
    obstacle = _obstacle(bwrap, policy)
    groups = control_group.dividable()
    if obstacle is None:
        if server is not None and forkable.imports_mindspore(submission.folder):
            server.begin()
        isolation = replace(bubblewrap.ISOLATION, is_grouped=groups is not None)
        return Rung(isolation, submission, workspace, limits, policy, bwrap, groups, server)
    if official:
        raise HarnessError("no-sandbox", obstacle=obstacle)
    isolation = replace(process.ISOLATION, is_grouped=groups is not None)
    return Rung(isolation, submission, workspace, limits, None, None, groups)


def fork_server_for(limits: Limits) -> ForkServer:
    """Return a server from which workers under these limits can be forked, with MindSpore imported."""
    return ForkServer(environment_for(SCRATCH, limits), WORKER, bubblewrap.find_bwrap())


def obstacle_here(workspace: Path, limits: Limits) -> Line | str | None:
    """Return what keeps the top rung from working on this machine; None if nothing does.

    Args:
        workspace: an empty folder.
        limits: of the assignment.
    """
    folder = workspace / "submission"
    folder.mkdir()
    make_readable(folder)
    policy = policy_for(folder, 1, _write_identity(workspace), limits)
    return _obstacle(bubblewrap.find_bwrap(), policy)


def _obstacle(bwrap: Path | None, policy: Policy) -> Line | str | None:
    return line("no-bubblewrap") if bwrap is None else _try(bwrap, policy)


def _try(bwrap: Path, policy: Policy) -> Line | str | None:
    """Start this interpreter under the very policy that will be used; return the obstacle, if any."""
    try:
        refusals = bubblewrap.compiled(policy)
    except HarnessError as error:
        return error.line
    try:
        done = subprocess.run(
            bubblewrap.sandboxed(bwrap, policy, (sys.executable, "-I", "-S", "-c", ""), refusals),
            env=dict(policy.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
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


def _write_identity(workspace: Path) -> Path:
    """Write the `passwd` and `group` that name the only user inside."""
    folder = workspace / "identity"
    folder.mkdir(exist_ok=True)
    (folder / "passwd").write_text("student:x:1000:1000::/home/student:/bin/sh\n", encoding="utf-8")
    (folder / "group").write_text("student:x:1000:\n", encoding="utf-8")
    make_readable(folder)
    return folder
