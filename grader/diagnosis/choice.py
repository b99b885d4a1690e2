"""Which view the submission's answers are those of, and which one would be right instead.

Few images narrow all views down to a short list, by differences that luck does not make up for; everything
else is decided on all images. Two rules keep what is said true:

1. A view that gives the submission's answers as often as the first one does, but for chance, has the same
   right to be it. What is said must hold for all of them.
2. Of the ways that would be right as often, but for chance, that with the fewest changed steps is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import CHANCE, Case, Trial
from grader.diagnosis.views import STANDARD, View
from grader.statistics import paired

BoolArray = npt.NDArray[np.bool_]

_CLOSE = 3
"""Images of the first look by which a view may be behind the first and is still looked at."""
_MOST_OWN, _MOST_BEST, _MOST_LISTED = 3, 2, 10
_TWIN = {"rgb": "bgr", "bgr": "rgb"}
_MOST_STEPS = 3
"""Views that differ in more steps are not looked at step by step."""
_INTENDED = ("mean", "max")
"""Readouts; the others are nobody's intention."""


@dataclass(frozen=True)
class Choice:
    """What the submission does, and what it should do."""

    own: View
    best: View
    """`own`, if nothing is better by more than chance."""
    tried: int
    """For how many alternatives to `best` its gain is to be corrected."""
    rivals: tuple[View, ...]
    """Views that come as near as `own`, and lead to another conclusion."""


def shortlist(case: Case, trials: Mapping[View, Trial]) -> list[View]:
    """Return the views that are worth a look at all images, from a first look at few."""
    agreement = {view: case.agreement(trial) * len(trial.images) for view, trial in trials.items()}
    ranked = sorted(trials, key=lambda view: -agreement[view])
    owns = [view for view in ranked if agreement[view] >= agreement[ranked[0]] - _CLOSE][:_MOST_OWN]
    # With their twins in what is commonest: the other order of colours, resized to 224x224 at once.
    twins = [replace(view, geometry="stretch") for view in owns if view.geometry == STANDARD.geometry]
    twins += [
        replace(view, colour=_TWIN[view.colour]) for view in (owns[0], *twins[:1]) if view.colour in _TWIN
    ]
    intended = [view for view in trials if view.readout in _INTENDED]
    score = {view: _score(case, trials[view]) for view in intended}
    bests = [STANDARD, *sorted(intended, key=lambda view: -score[view])[:_MOST_BEST]]
    steps = [view for best in bests for view in _between(owns[0], best)]
    return [*dict.fromkeys(_without_readout(view) for view in (*owns, *bests, *steps, *twins))][:_MOST_LISTED]


def choose(case: Case, trials: Mapping[View, Trial], tried: int) -> Choice:
    """Choose on all images.

    Args:
        case: the graded run.
        trials: the short list's, under all readouts.
        tried: how many views there were before.
    """
    agrees = {view: np.equal(trial.answers, case.said[trial.images]) for view, trial in trials.items()}
    is_right = {view: np.equal(trial.answers, case.truth[trial.images]) for view, trial in trials.items()}
    own = max(trials, key=lambda view: agrees[view].sum())
    rivals = [view for view in trials if _is_as_good(agrees[view], agrees[own])]
    targets = {rival: _target(rival, is_right) for rival in rivals}
    steps = {rival: rival.differs_in(target) for rival, target in targets.items()}
    if not all(steps[own] <= other for other in steps.values()):
        own = min(rivals, key=lambda rival: len(steps[rival]))
    others = tuple(rival for rival in rivals if not steps[own] <= steps[rival])
    best = targets[own]
    return Choice(own, best, _corrected_for(own, best, tried), others)


def _target(own: View, is_right: Mapping[View, BoolArray]) -> View:
    """Return the view that is as right as any, in the fewest steps from `own`; the lab's way, if possible."""
    intended = [view for view in is_right if view.readout in _INTENDED or view == own]
    top = max(intended, key=lambda view: is_right[view].sum())
    as_good = [view for view in intended if _is_as_good(is_right[view], is_right[top])]
    return min(
        as_good,
        key=lambda view: (
            len(own.differs_in(view)),
            len(view.differs_in(STANDARD)),
            -int(is_right[view].sum()),
        ),
    )


def _is_as_good(one: BoolArray, other: BoolArray) -> bool:
    """Whether chance explains that the other has more."""
    return paired(one, other).p_better >= CHANCE


def _corrected_for(own: View, best: View, tried: int) -> int:
    """Return how many alternatives the choice of `best` was among.

    Half of the doubt that is allowed is for the lab's own way, which is the first guess, and half for all
    others (Bonferroni's correction with weights); times the ways to take over only some of the steps.
    """
    steps = own.differs_in(best)
    is_labs = all(getattr(best, name) == getattr(STANDARD, name) for name in steps)
    others: int = 1 if is_labs else tried * len(_INTENDED)
    ways: int = max(1, 2 ** len(steps) - 1)
    return 2 * others * ways


def _between(own: View, best: View) -> Iterator[View]:
    """Yield `own` with some of the steps done as in `best`, but not all."""
    steps: Sequence[str] = sorted(own.differs_in(best))
    if len(steps) > _MOST_STEPS:
        return
    for count in range(1, len(steps)):
        for names in combinations(steps, count):
            yield replace(own, **{name: getattr(best, name) for name in names})


def _without_readout(view: View) -> View:
    return replace(view, readout=STANDARD.readout)


def _score(case: Case, trial: Trial) -> float:
    """Return the accuracy that the few speak for: they hold more wrong answers than the split does."""
    was_right = case.is_right[trial.images]
    is_right = trial.answers == case.truth[trial.images]
    shares = (case.accuracy, 1 - case.accuracy)
    parts = (is_right[was_right], is_right[~was_right])
    return float(sum(share * part.mean() for share, part in zip(shares, parts, strict=True) if part.size))
