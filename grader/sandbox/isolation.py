"""How workers are kept apart from this machine: isolation levels, and the choice of one by trying.

A level is an object that is handed in, from whoever opens a session down to whoever starts a worker. The
usual one is the best that works here (:func:`open_isolation`); tests and benchmarks hand in another. There
are three levels: `Namespaces`, which official grading requires; and `PlainProcess`, and `ChildProcess` where
even that is not to be had, which are enough for a student who checks their own work, and keep no secret from
the code they run. Another level is a class with the method `sandbox`, and a place in :func:`best_isolation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from grader.errors import HarnessError, line
from grader.model.assignment import Limits
from grader.model.grading import Isolation
from grader.model.submission import Submission
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.launch import (
    IsolationUnavailableError,
    Launch,
)
from grader.sandbox.namespaces import Namespaces, fork_server_for
from grader.sandbox.plain import ChildProcess, PlainProcess


class Sandbox(Protocol):
    """One submission's place to run: it starts workers, and says what it keeps apart."""

    @property
    def isolation(self) -> Isolation:
        """The level, as reports name it: what has bound the workers that were started so far."""

    @property
    def submission(self) -> Submission:
        """What is run."""

    def is_forked(self) -> bool:
        """Whether its workers are forked; waits until that is known."""

    def launch(self, channel: int) -> Launch:
        """Return how to start a worker that answers on the inherited descriptor `channel`."""

    def forking(self, limits: Limits) -> Sandbox:
        """Return the same sandbox under other limits, whose workers are forked whatever they run.

        How many threads a worker may have decides where it can be forked from, and stays.
        """

    def over(self, submission: Submission, workspace: Path) -> Sandbox:
        """Return the same sandbox for other files; that it works here has been tried already."""

    def over_our_own(self, submission: Submission, workspace: Path) -> Sandbox:
        """Return the same sandbox for a program of ours, which has processor time of its own.

        Where the sandbox is no plain process, the program has as many cores as this thread may use.
        """

    def on(self, cores: Sequence[int]) -> Sandbox:
        """Return the same sandbox, whose workers run on these cores; on any where it cannot bind them."""

    def recorded(self, recorder: Path) -> Sandbox:
        """Return the same sandbox, for workers of the diagnosis that load the program `recorder`."""


class IsolationLevel(Protocol):
    """A way to keep a submission apart from this machine."""

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> Sandbox:
        """Return a sandbox, after trying that it works here.

        Args:
            submission: what is to be run.
            workspace: a private folder for what the sandbox needs.
            limits: of the assignment.

        Raises:
            IsolationUnavailableError: this level does not work here.
        """


class OpenIsolation(Protocol):
    """How a session gets its isolation level, and all that belongs to the level for as long."""

    def __call__(self, limits: Limits, *, official: bool) -> AbstractContextManager[IsolationLevel]:
        """Yield a level for submissions under these limits; as :func:`open_isolation` does."""


@dataclass(frozen=True)
class FirstThatWorks:
    """The first of several levels that works here."""

    levels: tuple[IsolationLevel, ...]

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> Sandbox:
        """Return the sandbox of the first level that has one.

        Raises:
            IsolationUnavailableError: no level works here; says why the last one does not.
        """
        *others, last = self.levels
        for level in others:
            try:
                return level.sandbox(submission, workspace, limits)
            except IsolationUnavailableError:
                continue
        return last.sandbox(submission, workspace, limits)


@dataclass(frozen=True)
class AsForked:
    """The level of programs of ours that go the way of a sandbox's forked workers."""

    model: Sandbox

    def sandbox(self, submission: Submission, workspace: Path, limits: Limits) -> Sandbox:
        """Return the same sandbox over a program; that the sandbox works here has been tried already."""
        return self.model.forking(limits).over(submission, workspace)


def best_isolation(*, official: bool, server: ForkServer | None = None) -> IsolationLevel:
    """Return the best isolation level of this machine, which is found out for each submission by trying.

    Args:
        official: accept nothing but what official grading requires.
        server: what workers may be forked from; None if each is to be started as a program.
    """
    required = Namespaces(server)
    return required if official else FirstThatWorks((required, PlainProcess(), ChildProcess()))


@contextmanager
def open_isolation(limits: Limits, *, official: bool) -> Iterator[IsolationLevel]:
    """Yield the best isolation level, with a server to fork workers from for as long."""
    with fork_server_for(limits) as server:
        yield best_isolation(official=official, server=server)


def sandbox_for(
    isolation: IsolationLevel, submission: Submission, workspace: Path, limits: Limits, *, official: bool
) -> Sandbox:
    """Return a sandbox of a level that was handed in, which cannot make less do for official grading.

    Raises:
        HarnessError: the level does not work here, or is not enough for official grading.
    """
    sandbox = isolation.sandbox(submission, workspace, limits)
    if official and not sandbox.isolation.is_top:
        raise HarnessError("no-sandbox", obstacle=line("lower-level", level=sandbox.isolation.rung))
    return sandbox
