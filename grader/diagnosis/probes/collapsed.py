"""The network is right, and predict gives (nearly) always one answer.

Hypothesis: what follows the network loses its answer: softmax or argmax over the axis of the batch, which
holds one image, an answer kept from an earlier call, an index that is always the same.
Experiment: the checkpoint is run without the student's code.
Evidence: no view of it gives the submission's answers, and by itself it scores better.
Help: take the softmax and argmax over the last axis, that of the classes.
"""

from __future__ import annotations

import numpy as np

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import is_reproduced, of_checkpoint
from grader.findings.catalogue import finding

_NEARLY_ALL = 0.9


def explain(case: Case) -> Explanation | None:
    """Look for one answer to everything, where the checkpoint has better ones."""
    trial = case.checkpoint
    if trial is None or not case.is_better(trial.best_trial) or not is_collapsed(case):
        return None
    if is_reproduced(case, trial) and len(set(case.said.tolist())) > 1:
        return None
    return Explanation(
        finding("collapsed-output", **of_checkpoint(case, trial)), case.gain(trial.best_trial).p_better
    )


def is_collapsed(case: Case) -> bool:
    """Whether nearly all answers are the same."""
    _, counts = np.unique(case.said, return_counts=True)
    return bool(counts.max() >= _NEARLY_ALL * len(case.said))
