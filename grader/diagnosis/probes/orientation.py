"""The picture is turned before it reaches the network.

Hypothesis: predict turns or transposes its image, so that turning it beforehand the other way helps.
Experiment: predict is asked about images upside down, and about images with height and width exchanged.
Evidence: it is right about more of these than about the images themselves.
Help: look at the picture just before the network.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import asked_otherwise


def explain(case: Case) -> Explanation | None:
    """Look at the answers to turned images."""
    for name in ("upside-down", "transposed"):
        if (asked := case.asked.get(name)) is not None:
            return asked_otherwise("turned", case, asked)
    return None
