"""The axes were relabelled instead of exchanged.

Hypothesis: the picture, (height, width, channel), was made (channel, height, width) by reshape, which leaves
every number in its place, and not by transpose.
Experiment: the checkpoint is run on reshaped pictures.
Evidence: that gives the submission's own answers, and transposed pictures score better.
Help: image.transpose(2, 0, 1).
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or "layout" not in trial.own.differs_in(trial.best):
        return None
    return mistaken("wrong-layout", case, trial)
