"""The network is right, and predict always gives one answer.

Hypothesis: what follows the network loses its answer: softmax or argmax over the axis of the batch, which
holds one image, an answer kept from an earlier call, an index that is always the same.
Experiment: the checkpoint is run without the student's code.
Evidence: all answers are the same, and by itself the checkpoint scores better.
Help: take the softmax and argmax over the last axis, that of the classes.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import left_unused


def explain(case: Case) -> Explanation | None:
    """Look for one answer to everything, where the checkpoint has better ones."""
    trial = case.checkpoint
    return None if trial is None or not case.is_collapsed else left_unused("collapsed-output", case, trial)
