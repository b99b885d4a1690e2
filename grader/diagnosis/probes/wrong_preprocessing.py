"""Several steps before the network are not those of training.

Hypothesis: more than one of colour order, scale, shape and layout is wrong.
Experiment: the checkpoint is run under every combination of colour order and scale.
Evidence: one combination gives the submission's own answers, and another scores better.
Help: use one function for the pictures of validation and for predict.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes import channel_order
from grader.diagnosis.probes.evidence import mistaken, mistaken_view

_STEPS = frozenset({"colour", "scale", "geometry", "readout"})


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or channel_order.is_all(trial):
        return None
    differences = trial.own.differs_in(trial.best)
    if len(differences) < 2 or not differences <= _STEPS:
        return None
    return mistaken("wrong-preprocessing", case, trial)
