"""The last seam: how an answer follows from the scores that the network gave the classes.

What the network says is the last output with a number for each class. Which of them is taken for the answer
is found by trying the rules that programs get wrong; a rule must give nearly all answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from grader.diagnosis.case import NO_ANSWER, FloatArray, Heard, IntArray
from grader.diagnosis.differences import Difference
from grader.model.records import Recorded
from grader.wording import phrase

_NEARLY_ALL = 0.95
_LEAST_SEEN = 2
"""Images of a class, for a name in another's place to be told."""
_MOST_NAMES = 4
_MOST_SIDES = 2
"""Pictures and classes: what has more, apart from sides of 1, is a map of features."""
_Rule = tuple[Difference, IntArray]
"""What a rule is called, and what it would answer."""


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
    yield from _renamed(said, order[:, 0], names)


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


def _renamed(said: IntArray, first: IntArray, names: Sequence[str]) -> Iterator[_Rule]:
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
