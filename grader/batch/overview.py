"""What a class did as a whole: verdicts, how scores spread, which classes are hard, who took long."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.batch.causes import Cause, causes_of, is_mistaken
from grader.batch.rows import MISSING, Row
from grader.verdict import Verdict

_BINS = 20
_SLOWEST = 10


@dataclass(frozen=True)
class Bin:
    """One bar of the histogram."""

    low: float
    high: float
    """Accuracy, 0..1; the last bar holds 1 itself."""
    count: int


@dataclass(frozen=True)
class HardClass:
    """One class of images over all who were graded."""

    name: str
    zh: str
    correct: int
    total: int
    mistaken_for: tuple[str, str] | None
    """What is answered most often instead, in English and Chinese."""

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0..1."""
        return self.correct / self.total


@dataclass(frozen=True)
class Overview:
    """The class at a glance."""

    verdicts: dict[str, int]
    """From best to worst; those that occur."""
    causes: tuple[Cause, ...]
    """What the first findings say, the most frequent first."""
    histogram: tuple[Bin, ...]
    hardest: tuple[HardClass, ...]
    """Hardest first; over those whose wrong answers no mistake explains."""
    judged: int
    """How many these are."""
    mistaken: int
    """How many were graded, and left out of it."""
    slowest: tuple[Row, ...]
    shared: tuple[tuple[Row, ...], ...]
    """Groups of students with a checkpoint in common, or, where there are none, with the same submission.
    What was handed out is nothing in common."""


def overview_of(rows: Sequence[Row], given: frozenset[str] = frozenset()) -> Overview:
    """Sum a class up.

    Args:
        rows: of the class.
        given: digests of the files that were handed out.
    """
    counts = Counter(row.verdict for row in rows)
    order = [*(verdict.value for verdict in Verdict), MISSING]
    graded = [row for row in rows if row.is_graded]
    judged = [row for row in graded if not is_mistaken(row)]
    return Overview(
        verdicts={name: counts[name] for name in order if counts[name]},
        causes=causes_of(rows),
        histogram=_histogram(graded),
        hardest=_hardest(judged),
        judged=len(judged),
        mistaken=len(graded) - len(judged),
        slowest=tuple(sorted((row for row in rows if row.result), key=_seconds, reverse=True)[:_SLOWEST]),
        shared=_shared(rows, given),
    )


def _histogram(graded: Sequence[Row]) -> tuple[Bin, ...]:
    counts = [0] * _BINS
    for row in graded:
        if row.score is not None:
            # In whole numbers: 0.95 * 20 must fall into the bin that begins there.
            counts[min(_BINS - 1, row.score.correct * _BINS // row.score.total)] += 1
    return tuple(Bin(i / _BINS, (i + 1) / _BINS, count) for i, count in enumerate(counts))


def _hardest(judged: Sequence[Row]) -> tuple[HardClass, ...]:
    reports = [row.result.report for row in judged if row.result]
    if not reports:
        return ()
    confusion = sum(np.array(report.confusion.matrix) for report in reports)
    found = []
    for part in reports[0].per_class:
        row = np.array(confusion)[part.index]
        if not row.sum():
            continue
        mistakes = row[:-1].copy()
        mistakes[part.index] = 0
        often = reports[0].per_class[int(mistakes.argmax())]
        instead = (often.name, often.zh or often.name) if mistakes.any() else None
        found.append(HardClass(part.name, part.zh, int(row[part.index]), int(row.sum()), instead))
    return tuple(sorted(found, key=lambda part: (part.accuracy, part.name)))


def _shared(rows: Sequence[Row], given: frozenset[str]) -> tuple[tuple[Row, ...], ...]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for digest in _telling_digests(row, given):
            groups[digest].append(row)
    # Who shares two checkpoints makes one group, not two.
    found = {tuple(row.entry.id for row in group): tuple(group) for group in groups.values()}
    return tuple(group for group in found.values() if len(group) > 1)


def _telling_digests(row: Row, given: frozenset[str]) -> set[str]:
    """Return the digests of a student's own checkpoints, or of all that was handed in without any."""
    if row.result is None:
        return set()
    submission = row.result.report.submission
    own = [file for file in submission.files if file.size and file.sha256 not in given]
    checkpoints = {file.sha256 for file in own if file.is_checkpoint}
    return checkpoints or ({submission.sha256} if submission.sha256 and own else set())


def _seconds(row: Row) -> float:
    return row.result.report.run.total_seconds if row.result else 0.0
