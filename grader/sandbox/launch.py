"""How a worker is started: plain values that every isolation level produces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import HarnessError
from grader.sandbox import kernel
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.kernel import ControlGroup
from grader.sandbox.policy import SEEN_ABOVE, Together
from grader.sandbox.worker_settings import WorkerSettings

_SANDBOX_TASKS = 5
"""What a sandbox is made of, at most: bubblewrap and the first of its namespace, twice for root, and who
waits for a forked worker."""


class IsolationUnavailableError(HarnessError):
    """An isolation level does not work on this machine."""


@dataclass(frozen=True)
class ForkedWorker:
    """A worker that enters a sandbox from a fork server, instead of being started in it."""

    server: ForkServer
    settings: WorkerSettings
    filter: Mapping[str, str | int]
    """What refuses it system calls, as :mod:`grader.sandbox.system_calls` gives it."""


@dataclass(frozen=True)
class Launch:
    """Everything `subprocess.Popen` needs to start a worker."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    writable: tuple[Path, ...]
    """The folders that the worker may write to, as paths inside."""
    scratch_bytes: int
    """How much they hold, where they lie in memory; 0 elsewhere."""
    is_contained: bool
    """Whether the scratch folder is a capped file system of its own, and all processes stand in a namespace
    of their own: its first one is the sandbox's, and the end of that one is the end of all."""
    together: Together
    """What all processes may use in sum, to be watched from outside."""
    group: ControlGroup | None = None
    """The control group that the command enters; None where there is none."""
    inherited: tuple[int, ...] = ()
    """Descriptors that the command reads from; whoever starts it closes them then."""
    forked: ForkedWorker | None = None
    """The worker that is to enter the sandbox; None where the command is the worker."""


def in_group(start: Launch, groups: Path | None) -> Launch:
    """Have a worker start in a control group of its own below `groups`, if one can be made."""
    if groups is None:
        return start
    tasks = start.together.tasks + _SANDBOX_TASKS + SEEN_ABOVE
    # The scratch folders lie in memory, and the kernel counts them with it.
    group = kernel.make(groups, start.together.memory_bytes + start.scratch_bytes, tasks)
    return replace(start, group=group, command=group.entering(start.command)) if group else start
