"""No mistake, and yet fewer right answers than is usual.

Hypothesis: the network was not trained to the end.
Experiment: none beside those that found no mistake.
Evidence: a network that gets what is usual on these images would hardly ever have so few right.
Help: what the training template leaves to its students; which way, the public images say.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation, PublicTrial
from grader.errors import Language
from grader.statistics import binomial_tail
from grader.wording import finding, phrase


def explain(case: Case) -> Explanation | None:
    """Compare the score with what the assignment calls usual."""
    if case.usual is None or case.is_constant or case.is_unstable:
        return None
    total = len(case.truth)
    p = binomial_tail(total, total - int(case.is_right.sum()), 1 - case.usual)
    details = {
        "usual": f"{100 * case.usual:.0f}",
        "now": f"{100 * case.accuracy:.1f}",
        "p": f"{p:.1g}",
        "public": _told("en", case.public),
        "public_zh": _told("zh", case.public),
    }
    return Explanation(finding("below-usual", **details), p, case.usual - case.accuracy)


def _told(language: Language, public: PublicTrial | None) -> str:
    if public is None:
        return ""
    return phrase(language, "public", share=f"{100 * public.right / public.total:.1f}", asked=public.total)
