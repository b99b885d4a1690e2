"""The isolation level of a plain process: resource limits, a filter on system calls, and deadlines.

Enough for a student who checks their own work; this level keeps no secret from the code it runs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from grader.model.assignment import Limits
from grader.model.job import Isolation
from grader.model.submission import Submission
from grader.sandbox import system_calls
from grader.sandbox.kernel import dividable
from grader.sandbox.launch import Launch, in_group
from grader.sandbox.policy import course_library, each_process, environment_for, own_packages, together
from grader.sandbox.worker_settings import WorkerSettings, by_name, worker_command


@dataclass(frozen=True)
class PlainProcess:
    """The level that works everywhere: a student's own check makes do with it."""

    NAME: ClassVar[Isolation] = Isolation("process")
    groups: Callable[[], Path | None] = dividable
    """Finds the control group below which each worker has its own; None where the system gives none."""

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> PlainSandbox:
        """Return a sandbox; there is nothing to try."""
        return PlainSandbox(submission, workspace, limits, self.groups())


@dataclass(frozen=True)
class PlainSandbox:
    """The place of one submission, which hides nothing."""

    submission: Submission
    workspace: Path
    limits: Limits
    groups: Path | None

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it."""
        return replace(PlainProcess.NAME, is_grouped=self.groups is not None)

    def launch(self, channel: int) -> Launch:
        """Return how to start the worker as a plain process that writes below the workspace."""
        # One for each worker: a second one must find nothing of the first.
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.workspace))
        (home / "tmp").mkdir()
        worker = home / "worker.py"
        shutil.copyfile(Path(__file__).parent / "inside" / "worker.py", worker)
        library = home / "course"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(course_library(), library / "src_mindspore", ignore=ignored)
        settings = WorkerSettings(
            channel=channel,
            submission=str(self.submission.folder),
            scratch=str(home),
            library=str(library),
            harness=[str(path) for path in own_packages()],
            limits=by_name(each_process(self.limits, self.limits.scratch_mib, is_alone=False)),
            seccomp=system_calls.for_worker(system_calls.REFUSALS),
            dies_with_parent=True,
        )
        start = Launch(
            command=worker_command(worker, settings),
            environment=environment_for(home, self.limits),
            writable=(home,),
            scratch_bytes=0,
            is_contained=False,
            together=together(self.limits),
        )
        return in_group(start, self.groups)

    def over(self, submission: Submission, workspace: Path) -> PlainSandbox:
        """Return the same sandbox for other files."""
        return replace(self, submission=submission, workspace=workspace)

    def on_all_cores(self) -> PlainSandbox:
        """Return the same sandbox: a plain process keeps to the assignment's cores."""
        return self
