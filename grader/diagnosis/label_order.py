"""The order of the class names: the network is right, and its answers get the wrong names.

The confusion matrix tells. Each order is tried on the answers: shifted, reversed, sorted as text or by
another language, two names exchanged, or any other. The order that fits best (an optimal assignment; H. Kuhn,
"The Hungarian method for the assignment problem", 1955) is found on one half of the images and tried on the
other. Renamed so, far more of the same answers must be right. A list may have lost a name, too, and no
renaming gives it back: about images that are still wrong the network's own scores are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import FEW, NO_ANSWER, Case, IntArray, Trial, spread
from grader.diagnosis.evidence import Evidence, Look
from grader.statistics import Paired, paired

Kind = Literal["shifted", "sorted", "exchanged", "permuted"]
_LEAST_RIGHT = 0.5
"""Share that must be right after renaming: other mistakes are systematic, too, but not so cleanly."""
_LEAST_PURE = 0.75
"""Share of the answers with a renamed name that must then be right."""
_AS_GOOD = 0.02
"""Share of the images that a simple order may be behind the best one."""
_MOST_ASKED = 100
"""Images that are still wrong, whose scores are asked."""
_IN_ORDER = 0.95
"""Share of the renamed answers that the highest score must give, too: else the network's order is another."""
_MOST_NAMED = 6


@dataclass(frozen=True)
class _Renaming:
    """`meant[i]` is the class that is meant by answer i."""

    meant: IntArray
    right: npt.NDArray[np.bool_]
    """(N,) which answers are right when renamed."""
    gain: Paired


def renamed(kind: Kind) -> Look:
    """Return the look for names in a wrong order of this kind."""

    def look(case: Case) -> Evidence | None:
        fitted = _fitted(case)
        if not _convinces(case, fitted):
            return None
        found, order = _simplest(case, fitted)
        if found != kind:
            return None
        return Evidence(fitted.gain.p_better, fitted.gain.share, _details(case, fitted, order))

    return look


def open_images(case: Case) -> IntArray | None:
    """Return of which images the scores are to be asked; None where no other order of names explains.

    Those that are wrong when renamed, and a few of the others, which tell whether scores are in order.
    """
    fitted = _fitted(case)
    if not _convinces(case, fitted):
        return None
    right = _renamed(case, fitted.meant).right
    wrong = np.flatnonzero(~right)
    if not len(wrong) or len(wrong) > _MOST_ASKED:
        return None
    return np.sort(np.concatenate([wrong, spread(np.flatnonzero(right), FEW)]))


def unless_meant_otherwise(look: Look) -> Look:
    """Return a look that finds nothing where the answers, by some other names, are better than guesses.

    A network with an order of its own, or its checkpoint by itself, guesses in appearance alone.
    """

    def guarded(case: Case) -> Evidence | None:
        every = [Trial(np.arange(len(case.truth)), case.said), *(each.trial for each in case.files)]
        return None if any(_is_meant_otherwise(case, each) for each in every) else look(case)

    return guarded


def _is_meant_otherwise(case: Case, trial: Trial) -> bool:
    renamed_case = replace(case, truth=case.truth[trial.images], said=trial.answers)
    return bool(_fitted(renamed_case).right.mean() > case.chance)


def _simplest(case: Case, fitted: _Renaming) -> tuple[Kind, _Renaming]:
    """Return the first order that comes of a known slip and is as good as the best, or the best itself."""
    least = fitted.right.mean() - _AS_GOOD
    for kind, meant in _simple_orders(case):
        order = _renamed(case, meant)
        if order.right.mean() >= least:
            return kind, order
    return ("exchanged" if len(_moved(fitted)) == 2 else "permuted"), fitted


def _simple_orders(case: Case) -> Iterator[tuple[Kind, IntArray]]:
    """Yield orders that come of a known slip, each as the class meant by answer i."""
    count = len(case.names)
    indices = np.arange(count)
    for step in (1, -1, 2, -2):
        yield "shifted", (indices + step) % count
    orders = (
        sorted(range(count), key=str),  # "0", "1", "10", "11", ..., "2"
        sorted(range(count), key=lambda index: case.names[index]),
        sorted(range(count), key=lambda index: case.names[index].casefold()),
        [*reversed(range(count))],
    )
    for order in orders:
        names = np.array(order, np.int64)
        yield "sorted", names
        yield "sorted", np.argsort(names)


def _renamed(case: Case, meant: IntArray) -> _Renaming:
    right = np.where(case.said == NO_ANSWER, False, meant[case.said] == case.truth)
    return _Renaming(meant, right, paired(case.is_right, right))


def _fitted(case: Case) -> _Renaming:
    """Return the best order of all; what is right under it is judged by the order found on the other half."""
    half = np.zeros(len(case.truth), bool)
    for label in range(len(case.names)):
        half[np.flatnonzero(case.truth == label)[::2]] = True
    right = np.zeros(len(case.truth), bool)
    for here in (half, ~half):
        right[here] = _renamed(case, _assignment(case, ~here)).right[here]
    return _Renaming(_assignment(case, np.ones_like(half)), right, paired(case.is_right, right))


def _assignment(case: Case, images: npt.NDArray[np.bool_]) -> IntArray:
    """Return the one-to-one renaming that makes most of these images right; no name changes without need."""
    from scipy.optimize import linear_sum_assignment  # a third of a second, for this alone

    counts = 0.01 * np.eye(len(case.names))
    valid = images & (case.said != NO_ANSWER)
    np.add.at(counts, (case.said[valid], case.truth[valid]), 1)
    _, meant = linear_sum_assignment(counts, maximize=True)
    return np.asarray(meant, np.int64)


def _convinces(case: Case, fitted: _Renaming) -> bool:
    moved = np.isin(case.said, _moved(fitted))
    if not moved.any() or fitted.right.mean() < _LEAST_RIGHT:
        return False
    return bool(fitted.right[moved].mean() >= _LEAST_PURE)


def _moved(renaming: _Renaming) -> list[int]:
    return [index for index, meant in enumerate(renaming.meant) if index != meant]


def _details(case: Case, fitted: _Renaming, order: _Renaming) -> dict[str, object]:
    moved = [index for index in _moved(fitted) if index in case.said]  # of others nothing is known
    pairs = [f"{case.names[index]} -> {case.names[fitted.meant[index]]}" for index in moved[:_MOST_NAMED]]
    more = len(moved) - len(pairs)
    return {
        "step": _step(order),
        "now": f"{100 * case.accuracy:.1f}",
        "then": f"{100 * _mended(case, fitted).mean():.1f}",
        "p": f"{fitted.gain.p_better:.1g}",
        "map": "; ".join(pairs) + (f"; and {more} more" if more else ""),
        "map_zh": "；".join(pairs) + (f"；另有 {more} 个" if more else ""),
    }


def _mended(case: Case, fitted: _Renaming) -> npt.NDArray[np.bool_]:
    """Return (N,) which answers are right with the right list of names."""
    right = _renamed(case, fitted.meant).right
    heard = case.scored
    if heard is None:
        return right
    is_first = heard.first == case.truth[heard.images]
    if is_first[right[heard.images]].mean() >= _IN_ORDER:
        right[heard.images] |= is_first
    return right


def _step(shift: _Renaming) -> str:
    """Return by how many places what is said is ahead of what is meant."""
    count = len(shift.meant)
    ahead = -int(shift.meant[0]) % count
    return f"{ahead if ahead <= count // 2 else ahead - count:+d}"
