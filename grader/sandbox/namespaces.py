"""The isolation level of namespaces: bubblewrap around each worker, started there or forked into it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from grader.errors import HarnessError, Line, line
from grader.files import make_readable
from grader.model.assignment import Limits
from grader.model.job import Isolation
from grader.model.submission import Submission
from grader.sandbox import bubblewrap
from grader.sandbox.fork_server import IMPORTS, ForkServer
from grader.sandbox.forkable import MINDSPORE_RULE, ForkRule
from grader.sandbox.kernel import dividable
from grader.sandbox.launch import IsolationUnavailableError, Launch, in_group
from grader.sandbox.policy import SCRATCH, Policy, environment_for, policy_for

_TRIAL_SECONDS = 20


@dataclass(frozen=True)
class Namespaces:
    """The level that official grading requires: nothing of this machine is there, and nobody."""

    NAME: ClassVar[Isolation] = Isolation("bubblewrap")
    server: ForkServer | None = None
    """What workers may be forked from; None if each is to be started as a program."""
    bwrap: Path | None = field(default_factory=bubblewrap.find_bwrap)
    """The binary of bubblewrap; None if there is none."""
    groups: Callable[[], Path | None] = dividable
    """Finds the control group below which each worker has its own; None where the system gives none."""

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> NamespacesSandbox:
        """Return a sandbox, after trying its very policy.

        Raises:
            IsolationUnavailableError: it does not work here; says why and what to do.
        """
        policy = _policy(submission, workspace, limits)
        obstacle = _obstacle(self.bwrap, policy)
        if self.bwrap is None or obstacle is not None:
            raise IsolationUnavailableError("no-sandbox", obstacle=obstacle)
        if self.server is not None and self.server.rule.is_worth_while(submission.folder):
            self.server.begin()
        return NamespacesSandbox(submission, limits, policy, self.bwrap, self.groups(), self.server)

    def obstacle(self, workspace: Path, limits: Limits) -> Line | str | None:
        """Return what keeps this level from working on this machine; None if nothing does.

        Args:
            workspace: an empty folder.
            limits: of the assignment.
        """
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
    groups: Path | None
    server: ForkServer | None

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it."""
        return replace(Namespaces.NAME, is_grouped=self.groups is not None)

    def launch(self, channel: int) -> Launch:
        """Return how to start a worker that answers on the inherited descriptor `channel`."""
        if self.server is not None and self._is_forkable and self.server.imported():
            start = bubblewrap.launch_forked(self.bwrap, self.policy, self.server)
        else:
            start = bubblewrap.launch(self.bwrap, self.policy, channel)
        return in_group(start, self.groups)

    @cached_property
    def _is_forkable(self) -> bool:
        """Whether workers may be forked; looked at once, since the copy that they run does not change."""
        if self.server is None or self.server.environment != self.policy.environment:
            return False
        if not self.server.rule.is_worth_while(self.submission.folder):
            return False
        modules = self.server.imported()
        return bool(modules) and self.server.rule.makes_no_difference(self.submission.folder, modules)

    def over(self, submission: Submission, workspace: Path) -> NamespacesSandbox:
        """Return the same sandbox for other files; that it works here has been tried already."""
        return replace(self, submission=submission, policy=_policy(submission, workspace, self.limits))

    def on_all_cores(self) -> NamespacesSandbox:
        """Return the same sandbox with as many cores as this thread may use."""
        together = replace(self.policy.together, cores=len(os.sched_getaffinity(0)))
        return replace(self, policy=replace(self.policy, together=together))


def fork_server_for(
    limits: Limits, imports: Sequence[str] = IMPORTS, rule: ForkRule = MINDSPORE_RULE
) -> ForkServer:
    """Return a server from which workers under these limits can be forked.

    Args:
        limits: of the assignment.
        imports: modules that are imported before the fork.
        rule: which submissions' workers may be forked.
    """
    return ForkServer(environment_for(SCRATCH, limits), bubblewrap.find_bwrap(), imports, rule)


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
        refusals = bubblewrap.compiled(policy)
    except HarnessError as error:
        return error.line
    try:
        done = subprocess.run(
            bubblewrap.sandboxed(bwrap, policy, (sys.executable, "-I", "-S", "-c", ""), refusals),
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
