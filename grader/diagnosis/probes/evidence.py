"""What speaks for a mistake, in words: the same for all probes that compare."""

from __future__ import annotations

from grader.diagnosis.case import Case, CheckpointTrial, Explanation, Trial, corrected
from grader.errors import Language
from grader.statistics import Paired, paired
from grader.wording import finding, phrase

_MOST_NAMED = 4
LEAST_AGREEMENT = 0.8
"""A view is taken for what the submission does if it gives so many of its answers."""


def mistaken_view(case: Case) -> CheckpointTrial | None:
    """Return the checkpoint's trial if one view reproduces the answers, and another is to be preferred."""
    trial = case.checkpoint
    if trial is None or not is_reproduced(case, trial) or not trial.own.differs_in(trial.best):
        return None
    return trial


def mistaken(code: str, case: Case, trial: CheckpointTrial, **details: object) -> Explanation:
    """Say that the submission does what `own` does, and that `best` would do better: both must be proved."""
    p = max(case.gain(trial.best_trial).p_better, _agreements(case, trial).p_better)
    return Explanation(
        finding(code, **details, **of_views(case, trial)),
        corrected(p, trial.tried),
        case.gain(trial.best_trial).share,
    )


def left_unused(code: str, case: Case, trial: CheckpointTrial) -> Explanation:
    """Say that the checkpoint by itself does better than the submission, whatever that does with it."""
    gain = case.gain(trial.best_trial)
    return Explanation(
        finding(code, **of_checkpoint(case, trial)), corrected(gain.p_better, trial.tried), gain.share
    )


def asked_otherwise(code: str, case: Case, trial: Trial, **details: object) -> Explanation:
    """Say that the submission answers altered images better."""
    gain = case.gain(trial)
    return Explanation(
        finding(code, **details, **of_question(case, trial)),
        corrected(gain.p_better, case.alterations),
        gain.share,
    )


def _agreements(case: Case, trial: CheckpointTrial) -> Paired:
    """Compare to how many images the better view and the reproducing one answer as the submission does."""
    said = case.said[trial.own_trial.images]
    return paired(trial.best_trial.answers == said, trial.own_trial.answers == said)


def is_reproduced(case: Case, trial: CheckpointTrial) -> bool:
    """Whether the submission's answers are those of one view, and of no other that means something else.

    One answer to everything is no evidence: too many mistakes give it.
    """
    return is_near(case, trial) and not trial.rivals and not case.is_constant


def is_near(case: Case, trial: CheckpointTrial) -> bool:
    """Whether there is a view that gives the submission's answers, be it the only one or not."""
    is_random = case.is_constant and case.has_warned
    return case.agreement(trial.own_trial) >= LEAST_AGREEMENT and not case.is_collapsed and not is_random


def of_views(case: Case, trial: CheckpointTrial) -> dict[str, str]:
    """Say what the submission's answers look like, and what the same checkpoint would score."""
    total = len(trial.own_trial.images)
    numbers = {
        "agree": round(case.agreement(trial.own_trial) * total),
        "other": round(case.agreement(trial.best_trial) * total),
        "total": total,
        **_scores(case, trial.best_trial, trial.tried),
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
    numbers = {"file": trial.best_file, **_scores(case, trial.best_trial, trial.tried)}
    return {
        "evidence": phrase("en", "checkpoint", best=trial.best.words("en"), **numbers)
        + _possible(case, trial, "en"),
        "evidence_zh": phrase("zh", "checkpoint", best=trial.best.words("zh"), **numbers)
        + _possible(case, trial, "zh"),
    }


def _possible(case: Case, trial: CheckpointTrial, language: Language) -> str:
    """Name what may be the cause, where it cannot be told which."""
    if not is_near(case, trial):
        return ""
    views = dict.fromkeys(view.words(language) for view in (trial.own, *trial.rivals) if view != trial.best)
    shown = ("; " if language == "en" else "；").join([*views][:_MOST_NAMED])
    return phrase(language, "possible", views=shown)


def of_question(case: Case, trial: Trial) -> dict[str, str]:
    """Say what the submission answered to altered images."""
    numbers = _scores(case, trial, case.alterations)
    return {
        "evidence": phrase("en", "question", **numbers),
        "evidence_zh": phrase("zh", "question", **numbers),
    }


def _scores(case: Case, trial: Trial, tried: int) -> dict[str, object]:
    total = max(1, len(trial.images))
    gain = case.gain(trial)
    before = int(case.is_right[trial.images].sum())
    return {
        "now": f"{100 * before / total:.1f}",
        "then": f"{100 * case.correct(trial) / total:.1f}",
        "asked": total,
        "gained": gain.gained,
        "lost": gain.lost,
        "p": f"{corrected(gain.p_better, tried):.1g}",
    }
