"""What speaks for a mistake, in words: the same for all probes that compare."""

from __future__ import annotations

from grader.diagnosis.case import Case, CheckpointTrial, Trial
from grader.findings.catalogue import phrase

LEAST_AGREEMENT = 0.8
"""A view is taken for what the submission does if it gives so many of its answers."""


def mistaken_view(case: Case) -> CheckpointTrial | None:
    """Return the checkpoint's trial if one view reproduces the answers, and another scores better."""
    trial = case.checkpoint
    if trial is None or not case.is_better(trial.best_trial):
        return None
    return trial if is_reproduced(case, trial) else None


def is_reproduced(case: Case, trial: CheckpointTrial) -> bool:
    """Whether the submission's answers are those of the view that comes nearest to it."""
    return not case.is_collapsed and case.agreement(trial.own_trial) >= LEAST_AGREEMENT


def of_views(case: Case, trial: CheckpointTrial) -> dict[str, str]:
    """Say what the submission's answers look like, and what the same checkpoint would score."""
    total = len(trial.own_trial.images)
    numbers = {
        "agree": round(case.agreement(trial.own_trial) * total),
        "total": total,
        **_scores(case, trial.best_trial),
    }
    return {
        "evidence": phrase("en", "view", own=trial.own.words("en"), best=trial.best.words("en"), **numbers),
        "evidence_zh": phrase(
            "zh", "view", own=trial.own.words("zh"), best=trial.best.words("zh"), **numbers
        ),
    }


def of_checkpoint(case: Case, trial: CheckpointTrial) -> dict[str, str]:
    """Say what the checkpoint scores by itself, where the submission's answers are not its."""
    numbers = {"file": trial.best_file, **_scores(case, trial.best_trial)}
    return {
        "evidence": phrase("en", "checkpoint", best=trial.best.words("en"), **numbers),
        "evidence_zh": phrase("zh", "checkpoint", best=trial.best.words("zh"), **numbers),
    }


def of_question(case: Case, trial: Trial) -> dict[str, str]:
    """Say what the submission answered to altered images."""
    numbers = _scores(case, trial)
    return {
        "evidence": phrase("en", "question", **numbers),
        "evidence_zh": phrase("zh", "question", **numbers),
    }


def _scores(case: Case, trial: Trial) -> dict[str, object]:
    total = max(1, len(trial.images))
    gain = case.gain(trial)
    before = int(case.is_right[trial.images].sum())
    return {
        "now": f"{100 * before / total:.1f}",
        "then": f"{100 * case.correct(trial) / total:.1f}",
        "asked": total,
        "gained": gain.gained,
        "lost": gain.lost,
        "p": f"{gain.p_better:.1g}",
    }
