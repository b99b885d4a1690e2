"""How a worker is started on some rung of the ladder: plain values that both rungs produce."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.assignment import MIB, Limits

_SEEN_ABOVE_LIMIT = 8


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
    scratch: Path
    """The folder that the worker may write to, as a path inside."""
    is_contained: bool
    """Whether the scratch folder is a capped file system of its own, and whether the end of the first
    process is the end of all."""
    overhead_tasks: int
    """Processes of the sandbox's own, which are not the submission's."""


@dataclass(frozen=True)
class WorkerSettings:
    """The worker's one argument."""

    channel: int
    """File descriptor of the answer channel."""
    submission: str
    scratch: str
    library: str
    file_bytes: int
    """The largest file that may be written; 0 where the scratch folder has a cap of its own."""
    processes: int
    """0 where the limit would count processes that are not the submission's."""
    open_files: int
    threads: int


def worker_command(
    worker: Path,
    channel: int,
    submission: Path,
    scratch: Path,
    library: Path,
    limits: Limits,
    *,
    contained: bool,
) -> tuple[str, ...]:
    """Return the command that runs the worker, with all paths as they are inside."""
    settings = WorkerSettings(
        channel=channel,
        submission=str(submission),
        scratch=str(scratch),
        library=str(library),
        file_bytes=0 if contained else limits.scratch_mib * MIB,
        # A little more than allowed, so that the grader sees who goes past the limit.
        processes=limits.processes + _SEEN_ABOVE_LIMIT if contained else 0,
        open_files=limits.open_files,
        threads=limits.threads,
    )
    return (sys.executable, "-s", "-B", "-u", str(worker), json.dumps(asdict(settings)))
