"""What holds for every test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.temporary import lie_in_memory

if TYPE_CHECKING:
    from tests.ready_python import ReadyPython

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Before a temporary folder is asked for."""
    lie_in_memory()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of whole classes, which take longest: at the end all others would wait for them."""
    items.sort(key=lambda item: "whole_class" not in item.path.parts)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Tests wait, for deadlines and for other processes: twice as many workers as there are cores."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.fixture(scope="session")
def ready_commands() -> Iterator[ReadyPython]:
    """A Python that has done what every `python -m grader` would do again."""
    from tests.ready_python import ReadyPython  # for Linux alone, as most tests are

    with ReadyPython(["tests.grader_once"]) as python:
        yield python


@pytest.fixture
def below_tmp() -> Iterator[Path]:
    """A folder that really lies below /tmp, wherever temporary files of tests lie: for what sandboxes are shown.

    Of what lies below /dev, where a machine's memory is, a sandbox is shown nothing.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the corpus as a table. Here, because tests run in other processes than the one that prints."""
    from tests.submissions.table import table_of

    reports = (report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ()))
    if text := table_of(report for report in reports if report.when == "call"):
        terminalreporter.section("submissions")
        terminalreporter.write_line(text)
