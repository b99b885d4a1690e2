"""How a worker is started on some rung of the ladder: plain values that both rungs produce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.sandbox.fork_server import ForkServer, WorkerSettings
from grader.sandbox.kernel import ControlGroup
from grader.sandbox.policy import Together


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
