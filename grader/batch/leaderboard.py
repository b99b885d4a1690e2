"""Who is ahead, and who is only luckier: ranks in bands of what is statistically tied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.batch.rows import Row
from grader.scoring.paired import Paired

ALPHA = 0.05


@dataclass(frozen=True)
class Place:
    """One place of the leaderboard."""

    row: Row
    band: int
    """1 for the best and all that are tied with it."""
    p_value: float
    """Of the test against the band's first; 1 for the first itself."""


def places(
    rows: Sequence[Row], right: Mapping[str, frozenset[str]], names: Mapping[str, str]
) -> tuple[Place, ...]:
    """Rank who was graded, best first.

    A band begins with the best that is in none yet, and goes on for as long as the next is not told apart
    from its first by McNemar's exact test at 5 %. That is no equivalence: the last of one band and the first
    of the next may be tied, too.

    Args:
        rows: of the class; those without the verdict GRADED are left out.
        right: by id, the images that were answered rightly.
        names: by id, what is shown; decides the order of equals, where that of ids would tell who is who.
    """
    graded = sorted(
        (row for row in rows if row.is_graded), key=lambda row: (-_correct(row), names[row.entry.id])
    )
    found: list[Place] = []
    first: Row | None = None
    band = 0
    for row in graded:
        p = 1.0 if first is None else _p(right[first.entry.id], right[row.entry.id], _total(row))
        if first is None or p < ALPHA:
            first, band, p = row, band + 1, 1.0
        found.append(Place(row, band, p))
    return tuple(found)


def _p(first: frozenset[str], other: frozenset[str], total: int) -> float:
    return Paired(gained=len(other - first), lost=len(first - other), total=total).p_different


def _correct(row: Row) -> int:
    return row.score.correct if row.score else 0


def _total(row: Row) -> int:
    return row.score.total if row.score else 0
