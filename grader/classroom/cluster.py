"""A dask.distributed cluster as the place where a class is graded: `--executor dask://HOST:PORT`.

This process alone reads the submissions and writes the results. Each worker gets the exam with the split
once, and for each submission the files that intake let through; the grading comes back. Whoever can connect
to the scheduler can run programs on the workers and read their memory: the network must be private, or dask's
TLS be set up.

What of the grader runs on a cluster is one plugin on each worker, and another on the scheduler. The worker's
plugin holds a session for one class. The plugin arrives with the exam, the split included, when the class
begins or the worker joins, and stays in memory: dask spills task results to disk, but no plugin.

A submission travels as intake left it, with the bytes of its files. The machine that it was handed in to
takes the submission in, refuses what is refused, and hashes; the worker writes exactly those files, and needs
neither the original nor a file system in common.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import dask
from distributed import (
    Client,
    KilledWorker,
    SchedulerPlugin,
    Security,
    Worker,
    WorkerPlugin,
    get_worker,
)

from grader.classroom.class_pass import bind_to_next, core_groups
from grader.errors import HarnessError, Language, UsageError, line
from grader.files import digest_of_bytes, make_readable, workspace
from grader.model.dataset import split_of
from grader.model.grading import Exam, Grading, Harness
from grader.model.submission import Submission
from grader.progress import Phase, Progress
from grader.session import Session, StopAsked, TakenIn, explained, lost, open_session, this_harness

_CONNECT_SECONDS = 10
_MOST_THREADS = 1024
"""Of this process; each waits for one submission."""
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
"""What they would print is raised as an error as well, or comes of leaving in the middle."""
_LARGE_TASKS = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}
"""A submission is larger than what dask expects of a task."""
_ARRIVES_SECONDS = 30.0
"""A worker that has just joined may be given a submission before the plugin."""
_GONE: set[str] = set()
"""Names of the plugins that were on this worker: nobody waits for them to arrive."""


@dataclass(frozen=True)
class ClusterExecutor:
    """The workers of a cluster, however many there are at the moment."""

    client: Client
    address: str
    plugin: str
    """Name of the plugin that grades this class."""
    jobs: int | None

    def pool(self) -> ThreadPoolExecutor:
        """Return threads that wait."""
        return ThreadPoolExecutor(_MOST_THREADS, "grading")

    def capacity(self) -> int:
        """Return how many the workers can grade now.

        No more are sent: a submission that waits on a worker would seem to be at fault if the worker dies.
        """
        if self.jobs is not None:
            return self.jobs
        try:
            threads: dict[str, int] = self.client.nthreads()
        except OSError as error:
            raise self._lost() from error
        return max(1, sum(threads.values()))

    def grade(self, taken: TakenIn, progress: Progress) -> Grading:
        """Have one submission that has been taken in here graded by a worker."""
        progress("elsewhere")
        grading, submission = taken.grading, taken.grading.job.submission
        if submission is None or grading.is_refused:
            return explained(grading)
        try:
            graded = self._remotely(submission)
        except KilledWorker as error:
            died = HarnessError("worker-died", times=error.allowed_failures + 1)
            return lost(grading, "interview", died, f"{error}\n")
        return replace(graded, job=grading.job)

    def _remotely(self, submission: Submission) -> Grading:
        try:
            future = self.client.submit(
                grade_packed,
                pack(submission),
                self.plugin,
                # One family of tasks: they wait at the scheduler, and have a name on dask\'s own pages.
                key=("grading", submission.name, uuid4().hex),
                pure=False,
            )
            graded: Grading = future.result()
        except (CancelledError, OSError) as error:
            raise self._lost() from error
        return graded

    def _lost(self) -> HarnessError:
        return HarnessError("cluster-lost", address=self.address)


@contextmanager
def cluster_executor(
    place: str, session: Session, jobs: int | None = None, language: Language = "en"
) -> Iterator[ClusterExecutor]:
    """Connect to a cluster and make its workers ready, those that join later too.

    Args:
        place: HOST:PORT of the scheduler.
        session: what is the same for every submission.
        jobs: submissions under way at a time; None for as many as the workers have threads.
        language: of messages about the cluster.

    Raises:
        UsageError: there is no scheduler.
        HarnessError: a worker has another harness, or none.
    """
    plugin = f"lab-grader-{uuid4().hex}"
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with dask.config.set(_LARGE_TASKS), _connected(place, language) as client:
        _send_plugins(client, plugin, session.exam)
        if not client.nthreads():
            sys.stderr.write(f"grader: {line('cluster-empty').text(language)}\n")
        yield ClusterExecutor(client, place, plugin, jobs)


@dataclass(frozen=True)
class Packed:
    """A submission with its files, in the order in which it lists them."""

    submission: Submission
    """Its folder means nothing on another machine."""
    contents: tuple[bytes, ...]


def pack(submission: Submission) -> Packed:
    """Read the private copy of a submission into memory."""
    return Packed(
        replace(submission, folder=Path()),
        tuple((submission.folder / file.path).read_bytes() for file in submission.files),
    )


def unpack(packed: Packed, workspace: Path) -> Submission:
    """Write the files below `workspace`; return the submission as it was where it was taken in.

    Raises:
        HarnessError: a file is not what was taken in.
    """
    folder = workspace / "submission"
    folder.mkdir()
    for file, content in zip(packed.submission.files, packed.contents, strict=True):
        if digest_of_bytes(content) != file.sha256:
            raise HarnessError("transfer-damaged", path=file.path, name=packed.submission.name)
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    make_readable(folder)
    return replace(packed.submission, folder=folder)


class GradingPlugin(WorkerPlugin):
    """Grades the submissions of one class on one worker."""

    def __init__(self, name: str, exam: Exam, harness: Harness) -> None:
        self._name = name
        self._exam = exam
        self._harness = harness

    def setup(self, worker: Worker) -> None:
        """Arrive on a worker; whatever takes time is left to the first grading."""
        self._refusal = _difference(self._harness, this_harness())
        self._session: Session | None = None
        self._stack, self._lock = ExitStack(), threading.Lock()
        self._stop = threading.Event()
        threads = self._exam.assignment.limits.threads
        self._cores = core_groups(sorted(os.sched_getaffinity(0)), worker.state.nthreads, threads)
        self._bound = threading.local()
        if self._refusal:  # the client gets it, too, if the worker was there already
            raise HarnessError("worker-says", worker=worker.address, reason=self._refusal)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Leave the worker: gradings that are under way end between two images, and the split is gone."""
        self._stop.set()
        _GONE.add(self._name)
        with self._lock:
            self._stack.close()

    def grade(self, packed: Packed) -> Grading:
        """Grade one submission in a sandbox of this worker.

        Raises:
            HarnessError: this worker cannot grade.
        """
        if self._refusal:
            raise HarnessError("worker-refuses", reason=self._refusal)
        self._bind()
        session = self._ready()
        with workspace() as folder:
            return session.examine(session.arrived(unpack(packed, folder), folder), self._go_on)

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


class CleanupPlugin(SchedulerPlugin):
    """Removes a class's plugins once its client has gone, whether the client said so or was killed."""

    def __init__(self, client: str, plugin: str) -> None:
        self._client = client
        self._plugin = plugin

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Remove the plugins if the client was ours."""
        if client == self._client:
            self._leaving = asyncio.ensure_future(self._leave(scheduler))

    async def _leave(self, scheduler: Any) -> None:
        with suppress(ValueError):  # the client was gone before its plugins came
            await scheduler.unregister_worker_plugin(None, self._plugin)
        scheduler.remove_plugin(name=cleanup_of(self._plugin))


def cleanup_of(plugin: str) -> str:
    """Return the name of the scheduler's plugin that removes a worker's one."""
    return f"{plugin}-cleanup"


def grade_packed(packed: Packed, plugin: str) -> Grading:
    """Grade one submission: the task that a cluster is given, once for each.

    Returns:
        the grading, without the split and the submission: the client has both.

    Raises:
        HarnessError: this worker cannot grade; names the worker and the reason.
    """
    worker = get_worker()
    try:
        grading = _plugin_on(worker, plugin).grade(packed)
    except (HarnessError, OSError) as error:
        # An OSError, of a full disk for example, would be taken for one of the connection.
        raise HarnessError("worker-says", worker=worker.address, reason=error) from None
    return _without_split(grading)


def _connected(place: str, language: Language) -> Client:
    if not re.fullmatch(r"[^\s/@]+:[0-9]{1,5}", place):
        raise UsageError("cluster-unnamed", place=place)
    security = Security()  # as dask's own configuration says
    is_private = security.tls_ca_file is not None
    if not is_private and not _is_this_machine(place):
        sys.stderr.write(f"grader: {line('cluster-unencrypted', place=place).text(language)}\n")
    address = f"{'tls' if is_private else 'tcp'}://{place}"
    try:
        return Client(address, security=security, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError("cluster-silent", address=address) from error


def _is_this_machine(place: str) -> bool:
    host = place.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _send_plugins(client: Client, name: str, exam: Exam) -> None:
    try:
        client.register_plugin(CleanupPlugin(client.id, name), name=cleanup_of(name))
        client.register_plugin(GradingPlugin(name, exam, this_harness()), name=name)
    except HarnessError:
        raise
    except Exception as error:  # of any kind, from a program that does not know the plugin
        raise HarnessError("cluster-other-grader", type=type(error).__name__, reason=error) from error


def _plugin_on(worker: Worker, name: str) -> GradingPlugin:
    """Return the plugin of that name, which may still be on its way."""
    end = time.monotonic() + _ARRIVES_SECONDS
    while not isinstance(plugin := worker.plugins.get(name), GradingPlugin):
        if name in _GONE:
            raise StopAsked
        if time.monotonic() > end:
            raise HarnessError("worker-empty")
        time.sleep(0.05)
    return plugin


def _without_split(grading: Grading) -> Grading:
    return replace(grading, job=replace(grading.job, submission=None, split=split_of((), places=())))


def _difference(wanted: Harness, here: Harness) -> str:
    """Say how a worker's harness differs from the client's; empty if they are equal.

    Results of two harnesses have different identities, and may have different scores.
    """
    if wanted.sha256 == here.sha256:
        return ""
    ours = {"lab-grader": wanted.version, "Python": wanted.python, **wanted.libraries}
    theirs = {"lab-grader": here.version, "Python": here.python, **here.libraries}
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    words = [f"{name} {theirs.get(name, 'is missing')} instead of {ours.get(name, 'none')}" for name in names]
    what = ", ".join(words) or "the same version, but another source"
    return f"it has another harness than this machine ({what}): install the very same on both"
