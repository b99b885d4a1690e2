"""Batch normalisation's statistics were not loaded.

Hypothesis: weights were loaded, but the moving means and variances are those of a new network: they are no
trainable parameters, and are lost where only those are saved or loaded.
Experiment: the checkpoint is run with moving mean 0 and moving variance 1.
Evidence: that gives the submission's own answers, and the trained statistics score better.
Help: save the whole network (save_checkpoint(network, ...)), and load all of it.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or trial.own.weights != "first-statistics":
        return None
    return mistaken("statistics-not-loaded", case, trial)
