"""How probable a count is by chance."""

from __future__ import annotations

import math

_HALVINGS = 40


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


def highest_rate(trials: int, successes: int, doubt: float) -> float:
    """Return the upper end of the exact interval (Clopper and Pearson, 1934) of a rate.

    At a higher rate so few successes would be seen less often than `doubt`.
    """
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if 1 - binomial_tail(trials, successes + 1, middle) < doubt:
            high = middle
        else:
            low = middle
    return high
