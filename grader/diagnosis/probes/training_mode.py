"""The network answers in training mode.

Hypothesis: batch normalisation uses the statistics of the one image that it is given, because the network was
not put into inference mode.
Experiment: the checkpoint is run with the statistics of each image.
Evidence: that gives the submission's own answers, and the trained statistics score better.
Help: network.set_train(False) after loading (model.eval() in PyTorch).
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or trial.own.weights != "training":
        return None
    return mistaken("training-mode", case, trial)
