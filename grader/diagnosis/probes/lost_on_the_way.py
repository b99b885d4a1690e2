"""The checkpoint is better than the submission's answers, for a reason that no view shows.

Hypothesis: something before or after the network is not as in training, and is none of what is tried here.
Experiment: the checkpoint is run without the student's code.
Evidence: no single view of it gives the submission's answers, and by itself it scores better. (Answers that
change by themselves have another finding.)
Help: compare, for one image, what predict feeds the network with what validation feeds it.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import is_near, is_reproduced, left_unused


def explain(case: Case) -> Explanation | None:
    """Look for answers that are neither guesses nor the checkpoint's."""
    trial = case.checkpoint
    if trial is None or is_reproduced(case, trial):
        return None
    is_guessing = case.accuracy <= case.chance and not is_near(case, trial)
    if is_guessing or case.is_collapsed or case.is_unstable:
        return None
    return left_unused("lost-on-the-way", case, trial)
