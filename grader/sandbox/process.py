"""The lower rung: a process of its own with resource limits and deadlines, and nothing more.

Enough for a student who checks their own work; it keeps no secret from the code it runs.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from grader.model.assignment import Limits
from grader.model.job import Isolation
from grader.sandbox import system_calls as seccomp
from grader.sandbox.fork_server import WorkerSettings, by_name, worker_command
from grader.sandbox.launch import Launch
from grader.sandbox.policy import course_library, each_process, environment_for, own_packages, together
from grader.sandbox.system_calls import REFUSALS

ISOLATION = Isolation("process")


def launch(submission: Path, workspace: Path, channel: int, limits: Limits) -> Launch:
    """Return how to start the worker as a plain process that writes below `workspace`."""
    # One for each worker: a second one must find nothing of the first.
    home = Path(tempfile.mkdtemp(prefix="home-", dir=workspace))
    (home / "tmp").mkdir()
    worker = home / "worker.py"
    shutil.copyfile(Path(__file__).parent / "inside" / "worker.py", worker)
    library = home / "course"
    shutil.copytree(course_library(), library / "src_mindspore", ignore=shutil.ignore_patterns("__pycache__"))
    settings = WorkerSettings(
        channel=channel,
        submission=str(submission),
        scratch=str(home),
        library=str(library),
        harness=[str(path) for path in own_packages()],
        limits=by_name(each_process(limits, limits.scratch_mib, is_alone=False)),
        seccomp=seccomp.for_worker(REFUSALS),
        dies_with_parent=True,
    )
    return Launch(
        command=worker_command(worker, settings),
        environment=environment_for(home, limits),
        writable=(home,),
        scratch_bytes=0,
        is_contained=False,
        together=together(limits),
    )
