"""Isolation that tests hand in: none at all, or with every worker forked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from grader.model.assignment import Limits
from grader.sandbox import ForkRule, IsolationLevel, PlainProcess, best_isolation, fork_server_for

QUICK_IMPORTS = ("cv2",)
"""MindSpore's import takes seconds, and is not what is tested."""
WHATEVER_IT_IMPORTS = ForkRule(library=None)
WHATEVER_IT_SAYS = ForkRule(library=None, alarming=re.compile(rb"(?!)"))


def without_walls(limits: Limits, *, official: bool) -> AbstractContextManager[IsolationLevel]:
    """A plain process, whatever this machine offers."""
    del limits, official
    return nullcontext(PlainProcess())


@contextmanager
def forked(limits: Limits, *, official: bool) -> Iterator[IsolationLevel]:
    """The usual isolation, with every worker forked as those of submissions with MindSpore are."""
    with fork_server_for(limits, QUICK_IMPORTS, WHATEVER_IT_SAYS) as server:
        yield best_isolation(official=official, server=server)
