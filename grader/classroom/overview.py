"""What the pages say about a class as a whole.

The overview: verdicts, the mistakes that cost points, how scores spread, which classes of images are hard,
whose grading took long, who shares a checkpoint. The leaderboard: ranks in bands of what is statistically
tied, and the pseudonyms under which it can be hung up, drawn by lot once and kept by the instructor.
"""

from __future__ import annotations

import csv
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.classroom.gradebook import MISSING, Row, original_of, render_csv
from grader.classroom.store import Store
from grader.errors import Language
from grader.model.report import FindingPart
from grader.model.verdict import Verdict
from grader.report import texts_of
from grader.statistics import Paired
from grader.wording import codes, general_title, has_words, words

_MODULE = re.compile(r"No module named '([\w.]+)'")
_EXPLAIN_NOTHING = frozenset({"reloads-model"})
"""Warnings that do not explain wrong answers."""
_BINS = 20
"""Bars of the histogram."""
_SLOWEST = 10
"""Submissions that are listed as the slowest."""
_ALPHA = 0.05
"""Level of the test that tells two bands apart."""
_PSEUDONYMS = "pseudonyms.csv"
_LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"
"""Of a pseudonym: none that is taken for another."""
_LENGTH = 4
"""Of a pseudonym."""


@dataclass(frozen=True)
class Cause:
    """One mistake, named in both languages, and the students whose first finding it is."""

    en: str
    zh: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Bin:
    """One bar of the histogram."""

    low: float
    high: float
    """Accuracy, 0..1; the last bar holds 1 itself."""
    count: int


@dataclass(frozen=True)
class HardClass:
    """One class of images over the submissions that were judged by it."""

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
    """The mistakes that the first findings name, the most frequent first."""
    histogram: tuple[Bin, ...]
    hardest: tuple[HardClass, ...]
    """Classes of images, hardest first, over the submissions whose wrong answers no mistake explains."""
    judged: int
    """How many submissions that is."""
    mistaken: int
    """How many other submissions were graded: a mistake explains their wrong answers."""
    slowest: tuple[Row, ...]
    shared: tuple[tuple[Row, ...], ...]
    """Groups of students with a checkpoint in common, or, without a checkpoint, with the same submission.
    Files that were handed out do not count."""


@dataclass(frozen=True)
class Place:
    """One place of the leaderboard."""

    row: Row
    band: int
    """1 for the best and all that are tied with it."""
    p_value: float
    """Of the test against the band's first; 1 for the first itself."""


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


def causes_of(rows: Sequence[Row]) -> tuple[Cause, ...]:
    """Return the causes of a class, the most frequent first; a submission that lacks two packages has two."""
    found: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.first_finding is not None:
            for named in _named(row.first_finding):
                found[named].append(row)
    causes = [Cause(en, zh, tuple(own)) for (en, zh), own in found.items()]
    return tuple(sorted(causes, key=lambda cause: (-len(cause.rows), cause.en)))


def is_mistaken(row: Row) -> bool:
    """Whether a mistake in the submission, and not the images, explains a student's wrong answers."""
    findings = row.result.report.findings if row.result else ()
    return any(finding.severity != "note" and finding.code not in _EXPLAIN_NOTHING for finding in findings)


def places(
    rows: Sequence[Row], right: Mapping[str, frozenset[str]], names: Mapping[str, str]
) -> tuple[Place, ...]:
    """Rank the graded submissions, best first.

    A band begins with the best submission that is in no band yet, and ends before the next one that McNemar's
    exact test at 5 % tells apart from the band's first. Bands are no equivalence classes: the last of one
    band and the first of the next may be tied, too.

    Args:
        rows: of the class; those without the verdict GRADED are left out.
        right: by id, the images that were answered rightly.
        names: by id, the name that is shown; equals are in the order of names, since that of ids would tell
            who is who.
    """
    graded = sorted(
        (row for row in rows if row.is_graded), key=lambda row: (-_correct(row), names[row.entry.id])
    )
    found: list[Place] = []
    first: Row | None = None  # of the band
    band = 0
    for row in graded:
        p = 1.0 if first is None else _p_value(right[first.entry.id], right[row.entry.id], _total(row))
        if first is None or p < _ALPHA:
            first, band, p = row, band + 1, 1.0
        found.append(Place(row, band, p))
    return tuple(found)


def pseudonyms(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Return the pseudonym of every id; new ones are drawn, and kept, for those that have none yet."""
    known = _read(store.folder / _PSEUDONYMS)
    taken = set(known.values())
    for id_ in ids:
        while id_ not in known:
            drawn = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
            if drawn not in taken:
                known[id_] = drawn
                taken.add(drawn)
    store.write_page(_PSEUDONYMS, render_csv(("id", "pseudonym"), sorted(known.items())))
    return known


def _named(finding: FindingPart) -> Iterator[tuple[str, str]]:
    """Yield a finding's causes in both languages."""
    module = _MODULE.search(finding.title) if finding.code == "missing-module" else None
    if module:
        yield _both("cause-module", module=module[1].partition(".")[0])
    elif finding.about:
        yield from (_both("cause-package", package=package) for package in finding.about)
    else:
        yield _in_short(finding, "en"), _in_short(finding, "zh")


def _both(name: str, **details: str) -> tuple[str, str]:
    return words("en", name, **details), words("zh", name, **details)


def _in_short(finding: FindingPart, language: Language) -> str:
    if has_words(f"cause-{finding.code}"):
        return words(language, f"cause-{finding.code}")
    if finding.code in codes():
        return general_title(finding.code, language)
    return texts_of(finding, language)[0]  # of a version with another catalogue


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
    # Students who share two checkpoints make one group, not two.
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


def _p_value(first: frozenset[str], other: frozenset[str], total: int) -> float:
    return Paired(gained=len(other - first), lost=len(first - other), total=total).p_different


def _correct(row: Row) -> int:
    return row.score.correct if row.score else 0


def _total(row: Row) -> int:
    return row.score.total if row.score else 0


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {original_of(row["id"]): row["pseudonym"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}
