"""Every image gets the answer of the first one.

Hypothesis: predict keeps its first answer, or its first image: a cache whose key is always the same, a list
that is read at its beginning, a variable that is filled once.
Experiment: new processes are asked about two images of different classes.
Evidence: both get one answer, and it is right for the one that was asked first, time after time.
Help: let nothing of one call reach the next.
"""

from __future__ import annotations

from grader.diagnosis.case import ALPHA, Case, Explanation
from grader.findings.catalogue import finding


def explain(case: Case) -> Explanation | None:
    """Look at what new processes answered."""
    p = len(case.names) ** -case.kept
    if p >= ALPHA:
        return None
    return Explanation(finding("kept-answer", count=case.kept, p=f"{p:.1g}"), p)
