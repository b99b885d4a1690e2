"""The walls stand for a worker that is forked, too: what goes for others goes for it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from .corpus import choose, corpus
from .ground import Ground
from .run import Result, started

# Those that are about where a worker stands and how it ends; all of them: `python -m tests.submissions --forked`.
_IDS = ("A02", "A03", "A04", "A05", "A07", "A09", "A11", "A12", "A13", "A18", "B04", "B13", "B18")
_LIMITS = (
    "C01",
    "C02_sleep",
    "C03",
    "C04_threads",
    "C05",
    "C06",
    "C07",
    "C08",
    "C09",
    "C10",
    "C14",
    "E03",
    "E07",
    "E09",
)
_CASES = choose(corpus(), [*_IDS, *_LIMITS])


@pytest.fixture(scope="module")
def forked(ground: Ground) -> Iterator[dict[str, Future[Result]]]:
    """The results to come, by id."""
    with started(_CASES, ground, forked=True) as futures:
        yield futures


@pytest.mark.parametrize("id_", [case.id for case in _CASES])
def test_a_forked_submission_gets_what_a_started_one_gets(
    id_: str, forked: dict[str, Future[Result]]
) -> None:
    result = forked[id_].result()
    assert not result.problems, f"{result.case.does}\ngot: {result.got}"
