"""How a worker is started on some rung of the ladder: plain values that both rungs produce."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


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
    is_contained: bool
    """Whether the scratch folder is a capped file system of its own, and whether the end of the first
    process is the end of all."""
    overhead_tasks: int
    """Processes of the sandbox's own, which are not the submission's."""


@dataclass(frozen=True)
class WorkerSettings:
    """The worker's one argument; all paths are as they are inside."""

    channel: int
    """File descriptor of the answer channel."""
    submission: str
    scratch: str
    library: str
    file_bytes: int
    """The largest file that may be written, on disk or in memory."""
    processes: int
    """0 where the kernel would count processes that are not the submission's."""
    open_files: int
    threads: int
    dies_with_parent: bool
    """Whether the worker itself must see to it that it does not outlive the grader."""


def worker_command(worker: Path, settings: WorkerSettings) -> tuple[str, ...]:
    """Return the command that runs the worker."""
    return (sys.executable, "-s", "-B", "-u", str(worker), json.dumps(asdict(settings)))
