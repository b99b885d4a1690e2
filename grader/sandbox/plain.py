"""Levels without walls: a process of its own that can read files and reach the network.

`PlainProcess` has what Linux binds a process by. `ChildProcess` needs nothing of the system but processes,
pipes and a connection to itself, and so is the same on Linux, macOS and Windows: what a submission uses there
is only looked at from outside. Either is enough for a student's own check, and keeps no secret.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol

from grader.errors import line
from grader.model.assignment import Limits
from grader.model.grading import Isolation
from grader.model.submission import Submission
from grader.places import course_library
from grader.sandbox import system_calls
from grader.sandbox.kernel import ControlGroups, dividable
from grader.sandbox.launch import (
    COMES_BY_ITSELF,
    IsolationUnavailableError,
    Launch,
    WorkerSettings,
    by_name,
    in_group,
    worker_command,
)
from grader.sandbox.policy import (
    each_process,
    environment_for,
    for_our_own,
    own_packages,
    together,
)
from grader.system import HAS_NAMESPACES, own_variables


class _Bounds(Protocol):
    """How a level without walls starts a worker in its home folder."""

    def launch(self, home: Path, settings: WorkerSettings, limits: Limits) -> Launch:
        """Return how to start the worker whose program and settings lie ready in `home`."""

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it."""


@dataclass(frozen=True)
class PlainProcess:
    """The level that works on every Linux: resource limits, a filter on system calls, and deadlines."""

    NAME: ClassVar[Isolation] = Isolation("process")
    groups: Callable[[], Path | None] = dividable
    """Finds the control group below which each worker has its own; None where the system gives none."""

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> PlainSandbox:
        """Return a sandbox; there is nothing to try.

        Raises:
            IsolationUnavailableError: this is not Linux.
        """
        if not HAS_NAMESPACES:
            raise IsolationUnavailableError("no-sandbox", obstacle=line("not-linux"))
        return PlainSandbox(submission, workspace, limits, _BoundByTheKernel(ControlGroups(self.groups())))


@dataclass(frozen=True)
class ChildProcess:
    """The level that works on every system: a child process with deadlines, whose use is looked at."""

    NAME: ClassVar[Isolation] = Isolation("child")

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> PlainSandbox:
        """Return a sandbox; there is nothing to try."""
        return PlainSandbox(submission, workspace, limits, _LookedAt())


@dataclass(frozen=True)
class PlainSandbox:
    """The place of one submission, which hides nothing."""

    submission: Submission
    workspace: Path
    limits: Limits
    bounds: _Bounds
    recorder: Path | None = None

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it."""
        return self.bounds.isolation

    def is_forked(self) -> bool:
        """Return false: a plain process is always started."""
        return False

    def forking(self, limits: Limits) -> PlainSandbox:
        """Return the same sandbox under other limits: none of its workers can be forked."""
        return replace(self, limits=limits)

    def launch(self, channel: int) -> Launch:
        """Return how to start the worker as a process that writes below the workspace."""
        # One for each worker: a second one must find nothing of the first.
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.workspace))
        (home / "tmp").mkdir()
        shutil.copyfile(Path(__file__).parent / "inside" / "worker.py", home / "worker.py")
        ignored = shutil.ignore_patterns("__pycache__")
        if self.recorder is not None:
            shutil.copytree(self.recorder, home / "recorder", ignore=ignored)
        library = home / "course"
        shutil.copytree(course_library(), library / "src_mindspore", ignore=ignored)
        settings = WorkerSettings(
            channel=channel,
            submission=str(self.submission.folder),
            scratch=str(home),
            library=str(library),
            harness=[str(path) for path in own_packages()],
            limits={},
            seccomp={},
            dies_with_parent=False,
            recorder="" if self.recorder is None else str(home / "recorder"),
        )
        return self.bounds.launch(home, settings, self.limits)

    def over(self, submission: Submission, workspace: Path) -> PlainSandbox:
        """Return the same sandbox for other files."""
        return replace(self, submission=submission, workspace=workspace)

    def over_our_own(self, submission: Submission, workspace: Path) -> PlainSandbox:
        """Return the same sandbox for a program of ours, which keeps to the assignment's cores."""
        return replace(self, submission=submission, workspace=workspace, limits=for_our_own(self.limits))

    def on(self, cores: Sequence[int]) -> PlainSandbox:
        """Return the same sandbox: where its workers run is the system's choice."""
        del cores
        return self

    def recorded(self, recorder: Path) -> PlainSandbox:
        """Return the same sandbox, for workers of the diagnosis that load `recorder`."""
        return replace(self, recorder=recorder)


@dataclass(frozen=True)
class _BoundByTheKernel:
    """By resource limits, a filter on system calls and, where the system gives one, a control group."""

    groups: ControlGroups

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it."""
        return replace(PlainProcess.NAME, is_grouped=self.groups.has_bound_all)

    def launch(self, home: Path, settings: WorkerSettings, limits: Limits) -> Launch:
        """Return how to start a worker that binds itself."""
        settings = replace(
            settings,
            limits=by_name(each_process(limits, limits.scratch_mib, is_alone=False)),
            seccomp=system_calls.for_worker(system_calls.REFUSALS),
            dies_with_parent=True,
        )
        return in_group(_launch(home, settings, environment_for(home, limits), limits), self.groups)


@dataclass(frozen=True)
class _LookedAt:
    """By looks from outside alone."""

    isolation: Isolation = ChildProcess.NAME

    def launch(self, home: Path, settings: WorkerSettings, limits: Limits) -> Launch:
        """Return how to start a worker that connects to us, which is possible everywhere."""
        folders = {name: str(home) for name in ("USERPROFILE", "APPDATA", "LOCALAPPDATA")}
        temporary = dict.fromkeys(("TEMP", "TMP"), str(home / "tmp"))
        environment = {
            **environment_for(home, limits),
            **(folders | temporary if own_variables() else {}),
            **own_variables(),
            # Where the system and its packages keep programs and libraries is known to nobody but the user.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }
        settings = replace(settings, channel=COMES_BY_ITSELF)
        return replace(_launch(home, settings, environment, limits), comes_by_itself=True)


def _launch(home: Path, settings: WorkerSettings, environment: dict[str, str], limits: Limits) -> Launch:
    return Launch(
        command=worker_command(home / "worker.py", settings),
        environment=environment,
        writable=(home,),
        scratch_bytes=0,
        is_contained=False,
        together=together(limits),
    )
