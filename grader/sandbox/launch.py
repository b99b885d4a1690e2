"""How a worker is started on some rung of the ladder: plain values that both rungs produce."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.sandbox.bounds import EachProcess, Together
from grader.sandbox.control_group import ControlGroup


@dataclass(frozen=True)
class Isolation:
    """The rung of the ladder that a grading ran on."""

    rung: str
    """`bubblewrap` or `process`."""
    description: str
    """What that means, in words."""

    @property
    def is_top(self) -> bool:
        """Whether official grading accepts it."""
        return self.rung == "bubblewrap"


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
    """Whether the scratch folder is a capped file system of its own, and whether the end of the first
    process is the end of all."""
    overhead_tasks: int
    """Processes of the sandbox's own, which are not the submission's."""
    together: Together
    """What all processes may use in sum, to be watched from outside."""
    group: ControlGroup | None = None
    """The control group that the command enters; None where there is none."""
    inherited: tuple[int, ...] = ()
    """Descriptors that the command reads from; whoever starts it closes them then."""


@dataclass(frozen=True)
class WorkerSettings:
    """The worker's one argument; all paths are as they are inside."""

    channel: int
    """File descriptor of the answer channel."""
    submission: str
    scratch: str
    library: str
    limits: Mapping[str, int]
    """Limits that the worker sets itself, by their names in the module `resource`."""
    seccomp: Mapping[str, str | int]
    """What refuses system calls, as :mod:`grader.sandbox.seccomp` gives it; empty where that is done."""
    dies_with_parent: bool
    """Whether the worker itself must see to it that it does not outlive the grader."""


def by_name(limits: Iterable[EachProcess]) -> dict[str, int]:
    """Return limits as the worker takes them."""
    return {limit.resource: limit.at_most for limit in limits}


def worker_command(worker: Path, settings: WorkerSettings) -> tuple[str, ...]:
    """Return the command that runs the worker."""
    return (sys.executable, "-s", "-B", "-u", str(worker), json.dumps(asdict(settings)))
