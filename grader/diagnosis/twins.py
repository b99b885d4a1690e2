"""Programs that answer as the lab's way does with a mistake in it.

Where a forward pass is written by hand, nothing can be seen between its picture and its answer. But its
checkpoint can be run by the grader, in the lab's own way and in ways that have one mistake or two: twins. A
program that answers as one of them does, image by image, and as no simpler one, has that mistake. How many
images are right plays no part in that; what the mistake costs is counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import CHANCE, Case, IntArray, Trial, Twin, spread
from grader.diagnosis.evidence import (
    ALPHA,
    Evidence,
    Look,
    answers_are_neither,
    left_unused,
)
from grader.diagnosis.experiments import Ways, answers_in_ways
from grader.diagnosis.subject import Subject
from grader.diagnosis.telling import corrected, scores_in_words
from grader.errors import Language
from grader.statistics import paired
from grader.wording import phrase, table

Way = frozenset[str]
"""The mistakes of a twin, by their words in `inside/twins.py`."""
Alike = npt.NDArray[np.bool_]

_COMMON = "stretch"
"""To resize at once costs little, whatever the network was trained with: that alone is no mistake."""
_SCALES = ("raw", "unit", "signed", "unscaled", "twice", "no-std", "no-mean", "std-mean")
_SCALES_OF_BGR = ("raw", "unit", "signed")
OF_THE_NETWORK = (
    *("no-shortcut", "relu6-everywhere", "no-relu6", "relu", "no-sqrt", "no-gamma", "no-beta"),
    *("statistics-not-loaded", "no-bias", "head-reshaped", "max-pooled"),
)
_FEW = 8
"""Images for a first look at every twin; those that the program answers otherwise than the lab's way."""
_CHOSEN = 6
"""Twins that are asked about many images. Where more are as like, the answers do not tell."""
_LEAST_ALIKE = 0.9
"""Share of the answers that a twin must give, too."""
_LEAST_DIFFERENT = 3
"""Answers there must be: a program that says one thing or two is like too many."""


def _ways() -> tuple[Way, ...]:
    """Return the mistakes of all twins, the lab's own way among them."""
    singles = [(), *((name,) for name in (*_SCALES, "bgr", "scrambled", *OF_THE_NETWORK))]
    pairs = [("bgr", scale) for scale in _SCALES_OF_BGR]
    return tuple(
        Way((*mistakes, *place)) for mistakes, place in product([*singles, *pairs], [(), (_COMMON,)])
    )


WAYS = _ways()
is_lost: Look = left_unused(answers_are_neither)
"""Looks for a checkpoint that is better than the answers, whatever the reason."""
_RIGHT = (Way(), Way({_COMMON}))


def run_twins(subject: Subject, case: Case) -> Twin | None:
    """Find the twin of a program, of the checkpoint that does best by itself.

    Args:
        subject: the graded run.
        case: what is known of it.

    Returns:
        The one twin; None if points are not lost so, or something was seen of a network, or no twin or more
        than one is found.

    Raises:
        UnfinishedError: time was over.
    """
    lost = is_lost(case) if case.sight is None else None
    if case.best_file is None or lost is None or not lost.is_proved:
        return None
    if len(np.unique(case.said)) < _LEAST_DIFFERENT:
        return None
    in_the_labs_way = case.best_file.trial
    differing = in_the_labs_way.images[in_the_labs_way.answers != case.said[in_the_labs_way.images]]
    few = answers_in_ways(subject, case, "twins", spread(differing, _FEW), Ways(WAYS, OF_THE_NETWORK))
    as_like = {} if few is None else _as_like(_alike(case, *few, WAYS))
    if not 0 < len(as_like) <= _CHOSEN:
        return None
    chosen = Ways(tuple({**dict.fromkeys(_RIGHT), **as_like}), OF_THE_NETWORK)
    many = answers_in_ways(subject, case, "chosen-twins", case.many(), chosen)
    return None if many is None else choose(case, *many, chosen.every)


def choose(case: Case, images: IntArray, answers: IntArray, ways: Sequence[Way]) -> Twin | None:
    """Return the simplest twin that no other is liker to the program than chance explains.

    Args:
        case: what the program said.
        images: (M,) indices.
        answers: (M, W) what each twin says.
        ways: the W twins' mistakes; the two ways without any are among them.
    """
    alike = _alike(case, images, answers, ways)
    as_like = _as_like(alike)
    effort = min((len(_blamed(way)) for way in as_like), default=0)
    simplest = [way for way in as_like if len(_blamed(way)) == effort]
    if not effort or len({*map(_blamed, simplest)}) > 1:
        return None
    best = max(simplest, key=lambda way: int(alike[way].sum()))
    lab = max((alike[way] for way in _RIGHT), key=np.sum)
    if alike[best].mean() < _LEAST_ALIKE or corrected(paired(lab, alike[best]).p_better, len(WAYS)) >= ALPHA:
        return None
    mended = Trial(images, answers[:, ways.index(best - _blamed(best))])
    return Twin(_blamed(best), int(alike[best].sum()), int(lab.sum()), mended, len(WAYS))


def _alike(case: Case, images: IntArray, answers: IntArray, ways: Sequence[Way]) -> dict[Way, Alike]:
    """Return by twin, (M,), which of its answers are the program's."""
    return dict(zip(ways, (answers == case.said[images, None]).T, strict=True))


def _as_like(alike: Mapping[Way, Alike]) -> dict[Way, Alike]:
    """Return the twins than which no other is liker by more than chance explains; none if none is like."""
    top = max(alike.values(), key=np.sum)
    return {way: same for way, same in alike.items() if top.any() and paired(same, top).p_better >= CHANCE}


def answers_as_twin(code: str) -> Look:
    """Return the look for a twin whose mistake has this finding."""

    def look(case: Case) -> Evidence | None:
        twin = case.twin
        if twin is None or _code_of(twin.mistakes) != code:
            return None
        gain = case.gain(twin.mended)
        numbers = scores_in_words(case, twin.mended, twin.tried)
        counts = {"alike": twin.alike, "without": twin.without, **numbers}
        return Evidence(
            corrected(gain.p_better, twin.tried),
            gain.share,
            {
                "order": case.channel_order.upper(),
                "evidence": phrase("en", "twin", mistake=_in_words(twin.mistakes, "en"), **counts),
                "evidence_zh": phrase("zh", "twin", mistake=_in_words(twin.mistakes, "zh"), **counts),
            },
        )

    return look


def unless_as_twin(look: Look) -> Look:
    """Return the same look, for programs without a twin."""
    return lambda case: None if case.twin is not None else look(case)


def _blamed(way: Way) -> Way:
    return way - {_COMMON}


def _code_of(mistakes: Way) -> str:
    if len(mistakes) > 1:
        return "wrong-preprocessing"
    (mistake,) = mistakes
    named = {"bgr": "channel-order", "scrambled": "wrong-layout", "statistics-not-loaded": mistake}
    return named.get(mistake, "wrong-scale" if mistake in _SCALES else "wrong-forward-pass")


def _in_words(mistakes: Way, language: Language) -> str:
    every = [table("twins")[mistake][language] for mistake in sorted(mistakes)]
    return (", and " if language == "en" else "，并且").join(every)
