"""Another checkpoint was handed in that is better.

Hypothesis: predict loads an early or another run's file although the trained one lies beside it.
Experiment: every checkpoint that was handed in is run in the lab's own way.
Evidence: one gives the submission's own answers, and another scores better.
Help: load the checkpoint that was best on the validation images.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or trial.own.network == trial.best.network:
        return None
    return mistaken("other-checkpoint", case, trial, file=trial.file, best_file=trial.best_file)
