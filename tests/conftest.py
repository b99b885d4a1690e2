"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.ready_python import ReadyPython

GRADER = ("grader.cli.grade", "grader.cli.batch", "grader.session", "scipy.optimize")

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Tests wait, for deadlines and for other processes: half as many workers again as there are cores."""
    cores = len(os.sched_getaffinity(0))
    return cores + (cores + 1) // 2


@pytest.fixture(scope="session")
def ready_commands() -> Iterator[ReadyPython]:
    """A Python that has imported what `python -m grader` does, whatever its command."""
    from tests.ready_python import ReadyPython  # for Linux alone, as most tests are

    with ReadyPython(GRADER) as python:
        yield python


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the corpus as a table. Here, because tests run in other processes than the one that prints."""
    from tests.submissions.table import table_of

    reports = (report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ()))
    if text := table_of(report for report in reports if report.when == "call"):
        terminalreporter.section("submissions")
        terminalreporter.write_line(text)
