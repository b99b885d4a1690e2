"""The network is right, and predict always gives one answer.

Hypothesis: what follows the network loses its answer: softmax or argmax over the axis of the batch, which
holds one image, an answer kept from an earlier call, an index that is always the same.
Experiment: the checkpoint is run without the student's code.
Evidence: all answers are the same, and by itself the checkpoint scores better.
Help: take the softmax and argmax over the last axis, that of the classes.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import of_checkpoint
from grader.findings.catalogue import finding


def explain(case: Case) -> Explanation | None:
    """Look for one answer to everything, where the checkpoint has better ones."""
    trial = case.checkpoint
    if trial is None or not case.is_better(trial.best_trial) or not case.is_collapsed:
        return None
    return Explanation(
        finding("collapsed-output", **of_checkpoint(case, trial)), case.gain(trial.best_trial).p_better
    )
