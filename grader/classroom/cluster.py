"""A dask.distributed cluster as the place where a class is graded: `--executor dask://HOST:PORT`.

This process alone reads the submissions and writes the results. Each worker gets the exam with the split once
(`cluster_worker.py`), and for each submission the files that intake let through; the grading comes back.
Whoever can connect to the scheduler can run programs on the workers and read their memory: the network must
be private, or dask's TLS be set up.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import dask
from distributed import Client, KilledWorker, Security

from grader.classroom.cluster_worker import CleanupPlugin, GradingPlugin, cleanup_of, grade_packed, pack
from grader.errors import HarnessError, Language, UsageError, line
from grader.model.grading import Exam, Grading
from grader.model.submission import Submission
from grader.progress import Progress
from grader.session import Session, TakenIn, explained, lost, this_harness

_CONNECT_SECONDS = 10
_MOST_THREADS = 1024
"""Of this process; each waits for one submission."""
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
"""What they would print is raised as an error as well, or comes of leaving in the middle."""
_LARGE_TASKS = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}
"""A submission is larger than what dask expects of a task."""


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
