"""In which order findings are told, and which of them need not be: `causes.toml` says what explains what.

Errors come before warnings, and warnings before notes. What explains an error counts as an error, too, and
comes before it: a student who is told first that importing failed mends the import, where the checkpoint is
cut off. What is explained and is no error is a cause only in appearance, and is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grader.findings.catalogue import explained_by
from grader.report.model import FindingPart

_RANKS = ("error", "warning", "note")


def in_order(findings: Iterable[FindingPart], images: int) -> tuple[FindingPart, ...]:
    """Return the findings that are to be told, each once, the first thing to mend first.

    Args:
        findings: in the order in which those of the same rank are told.
        images: of the split. What concerns fewer than half of them explains nothing.
    """
    present = tuple(dict.fromkeys(findings))
    causes = [found for found in present if found.images is None or 2 * found.images >= images]
    told = [found for found in present if found.severity == "error" or not _depth(found, causes)]
    ranked = [_ranked(found, told if found in causes else ()) for found in told]
    return tuple(sorted(ranked, key=lambda found: (_RANKS.index(found.severity), _depth(found, causes))))


def _depth(found: FindingPart, causes: Sequence[FindingPart]) -> int:
    """Return how many causes stand behind a finding, one behind the other."""
    own = (cause for cause in causes if found.code in explained_by(cause.code))
    return max((1 + _depth(cause, causes) for cause in own), default=0)


def _ranked(found: FindingPart, told: Sequence[FindingPart]) -> FindingPart:
    """Return a finding as an error if it explains one of those that are told."""
    explained = explained_by(found.code)
    if any(other.severity == "error" and other.code in explained for other in told):
        return found.model_copy(update={"severity": "error"})
    return found
