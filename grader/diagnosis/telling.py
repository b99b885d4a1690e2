"""What evidence says: which mistake a finding's title names, what to do about it, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from grader.diagnosis.case import Case, FileTrial, PublicTrial, SeamTrial, Trial
from grader.diagnosis.preprocessing import Difference
from grader.errors import LANGUAGES, Language
from grader.wording import phrase

_MOST_ADVICE = 2
"""What to do, at once; of more, one function for training and predict is the shorter way."""


def corrected(p: float, tried: int) -> float:
    """Return the p value of the best of so many alternatives (Bonferroni's correction)."""
    return min(1.0, p * tried)


def of_input(tried: SeamTrial) -> Sequence[Difference]:
    """Return what was put right of the input; what the network learned from instead is told as evidence."""
    return [each for each in tried.differences if each.step != "training"]


def of_network(tried: SeamTrial) -> Sequence[Difference]:
    """Return what was put right of what the network consists of."""
    repair = tried.way.repair
    return () if repair is None else (Difference("network", repair.said, repair.details),)


def of_readout(tried: SeamTrial) -> Sequence[Difference]:
    """Return the rule by which the answer was read from the scores instead."""
    return () if tried.rule is None else (tried.rule,)


def titled_already(tried: SeamTrial) -> Sequence[Difference]:  # noqa: ARG001 - one of several
    """Return nothing: the finding's own title names the mistake."""
    return ()


def seam_details(case: Case, tried: SeamTrial) -> dict[str, object]:
    """Say what differs at the network's seams, and what it costs."""
    said = [*tried.differences]
    details: dict[str, object] = {}
    if tried.way.repair is not None:
        details |= tried.way.repair.details
        said += of_network(tried)
    if tried.rule is not None:
        said.append(tried.rule)
        details |= {"map": "", "map_zh": "", **tried.rule.details}
    numbers = scores_in_words(case, tried.trial, tried.tried)
    en = " ".join(each.sentence("en") for each in said)
    zh = "".join(each.sentence("zh") for each in said)
    return {
        **details,
        **numbers,
        "order": case.channel_order.upper(),
        "evidence": phrase("en", "seam", seen=en, **numbers),
        "evidence_zh": phrase("zh", "seam", seen=zh, **numbers),
    }


def headline(named: Sequence[Difference]) -> dict[str, object]:
    """Return the title that says what is named, and what to do about it, where that is known of all of it."""
    if not named:
        return {}
    details: dict[str, object] = {
        "headline": ". ".join(each.title("en") for each in named),
        "headline_zh": "。".join(each.title("zh") for each in named),
    }
    advice, advice_zh = ([*dict.fromkeys(each.help(language) for each in named)] for language in LANGUAGES)
    if None not in advice and len(advice) <= _MOST_ADVICE:
        details |= {"advice": " ".join(map(str, advice)), "advice_zh": "".join(map(str, advice_zh))}
    return details


def file_details(case: Case, best: FileTrial) -> dict[str, object]:
    """Say what a checkpoint scores by itself."""
    numbers = {"file": best.file, **scores_in_words(case, best.trial, len(case.files))}
    return {
        "evidence": phrase("en", "checkpoint", **numbers),
        "evidence_zh": phrase("zh", "checkpoint", **numbers),
    }


def question_details(case: Case, trial: Trial) -> dict[str, object]:
    """Say what the submission answered to altered images."""
    numbers = scores_in_words(case, trial, case.alterations)
    return {
        "order": case.channel_order.upper(),
        "evidence": phrase("en", "question", **numbers),
        "evidence_zh": phrase("zh", "question", **numbers),
    }


def scores_in_words(case: Case, trial: Trial, tried: int) -> dict[str, object]:
    """Return the numbers of a sentence that compares an experiment with the graded run."""
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


def public_words(language: Language, public: PublicTrial | None) -> str:
    """Return the sentence on public images; nothing where none were asked."""
    if public is None:
        return ""
    return phrase(language, "public", share=f"{100 * public.right / public.total:.1f}", asked=public.total)
