"""The pixels do not have the values that the network learned from.

Hypothesis: /255 is missing or done twice, or mean and standard deviation are missing, or [-1, 1] was
used for them.
Experiment: the checkpoint is run with pixels scaled in each of these ways.
Evidence: one way gives the submission's own answers, and another scores better.
Help: do with an image in predict exactly what was done with it in validation.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or trial.own.differs_in(trial.best) != {"scale"}:
        return None
    return mistaken("wrong-scale", case, trial)
