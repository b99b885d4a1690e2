"""The corpus in pytest: each case is a test of its own, and a table of all stands at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .corpus import Case, corpus
from .ground import Ground, laid_out
from .run import Result, run
from .table import table

# What is handed in is no code of ours: some of it does harm when it is imported.
collect_ignore_glob = ["[A-E][0-9][0-9]_*"]
_PROPERTY = "submission"
"""Under which a test's report carries a result: tests may run in other processes than the one that prints."""


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """Hidden images, and the key that nobody may find."""
    with laid_out() as folder:
        yield folder


@pytest.fixture
def result(case: Case, ground: Ground, record_property: Callable[[str, object], None]) -> Result:
    """What came of one case."""
    found = run(case, ground)
    record_property(_PROPERTY, (case.id, found.got, found.problems, found.seconds))
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    rows = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
    ]
    if rows:
        cases = {case.id: case for case in corpus()}
        results = [
            Result(cases[id_], got, tuple(problems), seconds) for id_, got, problems, seconds in sorted(rows)
        ]
        terminalreporter.section("submissions")
        terminalreporter.write_line(table(results))
