"""The lower rung: a process of its own with resource limits and deadlines, and nothing more.

Enough for a student who checks their own work; it keeps no secret from the code it runs.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from grader.assignment import Limits
from grader.sandbox.launch import Isolation, Launch, worker_command
from grader.sandbox.policy import course_library, environment_for

ISOLATION = Isolation(
    rung="process",
    description="a process of its own with resource limits; it can read files and reach the network",
)


def launch(submission: Path, workspace: Path, channel: int, limits: Limits) -> Launch:
    """Return how to start the worker as a plain process that writes below `workspace`."""
    home = workspace / "home"
    (home / "tmp").mkdir(parents=True)
    worker = home / "worker.py"
    shutil.copyfile(Path(__file__).parent / "worker.py", worker)
    library = home / "course"
    shutil.copytree(course_library(), library / "src_mindspore", ignore=shutil.ignore_patterns("__pycache__"))
    return Launch(
        command=worker_command(worker, channel, submission, home, library, limits, contained=False),
        environment=environment_for(home, limits),
        scratch=home,
        is_contained=False,
        overhead_tasks=0,
    )
