"""What a worker is told when it begins, and the command that runs one.

Every worker gets the same settings, whether it is forked or started as a program.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.sandbox.policy import EachProcess


@dataclass(frozen=True)
class WorkerSettings:
    """The worker's one argument; all paths are as they are inside."""

    channel: int
    """File descriptor of the answer channel."""
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


def by_name(limits: Iterable[EachProcess]) -> dict[str, int]:
    """Return limits as the worker takes them."""
    return {limit.resource: limit.at_most for limit in limits}


def worker_command(worker: Path, settings: WorkerSettings) -> tuple[str, ...]:
    """Return the command that runs the worker."""
    return (sys.executable, "-s", "-B", "-u", str(worker), json.dumps(asdict(settings)))
