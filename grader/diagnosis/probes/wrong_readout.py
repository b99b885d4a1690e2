"""The network is right, and its answer is read wrongly.

Hypothesis: the smallest logit, or the second largest, is taken for the largest (argmin for argmax, a sort
read at the wrong end), or features are pooled by their maximum where training used their mean, or the other
way round.
Experiment: the same logits are read in each of these ways.
Evidence: one way gives the submission's own answers, and another scores better.
Help: take argmax over the classes, and define the head in predict as it was in training.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or trial.own.differs_in(trial.best) != {"readout"}:
        return None
    return mistaken("wrong-readout", case, trial)
