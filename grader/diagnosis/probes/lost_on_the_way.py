"""The checkpoint is better than the submission's answers, for a reason that no view shows.

Hypothesis: something before or after the network is not as in training, and is none of what is tried here.
Experiment: the checkpoint is run without the student's code.
Evidence: no view of it gives the submission's answers, and by itself it scores better. (Answers that
change by themselves have another finding.)
Help: compare, for one image, what predict feeds the network with what validation feeds it.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import is_reproduced, of_checkpoint
from grader.findings.catalogue import finding


def explain(case: Case) -> Explanation | None:
    """Look for answers that are neither guesses nor the checkpoint's."""
    trial = case.checkpoint
    if trial is None or not case.is_better(trial.best_trial) or is_reproduced(case, trial):
        return None
    if case.accuracy <= case.chance or case.is_collapsed or case.is_unstable:
        return None
    return Explanation(
        finding("lost-on-the-way", **of_checkpoint(case, trial)), case.gain(trial.best_trial).p_better
    )
