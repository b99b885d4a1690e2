"""The corpus in pytest: each case is a test of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .corpus import Case
from .ground import Ground, laid_out
from .run import Result, run
from .table import RESULT

# What is handed in is no code of ours: some of it does harm when it is imported.
collect_ignore_glob = ["[A-E][0-9][0-9]_*"]


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """Hidden images, and the key that nobody may find."""
    with laid_out() as folder:
        yield folder


@pytest.fixture
def result(case: Case, ground: Ground, record_property: Callable[[str, object], None]) -> Result:
    """What came of one case."""
    found = run(case, ground)
    record_property(RESULT, (case.id, found.got, found.problems, found.seconds))
    return found
