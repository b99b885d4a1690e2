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
from grader.diagnosis.probes.evidence import is_reproduced, of_checkpoint
from grader.findings.catalogue import finding


def explain(case: Case) -> Explanation | None:
    """Look for guesses, where the checkpoint has better answers."""
    trial = case.checkpoint
    if trial is None or not case.is_better(trial.best_trial) or is_reproduced(case, trial):
        return None
    if case.accuracy > case.chance or case.is_collapsed or (case.is_unstable and not case.has_warned):
        return None
    return Explanation(
        finding("checkpoint-unused", **of_checkpoint(case, trial)), case.gain(trial.best_trial).p_better
    )
