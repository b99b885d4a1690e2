"""The corpus in pytest: each case is a test of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from grader.model.dataset import Split
from grader.split import demo_split
from tests.ready_python import ReadyPython

from .corpus import Case
from .doors import ReadyGraders
from .ground import KEY_VARIABLE, Ground, laid_out
from .run import Result, environment_with, run
from .table import RESULT

# What is handed in is no code of ours: some of it does harm when it is imported.
collect_ignore_glob = ["[A-F][0-9][0-9]_*"]


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """Hidden images, and the key that nobody may find."""
    with laid_out() as folder:
        yield folder


@pytest.fixture(scope="session")
def split() -> Split:
    """The demo set, which takes seconds to draw; nothing changes it."""
    return demo_split()


@pytest.fixture(scope="session")
def graders(ground: Ground) -> Iterator[ReadyGraders]:
    """Graders that start fast, and have the key in their environment."""
    environment = environment_with({KEY_VARIABLE: ground.key})
    with ReadyPython(["tests.grader_once"], environment=environment) as python:
        yield ReadyGraders(python)


@pytest.fixture
def result(
    case: Case, ground: Ground, graders: ReadyGraders, record_property: Callable[[str, object], None]
) -> Result:
    """What came of one case."""
    found = run(case, ground, graders=graders)
    record_property(RESULT, (case.id, found.got, found.problems, found.seconds))
    return found
