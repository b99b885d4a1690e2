"""How probable a count is by chance, and groups of what is alike.

Binomial tails, Wilson's interval, McNemar's exact test. Groups are single linkage: whoever is linked to one
of a group, by however many steps, belongs to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

_HALVINGS = 40
_Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a proportion, both ends in 0..1."""

    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """Two submissions, or two ways to run one, on the same images."""

    gained: int
    """Images that only the second has right."""
    lost: int
    """Images that only the first has right."""
    total: int
    """All images that were compared."""

    @property
    def share(self) -> float:
        """Of the images, how many more the second has right."""
        return (self.gained - self.lost) / self.total if self.total else 0.0

    @property
    def p_better(self) -> float:
        """One-sided exact McNemar: how probable so many gains are if the second is no better."""
        return binomial_tail(self.gained + self.lost, self.gained, 0.5)

    @property
    def p_different(self) -> float:
        """Two-sided exact McNemar: how probable so uneven a difference is between equals."""
        return min(1.0, 2 * binomial_tail(self.gained + self.lost, max(self.gained, self.lost), 0.5))


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


def paired(first: BoolArray, second: BoolArray) -> Paired:
    """Compare which images are right, (N,) each, in the same order.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947): images on which both are right, or both wrong, say nothing about which is better.

    Raises:
        ValueError: the lists differ in length.
    """
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} and {len(second)} images cannot be compared one by one")
    return Paired(int((~first & second).sum()), int((first & ~second).sum()), len(first))


class HasEnds(Protocol):
    """Anything that connects two students."""

    @property
    def ids(self) -> tuple[str, str]:
        """Whom it connects."""
        ...


Link = TypeVar("Link", bound=HasEnds)


@dataclass(frozen=True)
class Cluster(Generic[Link]):
    """One group."""

    ids: tuple[str, ...]
    """Sorted."""
    links: tuple[Link, ...]
    """One less than there are members: the closest links that hold the group together, closest first."""


def clusters(links: Iterable[Link], distance: Callable[[Link], float]) -> tuple[Cluster[Link], ...]:
    """Return the groups that links make (single linkage), the largest first.

    This is Kruskal's algorithm: the links of a group are its minimum spanning tree.
    """
    group: dict[str, set[str]] = {}
    kept: list[Link] = []
    for link in sorted(links, key=lambda link: (distance(link), link.ids)):
        one, other = (group.setdefault(id_, {id_}) for id_ in link.ids)
        if one is not other:
            one |= other
            group.update(dict.fromkeys(other, one))
            kept.append(link)
    groups = {id(members): members for members in group.values()}.values()
    found = [
        Cluster(tuple(sorted(members)), tuple(link for link in kept if link.ids[0] in members))
        for members in groups
    ]
    return tuple(sorted(found, key=lambda cluster: (-len(cluster.ids), cluster.ids)))
