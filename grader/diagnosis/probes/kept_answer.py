"""Every image gets the answer of the first one.

Hypothesis: predict keeps its first answer, or its first image: a cache whose key is always the same, a list
that is read at its beginning, a variable that is filled once.
Experiment: new processes are asked about two images of different classes.
Evidence: both get one answer, and it is right for the one that was asked first, more often than chance.
Help: let nothing of one call reach the next.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.wording import finding


def explain(case: Case) -> Explanation | None:
    """Look at what new processes answered."""
    if case.kept is None:
        return None
    p = case.kept.p(len(case.names))
    details = {"count": case.kept.times, "total": case.kept.asked, "p": f"{p:.1g}"}
    return Explanation(finding("kept-answer", **details), p, gain=None)
