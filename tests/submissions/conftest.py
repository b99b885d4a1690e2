"""The corpus in pytest: the selected cases run in the background, and a table stands at the end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from .corpus import Case
from .ground import Ground, laid_out
from .run import Result, started
from .table import table

# What is handed in is no code of ours: some of it does harm when it is imported.
collect_ignore_glob = ["[A-E][0-9][0-9]_*"]
_RESULTS = pytest.StashKey[list[Result]]()


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """Hidden images, and the key that nobody may find."""
    with laid_out() as folder:
        yield folder


@pytest.fixture(scope="session")
def running(ground: Ground, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Result]]]:
    """The results to come of all selected cases, by id."""
    items = (getattr(item, "callspec", None) for item in request.session.items)
    cases = [call.params["case"] for call in items if call and isinstance(call.params.get("case"), Case)]
    with started(cases, ground) as futures:
        yield futures


@pytest.fixture
def result(case: Case, running: dict[str, Future[Result]], request: pytest.FixtureRequest) -> Result:
    """What came of one case."""
    found = running[case.id].result()
    request.config.stash.setdefault(_RESULTS, []).append(found)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    if results := config.stash.get(_RESULTS, []):
        terminalreporter.section("submissions")
        terminalreporter.write_line(table(results))
