"""What speaks for a mistake, in words: the same for all probes that compare."""

from __future__ import annotations

from grader.diagnosis.case import ALPHA, Case, CheckpointTrial, Trial
from grader.findings.catalogue import phrase
from grader.scoring.paired import Paired, paired

LEAST_AGREEMENT = 0.8
"""A view is taken for what the submission does if it gives so many of its answers."""


_UNINTENDED = frozenset({"colour", "scale", "layout"})
"""Coordinates that training fixes. (Pictures may well be resized otherwise in predict, on purpose.)"""
_LEAST_LOSS = 0.015
"""Share of the images that such a view must cost, if chance may explain the cost."""


def mistaken_view(case: Case) -> CheckpointTrial | None:
    """Return the checkpoint's trial if one view reproduces the answers, and another scores better."""
    trial = case.checkpoint
    if trial is None or not is_reproduced(case, trial):
        return None
    return trial if case.is_better(trial.best_trial) or _is_told_apart(case, trial) else None


def strength(case: Case, trial: CheckpointTrial) -> float:
    """Return how probable the evidence is without the mistake."""
    return min(case.gain(trial.best_trial).p_better, _agreements(case, trial).p_better)


def _is_told_apart(case: Case, trial: CheckpointTrial) -> bool:
    """Whether the answers are certainly those of a view that is worse, though not by much."""
    loss = case.correct(trial.best_trial) - case.correct(trial.own_trial)
    return (
        trial.own.differs_in(trial.best) <= _UNINTENDED
        and loss >= _LEAST_LOSS * len(trial.own_trial.images)
        and _agreements(case, trial).p_better < ALPHA
    )


def _agreements(case: Case, trial: CheckpointTrial) -> Paired:
    """Compare to how many images the better view and the reproducing one answer as the submission does."""
    said = case.said[trial.own_trial.images]
    return paired(trial.best_trial.answers == said, trial.own_trial.answers == said)


def is_reproduced(case: Case, trial: CheckpointTrial) -> bool:
    """Whether the submission's answers are those of the view that comes nearest to it."""
    return not case.is_collapsed and case.agreement(trial.own_trial) >= LEAST_AGREEMENT


def of_views(case: Case, trial: CheckpointTrial) -> dict[str, str]:
    """Say what the submission's answers look like, and what the same checkpoint would score."""
    total = len(trial.own_trial.images)
    numbers = {
        "agree": round(case.agreement(trial.own_trial) * total),
        "other": round(case.agreement(trial.best_trial) * total),
        "total": total,
        **_scores(case, trial.best_trial),
    }
    en = {"own": trial.own.words("en"), "best": trial.best.words("en")}
    zh = {"own": trial.own.words("zh"), "best": trial.best.words("zh")}
    return {
        "evidence": phrase("en", "view", **en, **numbers),
        "evidence_zh": phrase("zh", "view", **zh, **numbers),
        "change": phrase("en", "change", **en),
        "change_zh": phrase("zh", "change", **zh),
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
