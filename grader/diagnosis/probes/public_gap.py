"""Public images are answered better than hidden ones.

Hypothesis: the network has learnt the public images by heart, in training or because they chose it.
Experiment: predict is asked about some of the public images, in the same sandbox.
Evidence: it is right about more of them than of the hidden ones, by Fisher's exact test of two samples.
Help: stronger augmentation or regularisation, fewer trained blocks, a validation set that chooses nothing.
"""

from __future__ import annotations

import math

from grader.diagnosis.case import Case, Explanation
from grader.wording import finding


def explain(case: Case) -> Explanation | None:
    """Compare the share of right answers to public and to hidden images."""
    if case.public is None or not case.public.total:
        return None
    right, total = int(case.is_right.sum()), len(case.truth)
    public = case.public
    p = fisher_greater(public.right, public.total, right, total)
    gap = public.right / public.total - right / total
    details = {
        "public": f"{100 * public.right / public.total:.1f}",
        "asked": public.total,
        "hidden": f"{100 * right / total:.1f}",
        "total": total,
        "p": f"{p:.1g}",
    }
    return Explanation(finding("public-gap", **details), p, gap)


def fisher_greater(right: int, total: int, other_right: int, other_total: int) -> float:
    """Return how probable so many of the first sample's are right, if both have the same chance.

    R. A. Fisher, "On the interpretation of chi-squared from contingency tables" (1922): with the number of
    all right answers given, the first sample's follows the hypergeometric distribution.
    """
    successes, everything = right + other_right, total + other_total
    ways = sum(
        math.comb(successes, count) * math.comb(everything - successes, total - count)
        for count in range(right, min(total, successes) + 1)
    )
    return ways / math.comb(everything, total)
