"""What is needed to start a worker, as plain values: every isolation level gives a :class:`Launch`.

Every worker is told the same, whether it is started or forked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from grader.errors import HarnessError
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.kernel import ControlGroup, ControlGroups
from grader.sandbox.policy import SEEN_ABOVE, EachProcess, Together

COMES_BY_ITSELF = -1
"""In place of a channel: the worker is told by its standard input where to connect to."""
_SANDBOX_TASKS = 5
"""What a sandbox is made of, at most: bubblewrap and the first of its namespace, twice for root, and who
waits for a forked worker."""


class IsolationUnavailableError(HarnessError):
    """An isolation level does not work on this machine."""


@dataclass(frozen=True)
class WorkerSettings:
    """The worker's one argument; all paths are as they are inside."""

    channel: int
    """File descriptor of the answer channel, or COMES_BY_ITSELF."""
    submission: str
    scratch: str
    library: str
    """The folder that holds the course library's package; nothing else is in it."""
    harness: Sequence[str]
    """Folders of the harness's own packages, which are not imported."""
    limits: Mapping[str, int]
    """Limits that the worker sets itself, by their names in the module `resource`."""
    seccomp: Mapping[str, str | int]
    """What refuses system calls, as :mod:`grader.sandbox.system_calls` gives it; empty where that is done."""
    dies_with_parent: bool
    """Whether the worker itself must see to it that it does not outlive the grader."""
    recorder: str = ""
    """The program that notes what passes through the submission's networks; empty in a graded run."""


@dataclass(frozen=True)
class ForkedWorker:
    """A worker that enters a sandbox from a fork server, instead of being started in it."""

    server: ForkServer
    settings: Mapping[str, object]
    """What the worker is told: :class:`WorkerSettings`."""
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
    cores: tuple[int, ...] = ()
    """Those of this machine that it is to run on; empty where chance may choose."""
    comes_by_itself: bool = False
    """Whether the worker connects to us, and inherits nothing."""


def in_group(start: Launch, groups: ControlGroups) -> Launch:
    """Have a worker start in a control group of its own, if one can be made."""
    tasks = start.together.tasks + _SANDBOX_TASKS + SEEN_ABOVE
    # The scratch folders lie in memory, and the kernel counts them with it.
    group = groups.make(start.together.memory_bytes + start.scratch_bytes, tasks)
    return replace(start, group=group, command=group.entering(start.command)) if group else start


def by_name(limits: Iterable[EachProcess]) -> dict[str, int]:
    """Return limits as the worker takes them."""
    return {limit.resource: limit.at_most for limit in limits}


def worker_command(worker: Path, settings: WorkerSettings) -> tuple[str, ...]:
    """Return the command that runs the worker."""
    return (sys.executable, "-s", "-B", "-u", str(worker), json.dumps(asdict(settings)))
