"""The answers do not come from the checkpoint.

Hypothesis: parameters were not loaded (names that differ are only warned of, and leave random weights), or
another network answers, or chance does.
Experiment: the checkpoint is run without the student's code.
Evidence: the submission's answers are as good as guesses, no view of the checkpoint gives them, and by
itself it scores better. (Answers that change by themselves have another finding, unless MindSpore warned.)
Help: look at what load_param_into_net returns: the names that were not loaded.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import is_near, left_unused


def explain(case: Case) -> Explanation | None:
    """Look for guesses, where the checkpoint has better answers."""
    trial = case.checkpoint
    if trial is None or is_near(case, trial):
        return None
    if case.accuracy > case.chance or case.is_collapsed or (case.is_unstable and not case.has_warned):
        return None
    return left_unused("checkpoint-unused", case, trial)
