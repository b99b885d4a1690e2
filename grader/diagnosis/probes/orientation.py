"""The picture is turned before it reaches the network.

Hypothesis: predict turns or transposes its image, so that turning it beforehand the other way helps.
Experiment: predict is asked about images upside down, and about images with height and width exchanged.
Evidence: it is right about more of these than about the images themselves.
Help: look at the picture just before the network.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken_view, of_question
from grader.findings.catalogue import finding


def explain(case: Case) -> Explanation | None:
    """Look at the answers to turned images."""
    if mistaken_view(case) is not None:
        return None
    for name in ("upside-down", "transposed"):
        asked = case.asked.get(name)
        if asked is not None and case.is_better(asked):
            return Explanation(finding("turned", **of_question(case, asked)), case.gain(asked).p_better)
    return None
