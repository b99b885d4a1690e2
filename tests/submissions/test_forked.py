"""The walls stand for a worker that is forked, too: what goes for others goes for it."""

from __future__ import annotations

import pytest

from .corpus import Case, choose, corpus
from .doors import ReadyGraders
from .ground import Ground
from .run import run

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


@pytest.mark.parametrize("case", choose(corpus(), [*_IDS, *_LIMITS]), ids=lambda case: case.id)
def test_a_forked_submission_gets_what_a_started_one_gets(
    case: Case, ground: Ground, graders: ReadyGraders
) -> None:
    result = run(case, ground, "forked", graders=graders)
    assert not result.problems, f"{case.does}\ngot: {result.got}"
