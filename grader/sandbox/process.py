"""The lower rung: a process of its own with resource limits and deadlines, and nothing more.

Enough for a student who checks their own work; it keeps no secret from the code it runs.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from grader.assignment import MIB, Limits
from grader.sandbox.launch import Isolation, Launch, WorkerSettings, worker_command
from grader.sandbox.policy import course_library, environment_for

ISOLATION = Isolation(
    rung="process",
    description="a process of its own with resource limits; it can read files and reach the network",
)


def launch(submission: Path, workspace: Path, channel: int, limits: Limits) -> Launch:
    """Return how to start the worker as a plain process that writes below `workspace`."""
    # One for each worker: a second one must find nothing of the first.
    home = Path(tempfile.mkdtemp(prefix="home-", dir=workspace))
    (home / "tmp").mkdir()
    worker = home / "worker.py"
    shutil.copyfile(Path(__file__).parent / "worker.py", worker)
    library = home / "course"
    shutil.copytree(course_library(), library / "src_mindspore", ignore=shutil.ignore_patterns("__pycache__"))
    settings = WorkerSettings(
        channel=channel,
        submission=str(submission),
        scratch=str(home),
        library=str(library),
        file_bytes=limits.scratch_mib * MIB,
        processes=0,
        open_files=limits.open_files,
        threads=limits.threads,
        dies_with_parent=True,
    )
    return Launch(
        command=worker_command(worker, settings),
        environment=environment_for(home, limits),
        writable=(home,),
        is_contained=False,
        overhead_tasks=0,
    )
