"""The Wilson score interval of a proportion."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a proportion, both ends in 0..1."""

    low: float
    high: float


def wilson_interval(correct: int, total: int, z: float = _Z_95) -> Interval:
    """Return the interval of the true accuracy given `correct` of `total`.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), p = correct/total, n = total.
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    J. Am. Stat. Assoc. 22 (1927). Unlike p +- z sqrt(p(1-p)/n) it is right near 0 and 1.

    Raises:
        ValueError: `total` is not positive or `correct` not in 0..total.
    """
    if total <= 0 or not 0 <= correct <= total:
        raise ValueError(f"{correct} of {total} is no proportion")
    p = correct / total
    centre = p + z * z / (2 * total)
    margin = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At 0 and n the formula gives exactly 0 and 1 but for rounding.
    low = 0.0 if correct == 0 else (centre - margin) / scale
    high = 1.0 if correct == total else (centre + margin) / scale
    return Interval(low, high)
