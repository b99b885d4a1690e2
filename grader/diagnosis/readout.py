"""The last seam: how an answer follows from the scores that the network gave the classes.

What the network says is the last output with a number for each class. Which of them is taken for the answer
is found by trying the rules that programs get wrong; a rule must give nearly all answers.

Where the network is right and its answers get the wrong names, the confusion matrix tells. Each order of the
names is tried on the answers: shifted, reversed, sorted as text or by another language, two names exchanged,
or any other. The order that fits best (an optimal assignment; H. Kuhn, "The Hungarian method for the
assignment problem", 1955) is found on one half of the images and tried on the other. Renamed so, far more of
the same answers must be right. A list may have lost a name, too, and no renaming gives it back: about images
that are still wrong the network's own scores are asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import FEW, NO_ANSWER, Case, FloatArray, Heard, IntArray, Trial, spread
from grader.diagnosis.evidence import Evidence, Look
from grader.diagnosis.preprocessing import Difference
from grader.diagnosis.telling import headline
from grader.model.records import Recorded
from grader.statistics import Paired, paired
from grader.wording import phrase

_NEARLY_ALL = 0.95
_LEAST_SEEN = 2
"""Images of a class, for a name in another's place to be told."""
_MOST_NAMES = 4
_MOST_SIDES = 2
"""Pictures and classes: what has more, apart from sides of 1, is a map of features."""
_Rule = tuple[Difference, IntArray]
"""What a rule is called, and what it would answer."""
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


def scores_of(answer: Recorded | None, classes: int) -> FloatArray | None:
    """Return (K,) what the network gave each class: of several images or networks, the mean.

    None if no output has a number for each class.
    """
    found: list[FloatArray] = []
    for record in answer.records if answer is not None else ():
        values = None if record.output is None else record.output.values
        if values is None or values.size == 0 or values.dtype.kind not in "fiu":
            continue
        sides = [side for side in values.shape if side != 1]
        if sides[-1:] == [classes] and len(sides) <= _MOST_SIDES:
            found.append(values.reshape(-1, classes).astype(np.float64))
    with np.errstate(all="ignore"):  # they are a stranger's numbers
        return np.asarray(np.mean([each.mean(axis=0) for each in found], axis=0)) if found else None


def rule_of(heard: Heard, names: Sequence[str]) -> Difference:
    """Return the rule by which answers follow from scores; it is not that of the highest one.

    Where none gives them: `no-class` if those that are not of the highest one name no class, else `no-rule`.
    """
    scores = heard.scores
    if scores is None:
        raise ValueError("no scores were seen")
    finite = np.isfinite(scores).all(axis=1)
    said, known = heard.answers[finite], scores[finite]
    if not len(said):
        return Difference("readout", "no-rule")
    first = known.argmax(axis=1)
    differing = said[said != first]
    best = Difference(
        "readout", "no-class" if len(differing) and (differing == NO_ANSWER).all() else "no-rule"
    )
    share = float((first == said).mean())
    for rule, answers in _rules(said, known, names):
        agreement = float((answers == said).mean())
        if agreement >= _NEARLY_ALL and agreement > share:
            best, share = rule, agreement
    return best


def _rules(said: IntArray, scores: FloatArray, names: Sequence[str]) -> Iterator[_Rule]:
    """Yield the rules; of those that do as well, the first is told."""
    classes = scores.shape[1]
    order = np.argsort(-scores, axis=1, kind="stable")
    if said[0] != NO_ANSWER and (said == said[0]).all():
        yield Difference("readout", "one-answer", _quoted(int(said[0]), names)), said
    yield Difference("readout", "smallest"), order[:, -1]
    for rank in range(1, classes - 1):
        yield Difference("readout", "rank", {"rank": rank + 1}), order[:, rank]
    for count in range(2, classes):
        details = {"count": count, "classes": classes}
        yield Difference("readout", "first-alone", details), scores[:, :count].argmax(axis=1)
        last = scores[:, -count:].argmax(axis=1)
        yield Difference("readout", "last-alone", details), last + classes - count
        yield Difference("readout", "last-alone", details), last
    yield from _where_unsure(said, scores, order[:, 0], names)
    yield from _by_renaming(said, order[:, 0], names)


def _where_unsure(
    said: IntArray, scores: FloatArray, first: IntArray, names: Sequence[str]
) -> Iterator[_Rule]:
    """Yield the rule of one answer for all images of which the network is not sure."""
    differing = said != first
    if not differing.any() or (said == said[0]).all():
        return
    values, counts = np.unique(said[differing], return_counts=True)
    default = int(values[counts.argmax()])
    highest = scores.max(axis=1)
    probability = 1 / np.exp(scores - highest[:, None]).sum(axis=1)
    for sureness in (probability, highest):  # the scores may be probabilities, or be taken as they are
        is_unsure = sureness <= sureness[differing & (said == default)].max()
        details = {"count": int(is_unsure.sum()), "asked": len(said), **_quoted(default, names)}
        yield Difference("readout", "default", details), np.where(is_unsure, default, first)


def _by_renaming(said: IntArray, first: IntArray, names: Sequence[str]) -> Iterator[_Rule]:
    """Yield the rule of a list of names that is not the assignment's."""
    table = np.arange(len(names))
    for index in range(len(names)):
        values, counts = np.unique(said[first == index], return_counts=True)
        if counts.sum() >= _LEAST_SEEN:
            table[index] = values[counts.argmax()]
    moved = [index for index in range(len(names)) if table[index] != index]
    targets = {*table[moved].tolist()}
    if not targets - {NO_ANSWER} or len(targets) == 1 < len(moved):
        return
    told = [(_quoted(int(table[index]), names), names[index]) for index in moved[:_MOST_NAMES]]
    more = len(moved) - len(told)
    details = {
        "map": "; ".join(f"{answered['name']} -> {meant}" for answered, meant in told)
        + (f"; and {more} more" if more else ""),
        "map_zh": "；".join(f"{answered['name_zh']} -> {meant}" for answered, meant in told)
        + (f"；另有 {more} 个" if more else ""),
    }
    yield Difference("readout", "renamed", details), table[first]


def _quoted(index: int, names: Sequence[str]) -> dict[str, object]:
    if index == NO_ANSWER:
        return {"name": phrase("en", "no-class"), "name_zh": phrase("zh", "no-class")}
    return {"name": names[index], "name_zh": names[index]}


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
        found, code, order = _simplest(case, fitted)
        if found != kind:
            return None
        details = {**_details(case, fitted, order), **headline([Difference("readout", code)] if code else [])}
        return Evidence(fitted.gain.p_better, fitted.gain.share, details)

    return look


def named_right(case: Case) -> int | None:
    """Return how many answers are right with the right list of names; None where none explains them."""
    fitted = _fitted(case)
    return int(_mended(case, fitted).sum()) if _convinces(case, fitted) else None


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


def _simplest(case: Case, fitted: _Renaming) -> tuple[Kind, str, _Renaming]:
    """Return the first order that comes of a known slip and is as good as the best, or the best itself.

    Besides its kind, the code of its sentence; empty where the kind says all.
    """
    least = fitted.right.mean() - _AS_GOOD
    for kind, code, meant in _simple_orders(case):
        order = _renamed(case, meant)
        if order.right.mean() >= least:
            return kind, code, order
    return ("exchanged" if len(_moved(fitted)) == 2 else "permuted"), "", fitted


def _simple_orders(case: Case) -> Iterator[tuple[Kind, str, IntArray]]:
    """Yield orders that come of a known slip, each as the class meant by answer i.

    A list that is sorted is the inverse of a network that learned from sorted names.
    """
    count = len(case.names)
    indices = np.arange(count)
    for step in (1, -1, 2, -2):
        yield "shifted", "", (indices + step) % count
    orders = (
        ("as-text", sorted(range(count), key=str)),  # "0", "1", "10", "11", ..., "2"
        ("by-alphabet", sorted(range(count), key=lambda index: case.names[index])),
        ("by-alphabet", sorted(range(count), key=lambda index: case.names[index].casefold())),
        ("reversed", [*reversed(range(count))]),
    )
    for name, order in orders:
        names = np.array(order, np.int64)
        yield "sorted", f"learned-{name}", names
        yield "sorted", f"names-{name}", np.argsort(names)


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
