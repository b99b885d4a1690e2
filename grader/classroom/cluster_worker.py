"""A submission on its way to another machine: what intake made of it, and the bytes of its files.

The machine that it was handed in to takes it in, refuses what is refused, and hashes. The other one
writes exactly those files and needs neither the original nor a file system in common.

What of the grader runs on a dask cluster: on its workers a bench, on its scheduler a farewell.

A bench is one batch's place on a worker. It arrives with the conditions, the split among them, when the
batch begins or the worker joins, and stays in memory: dask spills results of tasks to disk, never a plugin.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import SchedulerPlugin, Worker, WorkerPlugin, get_worker

from grader.classroom.executor import bind_to_next, core_groups
from grader.errors import HarnessError
from grader.files import digest_of_bytes, make_readable, workspace
from grader.model.grading import Grading
from grader.model.job import Exam, Harness
from grader.model.split import split_of
from grader.model.submission import Submission
from grader.progress import Phase
from grader.session import Session, StopAsked, open_session, this_harness


@dataclass(frozen=True)
class Parcel:
    """A submission with its files, in the order in which it lists them."""

    submission: Submission
    """Its folder says nothing here."""
    contents: tuple[bytes, ...]


def pack(submission: Submission) -> Parcel:
    """Read the private copy of a submission into memory."""
    return Parcel(
        replace(submission, folder=Path()),
        tuple((submission.folder / file.path).read_bytes() for file in submission.files),
    )


def unpack(parcel: Parcel, workspace: Path) -> Submission:
    """Write the files below `workspace`; return the submission as it was where it was taken in.

    Raises:
        HarnessError: a file is not what was taken in.
    """
    folder = workspace / "submission"
    folder.mkdir()
    for file, content in zip(parcel.submission.files, parcel.contents, strict=True):
        if digest_of_bytes(content) != file.sha256:
            raise HarnessError("parcel-damaged", path=file.path, name=parcel.submission.name)
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    make_readable(folder)
    return replace(parcel.submission, folder=folder)


_ARRIVES_SECONDS = 30.0
"""A worker that has just joined may be given a submission before its bench."""
_LEFT: set[str] = set()
"""The benches that were on this worker: nobody waits for them to arrive."""


class Bench(WorkerPlugin):
    """One batch's place on one worker."""

    def __init__(self, name: str, exam: Exam, harness: Harness) -> None:
        self._name = name
        self._exam = exam
        self._harness = harness

    def setup(self, worker: Worker) -> None:
        """Arrive on a worker; what takes time is left to the first grading."""
        self._refusal = _difference(self._harness, this_harness())
        self._session: Session | None = None
        self._stack, self._lock = ExitStack(), threading.Lock()
        self._stop = threading.Event()
        threads = self._exam.assignment.limits.threads
        self._cores = core_groups(sorted(os.sched_getaffinity(0)), worker.state.nthreads, threads)
        self._bound = threading.local()
        if self._refusal:  # also heard of by whoever began the batch, if the worker was there already
            raise HarnessError("worker-says", worker=worker.address, reason=self._refusal)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Leave: what is under way ends between two images, and the split is gone."""
        self._stop.set()
        _LEFT.add(self._name)
        with self._lock:
            self._stack.close()

    def grade(self, parcel: Parcel) -> Grading:
        """Grade one submission in a sandbox of this worker's.

        Raises:
            HarnessError: this worker cannot grade.
        """
        if self._refusal:
            raise HarnessError("worker-refuses", reason=self._refusal)
        self._bind()
        session = self._ready()
        with workspace() as folder:
            return session.examine(session.arrived(unpack(parcel, folder), folder), self._go_on)

    def _ready(self) -> Session:
        with self._lock:
            self._go_on()
            if self._session is None:
                session = self._stack.enter_context(open_session(self._exam))
                session.make_ready()
                self._session = session
            return self._session

    def _bind(self) -> None:
        if not hasattr(self._bound, "is_bound"):
            bind_to_next(self._cores)
            self._bound.is_bound = True

    def _go_on(self, _phase: Phase = "intake", _done: int = 0, _total: int = 0, /) -> None:
        if self._stop.is_set():
            raise StopAsked


class Farewell(SchedulerPlugin):
    """Takes a batch's benches away once its client has gone, whether it took leave or was killed."""

    def __init__(self, client: str, bench: str) -> None:
        self._client = client
        self._bench = bench

    def remove_client(self, scheduler: Any, client: str) -> None:
        """See whether it was ours."""
        if client == self._client:
            self._leaving = asyncio.ensure_future(self._leave(scheduler))

    async def _leave(self, scheduler: Any) -> None:
        with suppress(ValueError):  # the client was gone before its benches came
            await scheduler.unregister_worker_plugin(None, self._bench)
        scheduler.remove_plugin(name=farewell_of(self._bench))


def farewell_of(bench: str) -> str:
    """Return the name of the farewell that goes with a bench."""
    return f"{bench}-farewell"


def grade_parcel(parcel: Parcel, bench: str) -> Grading:
    """Grade one submission: the task that a cluster is given, once for each.

    Returns:
        the grading, without the split and the submission: who asked has both.

    Raises:
        HarnessError: this worker cannot grade; says which and why.
    """
    worker = get_worker()
    try:
        grading = _arrived(worker, bench).grade(parcel)
    except (HarnessError, OSError) as error:
        # An OSError, of a full disk for example, would be taken for one of the connection.
        raise HarnessError("worker-says", worker=worker.address, reason=error) from None
    return _without_split(grading)


def _arrived(worker: Worker, name: str) -> Bench:
    end = time.monotonic() + _ARRIVES_SECONDS
    while not isinstance(bench := worker.plugins.get(name), Bench):
        if name in _LEFT:
            raise StopAsked
        if time.monotonic() > end:
            raise HarnessError("worker-empty")
        time.sleep(0.05)
    return bench


def _without_split(grading: Grading) -> Grading:
    return replace(grading, job=replace(grading.job, submission=None, split=split_of((), places=())))


def _difference(wanted: Harness, here: Harness) -> str:
    """Say in what a worker's harness differs from the one that began the batch; nothing if in nothing.

    Results of both would have different identities, and might have different scores.
    """
    if wanted.sha256 == here.sha256:
        return ""
    ours = {"lab-grader": wanted.version, "Python": wanted.python, **wanted.libraries}
    theirs = {"lab-grader": here.version, "Python": here.python, **here.libraries}
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    words = [f"{name} {theirs.get(name, 'is missing')} instead of {ours.get(name, 'none')}" for name in names]
    what = ", ".join(words) or "the same version, but another source"
    return f"it has another harness than this machine ({what}): install the very same on both"
