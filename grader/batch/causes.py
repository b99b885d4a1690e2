"""Why a class's submissions are not better, in a few words each: how many there are of which mistake."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.batch.rows import Row
from grader.findings.catalogue import Language, codes, general_title, has_words, words
from grader.report.model import FindingPart
from grader.report.text import told

_MODULE = re.compile(r"No module named '([\w.]+)'")
_BESIDE = frozenset({"reloads-model"})
"""Warnings that do not explain wrong answers."""


@dataclass(frozen=True)
class Cause:
    """One mistake, and whose first finding says so."""

    en: str
    zh: str
    rows: tuple[Row, ...]


def causes_of(rows: Sequence[Row]) -> tuple[Cause, ...]:
    """Return the causes of a class, the most frequent first; what lacks two packages has two causes."""
    found: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.first_finding is not None:
            for named in _named(row.first_finding):
                found[named].append(row)
    causes = [Cause(en, zh, tuple(own)) for (en, zh), own in found.items()]
    return tuple(sorted(causes, key=lambda cause: (-len(cause.rows), cause.en)))


def is_mistaken(row: Row) -> bool:
    """Whether a mistake in what was handed in, and not the pictures, explains a student's wrong answers."""
    findings = row.result.report.findings if row.result else ()
    return any(finding.severity != "note" and finding.code not in _BESIDE for finding in findings)


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
    return told(finding, language)[0]  # of a version that had another catalogue
