"""The corpus in pytest: each case is a test of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.ready_python import ReadyPython

from .corpus import Case
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
def ready(ground: Ground) -> Iterator[ReadyPython]:
    """A Python that has done a grader's imports, and has the key in its environment.

    Half a second of each `python -m grader` is imports, and there are hundreds of cases.
    """
    # What a command line imports once it has been read, and the diagnosis.
    imports = ["scipy.optimize", "grader.cli.grade"]
    with ReadyPython(imports, environment=environment_with({KEY_VARIABLE: ground.key})) as python:
        yield python


@pytest.fixture
def result(
    case: Case, ground: Ground, ready: ReadyPython, record_property: Callable[[str, object], None]
) -> Result:
    """What came of one case."""
    found = run(case, ground, ready=ready)
    record_property(RESULT, (case.id, found.got, found.problems, found.seconds))
    return found
