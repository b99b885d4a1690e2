"""What tests have the grader's processes take: no isolation at all, every worker forked, the canary for passed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partialmethod

from grader.model.assignment import Limits
from grader.sandbox import (
    ForkRule,
    IsolationLevel,
    PlainProcess,
    best_isolation,
    fork_server_for,
    open_isolation,
)
from grader.session import Session, stages

QUICK_IMPORTS = ("cv2",)
"""MindSpore's import takes seconds, and is not what is tested."""
WHATEVER_IT_IMPORTS = ForkRule(library=None)
WHATEVER_IT_SAYS = ForkRule(library=None, alarming=re.compile(rb"(?!)"))
usual = open_isolation
"""What the grader takes by itself."""


def without_walls(limits: Limits, *, official: bool) -> AbstractContextManager[IsolationLevel]:
    """A plain process, whatever this machine offers."""
    del limits, official
    return nullcontext(PlainProcess())


@contextmanager
def forked(limits: Limits, *, official: bool) -> Iterator[IsolationLevel]:
    """The usual isolation, with every worker forked as those of submissions with MindSpore are."""
    with fork_server_for(limits, QUICK_IMPORTS, WHATEVER_IT_SAYS) as server:
        yield best_isolation(official=official, server=server)


@contextmanager
def side_by_side(limits: Limits, *, official: bool) -> Iterator[IsolationLevel]:
    """The usual isolation, with several workers of each submission that are asked at a time, as of a large split."""
    stages._FEWEST_IMAGES = 1
    with open_isolation(limits, official=official) as level:
        yield level


def canary_has_passed() -> None:
    """Have every session of this process take the canary for passed, as those do whose opener has tried it."""
    Session.__init__ = partialmethod(Session.__init__, has_passed_canary=True)
