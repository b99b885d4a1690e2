"""How probable a count is by chance."""

from __future__ import annotations

import math


def binomial_tail(trials: int, successes: int, rate: float) -> float:
    """Return the exact probability of `successes` or more in `trials` at `rate` each."""
    if rate == 0.5:
        heads: int = sum(math.comb(trials, count) for count in range(successes, trials + 1))
        return heads / (1 << trials)
    tail = math.fsum(
        math.comb(trials, count) * rate**count * (1 - rate) ** (trials - count)
        for count in range(successes, trials + 1)
    )
    return min(tail, 1.0)
