"""Whether two networks, asked the same images, differ by more than chance."""

from __future__ import annotations

import math


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    If two networks are equally good, each image that only one of them gets right is a toss of a fair coin:
    p = min(1, 2 * P(X <= min(b, c))), X ~ Binomial(b + c, 1/2). Q. McNemar, Psychometrika 12 (1947).

    Args:
        only_first: images that only the first answers rightly.
        only_second: images that only the second does.
    """
    count = only_first + only_second
    tail = sum(math.comb(count, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2.0 * tail / (1 << count))
