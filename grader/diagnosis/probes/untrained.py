"""The checkpoint itself knows nothing.

Hypothesis: the wrong file was handed in, its head was never trained, or training went to NaN.
Experiment: the checkpoint is run under every view.
Evidence: not under one of them is it better than guessing, or it gives no numbers at all.
Help: validate the file that is handed in, in a fresh process.
"""

from __future__ import annotations

from grader.diagnosis.case import ALPHA, NO_ANSWER, Case, Explanation, corrected
from grader.statistics import binomial_tail
from grader.wording import finding

_TRAINED = 0.5
"""Fewer right answers than a network that was trained at all gives."""


def explain(case: Case) -> Explanation | None:
    """Look for guesses under every view."""
    trial = case.checkpoint
    if trial is None or case.accuracy > case.chance:
        return None
    total, correct = len(trial.best_trial.images), case.correct(trial.best_trial)
    p = binomial_tail(total, total - correct, 1 - _TRAINED)
    # The best of many ways to guess is luckier than one.
    lucky = binomial_tail(total, correct, case.chance / 2)
    if corrected(lucky, trial.tried) < ALPHA:
        return None
    details = {"file": trial.file, "count": correct, "total": total}
    if (trial.best_trial.answers == NO_ANSWER).all():
        return Explanation(finding("nan-checkpoint", **details), p, gain=None)
    return Explanation(finding("untrained-checkpoint", **details), p, gain=None)
