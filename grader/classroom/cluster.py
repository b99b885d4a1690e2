"""A dask.distributed cluster as the place where a class is graded: `--executor dask://HOST:PORT`.

This process alone reads the submissions and writes the results. What travels: to each worker, once, the
conditions with the split (`cluster_worker.py`); for each submission the files that intake let through; back,
the outcome. Whoever can connect to the scheduler can run programs on the workers and read their memory:
the network must be private, or dask's TLS be set up.
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
from pathlib import Path
from uuid import uuid4

import dask
from distributed import Client, KilledWorker, Security

from grader.classroom.cluster_worker import Bench, Farewell, farewell_of, grade_parcel, pack
from grader.errors import HarnessError, Language, UsageError, line
from grader.model.grading import Outcome
from grader.model.job import Question
from grader.progress import Progress
from grader.session.grading import take_and_grade
from grader.session.harness import this_harness
from grader.session.stages import circumstances_now, failed_outcome
from grader.session.station import Conditions

_CONNECT_SECONDS = 10
_MOST_THREADS = 1024
"""Of this process; each waits for one submission."""
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
"""What they would print is raised here, too, and said in one line; or comes of leaving in the middle."""
_LARGE_TASKS = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}
"""A submission is larger than what dask expects of a task."""


@dataclass(frozen=True)
class ClusterExecutor:
    """The workers of a cluster, however many there are at the moment."""

    client: Client
    address: str
    conditions: Conditions
    bench: str
    """What this batch's benches are called."""
    jobs: int | None

    def pool(self) -> ThreadPoolExecutor:
        """Return threads that wait."""
        return ThreadPoolExecutor(_MOST_THREADS, "grading")

    def capacity(self) -> int:
        """Return how many the workers can grade now.

        No more are sent: one that waits its turn on a worker that dies would seem to have a part in it.
        """
        if self.jobs is not None:
            return self.jobs
        try:
            threads: dict[str, int] = self.client.nthreads()
        except OSError as error:
            raise self._lost() from error
        return max(1, sum(threads.values()))

    def grade(self, name: str, source: Path, progress: Progress) -> Outcome:
        """Take one submission in here, and have it graded by a worker."""
        progress("elsewhere")
        return take_and_grade(
            source,
            self.conditions.split,
            self.conditions.assignment,
            lambda question, _: self._remotely(question),
            name=name,
            public=self.conditions.public,
        )

    def _remotely(self, question: Question) -> Outcome:
        began = circumstances_now()
        try:
            future = self.client.submit(
                grade_parcel,
                pack(question.submission),
                self.bench,
                # Of one family, so that what waits does so at the scheduler; and dask's own pages name it.
                key=("grading", question.submission.name, uuid4().hex),
                pure=False,
            )
            outcome: Outcome = future.result()
        except KilledWorker as error:
            died = HarnessError("worker-died", times=error.allowed_failures + 1)
            return failed_outcome(question, began, died, f"{error}\n")
        except (CancelledError, OSError) as error:
            raise self._lost() from error
        return replace(outcome, split=question.split)

    def _lost(self) -> HarnessError:
        return HarnessError("cluster-lost", address=self.address)


@contextmanager
def cluster_executor(
    place: str, conditions: Conditions, jobs: int | None = None, language: Language = "en"
) -> Iterator[ClusterExecutor]:
    """Connect to a cluster and make its workers ready, those that join later too.

    Args:
        place: HOST:PORT of the scheduler.
        conditions: what is the same for every submission.
        jobs: submissions under way at a time; None for as many as the workers have threads.
        language: of what is said about the cluster.

    Raises:
        UsageError: there is no scheduler.
        HarnessError: a worker has another harness, or none.
    """
    bench = f"lab-grader-{uuid4().hex}"
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with dask.config.set(_LARGE_TASKS), _connected(place, language) as client:
        _send_benches(client, bench, conditions)
        if not client.nthreads():
            sys.stderr.write(f"grader: {line('cluster-empty').told(language)}\n")
        yield ClusterExecutor(client, place, conditions, bench, jobs)


def _connected(place: str, language: Language) -> Client:
    if not re.fullmatch(r"[^\s/@]+:[0-9]{1,5}", place):
        raise UsageError("cluster-unnamed", place=place)
    security = Security()  # as dask's own configuration says
    is_private = security.tls_ca_file is not None
    if not is_private and not _is_this_machine(place):
        sys.stderr.write(f"grader: {line('cluster-unencrypted', place=place).told(language)}\n")
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


def _send_benches(client: Client, bench: str, conditions: Conditions) -> None:
    try:
        client.register_plugin(Farewell(client.id, bench), name=farewell_of(bench))
        client.register_plugin(Bench(bench, conditions, this_harness()), name=bench)
    except HarnessError:
        raise
    except Exception as error:  # whatever a program raises that does not know what it is sent
        raise HarnessError("cluster-other-grader", type=type(error).__name__, reason=error) from error
