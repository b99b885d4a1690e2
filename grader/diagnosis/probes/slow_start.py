"""The first answer takes much longer than the others.

Hypothesis: the network is compiled, or loaded, when the first image comes.
Experiment: none needed; the graded run was timed.
Evidence: the first answer took seconds, the others a small part of that.
Help: ask the network about an empty image when main.py is imported.
"""

from __future__ import annotations

import statistics

from grader.dialogue.interview import Timing
from grader.findings.catalogue import finding
from grader.report.model import FindingPart

LEAST_SECONDS = 5.0
LEAST_RATIO = 20.0


def explain_slow_start(timing: Timing) -> FindingPart | None:
    """Return a note if the first answer took so long that an image's deadline could have stopped it."""
    if timing.first is None or not timing.rest:
        return None
    each = statistics.median(timing.rest)
    if timing.first < LEAST_SECONDS or timing.first < LEAST_RATIO * each:
        return None
    # Rounded: how long an answer took must not carry anything out.
    return finding("slow-start", seconds=f"{timing.first:.0f}")
